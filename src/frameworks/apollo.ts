import type { TenantCache } from '../../index.js';
import { kindOf } from '../util/bytes.js';
import { assertPrefix, optionsWithCache } from './arguments.js';

export interface ApolloCacheOptions {
  /** Where the texts are kept, sealed when it has a key. */
  cache: TenantCache;
  /** Begins the cache keys. Default `'apollo:'`. */
  prefix?: string;
}

/** What Apollo Server and its data sources take as their `cache`: `KeyValueCache` of `@apollo/utils.keyvaluecache`. */
export interface ApolloCache {
  get(key: string): Promise<string | undefined>;
  /** @param options `ttl` in seconds; none and null: the cache's. */
  set(key: string, value: string, options?: { ttl?: number | null }): Promise<void>;
  delete(key: string): Promise<boolean>;
}

/**
 * The `cache` of an ApolloServer: persisted queries, whole responses (`@apollo/server-plugin-response-cache`) and what data sources have
 * fetched. Where the store fails there is nothing in it, as in any cache; only `delete` fails with it.
 *
 * @example
 * new ApolloServer({ typeDefs, resolvers, cache: apolloCache({ cache }) });
 *
 * @throws TypeError and ConfigurationError for wrong options.
 */
export function apolloCache(options: ApolloCacheOptions): ApolloCache {
  const { cache, prefix = 'apollo:' } = optionsWithCache(options, ['prefix']);
  assertPrefix(prefix);
  return {
    get: (key) => cache.get<string>(prefix + key),
    async set(key, value, { ttl } = {}) {
      if (typeof value !== 'string') throw new TypeError(`value must be a string, not ${kindOf(value)}`);
      // What has ended already is not kept, nor what it was to replace.
      if (typeof ttl === 'number' && ttl <= 0) await cache.delete(prefix + key);
      else await cache.set(prefix + key, value, { ttl: ttl ?? undefined });
    },
    delete: (key) => cache.delete(prefix + key),
  };
}
