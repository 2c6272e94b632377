import { markAsUntransferable } from 'node:worker_threads';
import type { CacheKitError } from '../errors.js';
import { native } from '../native/addon.js';
import { checked, NATIVE_CODE } from '../native/result.js';
import { SCRATCH_LEN, sealedScratch } from '../native/scratch.js';
import { SLAB_MAX, sealedSlab } from '../native/slab.js';
import { assertValueLen } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { type BatchGroup, BatchGroups } from './batch-group.js';
import type { TenantContext, WrapperSettings } from './tenant-context.js';
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
export function sealBatch(settings: WrapperSettings, items: readonly PayloadToSeal[]): Buffer[] {
  const results: Buffer[] = items.map(() => NONE);
  const groups = new BatchGroups();
  for (let i = 0; i < items.length; i++) {
    const { tenant, payload, cacheKey } = items[i] as PayloadToSeal;
    assertValueLen(payload.length);
    // First, because what goes in front of a value is that of the keys.
    const { current } = tenant.keys;
    groups.of(current, tenant).add(i, cacheKey, payload, tenant.head?.length ?? 0);
  }
  for (const group of groups) sealGroup(settings, group, results);
  return results;
}

function sealGroup(settings: WrapperSettings, group: BatchGroup, results: Buffer[]): void {
  const { profile, keyring, nonces } = settings;
  const { tenant, inputs, indexes } = group;
  const { head } = tenant;
  const headLen = head?.length ?? 0;
  let bound = 0;
  for (let i = 0; i < inputs.length; i++) {
    bound += headLen + sealedBound(profile, (inputs[i] as Uint8Array).length);
  }
  const out = memoryFor(bound);
  let { key } = group;
  let used = native.sealMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode);
  if (used === NATIVE_CODE.NONCE_EXHAUSTED) {
    keyring.renewSequence(nonces);
    key = tenant.keys.current;
    used = native.sealMany(key.sealer.handle, out, inputs, group.aads, group.table, tenant.mode);
  }
  const sealed = keep(out, bound, checked(used));
  keyring.countSeals(key, inputs.length);
  let at = 0;
  for (let i = 0; i < indexes.length; i++) {
    const start = at;
    at += headLen + group.result(i);
    if (head !== undefined) sealed.set(head, start);
    results[indexes[i] as number] = sealed.subarray(start, at);
  }
  group.release();
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

/**
 * Opens a batch, one native call per key; each item has its own result.
 *
 * @param decode makes a value of a payload that is overwritten later.
 * @param openAlone opens one item by every key that may fit it, for what the batch could not.
 */
export function openBatch<T>(
  settings: WrapperSettings,
  items: readonly ValueToOpen[],
  decode: (payload: Buffer) => T,
  openAlone: (item: ValueToOpen) => T,
): DeserializeResult<T>[] {
  const results = items.map((): DeserializeResult<T> | undefined => undefined);
  const groups = new BatchGroups();
  for (let i = 0; i < items.length; i++) {
    const { tenant, sealed, cacheKey } = items[i] as ValueToOpen;
    try {
      const { offset, key, aad } = tenant.locate(sealed);
      // A frame with metadata of its own has an AAD template of its own.
      if (aad === tenant.aad) groups.of(key ?? tenant.keys.current, tenant).add(i, cacheKey, sealed, offset);
    } catch (error) {
      results[i] = failed(error);
    }
  }
  for (const group of groups) openGroup(settings, group, decode, results);
  for (let i = 0; i < items.length; i++) {
    if (results[i] !== undefined) continue;
    try {
      results[i] = { ok: true, value: openAlone(items[i] as ValueToOpen) };
    } catch (error) {
      results[i] = failed(error);
    }
  }
  return results as DeserializeResult<T>[];
}

function openGroup<T>(
  settings: WrapperSettings,
  group: BatchGroup,
  decode: (payload: Buffer) => T,
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
      results[indexes[i] as number] = { ok: true, value: decode(payload) };
    } catch (error) {
      results[indexes[i] as number] = failed(error);
    }
  }
  group.release();
}

function failed(error: unknown): { ok: false; error: CacheKitError | Error } {
  return { ok: false, error: error as Error };
}
