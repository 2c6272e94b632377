import { type NextCacheOptions, NextTags } from './next-tags.js';

/** An entry of `'use cache'`, as Next has it: seconds, but for `timestamp`. */
export interface NextUseCacheEntry {
  value: ReadableStream<Uint8Array>;
  tags: string[];
  stale: number;
  timestamp: number;
  expire: number;
  revalidate: number;
}

/** What `cacheHandlers` of next.config takes. */
export interface NextUseCacheHandler {
  get(cacheKey: string, softTags: string[]): Promise<NextUseCacheEntry | undefined>;
  set(cacheKey: string, pendingEntry: Promise<NextUseCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: string[]): Promise<number>;
  updateTags(tags: string[], durations?: { expire?: number }): Promise<void>;
}

type Kept = Omit<NextUseCacheEntry, 'value'> & { value: Uint8Array<ArrayBuffer> };

/**
 * A handler for `cacheHandlers` in next.config (Next.js 16): what functions and components with `'use cache'` return is shared by all
 * servers, and so are `revalidateTag` and `updateTag`. Where the store fails, they run.
 *
 * @example
 * // use-cache-handler.mjs, in next.config: cacheHandlers: { default: require.resolve('./use-cache-handler.mjs') }
 * export default nextUseCacheHandler({ cache: createCache({ backend: process.env.REDIS_URL, masterKey, namespace: 'shop' }) });
 *
 * @throws TypeError and ConfigurationError for wrong options.
 */
export function nextUseCacheHandler(options: NextCacheOptions): NextUseCacheHandler {
  const tags = new NextTags(options);
  const keyOf = (cacheKey: string) => `${tags.prefix}use:${cacheKey}`;
  /** Of entries that are on their way: a `get` of one waits for it. */
  const pending = new Map<string, Promise<void>>();
  const write = async (cacheKey: string, pendingEntry: Promise<NextUseCacheEntry>) => {
    const { value, ...entry } = await pendingEntry;
    // Whole, or an error: half of a stream is not kept.
    const bytes = new Uint8Array(await new Response(value).arrayBuffer());
    if (entry.expire <= 0) return;
    const kept: Kept = { ...entry, value: bytes };
    await tags.cache.set(keyOf(cacheKey), kept, { ttl: tags.ttlOf(entry.expire) });
  };
  return {
    async get(cacheKey, softTags) {
      await pending.get(cacheKey)?.catch(() => {});
      const kept = await tags.cache.get<Kept>(keyOf(cacheKey));
      if (kept === undefined) return undefined;
      const state = await tags.stateAt(kept.timestamp, [...kept.tags, ...softTags]);
      if (state === 'expired') return undefined;
      // Next serves it once more, and makes it anew.
      const revalidate = state === 'stale' ? -1 : kept.revalidate;
      return { ...kept, revalidate, value: new Blob([kept.value]).stream() };
    },
    async set(cacheKey, pendingEntry) {
      const work = write(cacheKey, pendingEntry);
      pending.set(cacheKey, work);
      try {
        await work;
      } finally {
        if (pending.get(cacheKey) === work) pending.delete(cacheKey);
      }
    },
    refreshTags: async () => {},
    // Next is to give the tags to `get`.
    getExpiration: async () => Number.POSITIVE_INFINITY,
    updateTags: (names, durations) => tags.revalidate(names, durations, durations !== undefined),
  };
}
