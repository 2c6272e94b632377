import type { TenantKey } from '../keys/held-key.js';
import { abortable, settled } from '../native/abort.js';
import { type NativeOpened, native, TRUSTED_INPUTS } from '../native/addon.js';
import { checked, NATIVE_CODE, NEEDS, nativeError } from '../native/result.js';
import { CHECKSUM_LEN, openedBehindLead, openedScratch, SCRATCH_LEN } from '../native/scratch.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { allocate, assertBytes } from '../util/bytes.js';
import type { Payloads } from './payloads.js';
import type { Located, TenantContext, WrapperSettings } from './tenant-context.js';
import type { WireProfile } from './wire-profile.js';

/** Opens and decodes what is stored, with the key that it names, or else every key of the tenant, the current one first. */
export function openNow<T>(
  settings: WrapperSettings,
  payloads: Payloads<T>,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
): T {
  const { profile, keyring } = settings;
  const { current, previous } = tenant.keys;
  const located = tenant.locate(sealed);
  const aadLen = located.aad.write(cacheKey);
  const lead = leadOf(profile);
  const small = profile.hidesLength || sealed.length <= SCRATCH_LEN;
  const out = small ? openedScratch : outputFor(sealed, located.offset, lead);
  let key = located.key ?? current;
  let length = openWith(key, out, lead, sealed, located, aadLen);
  if (length === NATIVE_CODE.AUTHENTICATION && located.key === undefined) {
    for (const older of previous) {
      key = older;
      length = openWith(key, out, lead, sealed, located, aadLen);
      if (length !== NATIVE_CODE.AUTHENTICATION) break;
    }
  }
  if (length >= 0) {
    keyring.countOpen(key);
    if (!small) return payloads.decodeOwned(out.subarray(lead, lead + length));
    return payloads.decodeShared(lead === 0 ? openedScratch : openedBehindLead, length);
  }
  if (length > NEEDS) throw nativeError(length);
  const exact = allocate(NEEDS - length);
  checked(native.takeOpened(key.sealer.handle, exact, 0));
  keyring.countOpen(key);
  return payloads.decodeOwned(exact);
}

/** A payload in memory of its own, and the key that opened it. */
export interface OpenedPayload {
  readonly payload: Buffer;
  readonly key: TenantKey;
}

/** As {@link openNow}, off the event loop and without decoding. Nobody may change `sealed` until the promise settles. */
export async function openLater(
  { profile, keyring }: WrapperSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
  signal: AbortSignal | undefined,
): Promise<OpenedPayload> {
  const { current, previous } = tenant.keys;
  const { offset, key, aad, mode } = tenant.locate(sealed);
  const candidates = key === undefined ? [current, ...previous] : [key];
  const lead = leadOf(profile);
  const out = profile.hidesLength ? allocate(0) : outputFor(sealed, offset, lead);
  for (const candidate of candidates) {
    const opened = await abortable(signal, (fired) => {
      const aadLen = aad.write(cacheKey);
      return native.openAsync(candidate.sealer.handle, out, lead, sealed, offset, aad.scratch, aadLen, mode, fired);
    });
    // Reading `keys` throws when all of them were destroyed; else a rotation was completed meanwhile.
    const gone = opened === NATIVE_CODE.KEY_DESTROYED && tenant.keys !== undefined;
    if (opened === NATIVE_CODE.AUTHENTICATION || gone) continue;
    if (typeof opened === 'number') {
      const length = settled(opened, signal);
      keyring.countOpen(candidate);
      return { payload: out.subarray(lead, lead + length), key: candidate };
    }
    const payload = await taken(opened);
    keyring.countOpen(candidate);
    return { payload, key: candidate };
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);
}

/** As {@link openLater}, at once. @param located where `tenant` finds the value. */
export function openExact(
  { profile, keyring }: WrapperSettings,
  tenant: TenantContext,
  located: Located,
  sealed: Uint8Array,
  cacheKey: string,
): OpenedPayload {
  const { current, previous } = tenant.keys;
  const candidates = located.key === undefined ? [current, ...previous] : [located.key];
  const lead = leadOf(profile);
  const out = profile.hidesLength ? allocate(0) : outputFor(sealed, located.offset, lead);
  const aadLen = located.aad.write(cacheKey);
  for (const key of candidates) {
    const length = openWith(key, out, lead, sealed, located, aadLen);
    if (length === NATIVE_CODE.AUTHENTICATION) continue;
    if (length > NEEDS) {
      checked(length);
      keyring.countOpen(key);
      return { payload: out.subarray(lead, lead + length), key };
    }
    const payload = allocate(NEEDS - length);
    checked(native.takeOpened(key.sealer.handle, payload, 0));
    keyring.countOpen(key);
    return { payload, key };
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);
}

function openWith(
  { sealer: { handle } }: TenantKey,
  out: Buffer,
  lead: number,
  sealed: Uint8Array,
  { aad, offset, mode }: Located,
  aadLen: number,
): number {
  const length = native.openValue(handle, out, lead, sealed, offset, aad.scratch, aadLen, mode);
  if (length !== NATIVE_CODE.NEEDS_VALIDATION) return length;
  assertBytes('sealed', sealed);
  return native.openValue(handle | TRUSTED_INPUTS, out, lead, sealed, offset, aad.scratch, aadLen, mode);
}

/** Room in front of a payload, lent to the native addon: a checksum is opened there, and the payload needs no second copy. */
function leadOf({ container }: WireProfile): number {
  return container === 'checksum' ? CHECKSUM_LEN : 0;
}

/** Memory for the value at `offset`, with `lead` bytes in front of the payload, which a stranger's serializer can see. */
function outputFor(sealed: Uint8Array, offset: number, lead: number): Buffer {
  const out = allocate(Math.max(lead, sealed.length - offset - SEAL_OVERHEAD));
  return lead === 0 ? out : out.fill(0, 0, lead);
}

async function taken(opened: NativeOpened): Promise<Buffer> {
  const exact = allocate(opened.length);
  checked(await opened.take(exact, 0));
  return exact;
}
