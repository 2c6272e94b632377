import timers from 'node:timers';
import { ConfigurationError } from '../errors.js';

/* The timers of Node itself, whatever fake timers do later: time limits, pauses and leases are of real time. */

type Faked = ((...args: never[]) => unknown) & { clock?: Record<string, unknown> };

/** A real timer function. Under timers faked before this module was loaded, sinon's remember the real one; those of node:test do not. */
function real<N extends 'setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval' | 'setImmediate'>(
  name: N,
): (typeof timers)[N] {
  const found = timers[name];
  const { clock } = found as unknown as Faked;
  const hidden = clock?.[`_${name}`];
  if (typeof hidden === 'function') return hidden as (typeof timers)[N];
  if (clock === undefined && !/^bound [#_]/.test(found.name)) return found;
  throw new ConfigurationError('Timers are faked while cachekit-native is loaded: import it before they are');
}

/** As `real`. Those of Jest remember nothing: then the one that is there at the call, when they may be gone. */
function realNextTick(): (callback: () => void) => void {
  const { clock } = process.nextTick as Faked;
  if (clock === undefined) return process.nextTick;
  const hidden = clock._nextTick;
  return typeof hidden === 'function' ? hidden.bind(process) : (callback) => process.nextTick(callback);
}

export const nextTick = realNextTick();
export const setTimeout = real('setTimeout');
export const clearTimeout = real('clearTimeout');
export const setInterval = real('setInterval');
export const clearInterval = real('clearInterval');
export const setImmediate = real('setImmediate');

/** The longest that a timer of Node waits; longer ones fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A pause that keeps no process alive. */
export function idle(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
