import { ConfigurationError, IncompleteError } from '../errors.js';
import type { Keyring, NonceMode } from '../keys/keyring.js';
import { signalOf } from '../native/abort.js';
import { assertTenantId } from '../protocol/derive.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { type CacheWrap, oneFunction } from './cache.js';
import { assertWrappable, cachedFunction, statsOf } from './cached-function.js';
import { guarded } from './engine/backend-guard.js';
import { assertCanTag } from './engine/capabilities.js';
import { type CacheStats, Counters } from './engine/counters.js';
import type { EntryStore } from './engine/entry-store.js';
import { type RewrapOptions, Rewrapping, type RewrapReport } from './engine/rewrap-entries.js';
import { EntryNames, prefixOf, tagName } from './key-builder.js';
import {
  assertFunction,
  assertFunctionOptions,
  assertOptions,
  FUNCTION_OPTIONS,
  type FunctionOptions,
  STORAGE_OPTIONS,
  type StorageOptions,
  ttlOf,
} from './options.js';
import { namingContext, openStore, resolveStorage, type Storage } from './resolve-storage.js';
import { type TaggedStore, TenantCache, type ViewParts } from './tenant-cache.js';

export interface CreateCacheOptions extends StorageOptions {
  /**
   * Keeps this cache's entries apart from those of other namespaces in the same backend: with it, an entry is stored under
   * `ns:{namespace}:key:{cacheKey}` (wire `protocol`), without it under the cache key itself. Default for wrapped functions.
   */
  namespace?: string;
}

export interface SecureFunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>
  extends FunctionOptions<K, T> {
  /** Default: the cache's own key, or else CACHEKIT_MASTER_KEY. */
  masterKey?: MasterKeyInput | undefined;
  keyring?: Keyring | undefined;
  nonces?: NonceMode | undefined;
}

/** A cache of values and functions: one backend, one L1. Made by {@link createCache}. */
export class Cache extends TenantCache implements AsyncDisposable {
  readonly #options: Omit<CreateCacheOptions, 'masterKey' | 'keyring'>;
  readonly #storage: Storage;
  readonly #store: EntryStore;
  readonly #counters: Counters;
  /** Of functions that are in use; the others' numbers are in `#past`. */
  readonly #functions = new Set<Counters>();
  readonly #past = new Counters();
  readonly #forgotten = new FinalizationRegistry<Counters>((counters) => {
    this.#functions.delete(counters);
    this.#past.add(counters);
  });
  /** Of functions that have another one than the cache. */
  readonly #namespaces = new Set<string>();
  readonly #secure: { storage: Storage; store: EntryStore }[] = [];
  #secureByDefault: { storage: Storage; store: EntryStore } | undefined;

  /** @internal */
  constructor(options: CreateCacheOptions) {
    assertOptions(options, [...STORAGE_OPTIONS, 'namespace']);
    assertFunctionOptions({ namespace: options.namespace });
    const storage = resolveStorage(options, false);
    const store = openStore(storage, options.namespace);
    const counters = new Counters({ namespace: options.namespace });
    super(viewOf(options, storage, store, () => this.#stores(undefined), counters, undefined));
    // The key is in the addon by now; what else holds it is not this object.
    const { masterKey: _masterKey, keyring: _keyring, ...others } = options;
    this.#options = others;
    this.#storage = storage;
    this.#store = store;
    this.#counters = counters;
  }

  /** Caches a function's results here; as {@link cache}. */
  wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: FunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    assertOptions(options, FUNCTION_OPTIONS);
    return this.#wrap(options, { storage: this.#storage, store: this.#store });
  }

  /** Caches a function's results here, sealed, whatever the cache itself does; as {@link cache.secure}. */
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: SecureFunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    assertOptions(options, [...FUNCTION_OPTIONS, 'masterKey', 'keyring', 'nonces']);
    return this.#wrap(options, this.#secured(options));
  }

  /** The entries of one tenant, apart from every other tenant's: sealed with a key of its own, and stored under a prefix of its own. */
  tenant(tenantId: string): TenantCache {
    assertTenantId(tenantId);
    if (this.#storage.profile.wire !== 'protocol') {
      throw new ConfigurationError("Tenants share a cache in wire 'protocol' only: elsewhere pass tenantId");
    }
    return new TenantCache(
      viewOf(this.#options, this.#storage, this.#store, () => this.#stores(tenantId), this.#counters, tenantId),
    );
  }

  /**
   * Seals every stored entry anew that a previous key has sealed, so that the key can go: after `startRotation`, and before
   * `completeRotation`. Entries keep their TTL and their bytes are never decoded; the cache stays in use meanwhile. With a
   * `namespace`, those are its entries and those of the namespaces that functions wrapped here have: not what a function's
   * `key` has named otherwise.
   *
   * @returns what became of the entries.
   * @throws ConfigurationError without encryption, without a backend and with `privateKeys` (where an entry gets the current
   *   key when it is next stored); BackendError for a backend that cannot list its entries; what the backend throws, or the
   *   signal's reason: as the cause of an IncompleteError, with the report as its `counts`, when entries were looked at
   *   before. Called again, it does the rest.
   */
  async rewrap(options: RewrapOptions = {}): Promise<RewrapReport> {
    assertOptions(options, ['tenants', 'onProgress', 'signal']);
    const { tenants = [], onProgress } = options;
    if (!Array.isArray(tenants)) throw new TypeError(`tenants must be an array, not ${kindOf(tenants)}`);
    assertFunction('onProgress', onProgress);
    signalOf(options);
    for (const tenantId of tenants) assertTenantId(tenantId);
    this.#store.assertOpen();
    const sealed = this.#all().filter(({ storage }) => storage.secure);
    const { backend } = this.#storage;
    if (sealed.length === 0) throw new ConfigurationError('This cache does not encrypt');
    if (backend === undefined) throw new ConfigurationError('Without a backend, no entry outlives the process');
    if (this.#storage.privateKeys)
      throw new ConfigurationError('With privateKeys the backend does not know the cache keys');
    const report: RewrapReport = { seen: 0, rewrapped: 0, current: 0, unopened: 0, changed: 0 };
    for (const { storage } of sealed) {
      const rewrapping = new Rewrapping(
        guarded(backend, { ...this.#storage.policies.guard, signal: options.signal, onState: () => {} }),
        storage.codec.boundTo(backend),
        options,
      );
      const { namespace } = this.#options;
      const all = namespace === undefined || storage.profile.wire === 'python';
      const prefixes = all ? [''] : [namespace, ...this.#namespaces].map((name) => namespacePrefix(name, storage));
      let ended: { error: unknown } | undefined;
      try {
        for (const prefix of prefixes) {
          await rewrapping.run({ prefix, tenantId: storage.tenantId });
          for (const tenantId of tenants) await rewrapping.run({ prefix: prefixOf(tenantId) + prefix, tenantId });
        }
      } catch (error) {
        ended = { error };
      }
      for (const name of Object.keys(report) as (keyof RewrapReport)[]) report[name] += rewrapping.report[name];
      if (ended !== undefined) throw report.seen === 0 ? ended.error : new IncompleteError({ ...report }, ended.error);
    }
    return report;
  }

  /** Of this cache, its tenants and its functions together. */
  stats(): CacheStats {
    const total = new Counters();
    for (const counters of [this.#counters, this.#past, ...this.#functions]) total.add(counters);
    const stats = statsOf(this.#store, total);
    for (const { store } of this.#secure) {
      const { l1 } = store.tiers;
      stats.l1Entries += l1?.count ?? 0;
      stats.l1Bytes += l1?.bytes ?? 0;
    }
    return stats;
  }

  /**
   * Forgets what this process holds, wipes the keys that this cache has made and closes the backend that it made of a URL.
   * What was passed in is left to its owner. Any later use is an error.
   */
  async close(): Promise<void> {
    for (const { store, storage } of this.#all()) {
      store.close();
      storage.destroy();
    }
    if (this.#storage.ownsBackend) await this.#storage.backend?.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #all(): { storage: Storage; store: EntryStore }[] {
    return [{ store: this.#store, storage: this.#storage }, ...this.#secure];
  }

  #stores(tenantId: string | undefined): TaggedStore[] {
    return this.#all().map(({ store, storage }) => ({ store, tenantPrefix: tenantPrefixOf(storage, tenantId) }));
  }

  #wrap<K extends unknown[], T extends unknown[]>(
    options: FunctionOptions<K, T>,
    { storage, store }: { storage: Storage; store: EntryStore },
  ): CacheWrap<K, T> {
    assertFunctionOptions(options);
    const { namespace = this.#options.namespace, operation, key, tenant, tags } = options;
    assertCanTag(storage.backend, tags);
    const shared = storage.backend !== undefined;
    const ttlMs = ttlOf(options.ttl) ?? storage.ttlMs;
    const names = () =>
      new EntryNames(
        { namespace, operation, key, tenant, tags },
        namingContext(storage, shared, this.#options.namespace),
      );
    const anonymous = key === undefined && (namespace === undefined || operation === undefined);
    const first = names();
    const claim = oneFunction(key === undefined && !anonymous);
    if (namespace !== undefined && namespace !== this.#options.namespace) this.#namespaces.add(namespace);
    const wrap = (fn: unknown, context: unknown) => {
      assertWrappable(fn, context);
      claim(fn);
      const counters = new Counters({ namespace, operation });
      this.#functions.add(counters);
      // A function without a name has a key space of its own in the store that all share.
      const cached = cachedFunction(fn, { store, names: anonymous ? names() : first, ttlMs, counters });
      this.#forgotten.register(cached, counters);
      return cached;
    };
    return wrap as CacheWrap<K, T>;
  }

  #secured({ masterKey, keyring, nonces }: SecureFunctionOptions<never, never>): {
    storage: Storage;
    store: EntryStore;
  } {
    const given = masterKey !== undefined || keyring !== undefined || nonces !== undefined;
    if (this.#storage.secure) {
      if (given) throw new ConfigurationError('This cache has its key: pass no masterKey, keyring or nonces beside it');
      return { storage: this.#storage, store: this.#store };
    }
    if (!given && this.#secureByDefault !== undefined) return this.#secureByDefault;
    const { backend = null } = this.#storage;
    const storage = resolveStorage({ ...this.#options, backend, masterKey, keyring, nonces }, true);
    const secured = { storage, store: openStore(storage, this.#options.namespace) };
    this.#secure.push(secured);
    if (!given) this.#secureByDefault = secured;
    return secured;
  }
}

/**
 * A cache to put values into by name, and functions. It encrypts when `masterKey`, `keyring` or an EncryptionWrapper as
 * `serializer` is given; `cache.secure(options)(fn)` encrypts a function's results in any case.
 *
 * Default TTL 600 s.
 *
 * @example
 * await using sessions = createCache({ namespace: 'sessions', backend: 'redis://localhost', masterKey });
 * await sessions.set(id, session, { ttl: '30m' });
 *
 * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
 */
export function createCache(options: CreateCacheOptions = {}): Cache {
  return new Cache(options);
}

function viewOf(
  { namespace }: CreateCacheOptions,
  storage: Storage,
  store: EntryStore,
  stores: () => readonly TaggedStore[],
  counters: Counters,
  tenantId: string | undefined,
): ViewParts {
  const { ttlMs, profile, privateKeys, backend } = storage;
  const tenantPrefix = tenantPrefixOf(storage, tenantId);
  const { wire } = profile;
  return {
    store,
    stores,
    counters,
    ttlMs,
    wire,
    namespace,
    privateKeys,
    tenantId: tenantId ?? storage.tenantId,
    prefix: tenantPrefix + (namespace === undefined || wire !== 'protocol' ? '' : `ns:${namespace}:key:`),
    tagName: (tag) => {
      assertCanTag(backend, tag);
      return tagName(tenantPrefix, namespace, tag);
    },
  };
}

/** What the keys and tags of a view's tenant begin with, `undefined` being the cache's own. */
function tenantPrefixOf({ secure, tenantId: own }: Storage, tenantId: string | undefined): string {
  // Where nothing is encrypted, only the stored key keeps a tenant's entries apart.
  const inKey = tenantId ?? (secure ? undefined : own);
  return inKey === undefined ? '' : prefixOf(inKey);
}

/** What every entry of a namespace begins with. */
function namespacePrefix(namespace: string, { profile }: Storage): string {
  return profile.wire === 'protocol' ? `ns:${namespace}:` : `${namespace}:`;
}
