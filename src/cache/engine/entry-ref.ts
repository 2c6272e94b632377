import type { Counters } from './counters.js';

/** A reference to one entry, for one operation. Its identity is (tenantId, cacheKey). */
export interface EntryRef {
  /** As in the AAD, and in the backend unless keys are private. */
  readonly cacheKey: string;
  /** undefined: the codec's own. */
  readonly tenantId: string | undefined;
  /** `Infinity` for never. */
  readonly ttlMs: number;
  readonly counters: Counters;
  /** In front of private names. */
  readonly namespace?: string | undefined;
  /** Full names of the tags that the entry is written with. */
  readonly tags?: readonly string[] | undefined;
  /** Whether the arguments of a call still name this entry: objects may have changed since. */
  readonly unchanged?: (() => boolean) | undefined;
  /** The full name of a tag that the function itself gives its result. */
  readonly tagName?: ((tag: string) => string) | undefined;
  /** The backend timed out: it is not asked to store the result, for which the caller would wait as long again. */
  unanswered?: boolean;
}
