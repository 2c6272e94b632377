import { types } from 'node:util';
import type { Backend, BackendLock, BackendTagOptions } from '../../backends/backend.js';
import { endsWithin, isPrivate, storesAlike } from '../../backends/guarantees.js';
import { BackendError, hasCode } from '../../errors.js';
import { copyOf, isDetached, kindOf } from '../../util/bytes.js';
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
import { invalidateInSteps, listInSteps } from './stepwise-operations.js';

const { isUint8Array } = types;

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
  'changedSince',
  'isTagged',
  // The answer to the first attempt may be lost: the second then finds the entry changed, by the first.
  'setIfUnchanged',
] as const;

/**
 * A backend whose operations end in time, are retried, and are refused while the store fails. Backends of others get copies of
 * memory, which they may change. @throws BackendError, TimeoutError, the signal's reason, or what the backend throws.
 */
export function guarded(backend: Backend, settings: GuardSettings): Backend {
  const guard = new Guard(settings);
  const methods: Record<string, unknown> = {};
  // In each attempt: what was given in the one before may be changed, or gone.
  const given = isPrivate(backend) ? (args: unknown[]) => args : ownArguments;
  /** A backend that ends a call in time itself is timed once. */
  const isTimed = (name: keyof Backend) => !endsWithin(backend, name, settings.timeoutMs);
  for (const name of [...REPEATABLE, 'replace'] as const) {
    const method = backend[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (method === undefined || (name === 'setIfUnchanged' && !storesAlike(backend))) continue;
    const timed = isTimed(name);
    methods[name] = (...args: unknown[]) =>
      guard.run(() => method.apply(backend, given(args)), name !== 'replace', timed);
  }
  const { lock } = backend;
  if (lock !== undefined) {
    const timed = isTimed('lock');
    methods.lock = async (...args: Parameters<typeof lock>) => {
      const taken = await guard.run(() => lock.apply(backend, given(args) as typeof args), false, timed);
      return taken ? guardedLock(taken, guard) : undefined;
    };
  }
  const { invalidateTags } = backend;
  if (invalidateTags !== undefined) {
    const own = (...args: Parameters<typeof invalidateTags>) =>
      invalidateTags.apply(backend, given(args) as typeof args);
    methods.invalidateTags = (tags: readonly string[], options?: BackendTagOptions) =>
      invalidateInSteps(own, settings.timeoutMs, tags, options, (attempt) => guard.run(attempt, true, false));
  }
  if (backend.remembersMs !== undefined) methods.remembersMs = checkedMs(backend.remembersMs);
  if (backend.keys !== undefined) {
    methods.keys = (...args: Parameters<NonNullable<Backend['keys']>>) =>
      listInSteps(
        () => backend.keys?.(...args),
        (step) => guard.run(step, false),
      );
  }
  return methods as unknown as Backend;
}

/** @throws TypeError, RangeError for what is no time to be remembered. */
function checkedMs(remembersMs: unknown): number {
  if (typeof remembersMs !== 'number') {
    throw new TypeError(`remembersMs of the backend must be a number, not ${kindOf(remembersMs)}`);
  }
  if (!(remembersMs > 0)) throw new RangeError('remembersMs of the backend must be over 0');
  return remembersMs;
}

function guardedLock(lock: BackendLock, guard: Guard): BackendLock {
  return {
    extend: (leaseMs) => guard.run(() => lock.extend(leaseMs), false),
    release: () => lock.release(),
    ...(lock.held && { held: () => guard.run(async () => lock.held?.() ?? false, false) }),
  };
}

type Operation<T> = () => Promise<T>;

const FIRST_PAUSE_MS = 10;
const MOST_PAUSE_MS = 250;
/** No store keeps a cache away for longer without being asked again. */
const MOST_ASKED_PAUSE_MS = 5 * 60_000;

class Guard {
  readonly #settings: GuardSettings;
  readonly #pending: PendingOperations;
  readonly #breaker: CircuitBreaker | undefined;
  #state: BreakerState = 'closed';
  /** When a pause that the backend asked for is over; 0: there was none. */
  #pauseUntil = 0;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    this.#pending = new PendingOperations(settings.timeoutMs, settings.signal);
    const { breaker, onState } = settings;
    this.#breaker =
      breaker &&
      makeBreaker(breaker, (state) => {
        this.#state = state;
        onState(state);
      });
  }

  run<T>(operation: Operation<T>, repeatable: boolean, timed = true): Promise<T> {
    const { signal, maxConcurrent } = this.#settings;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#pending.count >= maxConcurrent) {
      const message = `More than ${maxConcurrent} operations of the backend are under way`;
      return Promise.reject(new BackendError(message, { transient: true }));
    }
    if (this.#pauseUntil !== 0 && now() < this.#pauseUntil) return Promise.reject(backendPausing());
    return this.#attempt(operation, repeatable, timed);
  }

  /** While all is well the breaker's policy is not asked: that costs as much as a small value's encryption. */
  #attempt<T>(operation: Operation<T>, again: boolean, timed: boolean): Promise<T> {
    if (this.#state === 'closed') {
      return this.#race(operation, timed, this.#succeeded, (error) => this.#failed(error, operation, again, timed));
    }
    // One operation tries whether the store is back; a hung store must not hold up the others until then.
    if (this.#state === 'half-open' || this.#breaker === undefined) return Promise.reject(circuitOpen());
    return this.#breaker.policy
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
    const pending = this.#pending;
    if (timed || this.#settings.signal !== undefined) return pending.race(work, timed, done, failed);
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

  readonly #succeeded = () => this.#breaker?.consecutive.success();

  async #failed<T>(error: unknown, operation: Operation<T>, again: boolean, timed: boolean): Promise<T> {
    let failure = error;
    const pauseMs = hasCode(error, 'ERR_BACKEND') ? error.retryAfterMs : undefined;
    if (pauseMs !== undefined && pauseMs > 0) {
      this.#pauseUntil = Math.max(this.#pauseUntil, now() + Math.min(pauseMs, MOST_ASKED_PAUSE_MS));
    }
    // The policy may be open by now, and would answer in the place of what says nothing about the store.
    if (this.#breaker !== undefined && isBackendFailure(error)) {
      try {
        await this.#breaker.policy.execute(() => Promise.reject(error));
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
    for (let attempt = 0; attempt < retries && isRetryable(last) && this.#state === 'closed'; attempt++) {
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

/** Arguments with which a backend of others can do what it likes. */
function ownArguments(args: readonly unknown[]): unknown[] {
  return args.map(ownArgument);
}

function ownArgument(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  // Bytes that the backend has answered with may be detached by now; it compares them with what it has.
  if (isUint8Array(argument)) return isDetached(argument) ? argument : copyOf(argument);
  if (Array.isArray(argument)) return argument.map(ownArgument);
  // A signal is what it is.
  if (Object.getPrototypeOf(argument) !== Object.prototype) return argument;
  const own = {};
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(argument))) {
    // A getter, as of a time, answers for when it is asked.
    Object.defineProperty(
      own,
      name,
      'value' in property ? { ...property, value: ownArgument(property.value) } : property,
    );
  }
  return own;
}
