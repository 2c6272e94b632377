import { type Cache, createCache, Keyring, type RedisBackend } from 'cachekit-native';
import type { RedisBackend as Same } from 'cachekit-native/redis';

/** Whether what a file in CommonJS has made is of the classes that a module sees. */
export const isOneInstance = (cache: Cache, keyring: Keyring, backend: RedisBackend): boolean => {
  const same: Same = backend;
  return cache.constructor === createCache().constructor && keyring instanceof Keyring && same === backend;
};
