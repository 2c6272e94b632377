import { markAsUntransferable } from 'node:worker_threads';
import type { CacheKitError } from '../errors.js';
import type { TenantKey } from '../keys/held-key.js';
import { native } from '../native/addon.js';
import { SCRATCH_LEN, SLAB_MAX, sealedScratch, sealedSlab } from '../native/memory.js';
import { checked, NATIVE_CODE } from '../native/result.js';
import { assertValueLen } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { type BatchGroup, BatchGroups } from './batch-group.js';
import { openSync } from './open.js';
import type { Payloads } from './payloads.js';
import { sealSync } from './seal.js';
import type { CodecSettings, TenantContext } from './tenant-context.js';
import type { DeserializeResult } from './value-codec.js';
import { sealedBound } from './wire-profile.js';

interface PayloadToSeal {
  payload: Uint8Array;
  cacheKey: string;
  tenant: TenantContext;
}

interface ValueToOpen {
  sealed: Uint8Array;
  cacheKey: string;
  tenant: TenantContext;
}

const NONE = Buffer.alloc(0);
/** Room for opened payloads, whose sizes are not known before; what does not fit is opened alone. */
const MAX_OPENED_LEN = 4 * 1024 * 1024;

/** Seals a batch, one native call per key; all of it or, when an item fails, nothing. */
export function sealBatch(settings: CodecSettings, items: readonly PayloadToSeal[]): Buffer[] {
  const results: Buffer[] = items.map(() => NONE);
  const groups = new BatchGroups();
  for (let i = 0; i < items.length; i++) {
    const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
    assertValueLen(payload.length);
    const { current, prefixLen } = tenant.snapshot();
    groups.of(current, tenant).add(i, cacheKey, payload, prefixLen);
  }
  for (const group of groups) {
    if (sealGroup(settings, group, results)) continue;
    for (const i of group.indexes) {
      const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
      results[i] = sealSync(settings, tenant, payload, cacheKey);
    }
  }
  return results;
}

/** @returns false when the key has not as many nonces left: its items are then sealed one by one, with those of a new sequence. */
function sealGroup({ profile, keyring }: CodecSettings, group: BatchGroup, results: Buffer[]): boolean {
  const { key, tenant, inputs, indexes } = group;
  const { prefix, prefixLen } = tenant.snapshot();
  let bound = 0;
  for (let i = 0; i < inputs.length; i++) {
    bound += prefixLen + sealedBound(profile, (inputs[i] as Uint8Array).length);
  }
  const out = memoryFor(bound);
  const used = native.sealMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode);
  if (used === NATIVE_CODE.NONCE_EXHAUSTED) return false;
  const sealed = keep(out, bound, checked(used));
  keyring.countSeals(key, inputs.length);
  let at = 0;
  for (let i = 0; i < indexes.length; i++) {
    const start = at;
    at += prefixLen + group.result(i);
    if (prefix !== undefined) sealed.set(prefix, start);
    results[indexes[i] as number] = sealed.subarray(start, at);
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
  // Transferring one result to a worker would detach all its neighbours.
  markAsUntransferable(kept.buffer);
  return kept;
}

/** Opens a batch, one native call per key; each item has its own result. */
export function openBatch<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  items: readonly ValueToOpen[],
): DeserializeResult<T>[] {
  const results = items.map((): DeserializeResult<T> | undefined => undefined);
  const groups = new BatchGroups();
  for (let i = 0; i < items.length; i++) {
    const { tenant, sealed, cacheKey } = items[i] as ValueToOpen;
    try {
      const { offset, keys, aad } = tenant.parsePrefix(sealed);
      // A frame with metadata of its own has an AAD template of its own.
      if (aad === tenant.aad) groups.of(keys[0] as TenantKey, tenant).add(i, cacheKey, sealed, offset);
    } catch (error) {
      results[i] = failed(error);
    }
  }
  for (const group of groups) openGroup(settings, payloads, group, results);
  for (let i = 0; i < items.length; i++) {
    if (results[i] !== undefined) continue;
    // Alone, by every key that may fit it, and with as much room as it needs.
    const { tenant, sealed, cacheKey } = items[i] as ValueToOpen;
    try {
      results[i] = { ok: true, value: openSync(settings, payloads, tenant, sealed, cacheKey) };
    } catch (error) {
      results[i] = failed(error);
    }
  }
  return results as DeserializeResult<T>[];
}

function openGroup<T>(
  settings: CodecSettings,
  payloads: Payloads<T>,
  group: BatchGroup,
  results: (DeserializeResult<T> | undefined)[],
): void {
  const { key, tenant, inputs, indexes } = group;
  let total = 0;
  for (let i = 0; i < inputs.length; i++) total += (inputs[i] as Uint8Array).length;
  const growth = settings.profile.hidesLength ? 4 : 1;
  const out = group.room(Math.min(total * growth, Math.max(total, MAX_OPENED_LEN)));
  checked(native.openMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode));
  let at = 0;
  for (let i = 0; i < indexes.length; i++) {
    const length = group.result(i);
    // A failure may only mean that an older key is needed, or more room.
    if (length < 0) continue;
    const payload = out.subarray(at, at + length);
    at += length;
    settings.keyring.countOpen(key);
    try {
      results[indexes[i] as number] = { ok: true, value: payloads.decodeBorrowed(payload, length) };
    } catch (error) {
      results[indexes[i] as number] = failed(error);
    }
  }
  group.release();
}

function failed(error: unknown): { ok: false; error: CacheKitError | Error } {
  return { ok: false, error: error as Error };
}
