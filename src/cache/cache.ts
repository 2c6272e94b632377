import { ConfigurationError } from '../errors.js';
import { assertWrappable, type CachedFunction, cachedFunction } from './cached-function.js';
import { Counters } from './counters.js';
import { EntryNames } from './entry-names.js';
import { assertFunctionOptions, assertOptions, CACHE_OPTIONS, type CacheOptions } from './options.js';
import { namingContext, openStore, resolveStorage } from './storage.js';

/**
 * Gives a function a cache: call it with the function, or write it as a standard decorator in front of a method.
 * The function must take what `key` (`K`) and `tenant` (`T`) take.
 */
export type CacheWrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = <
  This,
  A extends [...K, ...unknown[]] & [...T, ...unknown[]],
  R,
>(
  fn: (this: This, ...args: A) => R,
  context?: ClassMethodDecoratorContext<This, (this: This, ...args: A) => R>,
) => CachedFunction<This, A, Awaited<R>>;

/** What `cache` is: call it for a cache as its options say, `cache.secure` for one that always encrypts. */
export interface CacheFunction {
  /**
   * Caches the results of a function. Values are stored as they are serialized, unless `masterKey`, `keyring` or an
   * EncryptionWrapper as `serializer` encrypts them; CACHEKIT_MASTER_KEY alone encrypts nothing.
   *
   * Default TTL 600 s. When the backend fails, the function runs.
   *
   * @example
   * const user = cache({ namespace: 'users', operation: 'user', backend: 'redis://localhost' })(fetchUser);
   * await user(42);
   *
   * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
   */
  <K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;

  /**
   * As {@link cache}, and every value is sealed with AES-256-GCM: neither the backend nor L1 ever holds plaintext.
   * The key is `masterKey` (64 hex digits), `keyring` or CACHEKIT_MASTER_KEY.
   *
   * Default TTL 600 s. When the backend fails, the function runs.
   *
   * @example
   * const ssn = cache.secure({ namespace: 'users', operation: 'ssn', backend: 'redis://localhost' })(fetchSsn);
   * await ssn(42);
   *
   * @throws as {@link cache}, and ConfigurationError when there is no key.
   */
  secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(
    options?: CacheOptions<K, T>,
  ): CacheWrap<K, T>;
}

/** Caches the results of a function: `cache(options)(fn)`, or `cache.secure(options)(fn)` to encrypt them. */
export const cache: CacheFunction = Object.assign(
  <K extends unknown[], T extends unknown[]>(options: CacheOptions<K, T> = {}) => wrapWith(options, false),
  {
    secure: <K extends unknown[], T extends unknown[]>(options: CacheOptions<K, T> = {}) => wrapWith(options, true),
  },
);

function wrapWith<K extends unknown[], T extends unknown[]>(
  options: CacheOptions<K, T>,
  secure: boolean,
): CacheWrap<K, T> {
  assertOptions(options, CACHE_OPTIONS);
  assertFunctionOptions(options);
  const storage = resolveStorage(options, secure);
  const { backend, ttlMs } = storage;
  const { namespace, operation, key, tenant } = options;
  const context = namingContext(storage, backend !== undefined);
  const names = new EntryNames({ namespace, operation, key, tenant }, context);
  // Without a backend every function has a store, and so a key space, of its own.
  const shared = backend && openStore(storage);
  const claim = oneFunction(shared !== undefined && key === undefined);
  const wrap = (fn: unknown, context: unknown) => {
    assertWrappable(fn, context);
    claim(fn);
    return cachedFunction(fn, { store: shared ?? openStore(storage), names, ttlMs, counters: new Counters() });
  };
  return wrap as CacheWrap<K, T>;
}

/** @returns what refuses a second function, when `named` says that a shared store would give it the first one's values. */
export function oneFunction(named: boolean): (fn: unknown) => void {
  let first: unknown;
  return (fn) => {
    first ??= fn;
    if (named && first !== fn) {
      throw new ConfigurationError('One operation names one function: a second one would be given its values');
    }
  };
}
