import type { TenantKey } from '../keys/held-key.js';
import { parseFrame } from '../protocol/frame.js';
import { openAsync, openToBuffer } from './open.js';
import { sealAsync, sealSync } from './seal.js';
import { type CodecSettings, type SealedLayout, TenantContext } from './tenant-context.js';
import type { Rewrapped } from './value-codec.js';

/**
 * Opens a value and seals the same payload, undecoded, as `serialize` would now.
 *
 * @param dry it is only opened.
 */
export function rewrapSync(
  settings: CodecSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
  dry: boolean,
): Rewrapped {
  const layout = tenant.parsePrefix(sealed);
  const { payload, key } = openToBuffer(settings, layout, sealed, cacheKey);
  const { fingerprint } = key.master;
  try {
    const writer = dry ? undefined : writerOf(settings, tenant, sealed, layout, key);
    return { fingerprint, sealed: writer && sealSync(writer.settings, writer.tenant, payload, cacheKey) };
  } finally {
    payload.fill(0);
  }
}

/** As {@link rewrapSync}, off the event loop. `sealed` must not change until the promise settles. */
export async function rewrapAsync(
  settings: CodecSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  cacheKey: string,
  dry: boolean,
  signal: AbortSignal | undefined,
): Promise<Rewrapped> {
  const layout = tenant.parsePrefix(sealed);
  const { payload, key } = await openAsync(settings, tenant, layout, sealed, cacheKey, signal);
  const { fingerprint } = key.master;
  try {
    const writer = dry ? undefined : writerOf(settings, tenant, sealed, layout, key);
    if (writer === undefined) return { fingerprint, sealed: undefined };
    return { fingerprint, sealed: await sealAsync(writer.settings, writer.tenant, payload, cacheKey, signal) };
  } finally {
    payload.fill(0);
  }
}

function isAsWrittenNow(
  { profile }: CodecSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  { offset, named }: SealedLayout,
  key: TenantKey,
): boolean {
  const { current, prefix } = tenant.snapshot();
  // By master key: a new nonce sequence makes new objects of the same keys.
  if (key.master !== current.master) return false;
  // A frame may be spaced, and describe its value, as another writer does: what matters is that it names the key.
  if (profile.wire === 'python') return named;
  return prefix === undefined ? offset === 0 : prefix.length === offset && prefix.compare(sealed, 0, offset) === 0;
}

/** What writes the value again, with the metadata of its frame; undefined when nothing would change. */
function writerOf(
  settings: CodecSettings,
  tenant: TenantContext,
  sealed: Uint8Array,
  layout: SealedLayout,
  key: TenantKey,
): { settings: CodecSettings; tenant: TenantContext } | undefined {
  if (isAsWrittenNow(settings, tenant, sealed, layout, key)) return undefined;
  if (layout.aad === tenant.aad) return { settings, tenant };
  const { format, compressed, originalType } = parseFrame(sealed).metadata;
  const profile = { ...settings.profile, format, compressed, originalType: originalType ?? undefined };
  const alike = { ...settings, profile };
  return { settings: alike, tenant: new TenantContext(alike, tenant.tenantId) };
}
