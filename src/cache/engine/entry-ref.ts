import type { TraceSpan } from '../../util/observed.js';
import type { Counters } from './counters.js';
import type { Policy } from './policy.js';

/** What entries of one function and tenant have in common. */
export interface CallSite {
  readonly id: number;
}

/** A call that is identified by its arguments. */
export interface Call {
  readonly site: CallSite;
  /** Canonical, and the caller's. */
  readonly args: Uint8Array;
}

/** A reference to one entry, for one operation. Its identity is (tenantId, cacheKey). */
export interface EntryRef {
  /** As in the AAD, and in the backend unless keys are private. */
  readonly cacheKey: string;
  /** undefined: the codec's own. */
  readonly tenantId: string | undefined;
  /** `Infinity` for never. */
  readonly ttlMs: number;
  /** By which the first tier finds the entry of a function's call. */
  readonly call?: Call | undefined;
  readonly counters: Counters;
  readonly policy: Policy;
  /** In front of private names. */
  readonly namespace?: string | undefined;
  /** Full names of the tags that the entry is written with. */
  readonly tags?: readonly string[] | undefined;
  /** Whether the arguments of a call still name this entry: objects may have changed since. */
  readonly unchanged?: (() => boolean) | undefined;
  /** The full name of a tag that the function itself gives its result. */
  readonly tagName?: ((tag: string) => string) | undefined;
  /** Of an operation that is traced. */
  readonly span?: TraceSpan | undefined;
  /** The backend timed out: it is not asked to store the result, for which the caller would wait as long again. */
  unanswered?: boolean;
}
