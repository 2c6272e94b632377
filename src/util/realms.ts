import { setMaxListeners } from 'node:events';
import { types } from 'node:util';
import { propertyOf } from '../errors.js';
import { kindOf } from './bytes.js';

/* `instanceof` only knows this realm, but test runners, Node and jsdom bring errors, promises and signals of others. */

/** An Error by the name of a built-in class: `TypeError`. */
export function isErrorCalled(value: unknown, name: string): boolean {
  return types.isNativeError(value) && propertyOf(value, 'name') === name;
}

/** What `await` waits for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (types.isPromise(value)) return true;
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Whatever behaves like an AbortSignal. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (value instanceof AbortSignal) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  );
}

/** @throws TypeError unless `value` is an AbortSignal or absent. */
export function assertSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value !== undefined && !isAbortSignal(value)) {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(value)}`);
  }
}

/** @throws the reason of a signal that has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
}

/** One signal may stand behind any number of operations; Node warns of a leak at the eleventh. */
export function allowManyListeners(signal: AbortSignal): void {
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
}
