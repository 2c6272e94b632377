import { randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pause } from '../timers.js';
import { codeOf } from './cause.js';
import { removed } from './file-entry.js';
import { inDirectory, isOlder } from './file-temporary.js';

/** A guard is held for a few calls of the file system: one that is older was left by a process that ended. */
const GUARD_STALE_MS = 3_000;
const MAX_PAUSE_MS = 10;

/** Beside an entry's file. The SDK for Python leaves files alone whose names begin with a dot. */
const beside = (path: string, ending: string) => join(dirname(path), `.${basename(path)}.${ending}`);

/**
 * Runs `work` while no other process of this package does so for the same entry. A file that only one can create is
 * the guard: waiting for it takes turns of some milliseconds.
 */
export async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  const guard = beside(path, 'guard');
  while (!(await created(guard))) {
    if (await isOlder(guard, GUARD_STALE_MS)) await removed(guard);
    else await pause(1 + Math.random() * MAX_PAUSE_MS);
  }
  try {
    return await work();
  } finally {
    await removed(guard);
  }
}

async function created(path: string): Promise<boolean> {
  try {
    const handle = await inDirectory(dirname(path), () => open(path, 'wx', 0o600));
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** One attempt to hold the lock of an entry: a file with the end of the lease and the name of its holder. */
export class FileLease {
  readonly #path: string;
  readonly #file: string;
  readonly #now: () => number;
  readonly #holder = randomBytes(16).toString('hex');

  /** @param now Unix time in milliseconds, as all processes see it. */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#file = beside(path, 'lock');
    this.#now = now;
  }

  /** @param abandoned whether nobody waits for the answer any more, so that nobody would give the lock back. */
  take(leaseMs: number, abandoned: () => boolean): Promise<boolean> {
    return guarded(this.#path, async () => {
      if (abandoned() || (await this.#held())) return false;
      await this.#write(leaseMs);
      return true;
    });
  }

  extend(leaseMs: number): Promise<boolean> {
    return guarded(this.#path, async () => {
      if ((await this.#held()) !== this.#holder) return false;
      await this.#write(leaseMs);
      return true;
    });
  }

  release(): Promise<void> {
    return guarded(this.#path, async () => {
      if ((await this.#held()) === this.#holder) await removed(this.#file);
    });
  }

  /** Removes the file of a lease that has ended. */
  clear(): Promise<void> {
    return guarded(this.#path, async () => {
      if ((await this.#held()) === undefined) await removed(this.#file);
    });
  }

  async #write(leaseMs: number): Promise<void> {
    await writeFile(this.#file, `${Math.ceil(this.#now() + leaseMs)} ${this.#holder}`, { mode: 0o600 });
  }

  /** Who holds the lock. A file that a process left half written is nobody's. */
  async #held(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.#file, 'latin1');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    const [, until, holder] = /^(\d+) ([0-9a-f]{32})$/.exec(text) ?? [];
    return Number(until) > this.#now() ? holder : undefined;
  }
}
