import { now } from '../../util/clock.js';
import { expiryOf, isFresh } from './backend-entry.js';
import type { Checks } from './checks.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import type { FailedLoads } from './failed-loads.js';
import { isSame } from './first-tier.js';
import { FAILED, type L2 } from './l2.js';
import { countHit, countMiss } from './reads.js';
import type { Flight, Writer } from './single-flight.js';
import type { Tiers } from './tiers.js';

export interface PullParts {
  readonly tiers: Tiers;
  readonly checks: Checks;
  readonly failed: FailedLoads;
  readonly coherence: Coherence;
}

/** Attempts, when somebody else replaces the entry each time. */
const TRIES = 10;

/**
 * The value of a fresh entry, and removes that entry: to one caller alone, as far as the store compares and deletes in one step.
 *
 * @returns undefined: there is none, it does not open, the backend failed to answer, or others were faster.
 * @throws what the backend throws when it fails to delete.
 */
export async function pull(parts: PullParts, ref: EntryRef, flight: Flight<unknown, unknown>): Promise<unknown> {
  const { tiers, failed, coherence } = parts;
  try {
    return await taken(parts, ref, flight.begin());
  } finally {
    flight.remove();
    failed.forget(ref.cacheKey);
    if (tiers.l2 !== undefined) tiers.l1?.delete(ref.cacheKey, ref.tenantId);
    coherence.publish(ref.cacheKey);
  }
}

async function taken({ tiers, checks }: PullParts, ref: EntryRef, reader: Writer): Promise<unknown> {
  const { l2 } = tiers;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const own =
      l2 === undefined ? await fromFirstTier(tiers, checks, ref, reader) : await fromBackend(tiers, l2, checks, ref);
    if (own === undefined) break;
    if (own.removed) {
      countHit({ inL1: l2 === undefined }, ref);
      return own.value;
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

async function fromFirstTier(tiers: Tiers, checks: Checks, ref: EntryRef, reader: Writer): Promise<Taken | undefined> {
  const { cacheKey, tenantId } = ref;
  const held = tiers.l1?.get(cacheKey, tenantId);
  const read = await tiers.read(ref, reader);
  const found = read?.fresh ? await checks.passed(read, ref) : undefined;
  if (held === undefined || found === undefined) return undefined;
  const current = tiers.l1?.get(cacheKey, tenantId);
  const same = current !== undefined && isSame(current, held);
  return { value: found.value, removed: same && tiers.l1?.delete(cacheKey, tenantId) === true };
}

async function fromBackend(tiers: Tiers, l2: L2, checks: Checks, ref: EntryRef): Promise<Taken | undefined> {
  const at = now();
  // A copy in L1 may be of what somebody has pulled.
  const stored = await l2.get(ref, true);
  if (stored === undefined || stored === FAILED) return undefined;
  const { bytes } = stored;
  const expiresAt = expiryOf(stored, at, ref.policy.graceMs);
  if (!isFresh(stored, expiresAt)) return undefined;
  const value = await tiers.open(ref, bytes);
  const found = { bytes, value, expiresAt, fresh: true, inL1: false, taken: false };
  const passed = value === undefined ? undefined : await checks.passed(found, ref);
  return passed && { value: passed.value, removed: await l2.take(ref, bytes) };
}
