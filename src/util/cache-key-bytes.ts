import { Buffer } from 'node:buffer';

// Node's direct writer; `write(…, 'utf8')` looks the encoding up on every call.
const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
};

/** Cache keys up to this length, in characters, are written without a native call. */
const SHORT = 40;

/**
 * Writes a well-formed cache key as UTF-8, for which there is room for three bytes a character. ASCII it writes itself, because a native
 * call costs as much as forty characters.
 *
 * @returns its length in bytes.
 */
export function writeCacheKey(out: Uint8Array, cacheKey: string, at: number): number {
  const { length } = cacheKey;
  if (length > SHORT) return utf8Write.call(out, cacheKey, at, length * 3);
  let all = 0;
  for (let i = 0; i < length; i++) {
    const code = cacheKey.charCodeAt(i);
    all |= code;
    out[at + i] = code;
  }
  return all <= 0x7f ? length : utf8Write.call(out, cacheKey, at, length * 3);
}

const KEPT_LEN = 4096;

/** Where a cache key is written for a native call, until the next one. */
export class CacheKeyBuffer {
  bytes = new Uint8Array(KEPT_LEN);

  /** @returns the length of the key, which `bytes` then begins with. */
  write(cacheKey: string): number {
    const needed = cacheKey.length * 3;
    if (needed > this.bytes.length || (this.bytes.length > KEPT_LEN && needed <= KEPT_LEN)) {
      this.bytes = new Uint8Array(Math.max(needed, KEPT_LEN));
    }
    return writeCacheKey(this.bytes, cacheKey, 0);
  }
}
