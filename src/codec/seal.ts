import type { TenantKey } from '../keys/held-key.js';
import { abortable, settled } from '../native/abort.js';
import { MODE_IN_PLACE, native } from '../native/addon.js';
import { SCRATCH_LEN, SLAB_MAX, sealedScratch, sealedSlab } from '../native/memory.js';
import { NATIVE_CODE, nativeError } from '../native/result.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { allocate, exactly, trim } from '../util/bytes.js';
import { claimInPlaceBuffer } from './headroom.js';
import { packedBound } from './payloads.js';
import { type CodecSettings, countSeals, type TenantContext } from './tenant-context.js';

/** Seals one payload behind its header or frame. A payload with headroom is sealed in place, and so overwritten. */
export function sealSync(
  settings: CodecSettings,
  tenant: TenantContext,
  payload: Uint8Array,
  cacheKey: string,
): Buffer {
  const { profile } = settings;
  const { current, prefix, prefixLen } = tenant.snapshot();
  const bound = prefixLen + packedBound(profile, payload.length) + SEAL_OVERHEAD;
  if (bound <= SLAB_MAX) {
    sealedSlab.reserve(bound);
    const { buffer, offset } = sealedSlab;
    const length = sealInto(settings, tenant, current, buffer, offset + prefixLen, payload, cacheKey, tenant.mode);
    if (prefix !== undefined) buffer.set(prefix, offset);
    return sealedSlab.take(prefixLen + length);
  }
  const inPlace = claimInPlaceBuffer(payload, prefixLen, profile.container);
  if (inPlace !== undefined) {
    sealInto(settings, tenant, current, inPlace, prefixLen, payload, cacheKey, tenant.mode | MODE_IN_PLACE);
    if (prefix !== undefined) inPlace.set(prefix);
    return inPlace;
  }
  // The exact length of a compressed value is known only afterwards.
  const out = profile.hidesLength && bound <= SCRATCH_LEN ? sealedScratch : allocate(bound);
  const length = prefixLen + sealInto(settings, tenant, current, out, prefixLen, payload, cacheKey, tenant.mode);
  if (prefix !== undefined) out.set(prefix);
  return out === sealedScratch ? exactly(out, length) : trim(out, length);
}

/** As {@link sealSync}, off the event loop. The nonce is taken at the call. @param payload owned bytes. */
export async function sealAsync(
  settings: CodecSettings,
  tenant: TenantContext,
  payload: Uint8Array,
  cacheKey: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { current, prefix, prefixLen } = tenant.snapshot();
  const { aad, mode } = tenant;
  const bound = prefixLen + packedBound(settings.profile, payload.length) + SEAL_OVERHEAD;
  const inPlace = claimInPlaceBuffer(payload, prefixLen, settings.profile.container);
  const out = inPlace ?? allocate(bound);
  const sealMode = inPlace === undefined ? mode : mode | MODE_IN_PLACE;
  const pending = abortable(signal, (fired) => {
    // Written only now: a signal's own `addEventListener` is user code, and the scratch buffer is shared.
    const aadLen = aad.write(cacheKey);
    return native.sealAsync(current.sealer.handle, out, prefixLen, payload, aad.scratch, aadLen, sealMode, fired);
  });
  countSeals(settings, current, 1);
  const result = await pending;
  // Counted on the main thread, before anything is written: rare, and the payload is as it was.
  if (result === NATIVE_CODE.NONCE_EXHAUSTED) return sealSync(settings, tenant, payload, cacheKey);
  const length = prefixLen + settled(result, signal);
  if (prefix !== undefined) out.set(prefix);
  // What is behind it, the native addon has cleared.
  return trim(out, length, true);
}

/** Seals to `out` at `offset`; with the nonces of a new sequence when those of the key's are exhausted. */
function sealInto(
  settings: CodecSettings,
  tenant: TenantContext,
  key: TenantKey,
  out: Buffer,
  offset: number,
  payload: Uint8Array,
  cacheKey: string,
  mode: number,
): number {
  const { keyring, nonces } = settings;
  const { aad } = tenant;
  const aadLen = aad.write(cacheKey);
  const length = native.sealValue(key.sealer.handle, out, offset, payload, aad.scratch, aadLen, mode);
  if (length === NATIVE_CODE.NONCE_EXHAUSTED) {
    keyring.renewSequence(nonces);
    return sealInto(settings, tenant, tenant.snapshot().current, out, offset, payload, cacheKey, mode);
  }
  if (length < 0) throw nativeError(length);
  countSeals(settings, key, 1);
  return length;
}
