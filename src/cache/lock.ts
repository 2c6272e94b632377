import type { BackendLock } from '../backends/backend.js';
import { elapsed } from '../clock.js';
import { clearInterval, pause, setInterval } from '../timers.js';
import { events, publish } from './events.js';
import { FAILED, type L2 } from './l2.js';
import type { Target } from './target.js';

export interface LockSettings {
  readonly leaseMs: number;
  readonly waitMs: number;
}

/** Between two looks at what another process is loading: a tenth of the time waited so far, within these bounds. */
const POLL_MS = { least: 2, most: 250 };

/** What {@link EntryLock.during} is to do while another process has the lock, and once it has it itself. */
export interface Locked<R> {
  /** Whether what is waited for is there. */
  look(): Promise<R | undefined>;
  work(): Promise<R>;
}

/**
 * One run of a function for an entry in all processes. Who has the lock renews it while the function runs, so that only the
 * lock of a process that died ends by itself.
 */
export class EntryLock {
  readonly #l2: L2;
  readonly #settings: LockSettings;

  constructor(l2: L2, settings: LockSettings) {
    this.#l2 = l2;
    this.#settings = settings;
  }

  /** Works with the lock, or answers with what another process has made. A backend that gives no answer holds nobody up. */
  async during<R>(target: Target, { look, work }: Locked<R>): Promise<R> {
    const begun = elapsed();
    let lock = await this.#l2.lock(target, this.#settings.leaseMs);
    const first = lock !== undefined;
    if (!first) target.counters.lockWaits++;
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
      lock = await this.#l2.lock(target, this.#settings.leaseMs);
    }
    if (!first) this.#waited(target, begun);
    if (lock === undefined || lock === FAILED) return work();
    return this.#holding(lock, async () => {
      // Another process may have stored it between the look that was a miss and this lock.
      return (await look()) ?? work();
    });
  }

  /** Works if nobody else does. */
  async ifFree<R>(target: Target, work: () => Promise<R>): Promise<R | undefined> {
    const lock = await this.#l2.lock(target, this.#settings.leaseMs);
    if (lock === undefined) return undefined;
    return lock === FAILED ? work() : this.#holding(lock, work);
  }

  async #holding<R>(lock: BackendLock, work: () => Promise<R>): Promise<R> {
    const { leaseMs } = this.#settings;
    // A lease that could not be renewed ends, and another process may run the function too: that is all it costs.
    const renewal = setInterval(() => quietly(() => lock.extend(leaseMs)), leaseMs / 3);
    renewal.unref();
    try {
      return await work();
    } finally {
      clearInterval(renewal);
      // Not waited for: the value is there, and a lock that stays ends with its lease.
      quietly(() => lock.release());
    }
  }

  #waited(target: Target, begun: number): void {
    if (events.lock.hasSubscribers) publish(events.lock, target, { ms: elapsed() - begun });
  }
}

/** Whatever becomes of it. */
function quietly(work: () => Promise<unknown>): void {
  (async () => work())().catch(() => {});
}
