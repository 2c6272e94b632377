import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertBytes, kindOf } from '../bytes.js';
import { BackendError, CacheKitError } from '../errors.js';
import { blake2bHex } from '../native.js';
import { assertCacheKey, assertOptions, closedError, copyOf, finiteTtlMs, wholeTtlMs } from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { bareCause, codeOf } from './cause.js';
import { timeoutOption, withDeadline } from './deadline.js';

/*
 * offset  length  content                                  (PROTOCOL.md, file backend)
 *      0       2  43 4b
 *      2       1  version, 1
 *      3       1  reserved, 0
 *      4       2  flags, big-endian, 0
 *      6       8  expiry in Unix seconds, big-endian, 0 = none
 *     14          value
 */
const HEADER_LEN = 14;
const EXPIRY_OFFSET = 6;
const MAGIC = 0x434b01;
const NAME_HASH_LEN = 16;
/** Larger files are no cache entries; 512 MiB is the protocol's limit for a value. */
const MAX_FILE_LEN = 513 * 1024 * 1024;

export interface FileBackendOptions {
  /** Created, for its owner only, when it is missing. */
  directory: string;
  /** After how many milliseconds an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
  /** Unix time in milliseconds, for tests. Default `Date.now`. */
  now?: () => number;
}

interface Header {
  /** A reserved byte or flag is set: a newer format, which is neither read nor touched. */
  foreign: boolean;
  /** Unix seconds, 0 for none. */
  expiry: number;
}

/**
 * A store of one file for each cache key, shared with the other SDKs of a machine. Protocol: file backend.
 *
 * TTLs are whole seconds, rounded up. `ifBytes` compares before it deletes, not in one step.
 */
export class FileBackend implements Backend {
  readonly #directory: string;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #closed = false;

  /** @throws TypeError, RangeError for an empty directory or a timeout outside its limits. */
  constructor(options: FileBackendOptions) {
    assertOptions(options);
    const { directory, timeoutMs, now = Date.now } = options;
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
    const file = Buffer.allocUnsafe(HEADER_LEN + bytes.length);
    file.writeUIntBE(MAGIC, 0, 3);
    file.fill(0, 3, EXPIRY_OFFSET);
    file.writeBigUInt64BE(ttlMs === undefined ? 0n : this.#expiry(ttlMs), EXPIRY_OFFSET);
    file.set(bytes, HEADER_LEN);
    await this.#run(options, async () => {
      if ((await this.#peek(path))?.foreign) throw new BackendError('The entry there is of a newer file format');
      try {
        await replaceFile(path, file);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        await mkdir(this.#directory, { recursive: true, mode: 0o700 });
        await replaceFile(path, file);
      }
    });
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
    const expiry = Buffer.alloc(8);
    expiry.writeBigUInt64BE(this.#expiry(finiteTtlMs(ttlMs)));
    return this.#run(options, async () => {
      const done = await withFile(path, 'r+', async (handle) => {
        const header = await readHeader(handle);
        if (!header || header.foreign || this.#hasExpired(header)) return false;
        await handle.write(expiry, 0, 8, EXPIRY_OFFSET);
        return true;
      });
      return done ?? false;
    });
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
  #peek(path: string): Promise<Header | undefined> {
    return withFile(path, 'r', readHeader);
  }

  #hasExpired({ expiry }: Header): boolean {
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

  #run<T>(options: BackendOptions | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError('file');
    return withDeadline('file', this.#timeoutMs, options?.signal, async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof CacheKitError) throw error;
        throw new BackendError(`A cache file cannot be used: ${codeOf(error)}`, { cause: bareCause(error) });
      }
    });
  }
}

/** Runs `use` on an open file, `undefined` when it does not exist. */
async function withFile<T>(
  path: string,
  flags: string,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** In one read, as another process may be writing the expiry. `undefined` for what is not an entry. */
async function readHeader(handle: FileHandle): Promise<Header | undefined> {
  const header = Buffer.alloc(HEADER_LEN);
  const { bytesRead } = await handle.read(header, 0, HEADER_LEN, 0);
  if (bytesRead < HEADER_LEN || header.readUIntBE(0, 3) !== MAGIC) return undefined;
  return {
    foreign: header.readUIntBE(3, 3) !== 0,
    expiry: Number(header.readBigUInt64BE(EXPIRY_OFFSET)),
  };
}

async function readValue(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat();
  if (size > MAX_FILE_LEN) throw new BackendError(`A cache file of ${size} bytes is over the limit`);
  const value = Buffer.allocUnsafeSlow(size - HEADER_LEN);
  let length = 0;
  while (length < value.length) {
    const { bytesRead } = await handle.read(value, length, value.length - length, HEADER_LEN + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return value.subarray(0, length);
}

/** A reader sees the old file or the new one, never a part. */
async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content, { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function removed(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
