import { type NativeL1, type NativeL1Site, native } from '../../native/addon.js';
import { encodeTags, keysOf } from '../../native/l1.js';
import { checked, guarded, NATIVE_CODE, NEEDS, nativeError } from '../../native/result.js';
import { allocate, copyOf, viewOf } from '../../util/bytes.js';
import { CacheKeyBuffer } from '../../util/cache-key-bytes.js';

const SCRATCH_LEN = 64 * 1024;
const NOTHING = new Uint8Array(0);
/** Entries are kept as they are. */
const BARE = 0;

/** Bytes that were found, lent until the next call. */
export interface Lent {
  readonly bytes: Buffer;
  /** When they end; `Infinity` for never. */
  readonly expiresAt: number;
}

const scratch = allocate(SCRATCH_LEN);
const expires = new Float64Array(1);
const expiresBytes = new Uint8Array(expires.buffer);
const keys = new CacheKeyBuffer();

/** Entries in native memory, by cache key: the store of the first tier, of one tenant and without a container. */
export class NativeEntries {
  readonly #native: NativeL1;
  readonly #site: NativeL1Site;
  readonly #handle: number;
  readonly #siteId: number;
  readonly #now: () => number;

  constructor(maxBytes: number, now: () => number) {
    this.#native = guarded(() => new native.L1(maxBytes));
    this.#handle = this.#native.handle;
    this.#site = guarded(() => this.#native.site(NOTHING, undefined, NOTHING, NOTHING, NOTHING, BARE));
    this.#siteId = this.#site.id;
    this.#now = now;
  }

  get(cacheKey: string): Lent | undefined {
    // Once, before the key is written: a clock may be user code.
    const at = this.#now();
    const length = this.#copy(cacheKey, scratch, at);
    if (length >= 0) return { bytes: viewOf(scratch, 0, length), expiresAt: expires[0] as number };
    if (length > NEEDS) return undefined;
    const bytes = allocate(NEEDS - length);
    checked(this.#copy(cacheKey, bytes, at));
    return { bytes, expiresAt: expires[0] as number };
  }

  has(cacheKey: string): boolean {
    const length = this.#copy(cacheKey, NOTHING, this.#now());
    return length >= 0 || length <= NEEDS;
  }

  /** @param ttlMs undefined: for ever. @returns whether it fits; what it was to replace is gone in any case. */
  set(cacheKey: string, bytes: Uint8Array, ttlMs: number | undefined, tags: readonly string[] = []): boolean {
    // Before the key is written: a clock may be user code.
    const until = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#now() + ttlMs;
    const encoded = encodeTags(tags);
    const length = keys.write(cacheKey);
    const kept = native.l1Put(this.#handle, this.#siteId, keys.bytes, length, bytes, 0, until, until, encoded);
    if (kept < 0 && kept !== NATIVE_CODE.MISSING) throw nativeError(kept);
    return kept >= 0;
  }

  /** @returns whether there was one, until now. */
  delete(cacheKey: string): boolean {
    return guarded(() => this.#native.remove(NOTHING, Buffer.from(cacheKey), this.#now()));
  }

  expire(cacheKey: string, ttlMs: number): boolean {
    const now = this.#now();
    return guarded(() => this.#native.expire(NOTHING, Buffer.from(cacheKey), now + ttlMs, now));
  }

  /** Other bytes for an entry that has `ifBytes`, which keeps its end and its tags; 'too large': they do not fit, and it is as it was. */
  replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array): boolean | 'too large' {
    const key = Buffer.from(cacheKey);
    const done = guarded(() => this.#native.replace(NOTHING, key, copyOf(ifBytes), copyOf(bytes), this.#now()));
    return done < 0 ? 'too large' : done === 1;
  }

  /** The cache keys of entries with one of the tags. */
  tagged(tags: readonly string[]): string[] {
    return guarded(() => this.#native.keysTagged(tags));
  }

  keys(prefix: string): Iterable<string> {
    return keysOf(this.#native, NOTHING, prefix, this.#now);
  }

  /** Bytes that are counted. */
  get size(): number {
    return guarded(() => this.#native.usage()[1]);
  }

  close(): void {
    guarded(() => this.#native.close());
  }

  #copy(cacheKey: string, out: Uint8Array, at: number): number {
    const length = keys.write(cacheKey);
    return native.l1Copy(this.#handle, this.#siteId, keys.bytes, length, out, expiresBytes, at);
  }
}
