import { basename, join, resolve } from 'node:path';
import { BackendError, CacheKitError } from '../errors.js';
import { blake2bHex } from '../native/hash.js';
import { assertBytes, assertCacheKey, copyOf } from '../util/bytes.js';
import { elapsed } from '../util/clock.js';
import { withDeadline } from '../util/deadlines.js';
import { machineTime } from '../util/machine-time.js';
import { ownOptions } from '../util/options-object.js';
import {
  assertOptions,
  beginningOf,
  clockOption,
  closedError,
  directoryOption,
  expectedBytes,
  finiteTtlMs,
  integerOption,
  timeoutOption,
  unchangedSince,
  wholeLeaseMs,
} from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendLock,
  BackendOptions,
  BackendSetOptions,
  BackendUnchanged,
} from './backend.js';
import { bareCause, codeOf } from './cause.js';
import { replaceFile } from './file/atomic-write.js';
import { FileMarks, REMEMBERS_MS } from './file/deletion-marks.js';
import { FileEntries } from './file/entries.js';
import { encodeEntry, readState, removed, withFile, writeExpiry } from './file/entry-format.js';
import { type Exclusively, FileGuards } from './file/guards.js';
import { takeLease } from './file/locks.js';
import { FileSweep } from './file/sweep.js';
import { guarantee, methodsOf } from './guarantees.js';

const NAME_HASH_LEN = 16;
const DEFAULT_MAX_BYTES = 1024 ** 3;
const MIN_MAX_BYTES = 1024 ** 2;
const DEFAULT_MAX_ENTRIES = 1_000_000;

export interface FileBackendOptions {
  /** Created, for its owner only, when it is missing. */
  directory: string;
  /**
   * Bytes of all files that this package wrote, at least 1 MiB. Default 1 GiB. Over it, and over `maxEntries`, later writes
   * remove entries that have ended, then those that end soonest, then of those that never do the oldest; until that is
   * done, some seconds at most, there may be more. Entries of other SDKs are not counted and stay. On Linux files tell
   * who wrote them; elsewhere only what this process wrote counts.
   */
  maxBytes?: number;
  /** How many of them, at least 1. Default 1,000,000. */
  maxEntries?: number;
  /** After how many milliseconds an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
  /** Unix time in milliseconds, for tests. Default `Date.now`. */
  now?: () => number;
}

/**
 * A store of one file for each cache key, shared with the other SDKs of a machine. Protocol: docs/protocol.md, "File backend".
 *
 * TTLs are whole seconds, rounded up, by the wall clock: set back by more than a minute, it ends the entries that were
 * written since, until it has caught up with them; by less, no entry has more than its TTL left. What goes with an entry
 * of another SDK, or is done by one, is not one step beside what is done here: `ifBytes`, `replace`, `setIfUnchanged`,
 * `lock`. Among the processes of this package everything is. The directory is of one machine, or of containers that see
 * the same clock, and on a local file system that has locks (`flock`).
 */
export class FileBackend implements Backend {
  readonly remembersMs = REMEMBERS_MS;
  readonly #directory: string;
  readonly #timeoutMs: number;
  readonly #entries: FileEntries;
  readonly #guards: FileGuards;
  readonly #marks: FileMarks;
  readonly #sweep: FileSweep;
  #closed = false;

  /** @throws TypeError, RangeError for an empty directory or a timeout outside its limits. */
  constructor(options: FileBackendOptions) {
    assertOptions(options);
    const { directory, timeoutMs, maxBytes, maxEntries, now: clock } = ownOptions(options);
    const now = clockOption(clock, () => Date.now());
    this.#directory = resolve(directoryOption(directory));
    this.#timeoutMs = timeoutOption(timeoutMs);
    guarantee(this, METHODS, { private: true, limitMs: this.#timeoutMs });
    const limit = integerOption('maxBytes', maxBytes, DEFAULT_MAX_BYTES, MIN_MAX_BYTES, Number.MAX_SAFE_INTEGER);
    this.#entries = new FileEntries(limit, now);
    this.#guards = new FileGuards(this.#directory);
    this.#marks = new FileMarks(this.#directory);
    this.#sweep = new FileSweep({
      directory: this.#directory,
      guards: this.#guards,
      marks: this.#marks,
      maxBytes: limit,
      maxEntries: integerOption('maxEntries', maxEntries, DEFAULT_MAX_ENTRIES, 1, Number.MAX_SAFE_INTEGER),
      now,
    });
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    const path = this.#path(cacheKey);
    return this.#run(options, async () => {
      let ended = false;
      const entry = await this.#entries.read(path, () => {
        ended = true;
      });
      // Protocol: docs/protocol.md, "File backend".
      if (ended) await this.#sweep.reclaimRead(basename(path)).catch(() => undefined);
      return entry;
    });
  }

  /** @throws BackendError also when the file there is of a newer format; ValueTooLargeError over `maxBytes`. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    const path = this.#path(cacheKey);
    const file = this.#entries.encode(bytes, options?.ttlMs);
    await this.#change(path, options, (exclusively) =>
      replaceFile(path, file, exclusively, async () => {
        if ((await this.#entries.header(path))?.foreign)
          throw new BackendError('The entry there is of a newer file format');
        return true;
      }),
    );
    this.#sweep.wrote(basename(path), file.length);
  }

  async setIfUnchanged(
    cacheKey: string,
    bytes: Uint8Array,
    options: BackendSetOptions & BackendUnchanged,
  ): Promise<boolean> {
    const at = machineTime();
    const { begun, found, checked } = unchangedSince(options);
    const since = at - (elapsed() - begun);
    const path = this.#path(cacheKey);
    const file = this.#entries.encode(bytes, options.ttlMs);
    const expected = found && copyOf(found);
    if (elapsed() - checked > REMEMBERS_MS) return false;
    const stored = await this.#change(path, options, (exclusively) =>
      replaceFile(path, file, exclusively, async () => {
        return !(await this.#isChanged(path, since)) && (await this.#entries.holds(path, expected, since));
      }),
    );
    if (stored) this.#sweep.wrote(basename(path), file.length);
    return stored;
  }

  /** When the directory was removed, of any entry. */
  async changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean> {
    const at = machineTime();
    const since = at - (elapsed() - beginningOf(sinceMs));
    const path = this.#path(cacheKey);
    return this.#run(options, () => this.#isChanged(path, since));
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    const expected = expectedBytes(options);
    return this.#changeExclusively(path, options, async () => {
      const state = await withFile(path, 'r', readState);
      if (state?.header.foreign) return false;
      if (expected) {
        const entry = await this.#entries.read(path);
        if (!entry || !expected.equals(entry.bytes)) return false;
      }
      try {
        await this.#marks.put(basename(path));
      } finally {
        await removed(path);
      }
      return this.#entries.isLive(state);
    });
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    return this.#run(options, async () => this.#entries.isLive(await withFile(path, 'r', readState)));
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    const expiry = this.#entries.expiry(finiteTtlMs(ttlMs));
    return this.#changeExclusively(path, options, async () => {
      const done = await withFile(path, 'r+', async (handle) => {
        const state = await readState(handle);
        if (!this.#entries.isLive(state)) return false;
        await this.#marks.put(basename(path));
        await writeExpiry(handle, expiry);
        return true;
      });
      return done ?? false;
    });
  }

  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    const [expected, given] = [copyOf(ifBytes), copyOf(bytes)];
    return this.#change(path, options, async (exclusively) => {
      // Before the guard, which would make the directory.
      const before = await this.#entries.header(path);
      if (!before || before.foreign) return false;
      let done = false;
      await exclusively(async () => {
        const state = await withFile(path, 'r', readState);
        const entry = state && (await this.#entries.read(path));
        if (!entry || !expected.equals(entry.bytes)) return;
        const file = encodeEntry(given, BigInt(state.header.expiry));
        done = await replaceFile(
          path,
          file,
          (work) => work(),
          async () => true,
        );
      });
      return done;
    });
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    const path = this.#path(cacheKey);
    return takeLease(path, wholeLeaseMs(leaseMs), (work, first) =>
      this.#changeExclusively(path, first ? options : undefined, work),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep.close();
    this.#guards.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #isChanged(path: string, since: number): Promise<boolean> {
    return since < this.#guards.replacedAt || this.#marks.since(basename(path), since);
  }

  #path(cacheKey: string): string {
    assertCacheKey(cacheKey);
    const utf8 = Buffer.from(cacheKey);
    return join(this.#directory, blake2bHex(utf8, utf8.length, NAME_HASH_LEN));
  }

  /** In the order of the calls for an entry. */
  #change<T>(
    path: string,
    options: BackendOptions | undefined,
    work: (exclusively: Exclusively, over: () => boolean) => Promise<T>,
  ): Promise<T> {
    let over = false;
    const isOver = () => over;
    return this.#run(
      options,
      () => this.#guards.inTurn(basename(path), isOver, (exclusively) => work(exclusively, isOver)),
      () => {
        over = true;
      },
    );
  }

  #changeExclusively<T>(
    path: string,
    options: BackendOptions | undefined,
    work: (over: () => boolean) => Promise<T>,
  ): Promise<T> {
    return this.#change(path, options, (exclusively, over) => exclusively(() => work(over)));
  }

  #run<T>(options: BackendOptions | undefined, work: () => Promise<T>, expired?: () => void): Promise<T> {
    if (this.#closed) throw closedError('file');
    const reported = async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof CacheKitError) throw error;
        throw new BackendError(`A cache file cannot be used: ${codeOf(error)}`, { cause: bareCause(error) });
      }
    };
    return withDeadline('The file backend', this.#timeoutMs, options?.signal, reported, expired);
  }
}

const METHODS = methodsOf(FileBackend);
