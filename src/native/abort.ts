import { kindOf } from '../util/bytes.js';
import { isAbortSignal, throwIfAborted } from '../util/realms.js';
import { checked } from './result.js';

/** What native work reads to learn that its signal has fired, and how much of it there is. */
interface AbortByte {
  readonly byte: Uint8Array;
  readonly listener: () => void;
  uses: number;
}

// One listener a signal, however much work it stops: Node warns of a leak at the eleventh.
const bytes = new WeakMap<AbortSignal, AbortByte>();

/** @throws TypeError unless it is an AbortSignal or absent; the reason of one that has aborted. */
export function signalOf(options: { signal?: AbortSignal } | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined) return undefined;
  if (!isAbortSignal(signal)) throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  throwIfAborted(signal);
  return signal;
}

/** Starts native work, at once, with the byte that calls it off when `signal` fires. */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: (fired: Uint8Array | undefined) => Promise<T> | T,
): Promise<T> | T {
  return signal === undefined ? start(undefined) : listening(signal, start);
}

async function listening<T>(signal: AbortSignal, start: (fired: Uint8Array) => Promise<T> | T): Promise<T> {
  const held = listen(signal);
  try {
    return await start(held.byte);
  } finally {
    if (--held.uses === 0) {
      signal.removeEventListener('abort', held.listener);
      bytes.delete(signal);
    }
  }
}

/** What native work answered. @throws the error for a failure, or the reason of a signal that has fired. */
export function settled<T>(result: number | T, signal: AbortSignal | undefined): number | T {
  if (typeof result !== 'number' || result >= 0) return result;
  if (signal?.aborted) throw signal.reason;
  return checked(result);
}

function listen(signal: AbortSignal): AbortByte {
  let held = bytes.get(signal);
  if (held === undefined) {
    // Aborted already, if it was while other work of the same call was done.
    const byte = Uint8Array.of(signal.aborted ? 1 : 0);
    held = { byte, listener: () => Atomics.store(byte, 0, 1), uses: 0 };
    signal.addEventListener('abort', held.listener, { once: true });
    bytes.set(signal, held);
  }
  held.uses++;
  return held;
}
