import type { Backend } from '../../backends/backend.js';

/**
 * Puts the same value, sealed anew, in the place of what an entry holds; its TTL and tags stay.
 *
 * Of a store that cannot do that in one step, the entry is read and written again, one directly behind the other: what another
 * process stores in between may be lost.
 *
 * @returns `'left'`: the store can neither replace it nor says when it ends or which tags it has.
 */
export async function replaceEntry(
  { replace, get, set, invalidateTags }: Backend,
  cacheKey: string,
  bytes: Uint8Array,
  sealed: Uint8Array,
): Promise<'replaced' | 'changed' | 'left'> {
  if (replace !== undefined) return (await replace(cacheKey, bytes, sealed)) ? 'replaced' : 'changed';
  if (invalidateTags !== undefined) return 'left';
  const now = await get(cacheKey, { ttl: true });
  if (now === undefined || Buffer.compare(now.bytes, bytes) !== 0) return 'changed';
  const { expiresInMs = now.freshInMs } = now;
  // It could only be kept for ever.
  if (!expiresInMs) return 'left';
  await set(cacheKey, sealed, { ttlMs: expiresInMs });
  return 'replaced';
}
