import { now } from '../clock.js';
import { TimeoutError } from '../errors.js';

interface Pending {
  readonly until: number;
  /** undefined once it is settled. */
  give: ((reason: unknown) => void) | undefined;
}

/**
 * One time limit for any number of promises, with one timer: they end in the order in which they began.
 * An operation that nobody ever answers would otherwise hold its caller for ever.
 */
export class Deadlines {
  readonly #ms: number;
  #pending: Pending[] = [];
  #outstanding = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms;
    signal?.addEventListener('abort', () => this.#giveAll(signal.reason), { once: true });
  }

  /** @throws TimeoutError, or what `work` rejects with, or the signal's reason. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = { until: now() + this.#ms, give: reject };
      this.#begin(pending);
      work.then(
        (value) => {
          this.#end(pending);
          resolve(value);
        },
        (error) => {
          this.#end(pending);
          reject(error);
        },
      );
    });
  }

  #begin(pending: Pending): void {
    this.#pending.push(pending);
    if (this.#timer === undefined) this.#arm(this.#ms);
    // Somebody is waiting, so the process must not end; while nobody is, the timer must not hold it.
    else if (this.#outstanding === 0) this.#timer.ref();
    this.#outstanding++;
  }

  #end(pending: Pending): void {
    if (pending.give === undefined) return;
    pending.give = undefined;
    if (--this.#outstanding > 0) return;
    this.#pending = [];
    this.#timer?.unref();
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, ms));
  }

  #expire(): void {
    this.#timer = undefined;
    const time = now();
    const waiting = this.#pending.filter(({ give }) => give !== undefined);
    this.#pending = waiting;
    for (const pending of waiting) {
      if (pending.until > time) break;
      this.#give(pending, new TimeoutError(`The backend did not answer within ${this.#ms} ms`));
    }
    const next = this.#pending.find(({ give }) => give !== undefined);
    if (next !== undefined) this.#arm(next.until - time);
  }

  #giveAll(reason: unknown): void {
    for (const pending of this.#pending) this.#give(pending, reason);
  }

  #give(pending: Pending, reason: unknown): void {
    const { give } = pending;
    this.#end(pending);
    give?.(reason);
  }
}
