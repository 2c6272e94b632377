import { HttpBackend } from '../backends/http.js';
import { ownOptions } from '../util/options-object.js';
import { BATCH, type BatchWrap, type CacheBatchOptions } from './batch.js';
import { openStore } from './engine/open-store.js';
import { currentSignal } from './engine/run-signal.js';
import { parseTimeout } from './option-groups.js';
import { type CacheOptions, FUNCTION, STORAGE, type StorageOptions } from './options.js';
import { parse, readOptions } from './parsers.js';
import { resolveStorage } from './resolve-storage.js';
import type { StandardSchema } from './schema.js';
import type { ValidatedWrap } from './validated-wrap.js';
import { type CacheWrap, wrapFunction } from './wrap-function.js';

/** What `cache` is: call it for a cache as its options say, `cache.secure` for one that always encrypts. */
export interface CacheFunction {
  /**
   * Caches the results of a function. Values are stored as they are serialized, unless `masterKey`, `keyring` or an
   * EncryptionWrapper as `serializer` encrypts them; CACHEKIT_MASTER_KEY alone encrypts nothing.
   *
   * Default TTL 600 s. When the backend fails, the wrapped function is called (cache bypass).
   *
   * @example
   * const user = cache({ namespace: 'users', operation: 'user', backend: 'redis://localhost' })(fetchUser);
   * await user(42);
   *
   * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
   */
  <V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: CacheOptions<K, T> & { validate: StandardSchema<V> },
  ): ValidatedWrap<K, T, V>;
  <K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;

  /**
   * As {@link cache}, and every value is sealed with AES-256-GCM: neither the backend nor L1 ever holds plaintext.
   * The key is `masterKey` (64 hex digits), `keyring` or CACHEKIT_MASTER_KEY.
   *
   * Default TTL 600 s. When the backend fails, the wrapped function is called (cache bypass).
   *
   * @example
   * const ssn = cache.secure({ namespace: 'users', operation: 'ssn', backend: 'redis://localhost' })(fetchSsn);
   * await ssn(42);
   *
   * @throws as {@link cache}, and ConfigurationError when there is no key.
   */
  secure<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options: CacheOptions<K, T> & { validate: StandardSchema<V> },
  ): ValidatedWrap<K, T, V>;
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: CacheOptions<K, T>,
  ): CacheWrap<K, T>;

  /**
   * As {@link cache}, for what is cheap to make again: nothing is tried twice, the backend is asked even while it fails, and
   * L1 is not told what other processes change.
   *
   * Default TTL 300 s. When the backend fails, the wrapped function is called, each time after the backend's own timeout.
   */
  minimal<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: CacheOptions<K, T>,
  ): CacheWrap<K, T>;

  /**
   * As {@link cache}, for a busy service: a stale value answers for a minute while the function runs in the background, and
   * for an hour when it fails; TTLs differ by up to a tenth.
   *
   * Default TTL 600 s. When the backend fails, it is tried once more; after 5 consecutive failures the circuit breaker opens for 1 s.
   */
  production<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: CacheOptions<K, T>,
  ): CacheWrap<K, T>;

  /**
   * As {@link CacheFunction.production}, in the hosted cache: CACHEKIT_API_URL (default https://api.cachekit.io) with
   * CACHEKIT_API_KEY.
   *
   * Default TTL 3,600 s. When the hosted cache cannot be reached, the wrapped function is called.
   */
  io<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;

  /** As {@link Cache.batch}, in a cache of its own. Values are encrypted as by {@link cache}. */
  batch<Id = unknown>(options?: CacheBatchOptions<Id>): BatchWrap<Id>;

  /** As {@link CacheFunction.batch}, sealed as by {@link CacheFunction.secure}. */
  secureBatch<Id = unknown>(options?: CacheBatchOptions<Id>): BatchWrap<Id>;

  /**
   * The AbortSignal of the run that this is called in, however deep: it fires when `timeout.load` is over, with a TimeoutError
   * as its reason. `undefined` outside of a run, and in one without `timeout: { load, signal: true }`; a cached function inside
   * another has its own or none. Of every cache, also those of {@link createCache}.
   *
   * @example
   * const user = cache({ timeout: { load: '2s', signal: true } })((id: string) =>
   *   fetch(`https://example.com/users/${id}`, { signal: cache.signal() }).then((answer) => answer.json()),
   * );
   */
  signal(): AbortSignal | undefined;
}

const MINIMAL = {
  ttl: 300,
  retry: 0,
  breaker: false,
} as const satisfies StorageOptions;
const PRODUCTION = { ttl: 600, swr: '1m', staleIfError: '1h', jitter: 0.1 } as const satisfies StorageOptions;
const IO = { ...PRODUCTION, ttl: 3_600 } as const satisfies StorageOptions;

/** Caches the results of a function: `cache(options)(fn)`, or `cache.secure(options)(fn)` to encrypt them. */
export const cache = Object.assign(preset({}), {
  secure: preset({}, true),
  minimal: preset(MINIMAL, false, ({ l1 = true }) => {
    // What is turned on or off as a whole stays so.
    return { l1: typeof l1 === 'object' ? { invalidation: false, ...l1 } : l1 && { invalidation: false } };
  }),
  production: preset(PRODUCTION),
  io: preset(IO, false, ({ backend, timeout }) => {
    return { backend: backend ?? new HttpBackend({ timeoutMs: parseTimeout(timeout).backendTimeoutMs }) };
  }),
  batch: <Id>(options: CacheBatchOptions<Id> = {}) => batch(options, false),
  secureBatch: <Id>(options: CacheBatchOptions<Id> = {}) => batch(options, true),
  signal: () => currentSignal(),
}) as CacheFunction;

/** @param more what the options become besides. */
function preset(
  defaults: StorageOptions,
  secure = false,
  more?: (given: CacheOptions<never, never>) => StorageOptions,
) {
  return <K extends unknown[], T extends unknown[]>(given: CacheOptions<K, T> = {}): CacheWrap<K, T> => {
    const own = readOptions(given, STORAGE, FUNCTION);
    const options = ownOptions({ ...defaults, ...own, ...more?.(own) });
    const named = parse(FUNCTION, options);
    const storage = resolveStorage(options, secure);
    try {
      // Without a backend every function has a store, and so a key space, of its own.
      return wrapFunction(named, { storage, store: storage.backend && openStore(storage) });
    } catch (error) {
      void storage.release();
      throw error;
    }
  };
}

function batch<Id>(given: CacheBatchOptions<Id>, secure: boolean): BatchWrap<Id> {
  const options = readOptions(given, STORAGE, FUNCTION, BATCH);
  const storage = resolveStorage(options, secure);
  const { maxBatch } = parse(BATCH, options);
  try {
    const home = { storage, store: storage.backend && openStore(storage), maxBatch };
    return wrapFunction(parse(FUNCTION, options), home) as unknown as BatchWrap<Id>;
  } catch (error) {
    void storage.release();
    throw error;
  }
}
