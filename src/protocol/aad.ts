import { assertWellFormed, kindOf } from '../util/bytes.js';
import { writeCacheKey } from '../util/cache-key-bytes.js';

/** What a value is bound to: it opens only where all of it is the same. */
export interface AadParts {
  tenantId: string;
  /** The full cache key; may be empty here, the wrapper refuses an empty one. */
  cacheKey: string;
  /** The serializer's format, for instance `msgpack`. */
  format: string;
  /** Written as ASCII `True` or `False`, whatever the language. */
  compressed: boolean;
  /** Left out when absent or empty. */
  originalType?: string | null;
}

const AAD_VERSION = 0x03;
const USUAL_KEY_LEN = 256;
/** A scratch buffer that a long key has made longer than this is given up at the next shorter one. */
const LARGEST_KEPT = 4096;

/**
 * The additional authenticated data, version 0x03, in a fresh array:
 *
 * | offset | bytes |
 * |---|---|
 * | 0 | `03` |
 * | then, for each part | u32 big-endian byte length, UTF-8 bytes |
 *
 * The parts are tenant, cache key, format, `True`/`False`, and the original type when there is one.
 * Every part carries its length, so that different parts never give the same bytes.
 *
 * @throws TypeError for a wrong type or a lone surrogate.
 * Protocol: docs/protocol.md, "Additional Authenticated Data (AAD)".
 */
export function createAad(parts: AadParts): Uint8Array {
  if (typeof parts !== 'object' || parts === null)
    throw new TypeError(`The AAD parts must be an object, not ${kindOf(parts)}`);
  assertWellFormed('cacheKey', parts.cacheKey);
  const template = new AadTemplate(parts.tenantId, parts.format, parts.compressed, parts.originalType);
  const length = template.write(parts.cacheKey);
  return new Uint8Array(template.scratch.subarray(0, length));
}

/** All of an AAD but the cache key, encoded once. `write` adds a cache key in a buffer that the next `write` overwrites. */
export class AadTemplate {
  /** The AAD is `scratch[0 … write()]`; the format's bytes, `formatLen` of them, follow it for the native addon. */
  scratch: Buffer;
  readonly formatLen: number;
  /** The format's bytes. */
  readonly format: Uint8Array;
  /** What stands before the length of the cache key, and behind the cache key. */
  readonly around: readonly [before: Uint8Array, behind: Uint8Array];
  readonly #prefixLen: number;
  readonly #suffix: Uint8Array;
  #keyLen = -1;

  constructor(tenantId: string, format: string, compressed: boolean, originalType?: string | null) {
    assertWellFormed('tenantId', tenantId);
    assertWellFormed('format', format);
    if (typeof compressed !== 'boolean') throw new TypeError(`compressed must be a boolean, not ${kindOf(compressed)}`);
    const suffix = [part(format), part(compressed ? 'True' : 'False')];
    if (originalType !== undefined && originalType !== null) {
      assertWellFormed('originalType', originalType);
      if (originalType !== '') suffix.push(part(originalType));
    }
    const formatBytes = Buffer.from(format);
    const before = Buffer.concat([Buffer.of(AAD_VERSION), part(tenantId)]);
    const behind = Buffer.concat(suffix);
    this.format = formatBytes;
    this.formatLen = formatBytes.length;
    this.around = [before, behind];
    this.#suffix = Buffer.concat([behind, formatBytes]);
    const prefix = Buffer.concat([before, Buffer.alloc(4)]);
    this.#prefixLen = prefix.length;
    this.scratch = prefix;
    this.#resize(0);
  }

  /** @returns the AAD's length in bytes. `cacheKey` must be well-formed. */
  write(cacheKey: string): number {
    const at = this.#prefixLen;
    const { length } = cacheKey;
    const needed = at + length * 3 + this.#suffix.length;
    if (needed > this.scratch.length || (this.scratch.length > LARGEST_KEPT && needed <= LARGEST_KEPT)) {
      this.#resize(length * 3);
    }
    const { scratch } = this;
    const keyLen = writeCacheKey(scratch, cacheKey, at);
    if (keyLen !== this.#keyLen) this.#frame(keyLen);
    return at + keyLen + this.#suffix.length - this.formatLen;
  }

  /** What stands around the cache key. It stays for the next one, which is mostly as long: most of a kind are. */
  #frame(keyLen: number): void {
    this.scratch.writeUInt32BE(keyLen, this.#prefixLen - 4);
    this.scratch.set(this.#suffix, this.#prefixLen + keyLen);
    this.#keyLen = keyLen;
  }

  #resize(keyLen: number): void {
    const scratch = Buffer.allocUnsafeSlow(this.#prefixLen + Math.max(keyLen, USUAL_KEY_LEN) + this.#suffix.length);
    scratch.set(this.scratch.subarray(0, this.#prefixLen));
    this.scratch = scratch;
    this.#keyLen = -1;
  }
}

function part(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
