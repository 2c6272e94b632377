import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, durationMs, ownOptions } from '../util/options-object.js';
import { MAX_TIMER_MS } from '../util/timers.js';

/** Parsers by the names of options: each makes of an option what the engine takes, or throws. `undefined`: the option is left out. */
export type Parsers = Readonly<Record<string, (value: never) => object>>;

type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never;

/** What all parsers make together. */
export type Parsed<P extends Parsers> = Intersection<ReturnType<P[keyof P]>>;

/** @param own of {@link ownOptions}. @throws what the parsers throw. */
export function parse<P extends Parsers>(parsers: P, own: object): Parsed<P> {
  const parsed = Object.entries(parsers).flatMap(([name, parser]) =>
    Object.entries(parser((own as Record<string, never>)[name] as never)),
  );
  // Defines properties, whatever Object.prototype has under their names.
  return Object.fromEntries(parsed) as Parsed<P>;
}

/** @throws TypeError unless it is an object, ConfigurationError for an option that is in none of the tables. */
export function readOptions<T extends object>(options: T, ...tables: Parsers[]): T {
  if (typeof options === 'function') {
    throw new TypeError('The options must be an object, not function; write cache(options)(fn)');
  }
  assertOptionsObject(options, [...new Set(tables.flatMap(Object.keys))]);
  return ownOptions(options);
}

/**
 * An option with options of its own: undefined for `false`, defaults for `true`. @throws as {@link readOptions}, and what the
 * parsers throw.
 */
export function parseGroup<P extends Parsers>(name: string, value: unknown, parsers: P): Parsed<P> | undefined {
  if (value === false) return undefined;
  if (value === undefined || value === true) return parse(parsers, Object.create(null));
  assertOptionsObject(value, Object.keys(parsers), { name, or: 'a boolean' });
  return parse(parsers, ownOptions(value));
}

/** Milliseconds, of a string with its unit: a bare 500 would be seconds, and be meant as milliseconds. */
export function timerMs(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') {
    throw new TypeError(`${name} must be a string with a unit, like '250ms' or '2s', not ${kindOf(value)}`);
  }
  const ms = durationMs(name, value);
  if (ms > MAX_TIMER_MS) throw new RangeError(`${name} must be less than 25 days`);
  return ms;
}

export function optionalMs(name: string, value: unknown): number | undefined {
  return value === undefined ? undefined : durationMs(name, value);
}

/** As {@link optionalMs}; `false` is none, too. */
export function offMs(name: string, value: unknown): number | undefined {
  return value === false ? undefined : optionalMs(name, value);
}

export function count(name: string, value: unknown, least: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${kindOf(value)}`);
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name} must be an integer from ${least} on`);
  return value;
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean, not ${kindOf(value)}`);
  return value;
}

/** @throws TypeError unless it is a function or left out. */
export function assertFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new TypeError(`${name} must be a function, not ${kindOf(value)}`);
  }
}
