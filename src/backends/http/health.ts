import { CacheKitError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import type { BackendOptions } from '../backend.js';
import { failure } from './headers.js';
import { type HttpSession, jsonOf } from './session.js';

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

/** Asks `/v1/cache/health`; a server that cannot be asked is an answer too. */
export async function askHealth(session: HttpSession, options: BackendOptions | undefined): Promise<HttpHealth> {
  const started = elapsed();
  const health: HttpHealth = { healthy: false, latencyMs: 0, version: 'unknown' };
  try {
    const answer = await session.request('GET', 'health', options, { headers: { 'content-type': 'application/json' } });
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
