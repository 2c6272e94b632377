import { hasCode, isError, propertyOf } from '../../errors.js';
import { now } from '../../util/clock.js';
import { TagIndex } from '../../util/tag-index.js';
import type { EntryRef } from './entry-ref.js';
import { isMisconfiguration } from './failure-policy.js';

/** Entries whose functions have failed, of which this is remembered. */
const MOST_BACKOFFS = 10_000;
/** Errors may be large. */
const MOST_ERRORS = 1_000;

interface BackedOff {
  /** Failures in a row, each after the back-off of the one before. */
  readonly failures: number;
  readonly until: number;
}

interface Failed {
  readonly error: unknown;
  readonly until: number;
}

/**
 * Functions that failed: until when a stale value answers without another run, and, with `errorTtl`, the error that is thrown
 * again until then, as the entry's policy says. It lives in this process, goes with the entry, and ends with the next success.
 */
export class FailedLoads {
  readonly #backoffs = new EntryNotes<BackedOff>(MOST_BACKOFFS);
  readonly #errors = new EntryNotes<Failed>(MOST_ERRORS);

  isBackedOff(ref: EntryRef): boolean {
    const noted = this.#backoffs.get(ref);
    return noted !== undefined && now() < noted.until;
  }

  /** What the function last threw, while it is to be thrown again. */
  errorOf(ref: EntryRef): Failed | undefined {
    const noted = this.#errors.get(ref);
    return noted !== undefined && now() < noted.until ? noted : undefined;
  }

  threw(ref: EntryRef, error: unknown): void {
    if (isMisconfiguration(error)) return;
    this.late(ref);
    const { errorTtlMs } = ref.policy;
    if (errorTtlMs === undefined || isAbort(error)) return;
    const at = now();
    this.#errors.forgetFirst(({ until }) => until <= at);
    this.#errors.set(ref, { error, until: at + errorTtlMs });
  }

  /** A function has not returned in time. What fails during a back-off does not make it longer. */
  late(ref: EntryRef): void {
    const { backoff, graceMs } = ref.policy;
    // Without stale values there is nothing that could answer.
    if (backoff === undefined || graceMs === 0 || this.isBackedOff(ref)) return;
    const { firstMs, maxMs } = backoff;
    const failures = this.#backoffs.get(ref)?.failures ?? 0;
    // At random between half of it and all of it, so that entries that failed together are not tried together.
    const ms = Math.min(maxMs, firstMs * 2 ** failures) * (1 - Math.random() / 2);
    this.#backoffs.set(ref, { failures: failures + 1, until: now() + ms });
  }

  /** The entry has a good value, or nothing any more. */
  forget(cacheKey: string): void {
    this.#backoffs.forget(cacheKey);
    this.#errors.forget(cacheKey);
  }

  forgetTagged(tags: readonly string[]): void {
    this.#backoffs.forgetTagged(tags);
    this.#errors.forgetTagged(tags);
  }

  /** Any entry may have changed unseen. */
  forgetErrors(): void {
    this.#errors.clear();
  }

  clear(): void {
    this.#backoffs.clear();
    this.#errors.clear();
  }
}

/** Whether it says that a caller did not wait, rather than that the function failed. */
function isAbort(error: unknown): boolean {
  if (hasCode(error, 'ERR_TIMEOUT')) return true;
  const name = isError(error) ? propertyOf(error, 'name') : undefined;
  // `AbortSignal.timeout()` throws the second.
  return name === 'AbortError' || name === 'TimeoutError';
}

type Entry = Pick<EntryRef, 'cacheKey' | 'tenantId' | 'tags'>;

/**
 * Notes of this process on entries: of so many at most, the oldest leaving first. As in L1, two tenants whose stored keys were
 * the same push each other out.
 */
class EntryNotes<T> {
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
