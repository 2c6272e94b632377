import { BackendError, hasCode } from '../../errors.js';
import { now } from '../../util/clock.js';
import { keepAlive, letEnd } from '../../util/deadlines.js';
import { pause } from '../../util/timers.js';
import {
  answerOf,
  type BreakerSettings,
  type BreakerState,
  type CircuitBreaker,
  circuitOpen,
  isBackendFailure,
  makeBreaker,
} from './circuit-breaker.js';
import { PendingOperations } from './pending-operations.js';

export interface GuardSettings {
  readonly timeoutMs: number;
  readonly retries: number;
  /** undefined: the backend is never left alone. */
  readonly breaker: BreakerSettings | undefined;
  /** Operations under way at most; more are refused. */
  readonly maxConcurrent: number;
  readonly signal: AbortSignal | undefined;
  readonly onState: (state: BreakerState) => void;
}

type Operation<T> = () => Promise<T>;

const FIRST_PAUSE_MS = 10;
const MOST_PAUSE_MS = 250;
/** No store keeps a cache away for longer without being asked again. */
const MOST_ASKED_PAUSE_MS = 5 * 60_000;

/** What is known of a backend, whatever time limit its operations have. */
class Health {
  readonly pending: PendingOperations;
  readonly breaker: CircuitBreaker | undefined;
  state: BreakerState = 'closed';
  /** When a pause that the backend asked for is over; 0: there was none. */
  pauseUntil = 0;

  constructor({ signal, breaker, onState }: GuardSettings) {
    this.pending = new PendingOperations(signal);
    this.breaker =
      breaker &&
      makeBreaker(breaker, (state) => {
        this.state = state;
        onState(state);
      });
  }
}

/** Runs operations of a backend with a time limit and retries, as long as that is in health. */
export class Guard {
  readonly #settings: GuardSettings;
  readonly #health: Health;

  /** @param beside another guard of the same backend. */
  constructor(settings: GuardSettings, beside?: Guard) {
    this.#settings = settings;
    this.#health = beside === undefined ? new Health(settings) : beside.#health;
  }

  run<T>(operation: Operation<T>, repeatable: boolean, timed = true): Promise<T> {
    const { signal, maxConcurrent } = this.#settings;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#health.pending.count >= maxConcurrent) {
      const message = `More than ${maxConcurrent} operations of the backend are under way`;
      return Promise.reject(new BackendError(message, { transient: true }));
    }
    if (this.#health.pauseUntil !== 0 && now() < this.#health.pauseUntil) return Promise.reject(backendPausing());
    return this.#attempt(operation, repeatable, timed);
  }

  /** While all is well the breaker's policy is not asked: that costs as much as a small value's encryption. */
  #attempt<T>(operation: Operation<T>, again: boolean, timed: boolean): Promise<T> {
    if (this.#health.state === 'closed') {
      return this.#race(operation, timed, this.#succeeded, (error) => this.#failed(error, operation, again, timed));
    }
    // One operation tries whether the store is back; a hung store must not hold up the others until then.
    if (this.#health.state === 'half-open' || this.#health.breaker === undefined) return Promise.reject(circuitOpen());
    return this.#health.breaker.policy
      .execute(() => this.#race(operation, timed, nothing, (error) => Promise.reject(error)))
      .catch((error) => Promise.reject(answerOf(error))) as Promise<T>;
  }

  #race<T>(
    operation: Operation<T>,
    timed: boolean,
    done: () => void,
    failed: (error: unknown) => Promise<T>,
  ): Promise<T> {
    let work: Promise<T>;
    try {
      work = operation();
    } catch (error) {
      return failed(error);
    }
    const pending = this.#health.pending;
    const { timeoutMs, signal } = this.#settings;
    if (timed || signal !== undefined) return pending.race(work, timed ? timeoutMs : undefined, done, failed);
    if (pending.count++ === 0) keepAlive();
    return work.then(
      (value) => {
        if (--pending.count === 0) letEnd();
        done();
        return value;
      },
      (error) => {
        if (--pending.count === 0) letEnd();
        return failed(error);
      },
    );
  }

  readonly #succeeded = () => this.#health.breaker?.consecutive.success();

  async #failed<T>(error: unknown, operation: Operation<T>, again: boolean, timed: boolean): Promise<T> {
    let failure = error;
    const pauseMs = hasCode(error, 'ERR_BACKEND') ? error.retryAfterMs : undefined;
    if (pauseMs !== undefined && pauseMs > 0) {
      this.#health.pauseUntil = Math.max(this.#health.pauseUntil, now() + Math.min(pauseMs, MOST_ASKED_PAUSE_MS));
    }
    // The policy may be open by now, and would answer in the place of what says nothing about the store.
    if (this.#health.breaker !== undefined && isBackendFailure(error)) {
      try {
        await this.#health.breaker.policy.execute(() => Promise.reject(error));
      } catch (reason) {
        failure = answerOf(reason);
      }
    }
    if (!again) throw failure;
    return this.#again(operation, timed, failure);
  }

  /** Not by cockatiel, whose pauses stop under fake timers. */
  async #again<T>(operation: Operation<T>, timed: boolean, failure: unknown): Promise<T> {
    let last = failure;
    const { retries } = this.#settings;
    for (let attempt = 0; attempt < retries && isRetryable(last) && this.#health.state === 'closed'; attempt++) {
      // At random between half of it and all of it, so that those who failed together do not come back together.
      await pause(Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (1 - Math.random() / 2));
      try {
        return await this.#attempt(operation, false, timed);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}

/** Whether trying again at once may help: not after a timeout, for which the caller has waited long enough. */
function isRetryable(error: unknown): boolean {
  return hasCode(error, 'ERR_BACKEND') && error.transient && error.retryAfterMs === undefined;
}

function nothing(): void {}

function backendPausing(): BackendError {
  return new BackendError('The backend asked for a pause and is not asked until it is over', { transient: true });
}
