import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { machineTime, readBootId } from '../../util/machine-time.js';
import { wholeLeaseMs } from '../arguments.js';
import type { BackendLock } from '../backend.js';
import { codeOf } from '../cause.js';
import { inDirectory } from './atomic-write.js';
import { removed } from './entry-format.js';

/** Began and ends, in milliseconds of the machine's clock, the holder, and the machine's start. */
const LEASE = /^(\d+) (\d+) ([0-9a-f]{32}) ([0-9a-f-]*)$/;
const boot = readBootId() ?? '';

/** The lock of an entry: a file with the lease and its holder, read and written under the entry's guard, by the machine's clock. */
export class FileLease {
  readonly #file: string;
  readonly #holder = randomBytes(16).toString('hex');

  constructor(path: string) {
    // The SDK for Python leaves files alone whose names begin with a dot.
    this.#file = join(dirname(path), `.${basename(path)}.lock`);
  }

  async take(leaseMs: number): Promise<boolean> {
    if (await this.#held()) return false;
    await this.#write(leaseMs);
    return true;
  }

  async extend(leaseMs: number): Promise<boolean> {
    if ((await this.#held()) !== this.#holder) return false;
    await this.#write(leaseMs);
    return true;
  }

  async release(): Promise<void> {
    if ((await this.#held()) === this.#holder) await removed(this.#file);
  }

  /** Removes the file of a lease that has ended. */
  async clear(): Promise<void> {
    if ((await this.#held()) === undefined) await removed(this.#file);
  }

  async #write(leaseMs: number): Promise<void> {
    const now = machineTime();
    const lease = [Math.floor(now), Math.ceil(now + leaseMs), this.#holder, boot].join(' ');
    await inDirectory(dirname(this.#file), () => writeFile(this.#file, lease, { mode: 0o600 }));
  }

  /** Who holds the lock. A file that a process left half written has no holder, nor has one from before the machine's start. */
  async #held(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.#file, 'latin1');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    const [, began, ends, holder, of] = LEASE.exec(text) ?? [];
    const now = machineTime();
    return of === boot && Number(began) <= now && now < Number(ends) ? holder : undefined;
  }
}

/** Does something while the entry's guard is held; `first`: to take the lock, whose caller may have left by then. */
type Exclusively = <T>(work: (over: () => boolean) => Promise<T>, first: boolean) => Promise<T>;

/** The lock of an entry, unless another has it. */
export async function takeLease(
  path: string,
  leaseMs: number,
  exclusively: Exclusively,
): Promise<BackendLock | undefined> {
  const lease = new FileLease(path);
  const taken = await exclusively((over) => (over() ? Promise.resolve(false) : lease.take(leaseMs)), true);
  if (!taken) return undefined;
  return {
    extend: async (ms) => {
      const whole = wholeLeaseMs(ms);
      return exclusively(() => lease.extend(whole), false);
    },
    release: async () => exclusively(() => lease.release(), false),
  };
}
