import { hasCode, isError, propertyOf } from '../../errors.js';
import { now } from '../../util/clock.js';
import { EntryNotes } from './entry-notes.js';
import type { Target } from './entry-target.js';
import { isMisconfiguration } from './failure-policy.js';

export interface BackoffSettings {
  /** After the first failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

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
 * again until then. It lives in this process, goes with the entry, and ends with the next success.
 */
export class FailedLoads {
  readonly #backoff: BackoffSettings | undefined;
  readonly #errorTtlMs: number | undefined;
  readonly #backoffs = new EntryNotes<BackedOff>(MOST_BACKOFFS);
  readonly #errors = new EntryNotes<Failed>(MOST_ERRORS);

  /** undefined: there is no back-off; errors are not kept. */
  constructor(backoff: BackoffSettings | undefined, errorTtlMs: number | undefined) {
    this.#backoff = backoff;
    this.#errorTtlMs = errorTtlMs;
  }

  isBackedOff(target: Target): boolean {
    const noted = this.#backoffs.get(target);
    return noted !== undefined && now() < noted.until;
  }

  /** What the function last threw, while it is to be thrown again. */
  errorOf(target: Target): Failed | undefined {
    const noted = this.#errors.get(target);
    return noted !== undefined && now() < noted.until ? noted : undefined;
  }

  /** A function has thrown. */
  threw(target: Target, error: unknown): void {
    if (isMisconfiguration(error)) return;
    this.late(target);
    if (this.#errorTtlMs === undefined || isAbort(error)) return;
    const at = now();
    this.#errors.forgetFirst(({ until }) => until <= at);
    this.#errors.set(target, { error, until: at + this.#errorTtlMs });
  }

  /** A function has not returned in time. What fails during a back-off does not make it longer. */
  late(target: Target): void {
    if (this.#backoff === undefined || this.isBackedOff(target)) return;
    const { firstMs, maxMs } = this.#backoff;
    const failures = this.#backoffs.get(target)?.failures ?? 0;
    // At random between half of it and all of it, so that entries that failed together are not tried together.
    const ms = Math.min(maxMs, firstMs * 2 ** failures) * (1 - Math.random() / 2);
    this.#backoffs.set(target, { failures: failures + 1, until: now() + ms });
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

/** What says that somebody did not wait, rather than that the function cannot work. */
function isAbort(error: unknown): boolean {
  if (hasCode(error, 'ERR_TIMEOUT')) return true;
  const name = isError(error) ? propertyOf(error, 'name') : undefined;
  // `AbortSignal.timeout()` throws the second.
  return name === 'AbortError' || name === 'TimeoutError';
}
