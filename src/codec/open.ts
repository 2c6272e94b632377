import type { TenantKey } from '../keys/held-key.js';
import { abortable, settled } from '../native/abort.js';
import { native, TRUSTED_INPUTS } from '../native/addon.js';
import { CHECKSUM_LEN, openedBehindHeadroom, openedScratch, SCRATCH_LEN } from '../native/memory.js';
import { checked, NATIVE_CODE, NEEDS, nativeError } from '../native/result.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { allocate, assertBytes } from '../util/bytes.js';
import type { Payloads } from './payloads.js';
import { type CodecSettings, countOpen, type SealedLayout, type TenantContext } from './tenant-context.js';
import type { WireProfile } from './wire-profile.js';

/** Opens and decodes what is stored, with the key that it names, or else every key of the tenant, the current one first. */
export function openSync<T>(
  { profile }: CodecSettings,
  payloads: Payloads<T>,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
): T {
  const layout = tenant.parsePrefix(sealed);
  const aadLen = layout.aad.write(cacheKey);
  const headroom = headroomOf(profile);
  const small = profile.hidesLength || sealed.length <= SCRATCH_LEN;
  const out = small ? openedScratch : outputFor(sealed, layout.offset, headroom);
  for (const key of layout.keys) {
    const length = openWith(key, out, headroom, sealed, layout, aadLen);
    if (length === NATIVE_CODE.AUTHENTICATION) continue;
    if (length <= NEEDS) return payloads.decodeOwned(takeOpened(key, length));
    if (length < 0) throw nativeError(length);
    countOpen(key);
    if (!small) return payloads.decodeOwned(out.subarray(headroom, headroom + length));
    return payloads.decodeBorrowed(headroom === 0 ? openedScratch : openedBehindHeadroom, length);
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);
}

/** A payload in memory of its own, and the key that opened it. */
export interface OpenedPayload {
  readonly payload: Buffer;
  readonly key: TenantKey;
}

/** As {@link openSync}, without decoding. @param layout of `sealed`. */
export function openToBuffer(
  { profile }: CodecSettings,
  layout: SealedLayout,
  sealed: Uint8Array,
  cacheKey: string,
): OpenedPayload {
  const headroom = headroomOf(profile);
  const out = profile.hidesLength ? allocate(0) : outputFor(sealed, layout.offset, headroom);
  const aadLen = layout.aad.write(cacheKey);
  for (const key of layout.keys) {
    const length = openWith(key, out, headroom, sealed, layout, aadLen);
    if (length === NATIVE_CODE.AUTHENTICATION) continue;
    if (length <= NEEDS) return { payload: takeOpened(key, length), key };
    checked(length);
    countOpen(key);
    return { payload: out.subarray(headroom, headroom + length), key };
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);
}

/** As {@link openToBuffer}, off the event loop. `sealed` must not change until the promise settles. */
export async function openAsync(
  { profile }: CodecSettings,
  tenant: TenantContext,
  { offset, keys, aad, mode }: SealedLayout,
  sealed: Uint8Array,
  cacheKey: string,
  signal: AbortSignal | undefined,
): Promise<OpenedPayload> {
  const headroom = headroomOf(profile);
  const out = profile.hidesLength ? allocate(0) : outputFor(sealed, offset, headroom);
  for (const key of keys) {
    const opened = await abortable(signal, (fired) => {
      const aadLen = aad.write(cacheKey);
      return native.openAsync(key.sealer.handle, out, headroom, sealed, offset, aad.scratch, aadLen, mode, fired);
    });
    if (opened === NATIVE_CODE.AUTHENTICATION) continue;
    if (opened === NATIVE_CODE.KEY_DESTROYED) {
      // Throws when all keys were destroyed; otherwise a rotation was completed, and another key may open it.
      tenant.snapshot();
      continue;
    }
    let payload: Buffer;
    if (typeof opened === 'number') payload = out.subarray(headroom, headroom + settled(opened, signal));
    else {
      payload = allocate(opened.length);
      checked(await opened.take(payload, 0));
    }
    countOpen(key);
    return { payload, key };
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);
}

function openWith(
  { sealer: { handle } }: TenantKey,
  out: Buffer,
  headroom: number,
  sealed: Uint8Array,
  { aad, offset, mode }: SealedLayout,
  aadLen: number,
): number {
  const length = native.openValue(handle, out, headroom, sealed, offset, aad.scratch, aadLen, mode);
  if (length !== NATIVE_CODE.NEEDS_VALIDATION) return length;
  assertBytes('sealed', sealed);
  return native.openValue(handle | TRUSTED_INPUTS, out, headroom, sealed, offset, aad.scratch, aadLen, mode);
}

/** The payload that waits in native memory, after an open whose output was too small. */
function takeOpened(key: TenantKey, length: number): Buffer {
  const payload = allocate(NEEDS - length);
  checked(native.takeOpened(key.sealer.handle, payload, 0));
  countOpen(key);
  return payload;
}

/** Bytes in front of a payload that are lent to the native addon: a checksum is opened there, and the payload needs no second copy. */
function headroomOf({ container }: WireProfile): number {
  return container === 'checksum' ? CHECKSUM_LEN : 0;
}

/** Memory for the value at `offset`, with `headroom` bytes in front of the payload, which a user's serializer can see. */
function outputFor(sealed: Uint8Array, offset: number, headroom: number): Buffer {
  const out = allocate(Math.max(headroom, sealed.length - offset - SEAL_OVERHEAD));
  return headroom === 0 ? out : out.fill(0, 0, headroom);
}
