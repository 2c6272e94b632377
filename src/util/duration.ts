import { kindOf } from './bytes.js';

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
