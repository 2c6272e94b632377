import { BackendError } from '../errors.js';

/** Longest TTL of the API, in seconds: 30 days. */
export const MAX_TTL_SECONDS = 2_592_000;

/** They are routes of the API or path segments that URL parsers fold away. Protocol: SaaS API, Cache-Key Path Encoding. */
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

/** Whole seconds of a `Retry-After` header, `undefined` for a date or anything else. */
export function retryAfterSeconds(header: string | undefined): number | undefined {
  return header !== undefined && /^[0-9]{1,7}$/.test(header) ? Number(header) : undefined;
}

/** The error for a status that is no success. */
export function statusError(status: number, retryAfter: string | undefined): BackendError {
  const seconds = retryAfterSeconds(retryAfter);
  return new BackendError(`The cache server ${meaning(status)} (HTTP ${status})`, {
    status,
    transient: status === 429 || status >= 500,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  });
}

function meaning(status: number): string {
  if (status === 401) return 'refused the API key';
  if (status === 403) return 'does not permit this request';
  if (status === 413) return 'refused the value as too large';
  if (status === 429) return 'limits the rate';
  if (status >= 500) return 'failed';
  if (status >= 300 && status < 400) return 'answered with a redirect, which is not followed';
  return status >= 400 ? 'refused the request' : 'answered with something else than the API defines';
}
