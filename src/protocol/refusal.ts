import { types } from 'node:util';
import { type CacheKitError, SerializationError, ValueTooLargeError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import { sortByCodePoint } from './code-points.js';

/**
 * Whether an error says where in a value the refused part is with names (`.orders[3].customer`) or with positions only
 * (`{0}[3]{1}`), for values whose property names must not be seen either.
 */
export type ErrorPaths = 'names' | 'positions';

/** One step into a value: its position in brackets of an array or braces of anything else, and a property's name. */
interface Step {
  readonly container: object;
  readonly position: string;
  readonly name: string | undefined;
}

/** A name that may stand in a message: others are more likely to be data. */
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,39}$/u;
/** A longer path is shortened in its middle. */
const MOST_STEPS = 32;

/** Why a value is not carried. It passes through the containers around it, each adding its position, and becomes a public error at the top. */
export class Refusal {
  /** Innermost first. */
  readonly #steps: Step[] = [];
  #located = false;

  /** @param placed whether it matters where it was. */
  constructor(
    readonly what: string,
    readonly hint = '',
    readonly tooLarge = false,
    readonly placed = true,
  ) {}

  /** Asks nothing of what was thrown, which may be a proxy. */
  static is(thrown: unknown): thrown is Refusal {
    return typeof thrown === 'object' && thrown !== null && #steps in thrown;
  }

  /** Adds the position: at `place` (negative: none) of `inner`, unless it is known, and `index` of `outer`. `sorted`: names are in order. */
  locate(inner: object, place: number, outer: object | undefined, index: number, sorted = false): this {
    if (!this.placed) return this;
    if (!this.#located && place >= 0) append(this.#steps, stepInto(inner, place, sorted));
    this.#located = true;
    if (outer !== undefined) append(this.#steps, stepInto(outer, index, sorted));
    return this;
  }

  /** For instance `[3].customer{2}`; of a cycle, to where it closes first. */
  path(paths: ErrorPaths): string {
    const steps = this.#steps.toReversed();
    const containers = steps.map(({ container }) => container);
    const closed = containers.findIndex((container, i) => containers.indexOf(container) < i);
    const texts = (closed === -1 ? steps : steps.slice(0, closed)).map(({ position, name }) =>
      paths === 'names' && name !== undefined && IDENTIFIER.test(name) ? `.${name}` : position,
    );
    if (texts.length > MOST_STEPS) texts.splice(MOST_STEPS / 2, texts.length - MOST_STEPS, '…');
    return texts.join('');
  }

  /** As an error of a serializer. */
  asSerializationError(paths: ErrorPaths): CacheKitError {
    const { what, hint } = this;
    if (this.tooLarge) return new ValueTooLargeError(what);
    const where = this.#steps.length === 0 ? '' : ` (at ${this.path(paths)})`;
    return new SerializationError(
      `${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be serialized${hint}${where}`,
    );
  }

  /** As an error of a call whose cache key is made of its arguments. */
  asArgumentError(paths: ErrorPaths): Error {
    const { what, hint } = this;
    if (this.tooLarge) return new ValueTooLargeError(what);
    const where = this.#steps.length === 0 ? '' : ` (arguments${this.path(paths)})`;
    return new TypeError(
      `${what} cannot be an argument of a cached call${where}${hint}: pass \`key\` to make the cache key another way`,
    );
  }
}

/** The refusal of a value that is over a limit, which `message` tells. */
export function tooLarge(message: string): Refusal {
  return new Refusal(message, '', true);
}

/** The refusal of `undefined` that is no property. At the top of a value nothing can stand for it. */
export function refusedUndefined(depth: number): Refusal {
  if (depth === 1) return new Refusal('undefined');
  const hint = ": a StandardSerializer with types: 'node' carries it, or null can stand for it";
  return new Refusal('undefined in a list', hint);
}

/** A proxy may say that it has 2.5 elements. */
export function assertLength(length: unknown): void {
  if ((length as number) >>> 0 !== length) throw new Refusal('an array without a length');
}

/** Read as an element, a hole is `undefined`, which it is not. */
export function assertNoHole(elements: readonly unknown[], index: number): void {
  if (!Object.hasOwn(elements, index)) throw new Refusal('an array with holes');
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

/** What a writer threw, as a refusal. Nothing is kept of an error that a getter or a proxy threw: its message may quote anything. */
export function asRefusal(thrown: unknown): Refusal {
  if (Refusal.is(thrown)) return thrown;
  const message = engineMessage(thrown);
  if (message.startsWith('Maximum call stack')) {
    return new Refusal('a value that is nested deeper than the stack of this call allows', '', false, false);
  }
  if (message.startsWith('Array buffer allocation') || message.startsWith('Invalid string length'))
    return tooLarge('There is no memory for a value of this size');
  return new Refusal('a value whose getter or proxy throws when it is read');
}

/** The message of a RangeError as the engine throws it. */
function engineMessage(thrown: unknown): string {
  if (!types.isNativeError(thrown)) return '';
  const message = Object.getOwnPropertyDescriptor(thrown, 'message')?.value as unknown;
  return thrown instanceof RangeError && typeof message === 'string' ? message : '';
}

// The names are looked up when something has failed: keeping them would cost every value.
function stepInto(container: object, index: number, sorted: boolean): Step {
  // The entries of a Map are written one behind the other.
  if (types.isMap(container)) return { container, position: `{${index >> 1}}`, name: undefined };
  if (types.isSet(container)) return { container, position: `{${index}}`, name: undefined };
  try {
    if (Array.isArray(container)) return { container, position: `[${index}]`, name: undefined };
    const names = Object.keys(container);
    const name = (sorted ? sortByCodePoint([...names]) : names)[index];
    return { container, position: `{${name === undefined ? index : names.indexOf(name)}}`, name };
  } catch {
    // A proxy that does not tell it again.
    return { container, position: `{${index}}`, name: undefined };
  }
}
