import { BackendError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';
import { dateOf, now } from '../../util/clock.js';
import { wholeTtlMs } from '../arguments.js';
import type { HttpAnswer } from './transport.js';

/** Longest TTL of the API, in seconds: 30 days. */
export const MAX_TTL_SECONDS = 2_592_000;

/** They are routes of the API or path segments that URL parsers fold away. Protocol: docs/protocol.md, "Cache-Key Path Encoding". */
const RESERVED = new Set(['', '.', '..', 'health', 'ttl', 'lock']);

/**
 * A cache key as one path segment: everything but `A-Za-z0-9-._~` percent-encoded, once.
 *
 * @throws RangeError for a reserved cache key, before any request.
 */
export function encodeCacheKey(cacheKey: string): string {
  if (RESERVED.has(cacheKey)) throw new RangeError('cacheKey is empty or reserved by the HTTP API');
  return encodeURIComponent(cacheKey).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `X-CacheKit-Freshness`: absent or exactly `fresh` is fresh, anything else is stale. */
export function isStale(header: string | undefined): boolean {
  return header !== undefined && header !== 'fresh';
}

/** `X-CacheKit-Fresh-For`, in seconds: `undefined` when absent, 0 for anything but 1 to 7 digits up to 30 days. */
export function freshForSeconds(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (!/^[0-9]{1,7}$/.test(header)) return 0;
  const seconds = Number(header);
  return seconds <= MAX_TTL_SECONDS ? seconds : 0;
}

/** @throws RangeError for more than 30 days. */
export function ttlSeconds(ttlMs: number): number {
  const seconds = Math.ceil(ttlMs / 1000);
  if (seconds > MAX_TTL_SECONDS) throw new RangeError('ttlMs must be at most 30 days for the HTTP API');
  return seconds;
}

/**
 * The headers of a PUT: how long the entry is fresh, and how much longer it is kept. Protocol: docs/protocol.md, "Entry lifecycle".
 *
 * @throws TypeError for a wrong type, RangeError for a TTL outside the API's or a `staleMs` that is not less.
 */
export function ttlHeaders(ttl: unknown, stale: unknown): Record<string, string> | undefined {
  const ttlMs = wholeTtlMs(ttl);
  const staleMs = wholeStaleMs(stale);
  // What never expires has nothing to be stale after, and the API refuses the one without the other.
  if (ttlMs === undefined) return undefined;
  ttlSeconds(ttlMs);
  if (staleMs === 0) return { 'x-cachekit-ttl': String(ttlSeconds(ttlMs)) };
  if (staleMs >= ttlMs) throw new RangeError('staleMs must be less than ttlMs');
  const fresh = ttlSeconds(ttlMs - staleMs);
  // Both are rounded up, and together they must not pass the limit that neither passes.
  const kept = Math.min(Math.ceil(staleMs / 1000), MAX_TTL_SECONDS - fresh);
  return { 'x-cachekit-ttl': String(fresh), ...(kept > 0 && { 'x-cachekit-stale-ttl': String(kept) }) };
}

function wholeStaleMs(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value !== 'number') throw new TypeError(`staleMs must be a number of milliseconds, not ${kindOf(value)}`);
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError('staleMs must be 0 or more, and finite');
  return Math.ceil(value);
}

/** Milliseconds of a `Retry-After` header, in seconds or as a date; `undefined` without one, or for anything else. */
export function retryAfterMs(answer: HttpAnswer): number | undefined {
  const header = answer.header('retry-after')?.trim();
  if (header === undefined) return undefined;
  // Any number of them: the callers have limits of their own.
  if (/^[0-9]+$/.test(header)) return Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER);
  const until = dateMs(header);
  // By the server's own clock where it tells, which may not be ours.
  const at = dateMs(answer.header('date')) ?? dateOf(now()).getTime();
  return until === undefined ? undefined : Math.max(0, until - at);
}

/** A date as HTTP writes it, in milliseconds since 1970. */
function dateMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^[A-Z][a-z]+,? [\w :-]+( GMT)?$/.test(header)) return undefined;
  // The oldest form has no time zone, and is not of this machine's.
  const ms = Date.parse(header.endsWith(' GMT') ? header : `${header} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}

export function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

/** The error for an answer that is no success. */
export function failure(answer: HttpAnswer): BackendError {
  const { status } = answer;
  const afterMs = retryAfterMs(answer);
  return new BackendError(`The cache server ${meaning(status, afterMs)} (HTTP ${status})`, {
    status,
    transient: status === 429 || status >= 500,
    retryAfterMs: afterMs,
  });
}

function meaning(status: number, retryAfter: number | undefined): string {
  if (status === 401) return 'refused the API key';
  if (status === 403) return 'does not permit this request';
  if (status === 413) return 'refused the value as too large';
  if (status === 429) return retryAfter === undefined ? 'says that the quota is used up' : 'limits the rate';
  if (status >= 500) return 'failed';
  if (status >= 300 && status < 400) return 'answered with a redirect, which is not followed';
  return status >= 400 ? 'refused the request' : 'answered with something else than the API defines';
}
