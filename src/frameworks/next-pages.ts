import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NextCacheOptions, NextTags } from './next-tags.js';
import { packed, tagsOf, unpacked, type Value } from './next-values.js';

interface CacheControl {
  revalidate: number | false;
  expire: number | undefined;
}
interface Context {
  kind?: string;
  tags?: string[];
  softTags?: string[];
  cacheControl?: CacheControl;
}
interface Kept {
  value: Value;
  lastModified: number;
  cacheControl?: CacheControl;
}

export interface NextCacheHandler {
  get(cacheKey: string, context: Context): Promise<Kept | null>;
  set(cacheKey: string, value: Value, context: object): Promise<void>;
  revalidateTag(tags: string | string[], durations?: { expire?: number }): Promise<void>;
  resetRequestCache(): void;
}
export type NextCacheHandlerClass = new (context: { serverDistDir?: string }) => NextCacheHandler;

/**
 * A class for `cacheHandler` in next.config: pages, route handlers and `fetch` results of incremental static regeneration are shared by
 * all servers, and so are `revalidateTag` and `revalidatePath`. Where the store fails, they are made anew.
 *
 * Pages are kept apart by the build's id, `fetch` results are not: they outlive a deployment, as Next means it.
 *
 * @example
 * // cache-handler.mjs, in next.config: cacheHandler: require.resolve('./cache-handler.mjs'), cacheMaxMemorySize: 0
 * export default nextCacheHandler({ cache: createCache({ backend: process.env.REDIS_URL, masterKey, namespace: 'shop' }) });
 *
 * @throws TypeError and ConfigurationError for wrong options.
 */
export function nextCacheHandler(options: NextCacheOptions): NextCacheHandlerClass {
  const tags = new NextTags(options);
  let build: string | undefined;

  // Next makes one for each request.
  return class CachekitHandler implements NextCacheHandler {
    constructor({ serverDistDir }: { serverDistDir?: string }) {
      build ??= buildIdOf(serverDistDir);
    }

    async get(cacheKey: string, { kind, tags: own = [], softTags = [] }: Context): Promise<Kept | null> {
      const kept = await tags.cache.get<Kept>(this.#keyOf(cacheKey, kind === 'FETCH'));
      if (kept === undefined) return null;
      const { value, lastModified, cacheControl } = kept;
      const state = await tags.stateAt(lastModified, [...own, ...softTags, ...tagsOf(value)]);
      if (state === 'expired') return null;
      const entry = { value: unpacked(value), cacheControl };
      return { ...entry, lastModified: state === 'stale' ? staleSince(kept) : lastModified };
    }

    async set(cacheKey: string, value: Value, context: { fetchCache?: boolean } & Context): Promise<void> {
      const { fetchCache, cacheControl, tags: own = [] } = context;
      // Next gives the tags of a fetch beside its value.
      const tagged =
        fetchCache && value !== null ? { ...value, tags: [...new Set([...own, ...tagsOf(value)])] } : value;
      const kept: Kept = { value: packed(tagged), lastModified: Date.now(), ...(cacheControl && { cacheControl }) };
      await tags.cache.set(this.#keyOf(cacheKey, fetchCache), kept, { ttl: tags.ttlOf(cacheControl?.expire) });
    }

    revalidateTag(names: string | string[], durations?: { expire?: number }): Promise<void> {
      return tags.revalidate([names].flat(), durations, durations !== undefined);
    }

    resetRequestCache(): void {}

    #keyOf(cacheKey: string, isFetch: boolean | undefined): string {
      return isFetch ? `${tags.prefix}fetch:${cacheKey}` : `${tags.prefix}page:${build}:${cacheKey}`;
    }
  };
}

/** A time at which Next finds it stale but not expired, or -1: that there is no such time, so that it waits for a new one. */
function staleSince({ value, lastModified, cacheControl }: Kept): number {
  const revalidate = value?.kind === 'FETCH' ? value.revalidate : cacheControl?.revalidate;
  return typeof revalidate === 'number' ? Math.min(lastModified, Date.now() - revalidate * 1000 - 1) : -1;
}

function buildIdOf(serverDistDir: string | undefined): string {
  try {
    return readFileSync(join(serverDistDir ?? '.next/server', '..', 'BUILD_ID'), 'utf8').trim();
  } catch {
    return 'development';
  }
}
