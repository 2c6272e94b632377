import { TimeoutError } from '../errors.js';
import { allowManyListeners } from '../util/realms.js';
import { clearTimeout, setTimeout } from '../util/timers.js';
import { assertSignal, integerOption } from './arguments.js';

const DEFAULT_TIMEOUT_MS = 5_000;
/** The longest that a timer of Node waits; longer ones fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws TypeError, RangeError outside 1 … 2^31 − 1: there is no "wait for ever". */
export function timeoutOption(value: unknown): number {
  return integerOption('timeoutMs', value, DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS);
}

/**
 * Runs `work` for at most `timeoutMs`, then leaves it to itself: a store that accepts and never answers holds up
 * nobody. The timer also keeps the process alive while an answer is outstanding, which idle connections do not.
 *
 * @param expired called on a timeout or an abort, before the promise rejects, so that `work` can be torn down.
 * @throws TimeoutError, or `signal.reason` when the signal is aborted.
 */
export function withDeadline<T>(
  store: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  expired?: (reason: unknown) => void,
): Promise<T> {
  assertSignal(signal);
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const give = (reason: unknown) => {
      settle();
      expired?.(reason);
      reject(reason);
    };
    const abort = () => give(signal?.reason);
    const timer = setTimeout(
      () => give(new TimeoutError(`The ${store} backend did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    if (signal !== undefined) {
      allowManyListeners(signal);
      signal.addEventListener('abort', abort, { once: true });
    }
    work().then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
  });
}
