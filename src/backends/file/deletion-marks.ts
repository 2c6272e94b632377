import { statSync } from 'node:fs';
import { appendFile, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { machineTime, readBootId } from '../../util/machine-time.js';
import { codeOf } from '../cause.js';
import { stateDirectory } from './guards.js';

/** For how long a deletion is remembered, in milliseconds, as `remembersMs` of the backend. */
export const REMEMBERS_MS = 60_000;
/** Of the machine's clock, so that a mark of the same moment counts as later. */
const RESOLUTION_MS = 0.01;

const NAME = /^deleted-([0-9a-f]*)-(\d+)$/;
const LINE = /^([0-9a-f]{32}) (\d+\.\d{3})$/;

/** What was read of one file. */
interface Seen {
  offset: number;
  rest: string;
  /** By name: when it was last deleted. */
  times: Map<string, number>;
}

/**
 * What was deleted, when: append-only files, one for each minute since the machine was started. A line is the name, a space and
 * milliseconds of the machine's clock; it begins and ends with a line feed, so that one half written spoils no other.
 */
export class FileMarks {
  readonly #directory: string;
  readonly #boot = readBootId()?.slice(0, 8) ?? '';
  readonly #seen = new Map<number, Seen>();

  constructor(directory: string) {
    this.#directory = stateDirectory(directory);
  }

  /** While the guard of the entry is held. `agoMs`: it was so many milliseconds ago. */
  async put(name: string, agoMs = 0): Promise<void> {
    const at = machineTime() - agoMs;
    // Now, because the file of another minute may not be looked at any more.
    await appendFile(this.#file(minuteOf(machineTime())), `\n${name} ${at.toFixed(3)}\n`, { mode: 0o600 });
  }

  /** Whether an entry was deleted at that time of the machine's clock, or later, as far as it is remembered. */
  async since(name: string, begun: number): Promise<boolean> {
    const minute = minuteOf(machineTime());
    for (const old of this.#seen.keys()) if (old < minute - 1) this.#seen.delete(old);
    for (const each of [minute - 1, minute]) {
      const at = (await this.#read(each))?.times.get(name);
      if (at !== undefined && at >= begun - RESOLUTION_MS) return true;
    }
    return false;
  }

  /** Removes the files that are not read any more. */
  async sweep(): Promise<void> {
    const minute = minuteOf(machineTime());
    for (const file of await readdir(this.#directory)) {
      const [, boot, at] = NAME.exec(file) ?? [];
      if (boot === undefined || (boot === this.#boot && Math.abs(Number(at) - minute) <= 2)) continue;
      await unlink(join(this.#directory, file)).catch(() => undefined);
    }
  }

  async #read(minute: number): Promise<Seen | undefined> {
    const file = this.#file(minute);
    // Most often there is none, or nothing new, which is not worth a turn of the event loop.
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    let seen = this.#seen.get(minute);
    if (size === undefined || size === seen?.offset) return size === undefined ? undefined : seen;
    if (seen === undefined || size < seen.offset) seen = { offset: 0, rest: '', times: new Map() };
    this.#seen.set(minute, seen);
    await readOn(file, seen);
    return seen;
  }

  #file(minute: number): string {
    return join(this.#directory, `deleted-${this.#boot}-${minute}`);
  }
}

function minuteOf(at: number): number {
  return Math.floor(at / REMEMBERS_MS);
}

/** Reads what was appended. */
async function readOn(file: string, seen: Seen): Promise<void> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const bytes = Buffer.alloc(64 * 1024);
    for (;;) {
      const at = seen.offset;
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
      if (bytesRead === 0) return;
      // A concurrent call may have read the same.
      if (seen.offset !== at) continue;
      seen.offset += bytesRead;
      const lines = (seen.rest + bytes.toString('latin1', 0, bytesRead)).split('\n');
      seen.rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, name, time] = LINE.exec(line) ?? [];
        if (name !== undefined) seen.times.set(name, Math.max(Number(time), seen.times.get(name) ?? 0));
      }
    }
  } finally {
    await handle.close();
  }
}
