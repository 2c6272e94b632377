import { ValueTooLargeError } from '../errors.js';
import { assertBytes, assertCacheKey, assertCacheKeys, assertWellFormed, copyOf, lengthOf } from '../util/bytes.js';
import { now as clockNow, elapsed } from '../util/clock.js';
import { ownOptions } from '../util/options-object.js';
import { assertSignal, throwIfAborted } from '../util/realms.js';
import {
  assertItems,
  assertOptions,
  assertTags,
  beginningOf,
  clockOption,
  closedError,
  finiteTtlMs,
  integerOption,
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
  BackendKeysOptions,
  BackendLock,
  BackendOptions,
  BackendSetManyOptions,
  BackendSetOptions,
  BackendUnchanged,
} from './backend.js';
import { guarantee, methodsOf } from './guarantees.js';
import { Marks } from './memory/deletion-marks.js';
import { LockTable } from './memory/locks.js';
import { NativeEntries } from './memory/native-entries.js';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** A value that ends sooner may have come and gone while a function runs, without a trace. */
const SHORT_TTL_MS = 60_000;

export interface MemoryBackendOptions {
  /**
   * Bytes held in all, in native memory: with cache keys, tags and what the tables take. Default 64 MiB. One entry takes six tenths
   * of it at most.
   */
  maxBytes?: number;
  /** A monotonic clock in milliseconds, for tests. Default: the one that `cachekit-native/testing` can move. */
  now?: () => number;
}

/**
 * The store inside this process, bounded in bytes.
 *
 * What is stored is copied in and copied out: its memory is native, and the garbage collector does not see it. What was used least,
 * and longest ago, leaves first.
 */
export class MemoryBackend implements Backend {
  readonly #entries: NativeEntries;
  readonly #now: () => number;
  readonly #locks: LockTable;
  /** Entries that were deleted or given another TTL, and tags that were invalidated. */
  readonly #changed = new Marks();
  readonly #invalidated = new Marks();
  readonly #maxBytes: number;
  #closed = false;

  /** @throws TypeError, RangeError for `maxBytes` outside 1 … 2^53 − 1. */
  constructor(options: MemoryBackendOptions = {}) {
    assertOptions(options);
    guarantee(this, METHODS, { private: true, limitMs: 0, lendNow: (cacheKey) => this.#lend(cacheKey) });
    const { maxBytes, now: clock } = ownOptions(options);
    const now = clockOption(clock, clockNow);
    this.#maxBytes = integerOption('maxBytes', maxBytes, DEFAULT_MAX_BYTES, 1, Number.MAX_SAFE_INTEGER);
    this.#now = now;
    this.#entries = new NativeEntries(this.#maxBytes, now);
    this.#locks = new LockTable(now);
  }

  /** Bytes held, as `maxBytes` counts them. */
  get size(): number {
    return this.#entries.size;
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    this.#enterFor(cacheKey, options);
    return this.#read(cacheKey);
  }

  getNow(cacheKey: string): BackendEntry | undefined {
    this.#enterFor(cacheKey, undefined);
    return this.#read(cacheKey);
  }

  /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    this.#enterFor(cacheKey, options);
    assertBytes('bytes', bytes);
    const tags = options?.tags;
    if (tags !== undefined) assertTags(tags);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    this.#markShort(cacheKey, ttlMs);
    this.#write(cacheKey, bytes, ttlMs, tags);
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
    const held = this.#entries.get(cacheKey)?.bytes;
    if (found === undefined ? held !== undefined : !held?.equals(found)) return false;
    if (this.#changed.since(cacheKey, begun)) return false;
    if (tags.some((tag) => this.#invalidated.since(tag, begun))) return false;
    this.#write(cacheKey, bytes, ttlMs, tags);
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
      if (!this.#entries.get(cacheKey)?.bytes.equals(ifBytes)) return false;
    }
    return this.#remove(cacheKey);
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    this.#enter(options);
    assertCacheKeys(cacheKeys);
    return cacheKeys.map((cacheKey) => this.#read(cacheKey));
  }

  async setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void> {
    this.#enter(options);
    assertItems(items);
    for (const { cacheKey, bytes, ttlMs, tags } of items) {
      const wholeMs = wholeTtlMs(ttlMs);
      this.#markShort(cacheKey, wholeMs);
      this.#write(cacheKey, bytes, wholeMs, tags);
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

  async *keys({ prefix = '', ...options }: BackendKeysOptions = {}): AsyncGenerator<string> {
    this.#enter(options);
    assertWellFormed('prefix', prefix);
    yield* this.#entries.keys(prefix);
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    const ttl = finiteTtlMs(ttlMs);
    if (!this.#entries.expire(cacheKey, ttl)) return false;
    this.#changed.mark(cacheKey, elapsed());
    return true;
  }

  /** @throws ValueTooLargeError for bytes that alone are over `maxBytes`; those that were there stay. */
  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    this.#enterFor(cacheKey, options);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    const replaced = this.#entries.replace(cacheKey, ifBytes, bytes);
    if (replaced === 'too large') throw tooLarge(bytes, this.#maxBytes);
    return replaced;
  }

  async invalidateTags(tags: readonly string[], options?: BackendOptions): Promise<number> {
    this.#enter(options);
    assertTags(tags);
    for (const tag of tags) this.#invalidated.mark(tag, elapsed());
    return this.#entries.tagged(tags).filter((cacheKey) => this.#remove(cacheKey)).length;
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
    this.#entries.close();
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

  #lend(cacheKey: string): BackendEntry | undefined {
    this.#enterFor(cacheKey, undefined);
    const now = this.#now();
    const held = this.#entries.get(cacheKey);
    return held && { bytes: held.bytes, expiresInMs: held.expiresAt - now };
  }

  #read(cacheKey: string): BackendEntry | undefined {
    const now = this.#now();
    const held = this.#entries.get(cacheKey);
    return held && { bytes: copyOf(held.bytes), expiresInMs: held.expiresAt - now };
  }

  #markShort(cacheKey: string, ttlMs: number | undefined): void {
    if (ttlMs !== undefined && ttlMs < SHORT_TTL_MS) this.#changed.mark(cacheKey, elapsed());
  }

  #write(cacheKey: string, bytes: Uint8Array, ttlMs?: number, tags?: readonly string[]): void {
    if (!this.#entries.set(cacheKey, copyOf(bytes), ttlMs, tags)) throw tooLarge(bytes, this.#maxBytes);
  }

  #remove(cacheKey: string): boolean {
    this.#changed.mark(cacheKey, elapsed());
    return this.#entries.delete(cacheKey);
  }
}

const METHODS = methodsOf(MemoryBackend);

function tooLarge(bytes: Uint8Array, maxBytes: number): ValueTooLargeError {
  return new ValueTooLargeError(
    `An entry of ${lengthOf(bytes)} bytes does not fit into the backend's limit of ${maxBytes}`,
  );
}
