import { now } from '../clock.js';
import { BackendError } from '../errors.js';
import type { Failures } from './failures.js';
import { type Flight, identityOf, SingleFlight } from './single-flight.js';
import type { Found, Target, Tiers } from './tiers.js';

/** What a caller of the cache is told of an entry. */
export interface Outcome {
  readonly value: unknown;
  readonly status: 'hit' | 'miss';
  /** On the clock of `now()`: `Infinity` for never, NaN when unknown or not stored. */
  readonly expiresAt: number;
  /** The arguments were changed meanwhile: the value is of the one call that they belong to, and of no entry. */
  readonly changed?: boolean;
}

export type Work = Flight<Found, Outcome>;

/**
 * The operations on entries. Whoever wants the same entry at the same time shares one read and one run of the
 * function; a write or a deletion makes everything that began before it forget to store its result.
 */
export class EntryStore {
  readonly tiers: Tiers;
  readonly #failures: Failures;
  readonly #flights = new SingleFlight<Found, Outcome>();
  #closed = false;

  constructor(tiers: Tiers, failures: Failures) {
    this.tiers = tiers;
    this.#failures = failures;
  }

  /** What is stored, or what `load` makes of a miss. */
  fetch(target: Target, load: () => unknown): Promise<Outcome> {
    return this.joined(target, async (flight) => {
      const hit = flight.load === undefined ? await this.#find(flight, target) : undefined;
      if (hit !== undefined) return hit;
      target.counters.misses++;
      const own = flight.load === undefined;
      const outcome = await this.#sharedLoad(flight, target, load);
      return outcome.changed && !own ? this.fetch(target, load) : outcome;
    });
  }

  /** What is stored, or `undefined`. */
  peek(target: Target): Promise<Outcome | undefined> {
    return this.joined(target, async (flight) => {
      const hit = await this.#find(flight, target);
      if (hit === undefined) target.counters.misses++;
      return hit;
    });
  }

  /** Runs `load` whatever is stored, and stores its result; what cannot be stored leaves no older value behind. */
  refresh(target: Target, load: () => unknown): Promise<Outcome> {
    return this.joined(target, async (flight) => {
      flight.supersede();
      const begun = flight.begin();
      const outcome = await this.#sharedLoad(flight, target, load);
      if (Number.isNaN(outcome.expiresAt) && begun.current()) {
        // Its failure was counted; the caller is waiting for the value.
        await this.delete(target).catch(() => {});
      }
      return outcome;
    });
  }

  /**
   * @returns whether it was stored; a failure of the backend is counted, and then it was not.
   * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError for one over a limit.
   */
  set(target: Target, value: unknown): Promise<boolean> {
    return this.joined(target, (flight) => {
      flight.supersede();
      return this.tiers.write(target, value, flight.begin());
    });
  }

  /**
   * @returns whether an entry was removed.
   * @throws what the backend throws: an invalidation that failed must not pass for done.
   */
  delete(target: Target): Promise<boolean> {
    const { cacheKey, tenantId, counters } = target;
    const { backend, l1 } = this.tiers;
    return this.joined(target, async (flight) => {
      flight.supersede();
      const held = l1?.delete(cacheKey, tenantId) ?? false;
      if (backend === undefined) return held;
      try {
        return await backend.delete(cacheKey, this.tiers.backendOptions);
      } catch (error) {
        this.#failures.backend(error, counters);
        throw error;
      } finally {
        flight.supersede();
        l1?.delete(cacheKey, tenantId);
      }
    });
  }

  /** Whether an entry is stored; it is not opened. */
  has(target: Target): Promise<boolean> {
    const { cacheKey, tenantId, counters } = target;
    const { l1 } = this.tiers;
    return this.joined(target, async () => {
      if (l1?.get(cacheKey, tenantId) !== undefined) return true;
      return this.tiers.asked(counters, false, async (backend) => {
        if (backend.has !== undefined) return backend.has(cacheKey, this.tiers.backendOptions);
        return (await backend.get(cacheKey, { readOnly: true, ...this.tiers.backendOptions })) !== undefined;
      });
    });
  }

  /** Milliseconds until an entry ends, `Infinity` for never; `undefined` when there is none or the backend does not say. */
  expiresInMs(target: Target): Promise<number | undefined> {
    return this.joined(target, async () => {
      const { backend, l1 } = this.tiers;
      if (backend !== undefined) return (await this.tiers.stored(target, true))?.expiresInMs;
      const held = l1?.get(target.cacheKey, target.tenantId);
      return held && held.expiresAt - now();
    });
  }

  /**
   * Gives an entry a new time to live.
   *
   * @returns whether there was an entry.
   * @throws BackendError for a backend that cannot do it, and what the backend throws.
   */
  expire(target: Target): Promise<boolean> {
    const { cacheKey, tenantId, ttlMs, counters } = target;
    const { backend, l1 } = this.tiers;
    return this.joined(target, async (flight) => {
      if (backend === undefined) return l1?.expire(cacheKey, tenantId, ttlMs) ?? false;
      if (backend.expire === undefined) throw new BackendError('This backend cannot change when an entry ends');
      try {
        return await backend.expire(cacheKey, ttlMs, this.tiers.backendOptions);
      } catch (error) {
        this.#failures.backend(error, counters);
        throw error;
      } finally {
        // L1's copy, and those on their way there, have the old end.
        flight.supersede();
        l1?.delete(cacheKey, tenantId);
      }
    });
  }

  /** Forgets what this process holds; every later operation is a BackendError. The backend is left to its owner. */
  close(): void {
    this.#closed = true;
    this.#flights.supersedeAll();
    this.tiers.close();
  }

  /** Does `work` with the entry's flight, which lives as long as somebody uses it. */
  async joined<R>(target: Target, work: (flight: Work) => Promise<R>): Promise<R> {
    if (this.#closed) throw new BackendError('This cache is closed');
    const identity = identityOf(target.tenantId, target.cacheKey);
    const flight = this.#flights.join(identity);
    try {
      return await work(flight);
    } finally {
      this.#flights.leave(identity, flight);
    }
  }

  /** As {@link joined} for many entries. */
  async joinedAll<R>(targets: readonly Target[], work: (flights: Work[]) => Promise<R>): Promise<R> {
    if (this.#closed) throw new BackendError('This cache is closed');
    const identities = targets.map(({ tenantId, cacheKey }) => identityOf(tenantId, cacheKey));
    const flights = identities.map((identity) => this.#flights.join(identity));
    try {
      return await work(flights);
    } finally {
      for (const [i, flight] of flights.entries()) this.#flights.leave(identities[i] as string, flight);
    }
  }

  async #find(flight: Work, target: Target): Promise<Outcome | undefined> {
    flight.read ??= this.tiers.read(target, flight.begin());
    const { read } = flight;
    let found: Found | undefined;
    try {
      found = await read;
    } catch (error) {
      // Closed meanwhile, with its keys: whoever waits gets what the function returns.
      if (!this.#closed) throw error;
    } finally {
      // Later callers read again: this answer is of now.
      if (flight.read === read) flight.read = undefined;
    }
    if (found === undefined) return undefined;
    const { counters } = target;
    counters.hits++;
    if (found.inL1) counters.l1Hits++;
    return { value: await this.tiers.take(found, target), status: 'hit', expiresAt: found.expiresAt };
  }

  async #sharedLoad(flight: Work, target: Target, load: () => unknown): Promise<Outcome> {
    flight.load ??= this.#load(flight, target, load);
    const loading = flight.load;
    try {
      return await loading;
    } finally {
      if (flight.load === loading) flight.load = undefined;
    }
  }

  async #load(flight: Work, target: Target, load: () => unknown): Promise<Outcome> {
    const writer = flight.begin();
    const unchanged = target.unchanged ?? always;
    target.counters.loads++;
    const before = unchanged();
    const value = await load();
    const unstored: Outcome = { value, status: 'miss', expiresAt: Number.NaN };
    if (!before || !unchanged()) return { ...unstored, changed: true };
    if (value === undefined || this.#closed || target.unanswered) return unstored;
    const at = now();
    try {
      if (!(await this.tiers.write(target, value, writer))) return unstored;
    } catch (error) {
      this.#failures.unstored(error, target.counters);
      return unstored;
    }
    return { value, status: 'miss', expiresAt: at + target.ttlMs };
  }
}

function always(): boolean {
  return true;
}
