import type { TenantCache } from '../../index.js';
import { type Duration, ttlMsOf } from '../util/options-object.js';
import { listKeys, optionsWithCache, stored } from './arguments.js';

export interface CachekitDriverOptions {
  /** Where the items are kept, sealed when it has a key. */
  cache: TenantCache;
  /** Of items that are set without one. Default: the cache's. */
  ttl?: Duration | 'never';
}

interface ItemOptions {
  /** Seconds. */
  ttl?: number;
}
type Item = { key: string; options?: ItemOptions };

/** What `createStorage` of unstorage takes as its driver. */
export interface CachekitDriver {
  name: string;
  options: CachekitDriverOptions;
  getInstance(): TenantCache;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItems(items: Item[]): Promise<{ key: string; value: string | null }[]>;
  getItemRaw(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: ItemOptions): Promise<void>;
  setItems(items: (Item & { value: string })[], common?: ItemOptions): Promise<void>;
  setItemRaw(key: string, value: unknown, options?: ItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<{ ttl?: number } | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
}

/**
 * A driver of unstorage (Nitro, Nuxt). Raw items are any value that the cache takes. Where the store fails, nothing is read, as in any
 * cache, and the other calls fail. `getKeys` and `clear` need a store that lists its entries, and no `privateKeys`.
 *
 * @example
 * const storage = createStorage({ driver: cachekitDriver({ cache }) });
 *
 * @throws TypeError, RangeError and ConfigurationError for wrong options.
 */
export function cachekitDriver(options: CachekitDriverOptions): CachekitDriver {
  const { cache, ttl } = optionsWithCache(options, ['ttl']);
  ttlMsOf(ttl);
  const get = async <V>(key: string) => (await cache.get<V>(key)) ?? null;
  const set = (key: string, value: unknown, own?: ItemOptions) =>
    stored(cache.set(key, value, { ttl: own?.ttl ?? ttl }));
  return {
    name: 'cachekit-native',
    options,
    getInstance: () => cache,
    hasItem: (key) => cache.has(key),
    getItem: get<string>,
    getItems: (items) => Promise.all(items.map(async ({ key }) => ({ key, value: await get<string>(key) }))),
    getItemRaw: get<unknown>,
    setItem: set,
    async setItems(items, common) {
      await Promise.all(items.map(({ key, value, options }) => set(key, value, { ...common, ...options })));
    },
    setItemRaw: set,
    removeItem: async (key) => void (await cache.delete(key)),
    async getMeta(key) {
      const left = await cache.ttl(key);
      return left === undefined ? null : Number.isFinite(left) ? { ttl: left } : {};
    },
    getKeys: (base = '') => listKeys(cache, base),
    clear: async (base = '') => void (await cache.deleteMany(await listKeys(cache, base))),
  };
}
