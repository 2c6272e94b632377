import { createRequire } from 'node:module';
import type { CircuitBreakerPolicy, ConsecutiveBreaker, IBackoff, RetryPolicy } from 'cockatiel';
import type { Backend } from '../backends/backend.js';
import { now } from '../clock.js';
import { BackendError, CacheKitError, TimeoutError } from '../errors.js';
import { Deadlines } from './deadlines.js';

export type BreakerState = 'open' | 'half-open' | 'closed';

export interface GuardSettings {
  /** The longest that one operation may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How often an operation is tried again after a failure that may pass. */
  readonly retries: number;
  /** After `failures` in a row the backend is left alone for `restMs`; undefined: never. */
  readonly breaker: { readonly failures: number; readonly restMs: number } | undefined;
  /** Operations under way at most; more are refused. */
  readonly maxConcurrent: number;
  readonly signal: AbortSignal | undefined;
  readonly onState: (state: BreakerState) => void;
}

/** What may be done twice without harm. */
const REPEATABLE = [
  'get',
  'set',
  'delete',
  'getMany',
  'setMany',
  'deleteMany',
  'has',
  'expire',
  'invalidateTags',
] as const;
const ONCE = ['replace', 'lock'] as const;

/**
 * A backend whose every operation ends in time, is tried again when that may help, and is refused at once while the store
 * is known to be in trouble. Whatever goes wrong is a BackendError, a TimeoutError, the signal's reason, or what the
 * backend throws.
 */
export function guarded(backend: Backend, settings: GuardSettings): Backend {
  const guard = new Guard(settings);
  const methods: Record<string, unknown> = {};
  const through = (names: readonly (keyof Backend)[], repeatable: boolean) => {
    for (const name of names) {
      const method = backend[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
      if (method === undefined) continue;
      methods[name] = (...args: unknown[]) => guard.run(() => method.apply(backend, args), repeatable);
    }
  };
  through(REPEATABLE, true);
  through(ONCE, false);
  for (const name of ['keys', 'watch', 'close'] as const) {
    if (backend[name] !== undefined) methods[name] = backend[name].bind(backend);
  }
  return methods as unknown as Backend;
}

type Operation<T> = () => Promise<T>;

class Guard {
  readonly #settings: GuardSettings;
  readonly #deadlines: Deadlines;
  readonly #breaker: { policy: CircuitBreakerPolicy; failures: ConsecutiveBreaker } | undefined;
  readonly #retry: RetryPolicy | undefined;
  #state: BreakerState = 'closed';
  #underWay = 0;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    this.#deadlines = new Deadlines(settings.timeoutMs, settings.signal);
    const { breaker, retries } = settings;
    if (breaker !== undefined) this.#breaker = this.#makeBreaker(breaker);
    if (retries > 0) {
      const { ExponentialBackoff, handleWhen, retry } = cockatiel();
      this.#retry = retry(handleWhen(passes), {
        maxAttempts: retries,
        backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 250 }),
      });
    }
  }

  async run<T>(operation: Operation<T>, repeatable: boolean): Promise<T> {
    const { signal, maxConcurrent } = this.#settings;
    signal?.throwIfAborted();
    if (this.#underWay >= maxConcurrent) {
      throw new BackendError(`More than ${maxConcurrent} operations of the backend are under way`, { transient: true });
    }
    this.#underWay++;
    try {
      return await this.#attempt(operation);
    } catch (error) {
      if (!repeatable || this.#retry === undefined || !passes(error) || this.#state !== 'closed') throw error;
      // What failed was the first attempt, after which the policy waits.
      return await this.#retry.execute(({ attempt }) =>
        attempt === 0 ? Promise.reject(error) : this.#attempt(operation),
      );
    } finally {
      this.#underWay--;
    }
  }

  // While all is well, the policy need not be asked: it costs as much as a small value's encryption.
  async #attempt<T>(operation: Operation<T>): Promise<T> {
    if (this.#breaker === undefined) return this.#deadlines.race(operation());
    const { policy, failures } = this.#breaker;
    // One operation tries whether the store is back; a hung store must not hold up the others until then.
    if (this.#state === 'half-open') throw resting();
    if (this.#state === 'closed') {
      let failure: unknown;
      try {
        const answer = await this.#deadlines.race(operation());
        failures.success();
        return answer;
      } catch (error) {
        failure = error;
      }
      return policy.execute(() => Promise.reject(failure)).catch(refused) as Promise<T>;
    }
    return policy.execute(() => this.#deadlines.race(operation())).catch(refused) as Promise<T>;
  }

  #makeBreaker({ failures, restMs }: { failures: number; restMs: number }) {
    const { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } = cockatiel();
    const consecutive = new ConsecutiveBreaker(failures);
    const policy = circuitBreaker(handleWhen(isTrouble), { breaker: consecutive, halfOpenAfter: rest(restMs) });
    policy.onStateChange((state) => {
      if (state === CircuitState.Closed) this.#state = 'closed';
      else this.#state = state === CircuitState.HalfOpen ? 'half-open' : 'open';
      this.#settings.onState(this.#state);
    });
    return { policy, failures: consecutive };
  }
}

const require = createRequire(import.meta.url);

/** Loaded by the first cache that has a backend: it takes a third of this package's import time. */
function cockatiel(): typeof import('cockatiel') {
  return require('cockatiel');
}

/** cockatiel compares wall-clock times, and that clock may be set back by hours; this goes by one that cannot. */
function rest(restMs: number): { next(): IBackoff<unknown> } {
  const next = (): IBackoff<unknown> => {
    const until = now() + restMs;
    return {
      get duration() {
        return now() < until ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
      next,
    };
  };
  return { next };
}

/** Whether the store is in trouble, rather than the request wrong. */
function isTrouble(error: unknown): boolean {
  if (error instanceof BackendError) return error.transient || error.status === undefined;
  return error instanceof TimeoutError || !(error instanceof CacheKitError || isRefusal(error));
}

/** Whether trying again at once may help: not after a timeout, for which the caller has waited long enough. */
function passes(error: unknown): boolean {
  return error instanceof BackendError && error.transient && error.retryAfterMs === undefined;
}

/** Wrong arguments, and a caller's own abort. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return error instanceof Error && error.name === 'AbortError';
}

function refused(error: unknown): never {
  if (error instanceof cockatiel().BrokenCircuitError) {
    throw resting();
  }
  throw error;
}

function resting(): BackendError {
  return new BackendError('The backend has failed repeatedly and is not asked for now', { transient: true });
}
