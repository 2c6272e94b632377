import { BackendError, ValueTooLargeError } from '../errors.js';
import { assertBytes, assertCacheKey, assertCacheKeys, assertWellFormed, copyOf } from '../util/bytes.js';
import { elapsed } from '../util/clock.js';
import { machineTime } from '../util/machine-time.js';
import { ownOptions } from '../util/options-object.js';
import {
  assertOptions,
  beginningOf,
  type CheckedItem,
  checkedItem,
  checkedItems,
  clockOption,
  directoryOption,
  distinctTags,
  expectedBytes,
  finiteTtlMs,
  integerOption,
  timeoutOption,
  unchangedSince,
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
  BackendTagOptions,
  BackendUnchanged,
} from './backend.js';
import { guarantee, methodsOf } from './guarantees.js';
import { cacheKeys, inPieces, readMany, removeTagged } from './lmdb/batches.js';
import { REMEMBERS_MS } from './lmdb/deletion-marks.js';
import { nameOf, timesFrom } from './lmdb/entry-format.js';
import { assertLmdbInstalled } from './lmdb/environment.js';
import { LmdbHandle } from './lmdb/handle.js';
import { takeLease } from './lmdb/locks.js';
import { type LmdbStore, lmdbError } from './lmdb/store.js';

const DEFAULT_MAX_BYTES = 1024 ** 3;
const MIN_MAX_BYTES = 1024 ** 2;

export interface LmdbBackendOptions {
  /** Created, for its owner only, when it is missing. Must be on a local disk. */
  directory: string;
  /**
   * Bytes that entries take on disk in all, at least 1 MiB; the file may get somewhat larger. Default 1 GiB. When they
   * are reached, expired entries go, then those that expire soonest, then of those that never do the oldest. Of
   * processes with different bounds each keeps to its own when it writes.
   */
  maxBytes?: number;
  /** After how many milliseconds a write rejects with TimeoutError. Default 5,000. Reads take no time to speak of. */
  timeoutMs?: number;
  /** Unix time in milliseconds, for tests. Default `Date.now`. */
  now?: () => number;
}

/**
 * A store in a directory that all processes of a machine share, memory-mapped by LMDB (package `lmdb`).
 *
 * A read is synchronous inside: it costs about a microsecond and no thread, and sees what was written before the callback
 * of the event loop that reads. A write is done when all processes can see it, and survives any of them being killed. On Linux
 * entries last until the machine restarts, as nothing waits for the disk; elsewhere they stay, and a write
 * waits. Expired entries are reclaimed with later writes. TTLs follow the wall clock: set forward it ends entries
 * early; set back by more than a minute it ends those written since.
 *
 * The first use opens the directory, which waits for what other processes are just writing or opening, without holding
 * up the event loop; if a process stays in its transaction, that is a BackendError or TimeoutError, tried again by later
 * uses. A directory that is removed is noticed within half a second and re-created.
 *
 * All processes must be of one user or have the same rights to the directory, and be of one machine, or containers of one
 * that have the same directory mounted and see the same clock. It must be on a local file system that has locks (`flock`)
 * and shared memory maps: none over a network (NFS, SMB), none that a virtual machine shares with its host (9p, VirtioFS).
 */
export class LmdbBackend implements Backend {
  readonly remembersMs = REMEMBERS_MS;
  readonly #handle: LmdbHandle;
  readonly #maxBytes: number;
  readonly #now: () => number;

  /** @throws TypeError, RangeError; ConfigurationError when the package `lmdb` is not installed. */
  constructor(options: LmdbBackendOptions) {
    assertOptions(options);
    const { directory, maxBytes: bound, timeoutMs, now: clock } = ownOptions(options);
    const maxBytes = integerOption('maxBytes', bound, DEFAULT_MAX_BYTES, MIN_MAX_BYTES, Number.MAX_SAFE_INTEGER);
    const now = clockOption(clock, () => Date.now());
    const limitMs = timeoutOption(timeoutMs);
    guarantee(this, METHODS, {
      private: true,
      limitMs,
      limited: LIMITED,
      // A cache has checked the name.
      lendNow: (cacheKey) => this.#readNow(cacheKey, 'view'),
    });
    this.#handle = new LmdbHandle({ directory: directoryOption(directory), maxBytes, timeoutMs: limitMs, now });
    this.#maxBytes = maxBytes;
    this.#now = now;
    assertLmdbInstalled();
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    assertCacheKey(cacheKey);
    const store = this.#handle.ready(options) ?? (await this.#handle.open(options));
    try {
      return store.entries.read(cacheKey, this.#now());
    } catch (error) {
      throw lmdbError(error);
    }
  }

  getNow(cacheKey: string): BackendEntry | undefined {
    assertCacheKey(cacheKey);
    // The library goes on writing into the memory of a view, even after it was transferred.
    return this.#readNow(cacheKey, 'read');
  }

  /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    const item = checkedItem(cacheKey, bytes, options);
    await this.#handle.write(options, item.bytes.length, (store) => this.#put(store, item));
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const expected = expectedBytes(options);
    return this.#handle.write(options, 0, (store) => {
      if (expected && !store.entries.read(cacheKey, this.#now())?.bytes.equals(expected)) return false;
      return store.remove(cacheKey);
    });
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    assertCacheKeys(cacheKeys);
    return readMany(this.#handle, cacheKeys, this.#now, options);
  }

  /** In as many transactions as it takes not to hold the event loop for long; of equal cache keys the last counts. */
  async setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void> {
    await inPieces(checkedItems(items, options), async (piece) => {
      const size = piece.reduce((sum, { bytes }) => sum + bytes.length, 0);
      await this.#handle.write(options, size, (store) => {
        for (const item of piece) this.#put(store, item);
      });
    });
  }

  async deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number> {
    assertCacheKeys(cacheKeys);
    const removed = await inPieces(cacheKeys, (piece) =>
      this.#handle.write(options, 0, (store) => piece.filter((cacheKey) => store.remove(cacheKey)).length),
    );
    return removed.reduce((sum, count) => sum + count, 0);
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const store = this.#handle.ready(options) ?? (await this.#handle.open(options));
    try {
      return store.entries.head(cacheKey, this.#now()) !== undefined;
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async *keys({ prefix = '', ...options }: BackendKeysOptions = {}): AsyncGenerator<string> {
    assertWellFormed('prefix', prefix);
    yield* cacheKeys(this.#handle, prefix, options);
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const ttl = finiteTtlMs(ttlMs);
    return this.#handle.write(options, 0, (store) => {
      const head = store.entries.head(cacheKey, this.#now());
      const entry = head && store.entries.read(cacheKey, this.#now());
      if (!entry) return false;
      store.marks.put(nameOf(cacheKey));
      store.entries.put(cacheKey, entry.bytes, timesFrom(ttl, this.#now()), head.tags);
      return true;
    });
  }

  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    const [expected, given] = [copyOf(ifBytes), copyOf(bytes)];
    return this.#handle.write(options, given.length, (store) => {
      const head = store.entries.head(cacheKey, this.#now());
      if (!head || !store.entries.read(cacheKey, this.#now())?.bytes.equals(expected)) return false;
      store.entries.put(cacheKey, given, head, head.tags);
      return true;
    });
  }

  /** Each step of some hundred entries is one transaction. */
  async invalidateTags(tags: readonly string[], options?: BackendTagOptions): Promise<number> {
    return removeTagged(this.#handle, distinctTags(tags), options);
  }

  async setIfUnchanged(
    cacheKey: string,
    bytes: Uint8Array,
    options: BackendSetOptions & BackendUnchanged,
  ): Promise<boolean> {
    const at = machineTime();
    const { begun, found, checked } = unchangedSince(options);
    const item = checkedItem(cacheKey, bytes, options);
    const sinceMs = elapsed() - begun;
    const expected = found && copyOf(found);
    if (elapsed() - checked > REMEMBERS_MS) return false;
    return this.#handle.write(options, item.bytes.length, (store) => {
      if (this.#isChanged(store, cacheKey, at - sinceMs)) return false;
      if (store.marks.sinceTags(item.tags, at - sinceMs)) return false;
      if (!store.entries.holds(cacheKey, expected, machineTime() - at + sinceMs, this.#now())) return false;
      this.#put(store, item);
      return true;
    });
  }

  /** Also when the entry was set and has ended since; when the directory was removed, of any entry. */
  async changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean> {
    const at = machineTime();
    const since = elapsed() - beginningOf(sinceMs);
    assertCacheKey(cacheKey);
    const store = this.#handle.ready(options) ?? (await this.#handle.open(options));
    try {
      return this.#isChanged(store, cacheKey, at - since);
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    assertCacheKey(cacheKey);
    return takeLease(this.#handle, cacheKey, finiteTtlMs(leaseMs), options);
  }

  /** Waits for the writes under way. Entries stay. @throws TimeoutError when they take too long. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #readNow(cacheKey: string, how: 'read' | 'view'): BackendEntry | undefined {
    const store = this.#handle.ready(undefined);
    if (store === undefined) throw new BackendError('The LMDB directory is not open yet');
    try {
      return store.entries[how](cacheKey, this.#now());
    } catch (error) {
      throw lmdbError(error);
    }
  }

  #isChanged(store: LmdbStore, cacheKey: string, begun: number): boolean {
    return begun < this.#handle.replacedAt || store.marks.since(nameOf(cacheKey), begun);
  }

  #put(store: LmdbStore, { cacheKey, bytes, ttlMs, tags }: CheckedItem): void {
    if (bytes.length > this.#maxBytes / 2) {
      store.remove(cacheKey);
      throw new ValueTooLargeError(`An entry of ${bytes.length} bytes is over half of maxBytes (${this.#maxBytes})`);
    }
    store.entries.put(cacheKey, bytes, timesFrom(ttlMs, this.#now()), tags);
  }
}

const METHODS = methodsOf(LmdbBackend);
/** The others may take several transactions. */
const LIMITED = ['get', 'set', 'delete', 'has', 'expire', 'replace', 'setIfUnchanged', 'changedSince'] as const;
