/** What an entry's tag costs beside its text, of 100 tags an entry that no other has: members of a set and of a map. */
const TAG_OVERHEAD = 128;

/** Which cache keys have which tags. */
export class TagIndex {
  readonly #tagsOf = new Map<string, ReadonlySet<string>>();
  /** A single one by itself: a set for each would cost more than all else. */
  readonly #cacheKeysOf = new Map<string, string | Set<string>>();

  /** Gives a cache key these tags and no others. */
  assign(cacheKey: string, tags: readonly string[] | undefined): void {
    this.forget(cacheKey);
    if (tags === undefined || tags.length === 0) return;
    const distinct = new Set(tags);
    this.#tagsOf.set(cacheKey, distinct);
    for (const tag of distinct) {
      const cacheKeys = this.#cacheKeysOf.get(tag);
      if (cacheKeys === undefined) this.#cacheKeysOf.set(tag, cacheKey);
      else if (typeof cacheKeys === 'string') this.#cacheKeysOf.set(tag, new Set([cacheKeys, cacheKey]));
      else cacheKeys.add(cacheKey);
    }
  }

  forget(cacheKey: string): void {
    // Most stores have no tags at all.
    if (this.#tagsOf.size === 0) return;
    const tags = this.#tagsOf.get(cacheKey);
    if (tags === undefined) return;
    this.#tagsOf.delete(cacheKey);
    for (const tag of tags) {
      const cacheKeys = this.#cacheKeysOf.get(tag);
      if (typeof cacheKeys === 'object') cacheKeys.delete(cacheKey);
      if (typeof cacheKeys === 'string' || cacheKeys?.size === 0) this.#cacheKeysOf.delete(tag);
    }
  }

  /** The cache keys with one of the tags, each once. */
  cacheKeys(tags: Iterable<string>): Set<string> {
    const found = new Set<string>();
    for (const tag of tags) {
      const cacheKeys = this.#cacheKeysOf.get(tag) ?? [];
      if (typeof cacheKeys === 'string') found.add(cacheKeys);
      else for (const cacheKey of cacheKeys) found.add(cacheKey);
    }
    return found;
  }

  clear(): void {
    this.#tagsOf.clear();
    this.#cacheKeysOf.clear();
  }
}

/** Bytes that tags take up in a {@link TagIndex}. */
export function tagsCost(tags: Iterable<string> | undefined): number {
  let cost = 0;
  if (tags !== undefined) for (const tag of tags) cost += 2 * tag.length + TAG_OVERHEAD;
  return cost;
}
