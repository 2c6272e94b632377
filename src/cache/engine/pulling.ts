import { now } from '../../util/clock.js';
import { expiryOf, isFresh } from './backend-entry.js';
import type { EntryRef } from './entry-ref.js';
import { isSame } from './first-tier.js';
import { FAILED, type L2 } from './l2.js';
import { countHit, countMiss } from './reads.js';
import type { Writer } from './single-flight.js';
import type { Tiers } from './tiers.js';

/** Attempts, when somebody else replaces the entry each time. */
const TRIES = 10;

/**
 * The value of a fresh entry, and removes that entry: to one caller alone, as far as the store compares and deletes in one step.
 *
 * @returns undefined: there is none, it does not open, the backend failed to answer, or others were faster.
 * @throws what the backend throws when it fails to delete.
 */
export async function pull(tiers: Tiers, ref: EntryRef, reader: Writer): Promise<unknown> {
  const { l2 } = tiers;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const taken = l2 === undefined ? await fromFirstTier(tiers, ref, reader) : await fromBackend(tiers, l2, ref);
    if (taken === undefined) break;
    if (taken.removed) {
      countHit({ inL1: l2 === undefined }, ref);
      return taken.value;
    }
  }
  countMiss(ref);
  return undefined;
}

interface Taken {
  readonly value: unknown;
  /** False: somebody else has removed or replaced it. */
  readonly removed: boolean;
}

async function fromFirstTier(tiers: Tiers, ref: EntryRef, reader: Writer): Promise<Taken | undefined> {
  const { cacheKey, tenantId } = ref;
  const held = tiers.l1?.get(cacheKey, tenantId);
  const found = await tiers.read(ref, reader);
  if (held === undefined || !found?.fresh) return undefined;
  const current = tiers.l1?.get(cacheKey, tenantId);
  const same = current !== undefined && isSame(current, held);
  return { value: found.value, removed: same && tiers.l1?.delete(cacheKey, tenantId) === true };
}

async function fromBackend(tiers: Tiers, l2: L2, ref: EntryRef): Promise<Taken | undefined> {
  const at = now();
  // A copy in L1 may be of what somebody has pulled.
  const stored = await l2.get(ref, true);
  if (stored === undefined || stored === FAILED) return undefined;
  if (!isFresh(stored, expiryOf(stored, at, ref.policy.graceMs))) return undefined;
  const value = await tiers.open(ref, stored.bytes);
  return value === undefined ? undefined : { value, removed: await l2.take(ref, stored.bytes) };
}
