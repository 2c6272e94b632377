import type { TenantKey } from '../keys/held-key.js';
import { abortable, settled } from '../native/abort.js';
import { MODE_IN_PLACE, native } from '../native/addon.js';
import { NATIVE_CODE, nativeError } from '../native/result.js';
import { SCRATCH_LEN, sealedScratch } from '../native/scratch.js';
import { SLAB_MAX, sealedSlab } from '../native/slab.js';
import { assertValueLen } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { takeRoom } from './headroom.js';
import type { TenantContext, WrapperSettings } from './tenant-context.js';
import { sealedBound } from './wire-profile.js';

/**
 * Seals one payload, with the header or frame that its readers expect in front. A payload that has room around it is sealed
 * where it is, which spares an allocation of its size: it is gone afterwards.
 */
export function sealNow(
  settings: WrapperSettings,
  tenant: TenantContext,
  payload: Uint8Array,
  cacheKey: string,
): Buffer {
  const { profile } = settings;
  const { current } = tenant.keys;
  const { head } = tenant;
  const headLen = head === undefined ? 0 : head.length;
  assertValueLen(payload.length);
  const bound = headLen + sealedBound(profile, payload.length);
  if (bound <= SLAB_MAX) {
    sealedSlab.reserve(bound);
    const { buffer, offset } = sealedSlab;
    const length = sealInto(settings, buffer, offset + headLen, tenant, current, payload, cacheKey, tenant.mode);
    if (head !== undefined) buffer.set(head, offset);
    return sealedSlab.take(headLen + length);
  }
  const placed = takeRoom(payload, headLen, profile.container);
  if (placed !== undefined) {
    sealInto(settings, placed, headLen, tenant, current, payload, cacheKey, tenant.mode | MODE_IN_PLACE);
    if (head !== undefined) placed.set(head);
    return placed;
  }
  // The exact length of a compressed value is known only afterwards.
  const out = profile.hidesLength && bound <= SCRATCH_LEN ? sealedScratch : allocate(bound);
  const length = headLen + sealInto(settings, out, headLen, tenant, current, payload, cacheKey, tenant.mode);
  if (head !== undefined) out.set(head);
  return out === sealedScratch ? exactly(out, length) : trim(out, length);
}

/** As {@link sealNow}, off the event loop. The nonce is taken at the call. @param payload bytes that nobody else holds. */
export async function sealLater(
  settings: WrapperSettings,
  tenant: TenantContext,
  payload: Uint8Array,
  cacheKey: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { current } = tenant.keys;
  const { head, aad, mode } = tenant;
  const headLen = head?.length ?? 0;
  assertValueLen(payload.length);
  const placed = takeRoom(payload, headLen, settings.profile.container);
  const out = placed ?? allocate(headLen + sealedBound(settings.profile, payload.length));
  const sealMode = placed === undefined ? mode : mode | MODE_IN_PLACE;
  const pending = abortable(signal, (fired) => {
    // Written only now: a signal's own `addEventListener` is a stranger's code, and the scratch buffer is shared.
    const aadLen = aad.write(cacheKey);
    return native.sealAsync(current.sealer.handle, out, headLen, payload, aad.scratch, aadLen, sealMode, fired);
  });
  settings.keyring.countSeals(current, 1);
  const result = await pending;
  // Counted on the main thread, before anything is written, so this is rare and the value is simply sealed with a fresh sequence.
  if (result === NATIVE_CODE.NONCE_EXHAUSTED) return sealNow(settings, tenant, payload, cacheKey);
  const length = headLen + settled(result, signal);
  if (head !== undefined) out.set(head);
  // What is behind it, the native addon has cleared.
  return trim(out, length, true);
}

function sealInto(
  { keyring, nonces }: WrapperSettings,
  out: Buffer,
  offset: number,
  tenant: TenantContext,
  key: TenantKey,
  payload: Uint8Array,
  cacheKey: string,
  mode: number,
): number {
  const { aad } = tenant;
  const aadLen = aad.write(cacheKey);
  let length = native.sealValue(key.sealer.handle, out, offset, payload, aad.scratch, aadLen, mode);
  if (length === NATIVE_CODE.NONCE_EXHAUSTED) {
    keyring.renewSequence(nonces);
    const { handle } = tenant.keys.current.sealer;
    length = native.sealValue(handle, out, offset, payload, aad.scratch, aadLen, mode);
  }
  if (length < 0) throw nativeError(length);
  keyring.countSeals(key, 1);
  return length;
}
