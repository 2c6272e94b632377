import { wholeLeaseMs } from '../arguments.js';
import type { BackendLock } from '../backend.js';

/** From so many locks on, those whose lease has ended are looked for. */
const SWEEP_FROM = 1_000;

interface Lease {
  until: number;
}

/** The locks of cache keys inside one process. No call waits for a lock, so that none needs a timer. */
export class LockTable {
  readonly #leases = new Map<string, Lease>();
  readonly #now: () => number;
  #sweepAt = SWEEP_FROM;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Leases in memory, some of which may have ended. */
  get size(): number {
    return this.#leases.size;
  }

  take(cacheKey: string, leaseMs: number): BackendLock | undefined {
    const held = this.#leases.get(cacheKey);
    if (held !== undefined && held.until > this.#now()) return undefined;
    if (this.#leases.size >= this.#sweepAt) this.#sweep();
    const lease: Lease = { until: this.#now() + leaseMs };
    this.#leases.set(cacheKey, lease);
    const isHeld = () => this.#leases.get(cacheKey) === lease;
    return {
      extend: async (leaseMs) => {
        const ms = wholeLeaseMs(leaseMs);
        if (!isHeld() || lease.until <= this.#now()) return false;
        lease.until = this.#now() + ms;
        return true;
      },
      release: async () => {
        if (isHeld()) this.#leases.delete(cacheKey);
      },
    };
  }

  clear(): void {
    this.#leases.clear();
  }

  #sweep(): void {
    const now = this.#now();
    for (const [cacheKey, { until }] of this.#leases) if (until <= now) this.#leases.delete(cacheKey);
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#leases.size);
  }
}
