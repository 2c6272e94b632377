import type { TenantCache } from '../../index.js';
import { assertPrefix, optionsWithCache, stored } from './arguments.js';

export interface NextCacheOptions {
  /** What all servers of an application share: in Redis, sealed when it has a key. */
  cache: TenantCache;
  /** Begins the cache keys; the same for both handlers. Default `'next:'`. */
  prefix?: string;
}

/** When a tag was revalidated, in milliseconds since 1970. */
interface TagTimes {
  /** What was made before is served while it is made anew. */
  stale?: number;
  /** What was made before is served no more, from then on. */
  expired?: number;
}

/** Next keeps nothing for longer. */
const YEAR_SECONDS = 365 * 86_400;

/**
 * The tags of Next.js, which is not told by its handlers what to remove but asks them whether something is older than its tags: one small
 * entry for each tag that was ever revalidated, which outlives all that has the tag.
 */
export class NextTags {
  readonly cache: TenantCache;
  readonly prefix: string;

  constructor(options: NextCacheOptions) {
    const { cache, prefix = 'next:' } = optionsWithCache(options, ['prefix']);
    assertPrefix(prefix);
    this.cache = cache;
    this.prefix = prefix;
  }

  /** @param expire seconds for which it may still be served, stale. None: it must not be. @throws BackendError. */
  async revalidate(tags: readonly string[], { expire }: { expire?: number } = {}, swr = false): Promise<void> {
    const now = Date.now();
    const times = swr
      ? { stale: now, expired: expire === undefined ? undefined : now + expire * 1000 }
      : { expired: now };
    const before = await this.#times(tags);
    const entries = tags.map(
      (tag, i) => [this.#keyOf(tag), definedOnly({ ...before[i], ...definedOnly(times) })] as const,
    );
    await stored(this.cache.setMany(entries, { ttl: YEAR_SECONDS + 86_400 }));
  }

  /** What has become of something with these tags that was made at `timestamp`. */
  async stateAt(timestamp: number, tags: readonly string[]): Promise<'fresh' | 'stale' | 'expired'> {
    if (tags.length === 0) return 'fresh';
    const now = Date.now();
    const times = await this.#times([...new Set(tags)]);
    if (times.some(({ expired = 0 } = {}) => expired > timestamp && expired <= now)) return 'expired';
    return times.some(({ stale = 0 } = {}) => stale > timestamp) ? 'stale' : 'fresh';
  }

  /** A TTL for Next's `expire`, which may be years. */
  ttlOf(expire: number | undefined): number {
    return Math.min(expire ?? YEAR_SECONDS, YEAR_SECONDS);
  }

  #times(tags: readonly string[]): Promise<(TagTimes | undefined)[]> {
    return this.cache.getMany<TagTimes>(tags.map((tag) => this.#keyOf(tag)));
  }

  #keyOf(tag: string): string {
    return `${this.prefix}tag:${tag}`;
  }
}

const definedOnly = (times: TagTimes): TagTimes =>
  Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
