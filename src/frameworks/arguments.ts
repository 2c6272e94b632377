import type { Cache, CreateCacheOptions, TenantCache } from '../../index.js';
import { createCache } from '../../index.js';
import { BackendError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';

/** A cache to make of the options of `createCache`, or one that is there, which is left to its owner. */
export type CacheSource = CreateCacheOptions | { cache: Cache };

/** @throws as `createCache`; TypeError and ConfigurationError for what is no cache, and for options beside one. */
export function openCache(source: CacheSource): { cache: Cache; close(): Promise<void> } {
  if (typeof source !== 'object' || source === null || !('cache' in source)) {
    const cache = createCache(source as CreateCacheOptions);
    return { cache, close: () => cache.close() };
  }
  return { cache: optionsWithCache(source, []).cache, close: async () => {} };
}

/** Options of an adapter, checked: `cache` is one of `createCache` or of a tenant. */
export function optionsWithCache<O extends { cache: TenantCache }>(options: O, known: readonly string[]): O {
  assertOptionsObject(options, ['cache', ...known]);
  const own = ownOptions(options);
  const { getOrSet, expire } = (own.cache ?? {}) as Partial<TenantCache>;
  // Not by its class: an application may load two copies of the package.
  if (typeof getOrSet !== 'function' || typeof expire !== 'function') {
    throw new TypeError(`cache must be what createCache or its tenant() returns, not ${kindOf(own.cache)}`);
  }
  return own;
}

/** @throws TypeError for a prefix of cache keys that is no string. */
export function assertPrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== 'string') throw new TypeError(`prefix must be a string, not ${kindOf(prefix)}`);
}

/** What `set` answers, false where the store fails; for frameworks that must know. @throws BackendError. */
export async function stored(answer: Promise<boolean>): Promise<void> {
  if (!(await answer)) throw new BackendError('The store did not accept the value', { transient: true });
}

/** All cache keys that begin with a prefix. @throws as `keys()` of the cache. */
export async function listKeys(cache: TenantCache, prefix: string): Promise<string[]> {
  const all = new Set<string>();
  for await (const cacheKey of cache.keys({ prefix })) all.add(cacheKey);
  return [...all];
}
