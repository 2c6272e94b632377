import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBackoff,
} from 'cockatiel';
import { BackendError, hasCode, isCacheKitError, isError, propertyOf } from '../../errors.js';
import { now } from '../../util/clock.js';
import { isErrorCalled } from '../../util/realms.js';

export type BreakerState = 'open' | 'half-open' | 'closed';

/** After `failures` in a row the backend is left alone for `restMs`. */
export interface BreakerSettings {
  readonly failures: number;
  readonly restMs: number;
}

export interface CircuitBreaker {
  readonly policy: CircuitBreakerPolicy;
  readonly consecutive: ConsecutiveBreaker;
}

export function makeBreaker(
  { failures, restMs }: BreakerSettings,
  onState: (state: BreakerState) => void,
): CircuitBreaker {
  const consecutive = new ConsecutiveBreaker(failures);
  const halfOpenAfter = cooldown(restMs);
  const policy = circuitBreaker(handleWhen(isBackendFailure), { breaker: consecutive, halfOpenAfter });
  policy.onStateChange((state) => {
    if (state === CircuitState.Closed) onState('closed');
    else onState(state === CircuitState.HalfOpen ? 'half-open' : 'open');
  });
  return { policy, consecutive };
}

/** Whether the store is in trouble, rather than the request wrong. */
export function isBackendFailure(error: unknown): boolean {
  if (hasCode(error, 'ERR_BACKEND')) return error.transient || error.status === undefined;
  return hasCode(error, 'ERR_TIMEOUT') || !(isCacheKitError(error) || isRefusal(error));
}

/** Wrong arguments, and a caller's own abort. */
function isRefusal(error: unknown): boolean {
  if (!isError(error)) return false;
  if (error instanceof TypeError || error instanceof RangeError) return true;
  if (isErrorCalled(error, 'TypeError') || isErrorCalled(error, 'RangeError')) return true;
  return propertyOf(error, 'name') === 'AbortError';
}

export function answerOf(error: unknown): unknown {
  return error instanceof BrokenCircuitError ? circuitOpen() : error;
}

export function circuitOpen(): BackendError {
  return new BackendError('The backend has failed repeatedly and is not asked for now', { transient: true });
}

/** cockatiel compares wall-clock times, and that clock may be set back by hours, which prolongs nothing here. */
function cooldown(restMs: number): { next(): IBackoff<unknown> } {
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
