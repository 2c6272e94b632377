import { types } from 'node:util';
import { ConfigurationError } from '../errors.js';
import { kindOf } from './bytes.js';

/**
 * An object with no options but the known ones: a misspelt one that is ignored may be what was to keep tenants apart.
 *
 * @param group the option whose own options they are, and what else it may be.
 * @throws TypeError unless it is an object, ConfigurationError for an unknown option.
 */
export function assertOptionsObject(
  options: unknown,
  known: readonly string[],
  group?: { readonly name: string; readonly or: string },
): asserts options is object {
  // A revoked proxy cannot be asked whether it is an array.
  if (typeof options !== 'object' || options === null || (!types.isProxy(options) && Array.isArray(options))) {
    const what =
      group === undefined ? 'The options must be an object' : `${group.name} must be ${group.or} or an object`;
    throw new TypeError(`${what}, not ${kindOf(options)}`);
  }
  let names: string[];
  try {
    names = Object.keys(options);
  } catch {
    throw new TypeError('The options must be an object that can be read');
  }
  for (const name of names) {
    if (known.includes(name)) continue;
    const option = group === undefined ? name : `${group.name}.${name}`;
    throw new ConfigurationError(`Unknown option '${option}'. Known options: ${known.join(', ')}`);
  }
}

/** Options of the object or its class, each read once; none from `Object.prototype`, where user code might turn off a protection. */
export function ownOptions<T extends object>(options: T): T {
  const own: Record<string, unknown> = Object.create(null);
  for (
    let from: object | null = options;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    for (const name of Object.getOwnPropertyNames(from)) {
      if (!(name in own)) own[name] = (options as Record<string, unknown>)[name];
    }
  }
  return own as T;
}

/**
 * As {@link ownOptions}, of anything that was passed as options.
 *
 * @throws TypeError unless it is an object all of whose options can be read; of what a getter or a proxy throws nothing is kept.
 */
export function readOptions<T extends object>(options: T): T {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object, not ${kindOf(options)}`);
  }
  try {
    return ownOptions(options);
  } catch {
    throw new TypeError('options must be an object that can be read');
  }
}

/** Seconds as a number, or a number with its unit: `'250ms'`, `'30s'`, `'10m'`, `'1h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * @returns milliseconds, more than 0, at most 2^53 − 1.
 * @throws TypeError for another type or another spelling, RangeError for zero, negative and infinite durations.
 */
export function durationMs(name: string, value: unknown): number {
  let ms: number;
  if (typeof value === 'number') ms = value * 1000;
  else if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
    if (!match) throw new TypeError(`${name} must be seconds as a number, or like '250ms', '30s', '10m', '1h', '7d'`);
    ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  } else throw new TypeError(`${name} must be a number of seconds or a string with a unit, not ${kindOf(value)}`);
  if (!(ms > 0 && ms <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${name} must be more than 0 and finite`);
  return ms;
}

/** As {@link durationMs}, and `Infinity` for `'never'`; undefined: none is given. */
export function ttlMsOf(ttl: unknown): number | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 'never' ? Number.POSITIVE_INFINITY : durationMs('ttl', ttl);
}
