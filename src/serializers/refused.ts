import { SerializationError } from '../errors.js';
import { type ErrorPaths, Refusal } from '../protocol/refusal.js';
import { kindOf } from '../util/bytes.js';

/** The refusal of a value that is not carried; `what` is its kind, never its content or its name. */
export function refused(what: string, hint = ''): Refusal {
  return new Refusal(what, hint);
}

/** The refusal of `undefined` that is no property. At the top of a value nothing can stand for it. */
export function refusedUndefined(depth: number): Refusal {
  return depth === 1
    ? refused('undefined')
    : refused('undefined in a list', ": a StandardSerializer with types: 'node' carries it, or null can stand for it");
}

/** A proxy may say that it has 2.5 elements. */
export function assertLength(length: unknown): void {
  if ((length as number) >>> 0 !== length) throw refused('an array without a length');
}

/** Read as an element, a hole is `undefined`, which it is not. */
export function assertNoHole(elements: readonly unknown[], index: number): void {
  if (!Object.hasOwn(elements, index)) throw refused('an array with holes');
}

/** What a failure of reading is for the caller: running out of stack, which a caller deep in its own can do within the limit, is a refusal. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.startsWith('Maximum call stack')) return error;
  return new SerializationError('The value is nested deeper than the stack of this call allows');
}

/** What a serializer was told of its errors. */
export function errorPathsOf(serializer: object): ErrorPaths {
  return (serializer as { errorPaths?: unknown }).errorPaths === 'positions' ? 'positions' : 'names';
}

/** @throws TypeError for a wrong type, RangeError for an unknown one. */
export function assertErrorPaths(value: unknown): asserts value is ErrorPaths {
  if (typeof value !== 'string') throw new TypeError(`errorPaths must be a string, not ${kindOf(value)}`);
  if (value !== 'names' && value !== 'positions') throw new RangeError("errorPaths must be 'names' or 'positions'");
}
