import { ConfigurationError } from '../errors.js';
import type { KeyOptions } from '../keys/key-options.js';
import { assertTenantId } from '../protocol/derive.js';
import { letObserve } from '../util/observed.js';
import { BATCH, type BatchOptions, type BatchWrap } from './batch.js';
import { type CacheStats, Counters, totalUsage } from './engine/counters.js';
import { type Home, openHome, tenantPrefixOf, viewOf } from './home.js';
import { FUNCTION, type FunctionOptions, STORAGE, type StorageOptions } from './options.js';
import { parse, readOptions } from './parsers.js';
import { ownPolicy, POLICY } from './policy-options.js';
import { keyringsOf, type Storage } from './resolve-storage.js';
import { rewrapSteps } from './rewrap/cache-entries.js';
import { type KeyReportOptions, type RewrapOptions, type RewrapProgress, rewrapOptions } from './rewrap/options.js';
import type { KeyReport, RewrapReport } from './rewrap/report.js';
import type { StandardSchema } from './schema.js';
import { TenantCache } from './tenant-cache.js';
import type { ValidatedWrap } from './validated-wrap.js';
import type { TaggedStore } from './view.js';
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
    SecretOptions {}

type SecretOptions = Pick<KeyOptions, 'masterKey' | 'keyring' | 'nonces'>;

const NAMESPACE = { namespace: FUNCTION.namespace };
const KEYS = { masterKey: STORAGE.masterKey, keyring: STORAGE.keyring, nonces: STORAGE.nonces };

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
  /** Whether functions have a `key` of their own. */
  #ownKeys = false;
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
  wrap<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: FunctionOptions<K, T> & { validate: StandardSchema<V> },
  ): ValidatedWrap<K, T, V>;
  wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: FunctionOptions<K, T>,
  ): CacheWrap<K, T>;
  wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: FunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    return this.#wrap(readOptions(options, FUNCTION, POLICY), this.#home);
  }

  /** Caches a function's results here, sealed, whatever the cache itself does; as {@link cache.secure}. */
  secure<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: SecureFunctionOptions<K, T> & { validate: StandardSchema<V> },
  ): ValidatedWrap<K, T, V>;
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: SecureFunctionOptions<K, T>,
  ): CacheWrap<K, T>;
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: SecureFunctionOptions<K, T> = {},
  ): CacheWrap<K, T> {
    const own = readOptions(options, FUNCTION, POLICY, KEYS);
    return this.#wrap(own, this.#secured(own));
  }

  /**
   * Caches what a function returns for many ids, an entry for each: the calls of one tick are one read, one run for all that are missing, and
   * one request that stores them. An entry is the one that a function of a single argument would have, with the same names.
   *
   * @example
   * const user = users.batch({ operation: 'user' })(async (ids: string[]) => db.usersByIds(ids));
   * await Promise.all([user('a'), user('b')]); // or user.many(['a', 'b'])
   */
  batch<Id = unknown>(options: BatchOptions<Id> = {}): BatchWrap<Id> {
    const own = readOptions(options, FUNCTION, POLICY, BATCH);
    return this.#wrap(own, this.#home, parse(BATCH, own).maxBatch) as unknown as BatchWrap<Id>;
  }

  /** As {@link Cache.batch}, sealed as by {@link Cache.secure}. */
  secureBatch<Id = unknown>(options: BatchOptions<Id> & SecretOptions = {}): BatchWrap<Id> {
    const own = readOptions(options, FUNCTION, POLICY, BATCH, KEYS);
    return this.#wrap(own, this.#secured(own), parse(BATCH, own).maxBatch) as unknown as BatchWrap<Id>;
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
   * `namespace`, those are its entries, those of its tenants, as far as they are registered or named, and those of functions
   * wrapped here or elsewhere in its name, whatever namespace or `key` these have.
   *
   * @returns what became of the entries.
   * @throws ConfigurationError without encryption, without a backend and with `privateKeys` (where an entry gets the current
   *   key when it is next stored, or read: `rewrapOnRead`); BackendError for a backend that cannot list its entries; what the
   *   backend throws when it goes on doing so, or the signal's reason: as the cause of an IncompleteError, with the report as
   *   its `counts`, when entries were looked at before. Called again, it does the rest.
   */
  async rewrap(options: RewrapOptions = {}): Promise<RewrapReport> {
    const { seen, rewrapped, current, left, unnamed, unopened, changed } = await this.#looked(options, 'rewrap');
    return { seen, rewrapped, current, left, unnamed, unopened, changed };
  }

  /**
   * As {@link rewrap}, a step of some hundred entries at a time: work goes on when the next step is asked for. The last one
   * returns the report of {@link keyReport}.
   *
   * @example
   * for await (const { seen, cursor } of users.rewrapSteps({ rate: 2000 })) await saveCursor(cursor);
   */
  rewrapSteps(options: RewrapOptions = {}): AsyncGenerator<RewrapProgress, KeyReport, undefined> {
    return this.#steps(options, 'rewrap');
  }

  /**
   * How many stored values need which key: of all that {@link rewrap} would look at, which are opened, and left as they are.
   * While values need a previous key, `completeRotation` of the keyring refuses.
   *
   * @throws as {@link rewrap}; where the entries cannot be found, the report says why in `cannotKnow`.
   */
  async keyReport(options: KeyReportOptions = {}): Promise<KeyReport> {
    return this.#looked(options, 'report');
  }

  /** Of this cache, its tenants and its functions together. */
  stats(): CacheStats {
    const total = new Counters();
    for (const counters of [this.#counters, this.#past, ...this.#functions]) total.add(counters);
    return { ...total.stats(), ...totalUsage(this.#all().map(({ store }) => store.usage())) };
  }

  /**
   * Forgets what this process holds, wipes the keys that this cache has made and closes the backend that it made of a URL,
   * unless another cache or function uses the same Redis URL. What was passed in is left to its owner. Any later use is an error.
   */
  async close(): Promise<void> {
    const closing = this.#all().map(({ store }) => store.close());
    await Promise.all([...closing, ...this.#all().map(({ storage }) => storage.registry?.close())]);
    for (const { storage } of this.#all()) storage.destroy();
    await this.#home.storage.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #steps(options: RewrapOptions, only: 'report' | 'rewrap'): AsyncGenerator<RewrapProgress, KeyReport, undefined> {
    const checked = rewrapOptions(options, only);
    this.#home.store.assertOpen();
    const [own, ...others] = this.#all().map(({ storage }) => storage);
    const sources = {
      storages: [own as Storage, ...others] as const,
      namespaces: this.#namespaces,
      ownKeys: this.#ownKeys,
    };
    return rewrapSteps(sources, checked);
  }

  async #looked(options: RewrapOptions, only: 'report' | 'rewrap'): Promise<KeyReport> {
    const steps = this.#steps(options, only);
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
    }
  }

  #all(): Home[] {
    return [this.#home, ...this.#secure];
  }

  #stores(tenantId: string | undefined): TaggedStore[] {
    return this.#all().map(({ store, storage }) => ({ store, tenantPrefix: tenantPrefixOf(storage, tenantId) }));
  }

  #wrap<K extends unknown[], T extends unknown[]>(
    own: FunctionOptions<K, T>,
    home: Home,
    maxBatch?: number,
  ): CacheWrap<K, T> {
    const options = parse(FUNCTION, own);
    const wrap = wrapFunction<K, T>(options, {
      ...home,
      ...(maxBatch !== undefined && { maxBatch }),
      policy: ownPolicy(own, home.store.policies.own, home.storage.backend),
      counters: this.#counters,
      wrapped: (cached, counters) => {
        this.#functions.add(counters);
        this.#forgotten.register(cached, counters, counters);
        return () => {
          this.#forgotten.unregister(counters);
          this.#functions.delete(counters);
          this.#past.add(counters);
        };
      },
    });
    const { namespace, key } = options;
    if (namespace !== undefined && namespace !== home.storage.namespace) this.#namespaces.add(namespace);
    this.#ownKeys ||= key !== undefined;
    return wrap;
  }

  #secured({ masterKey, keyring, nonces }: SecretOptions): Home {
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
