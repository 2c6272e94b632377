import { ValueTooLargeError } from '../../errors.js';
import { assertBytes } from '../../util/bytes.js';
import { fileTime, machineTime } from '../../util/machine-time.js';
import { wholeTtlMs } from '../arguments.js';
import type { BackendEntry } from '../backend.js';
import {
  CLOCK_STEP_MS,
  type EntryHeader,
  type EntryState,
  encodeEntry,
  readHeader,
  readState,
  readValue,
  remainingMs,
  withFile,
} from './entry-format.js';
import { FILE_TIME_MS } from './sweep.js';

/** What is in the files of entries, by the clock that they are written with. */
export class FileEntries {
  readonly #maxBytes: number;
  readonly #now: () => number;

  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** @param ended called when there is an entry that has ended. */
  async read(path: string, ended?: () => void): Promise<(BackendEntry & { bytes: Buffer }) | undefined> {
    return withFile(path, 'r', async (handle) => {
      const state = await readState(handle);
      if (!state || state.header.foreign) return undefined;
      const expiresInMs = remainingMs(state, this.#now());
      if (expiresInMs > 0) return { bytes: await readValue(handle, state.stats.size), expiresInMs };
      ended?.();
      return undefined;
    });
  }

  /** The header of the file at `path`, `undefined` when there is none or it is corrupt. */
  header(path: string): Promise<EntryHeader | undefined> {
    return withFile(path, 'r', readHeader);
  }

  isLive(state: EntryState | undefined): boolean {
    return state !== undefined && !state.header.foreign && remainingMs(state, this.#now()) > 0;
  }

  /**
   * Whether there is an entry with these bytes, or none when they are undefined, and it was not written since that time of
   * the machine's clock; also where it has ended since.
   */
  async holds(path: string, bytes: Buffer | undefined, since: number): Promise<boolean> {
    const held = await withFile(path, 'r', async (handle) => {
      const state = await readState(handle);
      if (!state) return bytes === undefined;
      if (state.header.foreign) return false;
      const ago = fileTime() - state.stats.mtimeMs;
      // In doubt a file of about that time is as old as what was found in it, and as new as what was not.
      const isOld = ago > machineTime() - since + (bytes === undefined ? FILE_TIME_MS : -FILE_TIME_MS);
      if (!isOld && ago > -CLOCK_STEP_MS) return false;
      return bytes === undefined ? !this.isLive(state) : bytes.equals(await readValue(handle, state.stats.size));
    });
    return held ?? bytes === undefined;
  }

  /** The content of a file. @throws TypeError, RangeError, ValueTooLargeError. */
  encode(bytes: Uint8Array, ttl: unknown): Buffer {
    assertBytes('bytes', bytes);
    const ttlMs = wholeTtlMs(ttl);
    const file = encodeEntry(bytes, ttlMs === undefined ? 0n : this.expiry(ttlMs));
    if (file.length <= this.#maxBytes) return file;
    throw new ValueTooLargeError(`An entry of ${bytes.length} bytes is over maxBytes (${this.#maxBytes})`);
  }

  /** Unix seconds, rounded up. */
  expiry(ttlMs: number): bigint {
    return BigInt(Math.ceil((this.#now() + ttlMs) / 1000));
  }
}
