import { Cache, type CreateCacheOptions } from './create-cache.js';

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
