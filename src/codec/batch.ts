import { markAsUntransferable } from 'node:worker_threads';
import type { TenantKey } from '../keys/held-key.js';
import { native } from '../native/addon.js';
import { SCRATCH_LEN, SLAB_MAX, sealedScratch, sealedSlab } from '../native/memory.js';
import { NATIVE_CODE, nativeError } from '../native/result.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import { type BatchGroup, Groups } from './batch-group.js';
import { openSync } from './open.js';
import { type Payloads, packedBound } from './payloads.js';
import { sealSync } from './seal.js';
import { type CodecSettings, countOpen, countSeals, type TenantContext } from './tenant-context.js';
import { Unopened } from './value-codec.js';

interface PayloadToSeal {
  payload: Uint8Array;
  cacheKey: string;
  tenant: TenantContext;
}

const NONE = Buffer.alloc(0);
/** Room for opened payloads, whose sizes are not known before; what does not fit is opened alone. */
const MAX_OPENED_LEN = 4 * 1024 * 1024;

/** Seals a batch, one native call per key; all of it or, when an item fails, nothing. */
export function sealBatch(settings: CodecSettings, items: readonly PayloadToSeal[]): Buffer[] {
  const results: Buffer[] = items.map(() => NONE);
  const groups = new Groups();
  for (let i = 0; i < items.length; i++) {
    const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
    groups.of(tenant.snapshot().current, tenant).add(i, cacheKey, payload, 0);
  }
  for (const group of groups) {
    if (sealGroup(settings, group, results)) continue;
    for (const i of group.places()) {
      const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
      results[i] = sealSync(settings, tenant, payload, cacheKey);
    }
  }
  return results;
}

/** @returns false when the key has not as many nonces left: its items are then sealed one by one, with those of a new sequence. */
function sealGroup(settings: CodecSettings, group: BatchGroup, results: Buffer[]): boolean {
  const { key, tenant, count } = group;
  const { prefix, prefixLen } = tenant.snapshot();
  let bound = 0;
  for (let n = 0; n < count; n++) bound += prefixLen + packedBound(settings.profile, group.length(n)) + SEAL_OVERHEAD;
  const out = memoryFor(bound);
  const { inputs, text, table } = group.finished(prefixLen);
  const used = native.sealMany(key.sealer.handle, out, inputs, text, table, count, tenant.mode);
  if (used === NATIVE_CODE.NONCE_EXHAUSTED) return false;
  if (used < 0) throw nativeError(used);
  const sealed = keep(out, bound, used);
  countSeals(settings, key, count);
  let at = 0;
  for (let n = 0; n < count; n++) {
    const start = at;
    at += prefixLen + group.length(n);
    if (prefix !== undefined) sealed.set(prefix, start);
    results[group.place(n)] = sealed.subarray(start, at);
  }
  group.release();
  return true;
}

function memoryFor(bound: number): Buffer {
  if (bound > SCRATCH_LEN) return allocate(bound);
  if (bound > SLAB_MAX) return sealedScratch;
  sealedSlab.reserve(bound);
  const { buffer, offset } = sealedSlab;
  return buffer.subarray(offset, offset + bound);
}

/** The memory that the results stay in. */
function keep(out: Buffer, bound: number, used: number): Buffer {
  if (bound <= SLAB_MAX) return sealedSlab.take(used);
  const kept = out === sealedScratch ? exactly(out, used) : trim(out, used);
  // Transferring one result to a worker would detach all the others.
  markAsUntransferable(kept.buffer);
  return kept;
}

/**
 * Opens what is stored of one tenant, one native call per key. Each has its own result, {@link Unopened} for a failure; a place
 * without bytes stays empty.
 */
export function openBatch<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  tenant: TenantContext,
  cacheKeys: readonly string[],
  stored: readonly (Uint8Array | undefined)[],
): (T | Unopened | undefined)[] {
  const results: (T | Unopened | undefined)[] = stored.map(() => undefined);
  const alone: number[] = [];
  const groups = new Groups();
  for (let i = 0; i < stored.length; i++) {
    const sealed = stored[i];
    if (sealed === undefined) continue;
    try {
      const { offset, keys, aad } = tenant.parsePrefix(sealed);
      // A frame with metadata of its own has an AAD template of its own; room for many large values at once would be twice as much memory.
      if (aad !== tenant.aad || sealed.length > SCRATCH_LEN) append(alone, i);
      else groups.of(keys[0] as TenantKey, tenant).add(i, cacheKeys[i] as string, sealed, offset);
    } catch (error) {
      results[i] = new Unopened(error as Error);
    }
  }
  for (const group of groups) openGroup(settings, payloads, group, results, alone);
  for (const i of alone) {
    // By every key that may fit it, and with as much room as it needs.
    try {
      results[i] = openSync(settings, payloads, tenant, stored[i] as Uint8Array, cacheKeys[i] as string);
    } catch (error) {
      results[i] = new Unopened(error as Error);
    }
  }
  return results;
}

/** @param alone gets the places of those that did not open. */
function openGroup<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  group: BatchGroup,
  results: (T | Unopened | undefined)[],
  alone: number[],
): void {
  const { key, tenant, count } = group;
  let total = 0;
  for (let n = 0; n < count; n++) total += group.length(n);
  const growth = settings.profile.hidesLength ? 4 : 1;
  const out = group.room(Math.min(total * growth, Math.max(total, MAX_OPENED_LEN)));
  const { inputs, text, table } = group.finished(0);
  const opened = native.openMany(key.sealer.handle, out, inputs, text, table, count, tenant.mode);
  if (opened < 0) throw nativeError(opened);
  let at = 0;
  for (let n = 0; n < count; n++) {
    const i = group.place(n);
    const length = group.length(n);
    if (length < 0) {
      // Perhaps only because an older key is needed, or more room.
      append(alone, i);
      continue;
    }
    countOpen(key);
    try {
      results[i] = payloads.decodeBorrowed(out, length, at);
    } catch (error) {
      results[i] = new Unopened(error as Error);
    }
    at += length;
  }
  group.release();
}
