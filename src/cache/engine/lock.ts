import type { BackendLock } from '../../backends/backend.js';
import { elapsed, now } from '../../util/clock.js';
import { clearInterval, setInterval } from '../../util/timers.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import { FAILED, type L2 } from './l2.js';
import type { LockSettings } from './policy.js';
import type { SingleFlight } from './single-flight.js';

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
 * One run for an entry in all processes. The lock is renewed for `maxMs` at most, so that it outlives no dead process or hung
 * run.
 */
export class EntryLock {
  readonly #l2: L2;
  readonly #changes: Pick<SingleFlight<unknown, unknown>, 'changeWithin'>;
  readonly #settings: LockSettings;
  readonly #maxMs: number;

  /** @param changes tell, where the backend tells of changes, that what is waited for is there. */
  constructor(
    l2: L2,
    changes: Pick<SingleFlight<unknown, unknown>, 'changeWithin'>,
    settings: LockSettings,
    maxMs: number,
  ) {
    this.#l2 = l2;
    this.#changes = changes;
    this.#settings = settings;
    this.#maxMs = maxMs;
  }

  /** Works with the lock, or answers with what another process has stored. Without an answer of the backend, works without it. */
  async during<R>(ref: EntryRef, { look, work, waiting, giveUp = work }: Locked<R>): Promise<R> {
    const begun = elapsed();
    let asked = now();
    let lock = await this.#take(ref);
    const first = lock !== undefined;
    if (!first) {
      ref.counters.lockWaits++;
      waiting();
    }
    while (lock === undefined) {
      const waited = elapsed() - begun;
      if (waited >= this.#settings.waitMs) break;
      await this.#changes.changeWithin(Math.min(POLL_MS.most, Math.max(POLL_MS.least, waited / 10)), ref.cacheKey);
      const made = await look();
      if (made !== undefined) {
        this.#waited(ref, begun);
        return made;
      }
      if (ref.unanswered) break;
      asked = now();
      lock = await this.#take(ref);
    }
    if (!first) this.#waited(ref, begun);
    if (lock === undefined) return giveUp();
    if (lock === FAILED) return work();
    return this.#holding(ref, { lock, asked }, async (isLocked) => {
      // Another process may have stored it between the look that was a miss and this lock.
      return (await look()) ?? work(isLocked);
    });
  }

  /** Works unless another process holds the lock. */
  async ifFree<R>(ref: EntryRef, work: (isLocked?: IsLocked) => Promise<R>): Promise<R | undefined> {
    const asked = now();
    const lock = await this.#take(ref);
    if (lock === undefined) return undefined;
    return lock === FAILED ? work() : this.#holding(ref, { lock, asked }, work);
  }

  /** The entry's lock, `undefined` when another process has it, FAILED without an answer. */
  #take(ref: EntryRef): Promise<BackendLock | undefined | typeof FAILED> {
    const l2 = this.#l2;
    return l2.ask(ref, (options) => l2.backend.lock?.(l2.name(ref), this.#settings.leaseMs, options));
  }

  async #holding<R>(ref: EntryRef, taken: Taken, work: (isLocked: IsLocked) => Promise<R>): Promise<R> {
    const lease = new Lease(this.#l2, ref, taken, this.#settings.leaseMs, this.#maxMs);
    try {
      return await work(() => lease.renewed());
    } finally {
      lease.end();
    }
  }

  #waited(ref: EntryRef, begun: number): void {
    if (events.lock.hasSubscribers) publish(events.lock, ref, { ms: elapsed() - begun });
  }
}

interface Taken {
  readonly lock: BackendLock;
  readonly asked: number;
}

/** The lease of a lock that this process has taken, renewed until it is ended. */
class Lease {
  readonly #l2: L2;
  readonly #ref: EntryRef;
  readonly #lock: BackendLock;
  readonly #leaseMs: number;
  readonly #renewal: NodeJS.Timeout;
  /** Until when this process has the lock, if the store never answers again. */
  #heldUntil: number;
  #ended = false;

  /** @param maxMs for how long it is renewed. */
  constructor(l2: L2, ref: EntryRef, { lock, asked }: Taken, leaseMs: number, maxMs: number) {
    this.#l2 = l2;
    this.#ref = ref;
    this.#lock = lock;
    this.#leaseMs = leaseMs;
    const begun = now();
    this.#heldUntil = asked + leaseMs;
    const renew = () => {
      if (now() - begun >= maxMs) this.end();
      // A lease that could not be renewed ends, and another process may run the function too: that is all it costs.
      else quietly(() => this.#extend());
    };
    this.#renewal = setInterval(renew, leaseMs / 3).unref();
  }

  /** Whether the lock is held, and stays so long enough for something to be stored now. */
  async renewed(): Promise<boolean> {
    if (this.#ended) return false;
    const lock = this.#lock;
    const extended = await this.#l2.ask(this.#ref, () => lock.held?.() ?? this.#extend());
    return extended === FAILED ? now() < this.#heldUntil : Boolean(extended);
  }

  /** Gives the lock back. Not waited for: the value is there, and a lock that stays ends with its lease. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#renewal);
    quietly(() => this.#lock.release());
  }

  async #extend(): Promise<boolean> {
    const asked = now();
    const extended = await this.#lock.extend(this.#leaseMs);
    this.#heldUntil = extended ? asked + this.#leaseMs : Number.NEGATIVE_INFINITY;
    return extended;
  }
}

function quietly(work: () => Promise<unknown>): void {
  (async () => work())().catch(() => {});
}
