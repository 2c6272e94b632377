import { randomBytes } from 'node:crypto';
import { assertBytes, assertWellFormed, copyOf, kindOf } from '../bytes.js';
import { ValueTooLargeError } from '../errors.js';
import { ownOptions } from '../options-object.js';
import { throwIfAborted } from '../realms.js';
import {
  asBuffer,
  assertCacheKey,
  assertCacheKeys,
  assertItems,
  assertOptions,
  assertSignal,
  assertTags,
  closedError,
  finiteTtlMs,
  integerOption,
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
  BackendSetOptions,
  BackendTagOptions,
} from './backend.js';
import { timeoutOption, withDeadline } from './deadline.js';
import { nameOf, timesFrom } from './lmdb-entry.js';
import { assertLmdbInstalled, type Tables } from './lmdb-environment.js';
import { extendLock, releaseLock, takeLock } from './lmdb-locks.js';
import { acquireStore, type LmdbStore, lmdbError, releaseStore } from './lmdb-store.js';
import { markPrivate, methodsOf } from './private-answers.js';

const DEFAULT_MAX_BYTES = 1024 ** 3;
const MIN_MAX_BYTES = 1024 ** 2;
/** Entries that one transaction of `invalidateTags` removes. */
const REMOVALS_PER_STEP = 500;

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
 * A read is synchronous inside: it costs about a microsecond and no thread, and sees what was written before this turn
 * of the event loop. A write is done when all processes can see it, and survives any of them being killed. On Linux
 * entries last until the machine is started anew, as nothing waits for the disk; elsewhere they stay, and a write
 * waits. Expired entries are reclaimed with later writes. TTLs follow the wall clock: set forward it ends entries
 * early; set back by more than a minute it ends those written since.
 *
 * The first use opens the directory, which waits for what other processes are just writing: that takes milliseconds,
 * holds up the event loop for two seconds at most, and is a BackendError, tried again by later uses, if a process stays
 * in its transaction.
 */
export class LmdbBackend implements Backend {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #store: LmdbStore | undefined;
  #closed = false;

  /** @throws TypeError, RangeError; ConfigurationError when the package `lmdb` is not installed. */
  constructor(options: LmdbBackendOptions) {
    assertOptions(options);
    markPrivate(this, METHODS, (cacheKey) => this.#readNow(cacheKey, 'view'));
    const { directory, maxBytes, timeoutMs, now = () => Date.now() } = ownOptions(options);
    if (typeof directory !== 'string') throw new TypeError(`directory must be a string, not ${kindOf(directory)}`);
    if (directory === '' || directory.includes('\0')) throw new RangeError('directory must be a path');
    if (typeof now !== 'function') throw new TypeError('now must be a function');
    this.#directory = directory;
    this.#maxBytes = integerOption('maxBytes', maxBytes, DEFAULT_MAX_BYTES, MIN_MAX_BYTES, Number.MAX_SAFE_INTEGER);
    this.#timeoutMs = timeoutOption(timeoutMs);
    this.#now = now;
    assertLmdbInstalled();
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    assertCacheKey(cacheKey);
    const store = this.#enter(options);
    try {
      return store.entries.read(cacheKey, this.#now());
    } catch (error) {
      throw lmdbError(error);
    }
  }

  getNow(cacheKey: string): BackendEntry | undefined {
    // The library goes on writing into the memory of a view, also when somebody has taken it away.
    return this.#readNow(cacheKey, 'read');
  }

  /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    assertCacheKey(cacheKey);
    assertBytes('bytes', bytes);
    const tags = options?.tags === undefined ? [] : tagNames(options.tags);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    const given = options?.owned ? asBuffer(bytes) : copyOf(bytes);
    await this.#write(options, given.length, (store) => this.#put(store, cacheKey, given, ttlMs, tags));
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const ifBytes = options?.ifBytes;
    if (ifBytes !== undefined) assertBytes('ifBytes', ifBytes);
    const expected = ifBytes && copyOf(ifBytes);
    return this.#write(options, 0, (store) => {
      if (expected && !store.entries.read(cacheKey, this.#now())?.bytes.equals(expected)) return false;
      return store.entries.remove(nameOf(cacheKey));
    });
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    assertCacheKeys(cacheKeys);
    const store = this.#enter(options);
    try {
      return cacheKeys.map((cacheKey) => store.entries.read(cacheKey, this.#now()));
    } catch (error) {
      throw lmdbError(error);
    }
  }

  /** In one transaction. */
  async setMany(
    items: readonly BackendItem[],
    options?: Omit<BackendSetOptions, 'ttlMs' | 'staleMs' | 'tags'>,
  ): Promise<void> {
    assertItems(items);
    const puts = items.map(({ cacheKey, bytes, ttlMs, tags }) => ({
      cacheKey,
      bytes: options?.owned ? asBuffer(bytes) : copyOf(bytes),
      ttlMs: wholeTtlMs(ttlMs),
      tags: tags === undefined ? [] : tagNames(tags),
    }));
    const size = puts.reduce((sum, { bytes }) => sum + bytes.length, 0);
    await this.#write(options, size, (store) => {
      for (const { cacheKey, bytes, ttlMs, tags } of puts) this.#put(store, cacheKey, bytes, ttlMs, tags);
    });
  }

  async deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number> {
    assertCacheKeys(cacheKeys);
    const names = cacheKeys.map(nameOf);
    return this.#write(options, 0, (store) => {
      let removed = 0;
      for (const name of names) if (store.entries.remove(name)) removed++;
      return removed;
    });
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const store = this.#enter(options);
    try {
      return store.entries.head(cacheKey, this.#now()) !== undefined;
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async *keys({ prefix = '', ...options }: BackendOptions & { prefix?: string } = {}): AsyncGenerator<string> {
    assertWellFormed('prefix', prefix);
    try {
      for (const cacheKey of this.#enter(options).entries.cacheKeys(prefix)) {
        yield cacheKey;
        this.#enter(options);
      }
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const ttl = finiteTtlMs(ttlMs);
    return this.#write(options, 0, (store) => {
      const head = store.entries.head(cacheKey, this.#now());
      const entry = head && store.entries.read(cacheKey, this.#now());
      if (!entry) return false;
      store.entries.put(cacheKey, entry.bytes, timesFrom(ttl, this.#now()), head.tags);
      return true;
    });
  }

  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    const [expected, given] = [copyOf(ifBytes), copyOf(bytes)];
    return this.#write(options, given.length, (store) => {
      const head = store.entries.head(cacheKey, this.#now());
      if (!head || !store.entries.read(cacheKey, this.#now())?.bytes.equals(expected)) return false;
      store.entries.put(cacheKey, given, head, head.tags);
      return true;
    });
  }

  /** Each step of some hundred entries is one transaction. */
  async invalidateTags(tags: readonly string[], options?: BackendTagOptions): Promise<number> {
    const wanted = tagNames(tags);
    let total = 0;
    let names: readonly Buffer[] | undefined;
    do {
      const step = await this.#write(options, 0, (store) => {
        const all = names ?? store.entries.tagged(wanted);
        let removed = 0;
        // An entry that was set without the tag meanwhile stays.
        for (const name of all.slice(0, REMOVALS_PER_STEP)) {
          if (store.entries.isTagged(name, wanted) && store.entries.remove(name)) removed++;
        }
        return { removed, left: all.slice(REMOVALS_PER_STEP) };
      });
      total += step.removed;
      names = step.left;
      options?.onProgress?.(total);
    } while (names.length > 0);
    return total;
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    assertCacheKey(cacheKey);
    const lease = finiteTtlMs(leaseMs);
    const token = randomBytes(16);
    const taken = await this.#write(options, 0, (_, tables) => takeLock(tables, cacheKey, token, lease, this.#now()));
    if (!taken) return undefined;
    return {
      extend: async (ms) => {
        const more = finiteTtlMs(ms);
        return this.#write(undefined, 0, (_, tables) => extendLock(tables, cacheKey, token, more, this.#now()));
      },
      release: () => this.#write(undefined, 0, (_, tables) => releaseLock(tables, cacheKey, token)),
    };
  }

  /** Waits for the writes under way. Entries stay. @throws TimeoutError when they take too long. */
  async close(): Promise<void> {
    this.#closed = true;
    const store = this.#store;
    this.#store = undefined;
    if (store) await withDeadline('LMDB', this.#timeoutMs, undefined, () => releaseStore(store));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #readNow(cacheKey: string, how: 'read' | 'view'): BackendEntry | undefined {
    assertCacheKey(cacheKey);
    const store = this.#enter(undefined);
    try {
      return store.entries[how](cacheKey, this.#now());
    } catch (error) {
      throw lmdbError(error);
    }
  }

  #enter(options: BackendOptions | undefined): LmdbStore {
    const signal = options?.signal;
    if (signal !== undefined) {
      assertSignal(signal);
      throwIfAborted(signal);
    }
    if (this.#store !== undefined) return this.#store;
    if (this.#closed) throw closedError('LMDB');
    this.#store = acquireStore(this.#directory, this.#maxBytes, this.#now);
    return this.#store;
  }

  async #write<T>(
    options: BackendOptions | undefined,
    size: number,
    work: (store: LmdbStore, tables: Tables) => T,
  ): Promise<T> {
    const store = this.#enter(options);
    // Another process may be stopped in the middle of its transaction.
    return withDeadline('LMDB', this.#timeoutMs, options?.signal, () =>
      store.write(size, (tables) => work(store, tables)),
    );
  }

  #put(
    store: LmdbStore,
    cacheKey: string,
    bytes: Uint8Array,
    ttlMs: number | undefined,
    tags: readonly string[],
  ): void {
    if (bytes.length > this.#maxBytes / 2) {
      store.entries.remove(nameOf(cacheKey));
      throw new ValueTooLargeError(`An entry of ${bytes.length} bytes is over half of maxBytes (${this.#maxBytes})`);
    }
    store.entries.put(cacheKey, bytes, timesFrom(ttlMs, this.#now()), tags);
  }
}

const METHODS = methodsOf(LmdbBackend);

function tagNames(tags: readonly string[]): readonly string[] {
  assertTags(tags);
  return [...new Set(tags)];
}
