/** Cache handlers of Next.js. */

export { type NextCacheHandler, type NextCacheHandlerClass, nextCacheHandler } from './next-pages.js';
export type { NextCacheOptions } from './next-tags.js';
export { type NextUseCacheEntry, type NextUseCacheHandler, nextUseCacheHandler } from './next-use-cache.js';
