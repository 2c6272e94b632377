import { ConfigurationError, IncompleteError } from '../errors.js';
import type { KeyOptions } from '../keys/key-options.js';
import { signalOf } from '../native/abort.js';
import { assertTenantId } from '../protocol/derive.js';
import { kindOf } from '../util/bytes.js';
import { letObserve } from '../util/observed.js';
import { assertOptionsObject } from '../util/options-object.js';
import { guarded } from './engine/backend-guard.js';
import { assertCanTag } from './engine/coherence.js';
import { type CacheStats, Counters, totalUsage } from './engine/counters.js';
import type { EntryStore } from './engine/entry-store.js';
import { openStore } from './engine/open-store.js';
import { type RewrapOptions, Rewrapping, type RewrapReport } from './engine/rewrap-entries.js';
import { prefixOf, tagName } from './key-builder.js';
import { FUNCTION, type FunctionOptions, STORAGE, type StorageOptions } from './options.js';
import { assertFunction, parse, readOptions } from './parsers.js';
import { keyringsOf, resolveStorage, type Storage } from './resolve-storage.js';
import { type TaggedStore, TenantCache, type ViewParts } from './tenant-cache.js';
import { type CacheWrap, wrapFunction } from './wrap-function.js';

export interface CreateCacheOptions extends StorageOptions {
  /**
   * Keeps this cache's entries apart from those of other namespaces in the same backend: with it, an entry is stored under
   * `ns:{namespace}:key:{cacheKey}` (wire `protocol`), without it under the cache key itself. Default for wrapped functions.
   */
  namespace?: string;
}

/** The key's default is the cache's own, or else CACHEKIT_MASTER_KEY. */
export interface SecureFunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>
  extends FunctionOptions<K, T>,
    Pick<KeyOptions, 'masterKey' | 'keyring' | 'nonces'> {}

const NAMESPACE = { namespace: FUNCTION.namespace };
const KEYS = { masterKey: STORAGE.masterKey, keyring: STORAGE.keyring, nonces: STORAGE.nonces };

/** Values that are stored alike. */
interface Home {
  readonly storage: Storage;
  readonly store: EntryStore;
}

/** A cache of values and functions: one backend, one L1. Made by {@link createCache}. */
export class Cache extends TenantCache implements AsyncDisposable {
  readonly #options: Omit<CreateCacheOptions, 'masterKey' | 'keyring'>;
  readonly #home: Home;
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
  readonly #secure: Home[] = [];
  #secureByDefault: Home | undefined;

  /** @internal */
  constructor(given: CreateCacheOptions) {
    const options = readOptions(given, STORAGE, NAMESPACE);
    const { namespace } = parse(NAMESPACE, options);
    const home = openHome(options, false);
    const counters = new Counters({ namespace });
    super(viewOf(home, () => this.#stores(undefined), counters, undefined));
    // The key is in the addon by now; what else holds it is not this object.
    const { masterKey: _masterKey, keyring: _keyring, ...others } = options;
    this.#options = others;
    this.#home = home;
    this.#counters = counters;
    letObserve(this, {
      observe: (observer) => counters.observe(observer),
      keyrings: () => keyringsOf(...this.#all().map(({ storage }) => storage)),
    });
  }

  /** Caches a function's results here; as {@link cache}. */
  wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: FunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    return this.#wrap(readOptions(options, FUNCTION), this.#home);
  }

  /** Caches a function's results here, sealed, whatever the cache itself does; as {@link cache.secure}. */
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: SecureFunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    const own = readOptions(options, FUNCTION, KEYS);
    return this.#wrap(own, this.#secured(own));
  }

  /** The entries of one tenant, apart from every other tenant's: sealed with a key of its own, and stored under a prefix of its own. */
  tenant(tenantId: string): TenantCache {
    assertTenantId(tenantId);
    if (this.#home.storage.profile.wire !== 'protocol') {
      throw new ConfigurationError("Tenants share a cache in wire 'protocol' only: elsewhere pass tenantId");
    }
    return new TenantCache(viewOf(this.#home, () => this.#stores(tenantId), this.#counters, tenantId));
  }

  /**
   * Re-seals every stored entry that a previous key has sealed, so that the key can be dropped: after `startRotation`, and before
   * `completeRotation`. Entries keep their TTL and their bytes are never decoded; the cache stays in use. With a
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
    assertOptionsObject(options, ['tenants', 'onProgress', 'signal']);
    const { tenants = [], onProgress } = options;
    if (!Array.isArray(tenants)) throw new TypeError(`tenants must be an array, not ${kindOf(tenants)}`);
    assertFunction('onProgress', onProgress);
    signalOf(options);
    for (const tenantId of tenants) assertTenantId(tenantId);
    const { storage: own, store } = this.#home;
    store.assertOpen();
    const sealed = this.#all().filter(({ storage }) => storage.secure);
    const { backend, namespace } = own;
    if (sealed.length === 0) throw new ConfigurationError('This cache does not encrypt');
    if (backend === undefined) throw new ConfigurationError('Without a backend, no entry outlives the process');
    if (own.privateKeys)
      throw new ConfigurationError('rewrap() is not available with privateKeys: the backend stores only hashed keys');
    const report: RewrapReport = { seen: 0, rewrapped: 0, current: 0, unopened: 0, changed: 0 };
    for (const { storage } of sealed) {
      const rewrapping = new Rewrapping(
        guarded(backend, { ...own, signal: options.signal, onState: () => {} }),
        storage.codec.boundTo(backend),
        options,
      );
      const all = namespace === undefined || storage.profile.wire === 'python';
      const prefixes = all ? [''] : [namespace, ...this.#namespaces].map((name) => namespacePrefix(name, storage));
      let ended: { error: unknown } | undefined;
      try {
        for (const prefix of prefixes) {
          await rewrapping.run(prefix, storage.tenantId);
          for (const tenantId of tenants) await rewrapping.run(prefixOf(tenantId) + prefix, tenantId);
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
    return { ...total.stats(), ...totalUsage(this.#all().map(({ store }) => store.usage())) };
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
    const { ownsBackend, backend } = this.#home.storage;
    if (ownsBackend) await backend?.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #all(): Home[] {
    return [this.#home, ...this.#secure];
  }

  #stores(tenantId: string | undefined): TaggedStore[] {
    return this.#all().map(({ store, storage }) => ({ store, tenantPrefix: tenantPrefixOf(storage, tenantId) }));
  }

  #wrap<K extends unknown[], T extends unknown[]>(own: FunctionOptions<K, T>, home: Home): CacheWrap<K, T> {
    const options = parse(FUNCTION, own);
    const wrap = wrapFunction<K, T>(options, {
      ...home,
      counters: this.#counters,
      wrapped: (cached, counters) => {
        this.#functions.add(counters);
        this.#forgotten.register(cached, counters);
      },
    });
    const { namespace } = options;
    if (namespace !== undefined && namespace !== home.storage.namespace) this.#namespaces.add(namespace);
    return wrap;
  }

  #secured({ masterKey, keyring, nonces }: Pick<KeyOptions, 'masterKey' | 'keyring' | 'nonces'>): Home {
    const given = masterKey !== undefined || keyring !== undefined || nonces !== undefined;
    const { secure, backend = null } = this.#home.storage;
    if (secure) {
      if (given) throw new ConfigurationError('This cache has its key: pass no masterKey, keyring or nonces beside it');
      return this.#home;
    }
    if (!given && this.#secureByDefault !== undefined) return this.#secureByDefault;
    const secured = openHome({ ...this.#options, backend, masterKey, keyring, nonces }, true);
    this.#secure.push(secured);
    if (!given) this.#secureByDefault = secured;
    return secured;
  }
}

function openHome(options: CreateCacheOptions, secure: boolean): Home {
  const storage = resolveStorage(options, secure);
  return { storage, store: openStore(storage) };
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
  { storage, store }: Home,
  stores: () => readonly TaggedStore[],
  counters: Counters,
  tenantId: string | undefined,
): ViewParts {
  const { ttlMs, profile, privateKeys, backend, namespace } = storage;
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
