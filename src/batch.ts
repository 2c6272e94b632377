import { allocate } from './bytes.js';
import type { CacheKitError } from './errors.js';
import type { TenantKey } from './keys/held-key.js';
import { assertValueLen } from './keys/sealer.js';
import { checked } from './native.js';
import type { TenantContext, WrapperSettings } from './tenant-context.js';
import type { DeserializeResult } from './value-codec.js';
import { sealedBound } from './wire.js';

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

/** Numbers an item has in the native call's table. */
const STRIDE = 4;
const NONCE_EXHAUSTED = -2;
/** Room for opened payloads, whose sizes are not known before; what does not fit is opened alone. */
const MAX_OPENED_LEN = 4 * 1024 * 1024;

/** Seals a batch, one native call per key; all of it or, when an item fails, nothing. */
export function sealBatch(settings: WrapperSettings, items: readonly PayloadToSeal[]): Buffer[] {
  const results = new Array<Buffer>(items.length);
  for (const [tenant, indexes] of grouped(items, (item) => item.tenant)) {
    const group = indexes.map((index) => items[index] as PayloadToSeal);
    const sealed = sealGroup(settings, tenant, group);
    for (const [i, index] of indexes.entries()) results[index] = sealed[i] as Buffer;
  }
  return results;
}

function sealGroup(settings: WrapperSettings, tenant: TenantContext, group: readonly PayloadToSeal[]): Buffer[] {
  const { profile, keyring, nonces } = settings;
  let { current } = tenant.keys;
  const headLen = tenant.head?.length ?? 0;
  let bound = 0;
  for (const { payload } of group) {
    assertValueLen(payload.length);
    bound += headLen + sealedBound(profile, payload.length);
  }
  const out = allocate(bound);
  const payloads = group.map((item) => item.payload);
  const { aads, table } = packed(group.map(({ cacheKey }) => ({ tenant, cacheKey, offset: headLen })));
  let result = current.sealer.sealMany(out, payloads, aads, table, tenant.mode);
  if (result === NONCE_EXHAUSTED) {
    keyring.renewSequence(nonces);
    current = tenant.keys.current;
    result = current.sealer.sealMany(out, payloads, aads, table, tenant.mode);
  }
  checked(result);
  keyring.countSeals(current, group.length);
  let at = 0;
  return group.map((_, i) => {
    const start = at;
    at += headLen + (table[i * STRIDE + 2] as number);
    if (tenant.head !== undefined) out.set(tenant.head, start);
    return out.subarray(start, at);
  });
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
  const results = new Array<DeserializeResult<T>>(items.length);
  const located = items.map((item, index) => {
    const result = attempt(() => {
      const { offset, key, aad, mode } = item.tenant.locate(item.sealed);
      return { offset, key: key ?? item.tenant.keys.current, aad, mode };
    });
    if (result.ok) return result.value;
    results[index] = result;
    return undefined;
  });
  const usual = located.map((place, index) => {
    const { tenant } = items[index] as ValueToOpen;
    // A frame with metadata of its own has an AAD template of its own.
    return place !== undefined && place.aad === tenant.aad ? place.key : undefined;
  });
  for (const [key, indexes] of grouped(usual, (place) => place)) {
    if (key === undefined) continue;
    const group = indexes.map((index) => items[index] as ValueToOpen);
    const offsets = indexes.map((index) => located[index]?.offset ?? 0);
    openGroup(settings, key, group, offsets, decode, (i, result) => {
      results[indexes[i] as number] = result;
    });
  }
  for (const [index, item] of items.entries()) results[index] ??= attempt(() => openAlone(item));
  return results;
}

function openGroup<T>(
  settings: WrapperSettings,
  key: TenantKey,
  group: readonly ValueToOpen[],
  offsets: readonly number[],
  decode: (payload: Buffer) => T,
  settle: (i: number, result: DeserializeResult<T>) => void,
): void {
  const { tenant } = group[0] as ValueToOpen;
  const total = group.reduce((sum, { sealed }) => sum + sealed.length, 0);
  const growth = settings.profile.container === 'envelope' ? 4 : 1;
  const out = allocate(Math.min(total * growth, Math.max(total, MAX_OPENED_LEN)));
  const { aads, table } = packed(group.map(({ cacheKey }, i) => ({ tenant, cacheKey, offset: offsets[i] as number })));
  const sealed = group.map((item) => item.sealed);
  checked(key.sealer.openMany(out, sealed, aads, table, tenant.mode));
  let at = 0;
  for (let i = 0; i < group.length; i++) {
    const length = table[i * STRIDE + 2] as number;
    // A failure may only mean that an older key is needed, or more room.
    if (length < 0) continue;
    const payload = out.subarray(at, at + length);
    at += length;
    settings.keyring.countOpen(key);
    settle(
      i,
      attempt(() => decode(payload)),
    );
  }
}

/** The AADs of a batch in one buffer, each followed by its format, and the table that the native call reads. */
function packed(items: readonly { tenant: TenantContext; cacheKey: string; offset: number }[]): {
  aads: Buffer;
  table: Int32Array;
} {
  const table = new Int32Array(items.length * STRIDE);
  const parts = items.map(({ tenant, cacheKey, offset }, i) => {
    const { aad } = tenant;
    const aadLen = aad.write(cacheKey);
    table[i * STRIDE] = aadLen;
    table[i * STRIDE + 1] = offset;
    return Buffer.from(aad.scratch.subarray(0, aadLen + aad.formatLen));
  });
  return { aads: Buffer.concat(parts), table };
}

function grouped<I, K>(items: readonly I[], keyOf: (item: I) => K): Map<K, number[]> {
  const groups = new Map<K, number[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  }
  return groups;
}

function attempt<R>(make: () => R): { ok: true; value: R } | { ok: false; error: CacheKitError | Error } {
  try {
    return { ok: true, value: make() };
  } catch (error) {
    return { ok: false, error: error as Error };
  }
}
