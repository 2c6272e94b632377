import { kindOf } from './bytes.js';
import { type Duration, durationMs } from './options-object.js';

/**
 * A duration of text that TypeScript does not know, as an environment variable: `'250ms'`, `'30s'`, `'10m'`, `'1h'`, `'7d'`.
 * The unit is required: whether a bare `600` means seconds or milliseconds, nobody can tell.
 *
 * @example
 * cache({ ttl: parseDuration(process.env.CACHE_TTL ?? '10m') })(fetchUser);
 *
 * @throws TypeError for another spelling, and when it is not a string; RangeError for zero, and for more than 2^53 − 1 ms.
 */
export function parseDuration(text: string): Exclude<Duration, number> {
  return parsed(text, '');
}

/** As {@link parseDuration}, and `'never'`, as the option `ttl` takes it. */
export function parseTtl(text: string): Exclude<Duration, number> | 'never' {
  return text === 'never' ? text : parsed(text, " or 'never'");
}

// The text is not repeated in errors: it is perhaps another variable than was meant, and a secret.
function parsed(text: unknown, or: string): Exclude<Duration, number> {
  const forms = `a number with its unit, like '250ms', '30s', '10m', '1h', '7d'${or}`;
  if (typeof text !== 'string') throw new TypeError(`The text must be a string: ${forms}; not ${kindOf(text)}`);
  if (text === 'never') throw new TypeError(`The text must be ${forms}; parseTtl takes 'never'`);
  if (!/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) throw new TypeError(`The text must be ${forms}`);
  durationMs('The duration', text);
  return text as Exclude<Duration, number>;
}
