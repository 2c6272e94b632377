import { TimeoutError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { setTimeout } from '../../util/timers.js';

interface Pending {
  readonly until: number;
  /** undefined once it is settled. */
  give: ((reason: unknown) => void) | undefined;
}

/** From so many settled promises on, they are sorted out before their time is over. */
const SETTLED_KEPT = 1_000;

// One listener a signal, however many caches it is given to: Node warns of a leak at the eleventh.
const bySignal = new WeakMap<AbortSignal, Set<Deadlines>>();

/**
 * One time limit for any number of promises, with one timer: they end in the order in which they began.
 * An operation that nobody ever answers would otherwise hold its caller for ever.
 */
export class Deadlines {
  readonly #ms: number;
  /** Those who have something under way that the signal ends. */
  readonly #peers: Set<Deadlines> | undefined;
  #pending: Pending[] = [];
  #outstanding = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms;
    this.#peers = signal && peersOf(signal);
  }

  /** How many promises have not settled. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * What `work` resolves with, after `done`; or what `failed` makes of a TimeoutError, of what `work` rejects with, or of the
   * signal's reason.
   */
  race<T>(work: Promise<T>, done: () => void, failed: (error: unknown) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve) => {
      const give = (error: unknown) => resolve(failed(error));
      const pending: Pending = { until: elapsed() + this.#ms, give };
      this.#begin(pending);
      // A store that is not async may answer with the value itself.
      Promise.resolve(work).then(
        (value) => {
          if (pending.give === undefined) return;
          this.#end(pending);
          done();
          resolve(value);
        },
        (error) => this.#give(pending, error),
      );
    });
  }

  /** Whatever is under way ends with this reason. */
  giveAll(reason: unknown): void {
    for (const pending of this.#pending) this.#give(pending, reason);
  }

  #begin(pending: Pending): void {
    if (this.#pending.length > SETTLED_KEPT + 2 * this.#outstanding) this.#pending = this.#pending.filter(isOpen);
    this.#pending.push(pending);
    if (this.#timer === undefined) this.#arm(this.#ms);
    // Somebody is waiting, so the process must not end; while nobody is, the timer must not hold it.
    else if (this.#outstanding === 0) this.#timer.ref();
    if (this.#outstanding++ === 0) this.#peers?.add(this);
  }

  #end(pending: Pending): void {
    if (pending.give === undefined) return;
    pending.give = undefined;
    if (--this.#outstanding > 0) return;
    this.#pending = [];
    this.#peers?.delete(this);
    this.#timer?.unref();
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, ms));
  }

  #expire(): void {
    this.#timer = undefined;
    const time = elapsed();
    const waiting = this.#pending.filter(isOpen);
    this.#pending = waiting;
    for (const pending of waiting) {
      if (pending.until > time) break;
      this.#give(pending, new TimeoutError(`The backend did not answer within ${this.#ms} ms`));
    }
    const next = this.#pending.find(isOpen);
    if (next !== undefined) this.#arm(next.until - time);
  }

  #give(pending: Pending, reason: unknown): void {
    const { give } = pending;
    this.#end(pending);
    give?.(reason);
  }
}

function isOpen({ give }: Pending): boolean {
  return give !== undefined;
}

function peersOf(signal: AbortSignal): Set<Deadlines> {
  let peers = bySignal.get(signal);
  if (peers === undefined) {
    const all = new Set<Deadlines>();
    const giveAll = () => {
      for (const deadlines of [...all]) deadlines.giveAll(signal.reason);
    };
    signal.addEventListener('abort', giveAll, { once: true });
    bySignal.set(signal, all);
    peers = all;
  }
  return peers;
}
