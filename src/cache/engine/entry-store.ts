import type { Backend } from '../../backends/backend.js';
import { BackendError } from '../../errors.js';
import { now } from '../../util/clock.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import type { FailedLoads } from './failed-loads.js';
import type { Failures } from './failure-policy.js';
import { Fetching, type Work } from './fetching.js';
import { expiryOf, isFresh, keptMs, type StaleWindows } from './freshness.js';
import { FAILED, type L2 } from './l2.js';
import type { Loading, Outcome } from './loading.js';
import type { Neighbour, Neighbours } from './local-invalidation.js';
import { SingleFlight } from './single-flight.js';
import type { Found, Tiers } from './tiers.js';
import { Untold } from './untracked.js';

export interface StoreParts {
  readonly tiers: Tiers;
  readonly loading: Loading;
  readonly failures: Failures;
  readonly failed: FailedLoads;
  readonly windows: StaleWindows;
  /** How long each caller waits for functions; undefined: as long as it takes. */
  readonly loadTimeoutMs: number | undefined;
  /** Tells of entries that others changed; undefined: nobody does. */
  readonly watch: Backend['watch'];
  /** Others of this process with the same backend; undefined: it is not shared. */
  readonly neighbours: Neighbours | undefined;
}

/**
 * The operations on entries: a write or a deletion makes everything that began before it forget to store its result.
 */
export class EntryStore implements Neighbour {
  readonly tiers: Tiers;
  readonly failed: FailedLoads;
  readonly #loading: Loading;
  readonly #fetching: Fetching;
  readonly #windows: StaleWindows;
  readonly #flights = new SingleFlight<Found, Outcome>();
  readonly #unwatch: (() => void) | undefined;
  readonly #neighbours: Neighbours | undefined;
  readonly #untold: Untold | undefined;
  #closed = false;

  constructor({ watch, neighbours, ...parts }: StoreParts) {
    const { tiers, loading, failures, failed, windows } = parts;
    this.tiers = tiers;
    this.failed = failed;
    this.#loading = loading;
    this.#fetching = new Fetching({
      ...parts,
      flights: this.#flights,
      reading: (target) => this.#untold?.report(target),
    });
    this.#windows = windows;
    this.#neighbours = neighbours;
    neighbours?.join(this);
    if (watch === undefined) return;
    const untold = new Untold(tiers, failures);
    this.#untold = untold;
    this.#unwatch = watch((cacheKey) => this.#changedElsewhere(cacheKey), untold.state);
  }

  /** What is stored, or what `load` makes of a miss. @throws BackendError at once after `close`. */
  fetch(target: Target, load: () => unknown): Promise<Outcome> {
    this.assertOpen();
    return this.#fetching.fetch(target, load);
  }

  /** What is stored and fresh, or `undefined`. */
  async peek(target: Target): Promise<Outcome | undefined> {
    this.assertOpen();
    const flight = this.#flights.join(target);
    try {
      const found = await this.#fetching.find(flight, target);
      if (found?.fresh) return await this.#fetching.hit(found, target);
      this.#fetching.missed(target);
      return undefined;
    } finally {
      this.#flights.leave(flight);
    }
  }

  /** Runs `load` whatever is stored, and stores its result; what cannot be stored leaves no older value behind. */
  refresh(target: Target, load: () => unknown): Promise<Outcome> {
    return this.joined(target, (flight) =>
      // Its failure was counted; the caller is waiting for the value.
      this.#fetching.refresh(flight, target, load, () => this.delete(target).catch(() => {})),
    );
  }

  /**
   * @returns whether it was stored; a failure of the backend is counted, and then it was not.
   * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError for one over a limit.
   */
  set(target: Target, value: unknown): Promise<boolean> {
    return this.joined(target, async (flight) => {
      flight.supersede();
      this.failed.forget(target.cacheKey);
      return (await this.tiers.write(target, value, flight.begin())) !== undefined;
    });
  }

  /**
   * @returns whether an entry was removed.
   * @throws what the backend throws: an invalidation that failed must not pass for done.
   */
  delete(target: Target): Promise<boolean> {
    const { l1, l2 } = this.tiers;
    if (events.delete.hasSubscribers) publish(events.delete, target);
    return this.joined(target, async (flight) => {
      flight.remove();
      this.failed.forget(target.cacheKey);
      const held = l1?.delete(target.cacheKey, target.tenantId) ?? false;
      if (l2 === undefined) return held;
      try {
        return await l2.delete(target);
      } finally {
        flight.supersede();
        this.failed.forget(target.cacheKey);
        l1?.delete(target.cacheKey, target.tenantId);
        this.tiers.changed(target);
      }
    });
  }

  /** Whether a fresh entry is stored; it is not opened. */
  has(target: Target): Promise<boolean> {
    const { l1, l2 } = this.tiers;
    return this.joined(target, async () => {
      if (l1?.get(target.cacheKey, target.tenantId) !== undefined) return true;
      if (l2 === undefined) return false;
      return keptMs(this.#windows) === 0 ? l2.has(target) : this.#isFresh(target, l2);
    });
  }

  async #isFresh(target: Target, l2: L2): Promise<boolean> {
    const at = now();
    const stored = await l2.get(target, true);
    return stored !== undefined && stored !== FAILED && isFresh(stored, expiryOf(stored, at, keptMs(this.#windows)));
  }

  /** Milliseconds until an entry ends, `Infinity` for never; `undefined` when there is none or the backend does not say. */
  expiresInMs(target: Target): Promise<number | undefined> {
    const { l1, l2 } = this.tiers;
    return this.joined(target, async () => {
      if (l2 === undefined) {
        const held = l1?.get(target.cacheKey, target.tenantId);
        return held && held.expiresAt - now();
      }
      const at = now();
      const stored = await l2.get(target, true);
      if (stored === undefined || stored === FAILED) return undefined;
      const left = expiryOf(stored, at, keptMs(this.#windows)) - now();
      return left > 0 ? left : undefined;
    });
  }

  /**
   * Gives an entry a new time to live.
   *
   * @returns whether there was an entry.
   * @throws BackendError for a backend that cannot do it, and what the backend throws.
   */
  expire(target: Target): Promise<boolean> {
    const { cacheKey, tenantId, ttlMs } = target;
    const { l1, l2 } = this.tiers;
    return this.joined(target, async (flight) => {
      const windowMs = keptMs(this.#windows);
      if (l2 === undefined) return l1?.expire(cacheKey, tenantId, ttlMs, windowMs) ?? false;
      // What is kept for its time of grace is over: it must not live again.
      if (windowMs > 0 && !(await this.#isFresh(target, l2))) return false;
      try {
        return await l2.expire(target, ttlMs);
      } finally {
        // L1's copy, and those on their way there, have the old end.
        flight.supersede();
        l1?.delete(cacheKey, tenantId);
        this.tiers.changed(target);
      }
    });
  }

  /**
   * Removes every entry that was written with one of the tags, in both tiers.
   *
   * @returns how many, as far as the store can tell.
   * @throws BackendError for a backend without tags; what ended it, as an IncompleteError when entries were removed before.
   */
  async invalidateTags(target: Target, tags: readonly string[], signal?: AbortSignal): Promise<number> {
    this.assertOpen();
    const { l2 } = this.tiers;
    let entries = this.#tagsRemoved(tags, target);
    if (l2 !== undefined) {
      try {
        entries = await l2.invalidateTags(target, tags, signal);
      } finally {
        this.#tagsRemoved(tags, target);
        this.#neighbours?.tell(this, (other) => other.tagsRemoved(tags));
      }
    }
    if (events.invalidate.hasSubscribers) publish(events.invalidate, target, { tags: tags.length, entries });
    return entries;
  }

  changed(cacheKey: string): void {
    this.#flights.supersedeKey(cacheKey);
    this.failed.forget(cacheKey);
    this.tiers.l1?.forget(cacheKey);
  }

  tagsRemoved(tags: readonly string[]): void {
    this.#tagsRemoved(tags, undefined);
  }

  /**
   * @param of the tenant whose tags they are; undefined: not known.
   * @returns how many copies had one of the tags.
   */
  #tagsRemoved(tags: readonly string[], of: Target | undefined): number {
    const { invalidations, l1 } = this.tiers;
    // Which of the runs under way will have one of the tags is not known yet.
    invalidations.invalidated(tags);
    invalidations.read(of);
    this.failed.forgetTagged(tags);
    return l1?.invalidateTags(tags) ?? 0;
  }

  /** Forgets what this process holds; every later operation is a BackendError. The backend is left to its owner. */
  close(): void {
    this.#closed = true;
    this.#flights.supersedeAll();
    this.#unwatch?.();
    this.#fetching.close();
    this.#loading.close();
    this.failed.clear();
    this.tiers.close();
  }

  /** @throws BackendError after `close`. */
  assertOpen(): void {
    if (this.#closed) throw new BackendError('This cache is closed');
  }

  /** Does `work` with the entry's flight, which lives as long as somebody uses it. */
  async joined<R>(target: Target, work: (flight: Work) => Promise<R>): Promise<R> {
    this.assertOpen();
    this.#untold?.report(target);
    const flight = this.#flights.join(target);
    try {
      return await work(flight);
    } finally {
      this.#flights.leave(flight);
    }
  }

  /** As {@link joined} for many entries. */
  async joinedAll<R>(targets: readonly Target[], work: (flights: Work[]) => Promise<R>): Promise<R> {
    this.assertOpen();
    const flights = targets.map((target) => this.#flights.join(target));
    try {
      return await work(flights);
    } finally {
      for (const flight of flights) this.#flights.leave(flight);
    }
  }

  /** Another process has changed an entry, or any of them. */
  #changedElsewhere(cacheKey: string | undefined): void {
    if (cacheKey === undefined) {
      this.#flights.doubtAll();
      this.failed.forgetErrors();
      this.tiers.l1?.clear();
    } else this.changed(cacheKey);
  }
}
