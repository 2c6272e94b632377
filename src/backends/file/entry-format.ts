import type { Stats } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { BackendError } from '../../errors.js';
import { lengthOf } from '../../util/bytes.js';
import { fileTime } from '../../util/machine-time.js';
import { codeOf } from '../cause.js';

/*
 * offset  length  content                                  (docs/protocol.md, "File backend")
 *      0       2  43 4b
 *      2       1  version, 1
 *      3       1  reserved, 0
 *      4       2  flags, big-endian, 0
 *      6       8  expiry in Unix seconds, big-endian, 0 = none
 *     14          value
 */
const HEADER_LEN = 14;
const EXPIRY_OFFSET = 6;
const EXPIRY_LEN = 8;
const MAGIC = 0x434b01;
/** Larger files are no cache entries; 512 MiB is the protocol's limit for a value. */
const MAX_FILE_LEN = 513 * 1024 * 1024;

export interface EntryHeader {
  /** A reserved byte or flag is set: a newer format, which is neither read nor touched. */
  foreign: boolean;
  /** Unix seconds, 0 for none. */
  expiry: number;
}

/** The content of an entry's file. `expiry` in Unix seconds, 0 for none. */
export function encodeEntry(bytes: Uint8Array, expiry: bigint): Buffer {
  const file = Buffer.allocUnsafe(HEADER_LEN + lengthOf(bytes));
  file.writeUIntBE(MAGIC, 0, 3);
  file.fill(0, 3, EXPIRY_OFFSET);
  file.writeBigUInt64BE(expiry, EXPIRY_OFFSET);
  file.set(bytes, HEADER_LEN);
  return file;
}

/** In one read, as another process may be writing the expiry. `undefined` for what is not an entry. */
export async function readHeader(handle: FileHandle): Promise<EntryHeader | undefined> {
  const header = Buffer.alloc(HEADER_LEN);
  const { bytesRead } = await handle.read(header, 0, HEADER_LEN, 0);
  if (bytesRead < HEADER_LEN || header.readUIntBE(0, 3) !== MAGIC) return undefined;
  return {
    foreign: header.readUIntBE(3, 3) !== 0,
    expiry: Number(header.readBigUInt64BE(EXPIRY_OFFSET)),
  };
}

/** What is left of an entry by its file: the header, and when it was last written, in Unix milliseconds. */
export interface EntryState {
  readonly header: EntryHeader;
  readonly stats: Stats;
}

/** As {@link readHeader}, with the file's own times. */
export async function readState(handle: FileHandle): Promise<EntryState | undefined> {
  const header = await readHeader(handle);
  return header && { header, stats: await handle.stat() };
}

/** How far a file may lie ahead of the clock before it counts as one of before the clock was set back. */
export const CLOCK_STEP_MS = 60_000;

/**
 * Milliseconds until an entry ends, `Infinity` when it never does, 0 or less when it has. What was written in the future
 * has no more than its whole TTL, and none when that is further ahead: the clock was set back since.
 *
 * @param now Unix time in milliseconds, as the entry's writer took it. The file has the system's own.
 */
export function remainingMs({ header: { expiry }, stats: { mtimeMs } }: EntryState, now: number): number {
  if (expiry === 0) return Number.POSITIVE_INFINITY;
  // The clock of the format ticks once a second.
  if (Math.floor(now / 1000) >= expiry) return 0;
  const remaining = expiry * 1000 - now;
  const ahead = mtimeMs - fileTime();
  if (ahead <= 0) return remaining;
  return ahead > CLOCK_STEP_MS ? 0 : Math.min(remaining, expiry * 1000 - mtimeMs);
}

/** @param size of the file. */
export async function readValue(handle: FileHandle, size: number): Promise<Buffer> {
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

/** Readers take the header in one read, so that this is one write. */
export async function writeExpiry(handle: FileHandle, expiry: bigint): Promise<void> {
  const bytes = Buffer.alloc(EXPIRY_LEN);
  bytes.writeBigUInt64BE(expiry);
  await handle.write(bytes, 0, EXPIRY_LEN, EXPIRY_OFFSET);
}

/** Runs `use` on an open file, `undefined` when it does not exist. */
export async function withFile<T>(
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

/** Whether there was a file to remove. */
export async function removed(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
