import { join } from 'node:path';
import { BackendError } from '../../errors.js';
import type { NativeFileLock } from '../../native/addon.js';
import { elapsed } from '../../util/clock.js';
import { machineTime } from '../../util/machine-time.js';
import { pause } from '../../util/timers.js';
import { openLock, takeLock } from '../os-lock.js';

/** Where this package keeps what is no entry, guards and deletion marks. The SDK for Python ignores names that begin with a dot. */
export function stateDirectory(directory: string): string {
  return join(directory, '.cachekit');
}

/** Entries share this many guards, by the first byte of their names. */
const GUARDS = 64;
/** A guard is held for a few calls of the file system, so that a short pause is enough. */
const MAX_PAUSE_MS = 4;
/** After so long this process lets others have a guard that it always wants again. */
const KEPT_MS = 20;
const LEFT_MS = 5;

/** Runs work under the entry's guard, which excludes all processes of this package. */
export type Exclusively = <T>(work: () => Promise<T>) => Promise<T>;

interface Guard {
  lock: NativeFileLock | undefined;
  /** What was asked for last; what comes next waits for it. */
  last: Promise<unknown>;
  waiting: number;
  /** Since when others had no chance. */
  keptSince: number;
}

/** Mutual exclusion of processes at an entry, by locks of the operating system; the calls of this process run in their order. */
export class FileGuards {
  readonly #directory: string;
  readonly #guards = new Map<number, Guard>();
  /** When the directory was seen to be removed, by the machine's clock: what was deleted before is forgotten. */
  replacedAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = stateDirectory(directory);
  }

  /** Runs `work` when all that was asked for before, for the same entry, is over. @param name of the entry, in hex. */
  inTurn<T>(name: string, giveUp: () => boolean, work: (exclusively: Exclusively) => Promise<T>): Promise<T> {
    const number = Number.parseInt(name.slice(0, 2), 16) % GUARDS;
    let guard = this.#guards.get(number);
    if (guard === undefined) {
      guard = { lock: undefined, last: Promise.resolve(), waiting: 0, keptSince: 0 };
      this.#guards.set(number, guard);
    }
    const own = guard;
    const exclusively: Exclusively = (inner) => this.#exclusively(own, number, giveUp, inner);
    if (own.waiting++ === 0) own.keptSince = elapsed();
    const done = own.last
      .then(() => {
        if (giveUp()) throw busy();
        return work(exclusively);
      })
      .finally(() => {
        own.waiting--;
      });
    own.last = done.catch(() => undefined).then(() => leaveToOthers(own));
    return done;
  }

  close(): void {
    for (const guard of this.#guards.values()) {
      void guard.last.then(() => {
        guard.lock?.close();
        guard.lock = undefined;
      });
    }
  }

  async #exclusively<T>(guard: Guard, number: number, giveUp: () => boolean, work: () => Promise<T>): Promise<T> {
    const lock = await this.#take(guard, number, giveUp);
    try {
      return await work();
    } finally {
      lock.unlock();
    }
  }

  async #take(guard: Guard, number: number, giveUp: () => boolean): Promise<NativeFileLock> {
    const path = join(this.#directory, `guard-${number}`);
    for (;;) {
      guard.lock ??= await openLock(path);
      const taken = await takeLock(guard.lock, giveUp, MAX_PAUSE_MS);
      if (taken === 1) return guard.lock;
      if (taken === 0) throw busy();
      this.replacedAt = machineTime();
      guard.lock.close();
      guard.lock = undefined;
    }
  }
}

/** Another process that tries now and then must find the guard free now and then. */
async function leaveToOthers(guard: Guard): Promise<void> {
  if (guard.waiting === 0 || elapsed() - guard.keptSince < KEPT_MS) return;
  await pause(LEFT_MS);
  guard.keptSince = elapsed();
}

function busy(): BackendError {
  return new BackendError('A cache file is in use by another process');
}
