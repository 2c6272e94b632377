import { now } from '../../util/clock.js';
import { expiryOf, isFresh } from './backend-entry.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import { FAILED } from './l2.js';
import type { Flight } from './single-flight.js';
import type { Tiers } from './tiers.js';

/** Whether entries are there, when they end, and other times for that. */
export class Lifetimes {
  readonly #tiers: Tiers;
  readonly #coherence: Coherence;

  constructor(tiers: Tiers, coherence: Coherence) {
    this.#tiers = tiers;
    this.#coherence = coherence;
  }

  /** Whether a fresh entry is stored; it is not opened. */
  async has(ref: EntryRef): Promise<boolean> {
    const { l1, l2 } = this.#tiers;
    if (l1?.get(ref.cacheKey, ref.tenantId) !== undefined) return true;
    return l2 !== undefined && ref.policy.graceMs === 0 ? l2.has(ref) : (await this.leftMs(ref)) !== undefined;
  }

  /** Milliseconds until an entry ends, `Infinity` for never; `undefined` when there is none or the backend does not say. */
  async expiresInMs(ref: EntryRef): Promise<number | undefined> {
    const left = await this.leftMs(ref);
    return left !== undefined && left > 0 ? left : undefined;
  }

  /**
   * Milliseconds that are left of a fresh entry's TTL, `Infinity` for never, NaN when the backend does not say; undefined: there is
   * none.
   */
  async leftMs(ref: EntryRef): Promise<number | undefined> {
    const { l1, l2 } = this.#tiers;
    if (l2 === undefined) {
      const held = l1?.get(ref.cacheKey, ref.tenantId);
      return held && held.expiresAt - now();
    }
    const at = now();
    const stored = await l2.get(ref, true);
    if (stored === undefined || stored === FAILED) return undefined;
    const expiresAt = expiryOf(stored, at, ref.policy.graceMs);
    return isFresh(stored, expiresAt) ? expiresAt - now() : undefined;
  }

  /** Sets a new TTL. @returns whether there was an entry. @throws BackendError for a backend that cannot, and what it throws. */
  async expire(ref: EntryRef, flight: Flight<unknown, unknown>): Promise<boolean> {
    const { l1, l2 } = this.#tiers;
    if (l2 === undefined) return l1?.expire(ref) ?? false;
    // What is kept for its grace has ended: it must not live again.
    if (ref.policy.graceMs > 0 && (await this.leftMs(ref)) === undefined) return false;
    try {
      return await l2.expire(ref);
    } finally {
      // L1's copy, and those on their way there, have the old end.
      flight.invalidate();
      l1?.delete(ref.cacheKey, ref.tenantId);
      this.#coherence.publish(ref.cacheKey);
    }
  }
}
