// That the handlers are what Next declares them to be; compiled by `next build`.

import { type NextCacheHandlerClass, nextCacheHandler, nextUseCacheHandler } from 'cachekit-native/next';
import type { CacheHandler } from 'next/dist/server/lib/cache-handlers/types';
import type { CacheHandler as PagesHandler } from 'next/dist/server/lib/incremental-cache';
import { cache } from './shared-cache.mjs';

export const useCache: CacheHandler = nextUseCacheHandler({ cache });
const Handler: NextCacheHandlerClass = nextCacheHandler({ cache });
export const pages: typeof PagesHandler = Handler;
