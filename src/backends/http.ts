import { BackendError, CacheKitError } from '../errors.js';
import { assertBytes, assertCacheKey, copyOf, viewOf } from '../util/bytes.js';
import { elapsed } from '../util/clock.js';
import { expectedBytes, finiteTtlMs, wholeLeaseMs } from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendLock,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { guarantee, methodsOf } from './guarantees.js';
import {
  encodeCacheKey,
  failure,
  freshForSeconds,
  isStale,
  isSuccess,
  ttlHeaders,
  ttlSeconds,
} from './http/headers.js';
import { takeLock } from './http/lock.js';
import { checkedHttpOptions, type HttpBackendOptions } from './http/options.js';
import { HttpSession, jsonOf } from './http/session.js';

export type { HttpMetrics } from './http/metrics.js';
export type { HttpBackendOptions } from './http/options.js';

const JSON_TYPE = { 'content-type': 'application/json' };

/** What a cache server says of itself. */
export interface HttpHealth {
  healthy: boolean;
  /** Milliseconds until the answer, or until it was given up. */
  latencyMs: number;
  /** `'unknown'` where the server does not say. */
  version: string;
  cacheEntries?: number;
  activeLocks?: number;
  /** Why it is not healthy: a BackendError, a TimeoutError. */
  error?: CacheKitError;
}

/**
 * A store behind the CacheKit HTTP API. Protocol: docs/protocol.md, "HTTP API".
 *
 * TTLs are whole seconds there, rounded up, at most 30 days. `get` tells how long an entry is fresh rather than when
 * the server forgets it. `delete` and `expire` cannot tell whether an entry existed, and `ifBytes` compares before it
 * deletes, not in one step.
 */
export class HttpBackend implements Backend {
  readonly #session: HttpSession;

  /** @throws TypeError, RangeError, ConfigurationError for a URL or API key that is missing or not allowed. */
  constructor(options: HttpBackendOptions = {}) {
    const checked = checkedHttpOptions(options);
    // The others may be several requests.
    guarantee(this, METHODS, { private: true, limitMs: checked.timeoutMs, limited: ['get', 'set', 'has', 'expire'] });
    this.#session = new HttpSession(checked);
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    const answer = await this.#session.request('GET', segment(cacheKey), options);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failure(answer);
    const encoding = answer.header('content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      throw new BackendError('The cache server answered with an encoded body, which was not asked for');
    }
    const entry: BackendEntry = { bytes: answer.body };
    const seconds = freshForSeconds(answer.header('x-cachekit-fresh-for'));
    if (isStale(answer.header('x-cachekit-freshness'))) {
      entry.stale = true;
      entry.freshInMs = 0;
    } else if (seconds !== undefined) entry.freshInMs = seconds * 1000;
    return entry;
  }

  /** Of `ttlMs`, all but the last `staleMs` are the API's TTL, and these its stale TTL. */
  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    const path = segment(cacheKey);
    assertBytes('bytes', bytes);
    const headers = ttlHeaders(options?.ttlMs, options?.staleMs);
    const body = options?.owned ? viewOf(bytes) : copyOf(bytes);
    const answer = await this.#session.request('PUT', path, options, { headers, body });
    if (!isSuccess(answer)) throw failure(answer);
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    const path = segment(cacheKey);
    const expected = expectedBytes(options);
    if (expected !== undefined) {
      const entry = await this.get(cacheKey, options);
      if (!entry || !expected.equals(entry.bytes)) return false;
    }
    const answer = await this.#session.request('DELETE', path, options);
    if (answer.status === 404) return false;
    if (!isSuccess(answer)) throw failure(answer);
    return true;
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    const answer = await this.#session.request('HEAD', segment(cacheKey), options);
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw failure(answer);
    return true;
  }

  /** The entry is fresh for `ttlMs` from now, and keeps the stale time it was set with; a stale one stays as it is. */
  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    const path = `${segment(cacheKey)}/ttl`;
    const body = Buffer.from(JSON.stringify({ ttl: ttlSeconds(finiteTtlMs(ttlMs)) }));
    const answer = await this.#session.request('PATCH', path, options, { headers: JSON_TYPE, body });
    // 409: the entry is past its freshness, where the API no longer extends it.
    if (answer.status === 404 || answer.status === 409) return false;
    if (!isSuccess(answer)) throw failure(answer);
    return true;
  }

  /** Milliseconds until the server forgets the entry, its stale time included; `Infinity` for never, `undefined` for a miss. */
  async ttl(cacheKey: string, options?: BackendOptions): Promise<number | undefined> {
    const path = `${segment(cacheKey)}/ttl`;
    const answer = await this.#session.request('GET', path, options, { headers: JSON_TYPE });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failure(answer);
    const { ttl } = jsonOf(answer);
    if (ttl === null) return Number.POSITIVE_INFINITY;
    if (typeof ttl === 'number' && Number.isSafeInteger(ttl) && ttl >= 0) return ttl * 1000;
    throw new BackendError('The cache server answered with something else than the API defines', { status: 200 });
  }

  /** The lock's `extend` gives it back and takes it again: the API cannot lengthen a lease. */
  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    return takeLock(this.#session, `${segment(cacheKey)}/lock`, wholeLeaseMs(leaseMs), options);
  }

  /** Whether the server can be used. It never rejects. */
  async health(options?: BackendOptions): Promise<HttpHealth> {
    const started = elapsed();
    const health: HttpHealth = { healthy: false, latencyMs: 0, version: 'unknown' };
    try {
      const answer = await this.#session.request('GET', 'health', options, { headers: JSON_TYPE });
      if (answer.status !== 200) throw failure(answer);
      const { status, version, cache_entries: cacheEntries, active_locks: activeLocks } = jsonOf(answer);
      // Older servers answer with a version alone.
      health.healthy = status === undefined || status === 'ok';
      if (typeof version === 'string') health.version = version;
      if (typeof cacheEntries === 'number') health.cacheEntries = cacheEntries;
      if (typeof activeLocks === 'number') health.activeLocks = activeLocks;
    } catch (error) {
      if (error instanceof CacheKitError) health.error = error;
    }
    health.latencyMs = elapsed() - started;
    return health;
  }

  async close(): Promise<void> {
    this.#session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const METHODS = methodsOf(HttpBackend);

function segment(cacheKey: string): string {
  assertCacheKey(cacheKey);
  return encodeCacheKey(cacheKey);
}

export { MAX_TTL_SECONDS } from './http/headers.js';
export { isAllowedAddress } from './http/ssrf-guard.js';
