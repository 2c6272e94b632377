import { TagIndex } from '../../util/tag-index.js';
import type { Target } from './entry-target.js';

type Entry = Pick<Target, 'cacheKey' | 'tenantId' | 'tags'>;

/**
 * What this process remembers of entries beside their values: of so many at most, the one noted longest ago leaving first. As in
 * L1, two tenants whose stored keys were the same push each other out.
 */
export class EntryNotes<T> {
  readonly #most: number;
  readonly #notes = new Map<string, { readonly tenantId: string | undefined; readonly note: T }>();
  readonly #tags = new TagIndex();

  constructor(most: number) {
    this.#most = most;
  }

  get({ cacheKey, tenantId }: Entry): T | undefined {
    // Most caches have nothing to remember.
    if (this.#notes.size === 0) return undefined;
    const noted = this.#notes.get(cacheKey);
    return noted !== undefined && noted.tenantId === tenantId ? noted.note : undefined;
  }

  set({ cacheKey, tenantId, tags }: Entry, note: T): void {
    this.#notes.delete(cacheKey);
    this.#notes.set(cacheKey, { tenantId, note });
    this.#tags.assign(cacheKey, tags);
    if (this.#notes.size <= this.#most) return;
    const [first = cacheKey] = this.#notes.keys();
    this.forget(first);
  }

  /** Of an entry that was deleted or written, of whatever tenant. */
  forget(cacheKey: string): void {
    if (this.#notes.size > 0 && this.#notes.delete(cacheKey)) this.#tags.forget(cacheKey);
  }

  forgetTagged(tags: readonly string[]): void {
    if (this.#notes.size === 0) return;
    for (const cacheKey of this.#tags.cacheKeys(tags)) this.forget(cacheKey);
  }

  /** Those that were noted longest ago, as long as `is` says so. */
  forgetFirst(is: (note: T) => boolean): void {
    for (const [cacheKey, { note }] of this.#notes) {
      if (!is(note)) return;
      this.forget(cacheKey);
    }
  }

  clear(): void {
    this.#notes.clear();
    this.#tags.clear();
  }
}
