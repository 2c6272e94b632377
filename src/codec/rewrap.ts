import type { TenantKey } from '../keys/held-key.js';
import type { AadTemplate } from '../protocol/aad.js';
import { parseFrame } from '../protocol/frame.js';
import { openExact, openLater } from './open.js';
import { sealLater, sealNow } from './seal.js';
import { type Located, TenantContext, type WrapperSettings } from './tenant-context.js';

/** What was found out about a stored value before it was opened. */
interface Found {
  /** Length of the header or frame in front of the sealed bytes. */
  readonly offset: number;
  /** Whether these name the key. */
  readonly named: boolean;
  readonly aad: AadTemplate;
}

/**
 * Opens what is stored and seals the same payload as a value is sealed now; undefined when nothing would change by that.
 * The payload is never decoded, so that nothing is lost that JavaScript's types do not keep.
 */
export function rewrapNow(
  settings: WrapperSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
): Buffer | undefined {
  const located = locate(tenant, sealed);
  const found = foundIn(located);
  const { payload, key } = openExact(settings, tenant, located, sealed, cacheKey);
  try {
    if (isAsWrittenNow(settings, tenant, sealed, found, key)) return undefined;
    const writer = writerLike(settings, tenant, sealed, found);
    return sealNow(writer.settings, writer.tenant, payload, cacheKey);
  } finally {
    payload.fill(0);
  }
}

/** As {@link rewrapNow}, off the event loop. Nobody may change `sealed` until the promise settles. */
export async function rewrapLater(
  settings: WrapperSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  const found = foundIn(locate(tenant, sealed));
  const { payload, key } = await openLater(settings, tenant, sealed, cacheKey, signal);
  try {
    if (isAsWrittenNow(settings, tenant, sealed, found, key)) return undefined;
    const writer = writerLike(settings, tenant, sealed, found);
    return await sealLater(writer.settings, writer.tenant, payload, cacheKey, signal);
  } finally {
    payload.fill(0);
  }
}

/** Where the value is. That the keys were destroyed comes before what is wrong with the bytes, as when a value is opened. */
function locate(tenant: TenantContext, sealed: Uint8Array): Located {
  return tenant.keys && tenant.locate(sealed);
}

/** A copy, because the tenant uses its `Located` again. */
function foundIn({ offset, key, aad }: Located): Found {
  return { offset, named: key !== undefined, aad };
}

function isAsWrittenNow(
  { profile }: WrapperSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  { offset, named }: Found,
  key: TenantKey,
): boolean {
  // By master key: a new nonce sequence makes new objects of the same keys.
  if (key.master !== tenant.keys.current.master) return false;
  // A frame may be spaced, and describe its value, as another writer does: what matters is that it names the key.
  if (profile.wire === 'python') return named;
  const { head } = tenant;
  return head === undefined ? offset === 0 : head.length === offset && head.compare(sealed, 0, offset) === 0;
}

/** Who writes the value again: for a frame with metadata that are not this wrapper's, a writer that has the same ones. */
function writerLike(
  settings: WrapperSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  { aad }: Found,
): { settings: WrapperSettings; tenant: TenantContext } {
  if (aad === tenant.aad) return { settings, tenant };
  const { format, compressed, originalType } = parseFrame(sealed).metadata;
  const profile = { ...settings.profile, format, compressed, originalType: originalType ?? undefined };
  const alike = { ...settings, profile };
  return { settings: alike, tenant: new TenantContext(alike, tenant.tenantId) };
}
