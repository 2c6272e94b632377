import type { BackendEntry } from '../../backends/backend.js';
import { now } from '../../util/clock.js';

/** For how long after its TTL an entry is still of use, in milliseconds. */
export interface StaleWindows {
  /** While a background run replaces it. */
  readonly swrMs: number;
  /** When the function fails. */
  readonly staleIfErrorMs: number;
}

/** For how much longer than its TTL an entry is kept. */
export function keptMs({ swrMs, staleIfErrorMs }: StaleWindows): number {
  return Math.max(swrMs, staleIfErrorMs);
}

/**
 * When the TTL of what a backend answered at the time `at` ends: NaN when the backend does not say. No time is stored in
 * a value, so that what is left of the backend's own expiry, less the time of grace in it, has to tell.
 */
export function expiryOf({ expiresInMs, freshInMs, stale }: BackendEntry, at: number, windowMs: number): number {
  if (stale) return at;
  // 0: the store calls it fresh, and does not say for how long.
  if (freshInMs !== undefined) return freshInMs === 0 ? Number.NaN : at + freshInMs;
  // 0: it must not be kept elsewhere, but may be given out.
  return expiresInMs === 0 ? Number.NaN : at + (expiresInMs ?? Number.NaN) - windowMs;
}

/**
 * Whether what a backend answered may be given out as it is: its answer may have been long on its way.
 *
 * @param expiresAt of {@link expiryOf}.
 */
export function isFresh({ stale }: BackendEntry, expiresAt: number): boolean {
  return !stale && !(expiresAt <= now());
}
