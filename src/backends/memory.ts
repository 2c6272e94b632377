import { LRUCache } from 'lru-cache';
import { ValueTooLargeError } from '../errors.js';
import {
  assertBytes,
  assertCacheKey,
  assertCacheKeys,
  assertWellFormed,
  bufferOf,
  copyOf,
  lengthOf,
  viewOf,
} from '../util/bytes.js';
import { now as clockNow, elapsed } from '../util/clock.js';
import { ownOptions } from '../util/options-object.js';
import { assertSignal, throwIfAborted } from '../util/realms.js';
import { TagIndex, tagsCost } from '../util/tag-index.js';
import {
  assertItems,
  assertOptions,
  assertTags,
  BY_CACHE,
  beginningOf,
  clockOption,
  closedError,
  finiteTtlMs,
  integerOption,
  mayShare,
  unchangedSince,
  wholeLeaseMs,
  wholeTtlMs,
} from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendItem,
  BackendLock,
  BackendOptions,
  BackendSetManyOptions,
  BackendSetOptions,
  BackendUnchanged,
} from './backend.js';
import { guarantee, methodsOf } from './guarantees.js';
import { Marks } from './memory/deletion-marks.js';
import { LockTable } from './memory/locks.js';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** What an entry costs in addition to its bytes: the Buffer object, the map's slot, the list's links. */
const ENTRY_OVERHEAD = 256;
/** A value that ends sooner may have come and gone while a function runs, without a trace. */
const SHORT_TTL_MS = 60_000;

export interface MemoryBackendOptions {
  /** Bytes held in all, cache keys, tags and a fixed cost of 256 an entry included. Default 64 MiB; the least recently used go first. */
  maxBytes?: number;
  /** A monotonic clock in milliseconds, for tests. Default: the one that `cachekit-native/testing` can move. */
  now?: () => number;
}

/**
 * The store inside this process, bounded in bytes.
 *
 * What is stored is copied in and copied out, so that no buffer on either side shares memory with the store; `owned`
 * on `set` and `readOnly` on `get` leave the copies out below 1 MiB, for callers who keep to those words.
 */
export class MemoryBackend implements Backend {
  readonly #entries: LRUCache<string, Buffer>;
  readonly #tags = new TagIndex();
  readonly #locks: LockTable;
  /** Entries that were deleted or given another TTL, and tags that were invalidated. */
  readonly #changed = new Marks();
  readonly #invalidated = new Marks();
  readonly #maxBytes: number;
  #closed = false;

  /** @throws TypeError, RangeError for `maxBytes` outside 1 … 2^53 − 1. */
  constructor(options: MemoryBackendOptions = {}) {
    assertOptions(options);
    guarantee(this, METHODS, { private: true, limitMs: 0, lendNow: (cacheKey) => this.#readNow(cacheKey, true) });
    const { maxBytes, now: clock } = ownOptions(options);
    const now = clockOption(clock, clockNow);
    this.#maxBytes = integerOption('maxBytes', maxBytes, DEFAULT_MAX_BYTES, 1, Number.MAX_SAFE_INTEGER);
    this.#entries = new LRUCache({
      maxSize: this.#maxBytes,
      // Its default resolution arms a timer for each millisecond in which there is traffic.
      ttlResolution: 0,
      // A time of 0 would be none.
      perf: { now: () => 1 + now() },
      dispose: (_, cacheKey) => this.#tags.forget(cacheKey),
      noDisposeOnSet: true,
    });
    this.#locks = new LockTable(now);
  }

  /** Bytes held, as `maxBytes` counts them. */
  get size(): number {
    return this.#entries.calculatedSize;
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    this.#enterFor(cacheKey, options);
    return this.#read(cacheKey, options);
  }

  getNow(cacheKey: string): BackendEntry | undefined {
    return this.#readNow(cacheKey, false);
  }

  /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    this.#enterFor(cacheKey, options);
    assertBytes('bytes', bytes);
    const tags = options?.tags;
    if (tags !== undefined) assertTags(tags);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    this.#markShort(cacheKey, ttlMs);
    this.#write(cacheKey, bytes, ttlMs, tags, options);
  }

  async setIfUnchanged(
    cacheKey: string,
    bytes: Uint8Array,
    options: BackendSetOptions & BackendUnchanged,
  ): Promise<boolean> {
    const { begun, found } = unchangedSince(options);
    this.#enterFor(cacheKey, options);
    assertBytes('bytes', bytes);
    const { tags = [] } = options;
    assertTags(tags);
    const ttlMs = wholeTtlMs(options.ttlMs);
    const held = this.#entries.peek(cacheKey);
    if (found === undefined ? held !== undefined : !held?.equals(found)) return false;
    if (this.#changed.since(cacheKey, begun)) return false;
    if (tags.some((tag) => this.#invalidated.since(tag, begun))) return false;
    this.#write(cacheKey, bytes, ttlMs, tags, options);
    return true;
  }

  async changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    return this.#changed.since(cacheKey, beginningOf(sinceMs));
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    const ifBytes = options?.ifBytes;
    if (ifBytes !== undefined) {
      assertBytes('ifBytes', ifBytes);
      if (!this.#entries.peek(cacheKey)?.equals(ifBytes)) return false;
    }
    return this.#remove(cacheKey);
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    this.#enter(options);
    assertCacheKeys(cacheKeys);
    return cacheKeys.map((cacheKey) => this.#read(cacheKey, options));
  }

  async setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void> {
    this.#enter(options);
    assertItems(items);
    for (const { cacheKey, bytes, ttlMs, tags } of items) {
      const wholeMs = wholeTtlMs(ttlMs);
      this.#markShort(cacheKey, wholeMs);
      this.#write(cacheKey, bytes, wholeMs, tags, options);
    }
  }

  async deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number> {
    this.#enter(options);
    assertCacheKeys(cacheKeys);
    return cacheKeys.filter((cacheKey) => this.#remove(cacheKey)).length;
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    return this.#entries.has(cacheKey);
  }

  async *keys({ prefix = '', ...options }: BackendOptions & { prefix?: string } = {}): AsyncGenerator<string> {
    this.#enter(options);
    assertWellFormed('prefix', prefix);
    // The live iterator of an LRU skips and repeats when entries are used during it.
    for (const cacheKey of [...this.#entries.keys()]) if (cacheKey.startsWith(prefix)) yield cacheKey;
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    const ttl = finiteTtlMs(ttlMs);
    const bytes = this.#entries.get(cacheKey);
    if (bytes === undefined) return false;
    this.#changed.mark(cacheKey, elapsed());
    this.#entries.set(cacheKey, bytes, { ttl, size: this.#sizeOf(cacheKey, bytes) });
    return true;
  }

  /** @throws ValueTooLargeError for bytes that alone are over `maxBytes`; those that were there stay. */
  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    if (!this.#entries.peek(cacheKey)?.equals(ifBytes)) return false;
    const size = this.#sizeOf(cacheKey, bytes);
    if (size > this.#maxBytes) throw tooLarge(size, this.#maxBytes);
    this.#entries.set(cacheKey, copyOf(bytes), { size, noUpdateTTL: true });
    return true;
  }

  async invalidateTags(tags: readonly string[], options?: BackendOptions): Promise<number> {
    this.#enter(options);
    assertTags(tags);
    for (const tag of tags) this.#invalidated.mark(tag, elapsed());
    return [...this.#tags.cacheKeys(tags)].filter((cacheKey) => this.#remove(cacheKey)).length;
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    this.#enterFor(cacheKey, options);
    return this.#locks.take(cacheKey, wholeLeaseMs(leaseMs));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#locks.clear();
    this.#changed.clear();
    this.#invalidated.clear();
    this.#tags.clear();
    this.#entries.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #enter(options: BackendOptions | undefined): void {
    assertSignal(options?.signal);
    throwIfAborted(options?.signal);
    if (this.#closed) throw closedError('memory');
  }

  #enterFor(cacheKey: string, options: BackendOptions | undefined): void {
    this.#enter(options);
    assertCacheKey(cacheKey);
  }

  #readNow(cacheKey: string, byCache: boolean): BackendEntry | undefined {
    this.#enterFor(cacheKey, undefined);
    return this.#read(cacheKey, byCache ? BY_CACHE_READING : READING);
  }

  #read(cacheKey: string, options: BackendGetOptions | undefined): BackendEntry | undefined {
    const bytes = this.#entries.get(cacheKey);
    if (bytes === undefined) return undefined;
    const shared = options?.readOnly && mayShare(bytes.length, options);
    return { bytes: shared ? bytes : copyOf(bytes), expiresInMs: this.#entries.getRemainingTTL(cacheKey) };
  }

  #markShort(cacheKey: string, ttlMs: number | undefined): void {
    if (ttlMs !== undefined && ttlMs < SHORT_TTL_MS) this.#changed.mark(cacheKey, elapsed());
  }

  #write(cacheKey: string, bytes: Uint8Array, ttlMs?: number, tags?: readonly string[], options?: BackendSetOptions) {
    const size = sizeOf(cacheKey, bytes) + tagsCost(tags);
    if (size > this.#maxBytes) {
      this.#entries.delete(cacheKey);
      throw tooLarge(size, this.#maxBytes);
    }
    // A view would keep its whole allocation alive, uncounted.
    const length = lengthOf(bytes);
    const exact = options?.owned && length === bufferOf(bytes).byteLength && mayShare(length, options);
    this.#entries.set(cacheKey, exact ? viewOf(bytes) : copyOf(bytes), { ttl: ttlMs, size });
    this.#tags.assign(cacheKey, tags);
  }

  /** Of an entry that keeps its tags. */
  #sizeOf(cacheKey: string, bytes: Uint8Array): number {
    return sizeOf(cacheKey, bytes) + this.#tags.costOf(cacheKey);
  }

  /** As `delete` of the LRU, but what has already expired does not count. */
  #remove(cacheKey: string): boolean {
    const live = this.#entries.has(cacheKey);
    this.#changed.mark(cacheKey, elapsed());
    this.#entries.delete(cacheKey);
    return live;
  }
}

const METHODS = methodsOf(MemoryBackend);
const READING: BackendGetOptions = { readOnly: true };
const BY_CACHE_READING: BackendGetOptions = { ...READING, ...BY_CACHE };

function sizeOf(cacheKey: string, bytes: Uint8Array): number {
  return lengthOf(bytes) + 2 * cacheKey.length + ENTRY_OVERHEAD;
}

function tooLarge(size: number, maxBytes: number): ValueTooLargeError {
  return new ValueTooLargeError(`An entry of ${size} bytes is over the backend's limit of ${maxBytes}`);
}
