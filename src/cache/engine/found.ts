import type { EntryRef } from './entry-ref.js';

/** What is known of an entry of which L1 keeps a copy. */
export type CopyRef = Pick<EntryRef, 'cacheKey' | 'tenantId' | 'ttlMs' | 'call' | 'policy'>;

export interface Found {
  /** As stored; undefined where L1 keeps decoded values. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  /** When the entry's TTL ends, on the clock of {@link now}: `Infinity` for never, NaN when unknown. */
  readonly expiresAt: number;
  readonly fresh: boolean;
  readonly inL1: boolean;
  /** Whether a caller was given `value`; the next one decodes its own. */
  taken: boolean;
}
