import type { ValueCodec } from '../../codec/value-codec.js';
import { now } from '../../util/clock.js';
import type { Coherence } from './coherence.js';
import { settleEach } from './concurrency.js';
import type { EntryRef } from './entry-ref.js';
import type { L2, Stored } from './l2.js';
import type { Writer } from './single-flight.js';
import { jittered, type Tiers } from './tiers.js';

export interface Item {
  readonly ref: EntryRef;
  readonly value: unknown;
}

/** Many entries at once: one request to the backend, and one native call for each key. */
export class Batches {
  readonly #codec: ValueCodec;
  readonly #tiers: Tiers;
  readonly #coherence: Coherence;

  constructor(codec: ValueCodec, tiers: Tiers, coherence: Coherence) {
    this.#codec = codec;
    this.#tiers = tiers;
    this.#coherence = coherence;
  }

  /** @throws for the first value that is refused, and then nothing is sealed. */
  seal(items: readonly Item[]): Buffer[] {
    return this.#codec.serializeMany(
      items.map(({ ref: { cacheKey, tenantId }, value }) => ({ cacheKey, tenantId, value })),
    );
  }

  /** Writes items that are `sealed`. @returns whether all were stored. */
  async write(items: readonly Item[], sealed: readonly Buffer[], writers: readonly Writer[]): Promise<boolean> {
    const tiers = this.#tiers;
    const { invalidations } = tiers;
    const begun = invalidations.begin();
    try {
      const at = now();
      const all = items.map(({ ref }, i) => {
        return { ref, bytes: sealed[i] as Buffer, ttlMs: jittered(ref) };
      });
      let stored = false;
      try {
        stored = tiers.l2 === undefined || ((await tiers.l2.setMany(all)) ?? (await setEach(tiers.l2, all)));
      } finally {
        for (const [i, { ref }] of all.entries()) {
          if (!stored) tiers.unwritten(ref, writers[i] as Writer);
          this.#coherence.publish(ref.cacheKey);
        }
      }
      if (!stored) return false;
      const takenBack = all.map(({ ref, bytes, ttlMs }, i) => {
        const removed = invalidations.since(begun, ref.tags ?? []) !== undefined;
        return tiers.written(ref, bytes, (items[i] as Item).value, at + ttlMs, writers[i] as Writer, removed);
      });
      await Promise.all(takenBack);
      return true;
    } finally {
      invalidations.end(begun);
    }
  }
}

/** Writes them one by one. @returns whether all were stored. */
async function setEach(l2: L2, items: readonly Stored[]): Promise<boolean> {
  // Of equal keys the last one counts, and requests at once have no order.
  const last = new Map(items.map((item) => [JSON.stringify([item.ref.tenantId, item.ref.cacheKey]), item]));
  // All of them are over before the caller hears of one that is too large.
  const stored = await settleEach([...last.values()], (item) => l2.set(item));
  for (const one of stored) if (one.status === 'rejected') throw one.reason;
  return stored.every((one) => one.status === 'fulfilled' && one.value === true);
}
