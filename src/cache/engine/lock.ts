import { elapsed, now } from '../../util/clock.js';
import { pause } from '../../util/timers.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import { FAILED, type L2 } from './l2.js';
import { Lease, type Taken } from './lease.js';

export interface LockSettings {
  readonly leaseMs: number;
  readonly waitMs: number;
}

/** Between two looks at what another process is loading: a tenth of the time waited so far, within these bounds. */
const POLL_MS = { least: 2, most: 250 };

/** Asked right before something is stored: whether the lock is still held. */
export type IsLocked = () => Promise<boolean>;

/** What {@link EntryLock.during} is to do while another process has the lock, and once it has it itself. */
export interface Locked<R> {
  /** Whether what is waited for is there. */
  look(): Promise<R | undefined>;
  /** @param isLocked undefined: there is no lock. */
  work(isLocked?: IsLocked): Promise<R>;
  /** Called once another process is found to have the lock. */
  waiting(): void;
  /** What to do in the place of `work` when it has had the lock for too long. */
  giveUp?: (() => Promise<R>) | undefined;
}

/**
 * One run of a function for an entry in all processes. Who has the lock renews it while the function runs, for `maxMs` at most,
 * so that only the lock of a process that died, or of a function that never returns, ends by itself.
 */
export class EntryLock {
  readonly #l2: L2;
  readonly #settings: LockSettings;
  readonly #maxMs: number;

  constructor(l2: L2, settings: LockSettings, maxMs: number) {
    this.#l2 = l2;
    this.#settings = settings;
    this.#maxMs = maxMs;
  }

  /** Works with the lock, or answers with what another process has made. A backend that gives no answer holds nobody up. */
  async during<R>(target: Target, { look, work, waiting, giveUp = work }: Locked<R>): Promise<R> {
    const begun = elapsed();
    let asked = now();
    let lock = await this.#l2.lock(target, this.#settings.leaseMs);
    const first = lock !== undefined;
    if (!first) {
      target.counters.lockWaits++;
      waiting();
    }
    while (lock === undefined) {
      const waited = elapsed() - begun;
      if (waited >= this.#settings.waitMs) break;
      await pause(Math.min(POLL_MS.most, Math.max(POLL_MS.least, waited / 10)));
      const made = await look();
      if (made !== undefined) {
        this.#waited(target, begun);
        return made;
      }
      if (target.unanswered) break;
      asked = now();
      lock = await this.#l2.lock(target, this.#settings.leaseMs);
    }
    if (!first) this.#waited(target, begun);
    if (lock === undefined) return giveUp();
    if (lock === FAILED) return work();
    return this.#holding(target, { lock, asked }, async (isLocked) => {
      // Another process may have stored it between the look that was a miss and this lock.
      return (await look()) ?? work(isLocked);
    });
  }

  /** Works if nobody else does. */
  async ifFree<R>(target: Target, work: (isLocked?: IsLocked) => Promise<R>): Promise<R | undefined> {
    const asked = now();
    const lock = await this.#l2.lock(target, this.#settings.leaseMs);
    if (lock === undefined) return undefined;
    return lock === FAILED ? work() : this.#holding(target, { lock, asked }, work);
  }

  async #holding<R>(target: Target, taken: Taken, work: (isLocked: IsLocked) => Promise<R>): Promise<R> {
    const lease = new Lease(this.#l2, target, taken, { leaseMs: this.#settings.leaseMs, maxMs: this.#maxMs });
    try {
      return await work(() => lease.renewed());
    } finally {
      lease.end();
    }
  }

  #waited(target: Target, begun: number): void {
    if (events.lock.hasSubscribers) publish(events.lock, target, { ms: elapsed() - begun });
  }
}
