import type { NativeL1 } from './addon.js';
import { guarded } from './result.js';

/** Cache keys that are listed at once. */
const LISTED = 1_000;

export const NO_TAGS = new Uint8Array(0);
/** Which tags an entry has is not known. */
export const UNKNOWN_TAGS = new Uint8Array(1);

/** Tags as the native addon takes them for an entry. */
export function encodeTags(tags: readonly string[]): Uint8Array {
  if (tags.length === 0) return NO_TAGS;
  return Buffer.concat(
    tags.flatMap((tag) => {
      const bytes = Buffer.from(tag);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** The cache keys of a tenant's fresh entries that begin with `prefix`. Others may use the entries between two of them. */
export function* keysOf(l1: NativeL1, tenant: Uint8Array, prefix: string, now: () => number): Generator<string> {
  const listing = guarded(() => l1.keys(tenant));
  for (;;) {
    const cacheKeys = guarded(() => listing.next(LISTED, now()));
    if (cacheKeys === null) return;
    for (const cacheKey of cacheKeys) if (cacheKey.startsWith(prefix)) yield cacheKey;
  }
}
