import { join, resolve } from 'node:path';
import { assertBytes, copyOf, kindOf } from '../bytes.js';
import { now as elapsed } from '../clock.js';
import { BackendError, CacheKitError } from '../errors.js';
import { blake2bHex } from '../native.js';
import { ownOptions } from '../options-object.js';
import { assertCacheKey, assertOptions, closedError, finiteTtlMs, wholeLeaseMs, wholeTtlMs } from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendLock,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { bareCause, codeOf } from './cause.js';
import { timeoutOption, withDeadline } from './deadline.js';
import { type EntryHeader, encodeEntry, readHeader, readValue, removed, withFile, writeExpiry } from './file-entry.js';
import { FileLease, guarded } from './file-locks.js';
import { reclaimStrays } from './file-strays.js';
import { replaceFile } from './file-temporary.js';
import { markPrivate, methodsOf } from './private-answers.js';

const NAME_HASH_LEN = 16;
/** How often a writer looks for what others left behind. */
const RECLAIM_EVERY_MS = 600_000;

export interface FileBackendOptions {
  /** Created, for its owner only, when it is missing. */
  directory: string;
  /** After how many milliseconds an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
  /** Unix time in milliseconds, for tests. Default `Date.now`. */
  now?: () => number;
}

/**
 * A store of one file for each cache key, shared with the other SDKs of a machine. Protocol: file backend.
 *
 * TTLs are whole seconds, rounded up. `ifBytes` compares before it deletes, not in one step. `replace` and `lock` are
 * one step among the processes of this package, not beside the other SDKs, nor beside a `set`.
 */
export class FileBackend implements Backend {
  readonly #directory: string;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #reclaimedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @throws TypeError, RangeError for an empty directory or a timeout outside its limits. */
  constructor(options: FileBackendOptions) {
    assertOptions(options);
    markPrivate(this, METHODS);
    const { directory, timeoutMs, now = () => Date.now() } = ownOptions(options);
    if (typeof directory !== 'string') throw new TypeError(`directory must be a string, not ${kindOf(directory)}`);
    if (directory === '' || directory.includes('\0')) throw new RangeError('directory must be a path');
    if (typeof now !== 'function') throw new TypeError('now must be a function');
    this.#directory = resolve(directory);
    this.#timeoutMs = timeoutOption(timeoutMs);
    this.#now = now;
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    const path = this.#path(cacheKey);
    return this.#run(options, () => this.#read(path));
  }

  /** @throws BackendError also when the file there is of a newer format. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    const path = this.#path(cacheKey);
    assertBytes('bytes', bytes);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    const file = encodeEntry(bytes, ttlMs === undefined ? 0n : this.#expiry(ttlMs));
    await this.#run(options, async () => {
      if ((await this.#peek(path))?.foreign) throw new BackendError('The entry there is of a newer file format');
      await replaceFile(path, file);
    });
    this.#reclaim();
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    const ifBytes = options?.ifBytes;
    if (ifBytes !== undefined) assertBytes('ifBytes', ifBytes);
    const expected = ifBytes && copyOf(ifBytes);
    return this.#run(options, async () => {
      if (expected) {
        const entry = await this.#read(path);
        if (!entry || !expected.equals(entry.bytes)) return false;
      }
      const header = await this.#peek(path);
      if (header?.foreign) return false;
      const live = header !== undefined && !this.#hasExpired(header);
      return (await removed(path)) && live;
    });
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    return this.#run(options, async () => {
      const header = await this.#peek(path);
      return header !== undefined && !header.foreign && !this.#hasExpired(header);
    });
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    const expiry = this.#expiry(finiteTtlMs(ttlMs));
    return this.#run(options, async () => {
      const done = await withFile(path, 'r+', async (handle) => {
        const header = await readHeader(handle);
        if (!header || header.foreign || this.#hasExpired(header)) return false;
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
    return this.#run(options, async () => {
      // Before the guard, which would make the directory.
      if (!(await this.#peek(path))) return false;
      return guarded(path, async () => {
        const header = await this.#peek(path);
        const entry = header && (await this.#read(path));
        if (!entry || !expected.equals(entry.bytes)) return false;
        await replaceFile(path, encodeEntry(given, BigInt(header.expiry)));
        return true;
      });
    });
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    const lease = new FileLease(this.#path(cacheKey), this.#now);
    const ms = wholeLeaseMs(leaseMs);
    let abandoned = false;
    const taken = await this.#run(
      options,
      () => lease.take(ms, () => abandoned),
      () => {
        abandoned = true;
      },
    );
    if (!taken) return undefined;
    return {
      extend: async (leaseMs) => {
        const ms = wholeLeaseMs(leaseMs);
        return this.#run(undefined, () => lease.extend(ms));
      },
      release: async () => this.#run(undefined, () => lease.release()),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(path: string): Promise<BackendEntry | undefined> {
    let expired = false;
    const entry = await withFile(path, 'r', async (handle) => {
      const header = await readHeader(handle);
      if (!header || header.foreign) return undefined;
      if (this.#hasExpired(header)) {
        expired = true;
        return undefined;
      }
      const bytes = await readValue(handle);
      if (header.expiry === 0) return { bytes, expiresInMs: Number.POSITIVE_INFINITY };
      return { bytes, expiresInMs: Math.max(0, header.expiry * 1000 - this.#now()) };
    });
    if (expired) await removed(path);
    return entry;
  }

  /** The header of the file at `path`, `undefined` when there is none or it is corrupt. */
  #peek(path: string): Promise<EntryHeader | undefined> {
    return withFile(path, 'r', readHeader);
  }

  #hasExpired({ expiry }: EntryHeader): boolean {
    return expiry !== 0 && Math.floor(this.#now() / 1000) >= expiry;
  }

  #expiry(ttlMs: number): bigint {
    return BigInt(Math.ceil((this.#now() + ttlMs) / 1000));
  }

  #path(cacheKey: string): string {
    assertCacheKey(cacheKey);
    const utf8 = Buffer.from(cacheKey);
    return join(this.#directory, blake2bHex(utf8, utf8.length, NAME_HASH_LEN));
  }

  /** In the background: what a process left behind that ended while it wrote is no reason to wait, nor to fail. */
  #reclaim(): void {
    const at = elapsed();
    if (at - this.#reclaimedAt < RECLAIM_EVERY_MS) return;
    this.#reclaimedAt = at;
    reclaimStrays(this.#directory, this.#now).catch(() => undefined);
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
    return withDeadline('file', this.#timeoutMs, options?.signal, reported, expired);
  }
}

const METHODS = methodsOf(FileBackend);
