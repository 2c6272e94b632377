import type { Backend } from '../backends/backend.js';
import { now } from '../clock.js';
import { BackendError } from '../errors.js';
import { events, publish } from './events.js';
import type { Failures } from './failures.js';
import { expiryOf, isFresh, keptMs, type StaleWindows } from './freshness.js';
import { FAILED, type L2 } from './l2.js';
import type { Loading, Outcome } from './loading.js';
import type { Neighbour, Neighbours } from './neighbours.js';
import { type Flight, SingleFlight } from './single-flight.js';
import type { Target } from './target.js';
import type { Found, Tiers } from './tiers.js';
import { Untold } from './untold.js';

export type Work = Flight<Found, Outcome>;

export interface StoreParts {
  readonly tiers: Tiers;
  readonly loading: Loading;
  readonly failures: Failures;
  readonly windows: StaleWindows;
  /** Tells of entries that others changed; undefined: nobody does. */
  readonly watch: Backend['watch'];
  /** Others of this process with the same backend; undefined: it is not shared. */
  readonly neighbours: Neighbours | undefined;
}

/**
 * The operations on entries. Whoever wants the same entry at the same time shares one read and one run of the
 * function; a write or a deletion makes everything that began before it forget to store its result.
 */
export class EntryStore implements Neighbour {
  readonly tiers: Tiers;
  readonly #loading: Loading;
  readonly #failures: Failures;
  readonly #windows: StaleWindows;
  readonly #flights = new SingleFlight<Found, Outcome>();
  readonly #unwatch: (() => void) | undefined;
  readonly #neighbours: Neighbours | undefined;
  readonly #untold: Untold | undefined;
  #closed = false;

  constructor({ tiers, loading, failures, windows, watch, neighbours }: StoreParts) {
    this.tiers = tiers;
    this.#loading = loading;
    this.#failures = failures;
    this.#windows = windows;
    this.#neighbours = neighbours;
    neighbours?.join(this);
    if (watch === undefined) return;
    const untold = new Untold(tiers, failures);
    this.#untold = untold;
    this.#unwatch = watch((cacheKey) => this.#changedElsewhere(cacheKey), untold.state);
  }

  /** What is stored, or what `load` makes of a miss. */
  async fetch(target: Target, load: () => unknown): Promise<Outcome> {
    this.assertOpen();
    const flight = this.#flights.join(target);
    const { tick } = this.tiers.invalidations;
    this.#leaveInvalidated(flight, target);
    try {
      const looked = flight.load === undefined;
      const found = looked ? await this.#find(flight, target) : undefined;
      if (found?.fresh) return await this.#hit(found, target);
      if (found !== undefined && this.#forBackground(found)) {
        this.#refreshInBackground(flight, target, load);
        return await this.#stale(found, target, 'swr');
      }
      this.#missed(target);
      try {
        const refreshed = await flight.refreshing;
        if (refreshed !== undefined && !isOutdated(refreshed, tick)) return refreshed;
        const own = flight.load === undefined;
        const outcome = await this.#shared(flight, () => this.#loading.afterMiss(target, flight.begin(), load));
        return !own && isOutdated(outcome, tick) ? await this.fetch(target, load) : outcome;
      } catch (error) {
        const old = await this.#afterError(flight, target, found, looked);
        if (old === undefined) throw error;
        this.#failures.refresh(error, target);
        return await (old.fresh ? this.#hit(old, target) : this.#stale(old, target, 'error'));
      }
    } finally {
      this.#flights.leave(flight);
    }
  }

  /** What is stored and fresh, or `undefined`. */
  async peek(target: Target): Promise<Outcome | undefined> {
    this.assertOpen();
    const flight = this.#flights.join(target);
    try {
      const found = await this.#find(flight, target);
      if (found?.fresh) return await this.#hit(found, target);
      this.#missed(target);
      return undefined;
    } finally {
      this.#flights.leave(flight);
    }
  }

  /** Runs `load` whatever is stored, and stores its result; what cannot be stored leaves no older value behind. */
  refresh(target: Target, load: () => unknown): Promise<Outcome> {
    return this.joined(target, async (flight) => {
      flight.supersede();
      const begun = flight.begin();
      const outcome = await this.#shared(flight, async () => {
        await this.tiers.look(target, begun);
        return this.#loading.run(target, begun, load);
      });
      if (Number.isNaN(outcome.expiresAt) && !outcome.refused && begun.mayStore()) {
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
    return this.joined(target, async (flight) => {
      flight.supersede();
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
      const held = l1?.delete(target.cacheKey, target.tenantId) ?? false;
      if (l2 === undefined) return held;
      try {
        return await l2.delete(target);
      } finally {
        flight.supersede();
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
    return l1?.invalidateTags(tags) ?? 0;
  }

  /** Who comes after an invalidation does not wait for a run that began before it. */
  #leaveInvalidated(flight: Work, { tags }: Target): void {
    const { load, loadBegan } = flight;
    if (load === undefined || loadBegan === undefined || tags === undefined) return;
    if (this.tiers.invalidations.since(loadBegan, tags) !== undefined) flight.supersede();
  }

  /** Forgets what this process holds; every later operation is a BackendError. The backend is left to its owner. */
  close(): void {
    this.#closed = true;
    this.#flights.supersedeAll();
    this.#unwatch?.();
    this.#loading.close();
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
      this.tiers.l1?.clear();
    } else this.changed(cacheKey);
  }

  /** One read for all who want it at the same time. */
  #find(flight: Work, target: Target): Promise<Found | undefined> {
    if (flight.read !== undefined && !flight.readValidity?.ended) return flight.read;
    this.#untold?.report(target);
    flight.readValidity = this.tiers.invalidations.validity(target.tenantId);
    const read = this.tiers.read(target, flight.begin()).then(
      (found) => {
        // Later callers read again: this answer is of now.
        if (flight.read === read) flight.read = undefined;
        return found;
      },
      (error) => {
        if (flight.read === read) flight.read = undefined;
        // Closed meanwhile, with its keys: whoever waits gets what the function returns.
        if (!this.#closed) throw error;
        return undefined;
      },
    );
    flight.read = read;
    return read;
  }

  #missed(target: Target): void {
    target.counters.misses++;
    if (events.miss.hasSubscribers) publish(events.miss, target);
  }

  #hit(found: Found, target: Target): Outcome | Promise<Outcome> {
    const { counters } = target;
    counters.hits++;
    if (found.inL1) counters.l1Hits++;
    if (events.hit.hasSubscribers) publish(events.hit, target, { tier: found.inL1 ? 'l1' : 'backend' });
    return this.#taken(found, target, 'hit');
  }

  #stale(found: Found, target: Target, reason: 'swr' | 'error'): Outcome | Promise<Outcome> {
    target.counters.staleHits++;
    if (events.stale.hasSubscribers) publish(events.stale, target, { reason });
    return this.#taken(found, target, 'stale');
  }

  #taken(found: Found, target: Target, status: 'hit' | 'stale'): Outcome | Promise<Outcome> {
    const { expiresAt } = found;
    const value = this.tiers.take(found, target);
    return value instanceof Promise
      ? value.then((opened) => ({ value: opened, status, expiresAt }))
      : { value, status, expiresAt };
  }

  /** What may answer in the place of a function that failed. */
  async #afterError(
    flight: Work,
    target: Target,
    found: Found | undefined,
    looked: boolean,
  ): Promise<Found | undefined> {
    const { staleIfErrorMs } = this.#windows;
    if (staleIfErrorMs === 0) return undefined;
    // Who joined a run that was under way has not looked yet.
    const old = looked ? found : await this.#find(flight, target);
    if (old?.fresh) return old;
    return old !== undefined && now() < old.expiresAt + staleIfErrorMs ? old : undefined;
  }

  #forBackground({ expiresAt }: Found): boolean {
    const { swrMs } = this.#windows;
    return swrMs > 0 && now() < expiresAt + swrMs;
  }

  #refreshInBackground(flight: Work, target: Target, load: () => unknown): void {
    if (flight.refreshing !== undefined) return;
    // The flight stays as long as the run does, so that there is one. What is thrown here is a misconfiguration, which
    // the next caller who waits for a run meets as well.
    this.joined(target, async () => {
      const running = this.#loading.inBackground(target, flight.begin(), load);
      flight.refreshing = running;
      try {
        await running;
      } finally {
        if (flight.refreshing === running) flight.refreshing = undefined;
      }
    }).catch(() => {});
  }

  /** One run for all who wait for it. */
  async #shared(flight: Work, run: () => Promise<Outcome>): Promise<Outcome> {
    flight.load ??= this.#noted(flight, run);
    const loading = flight.load;
    try {
      return await loading;
    } finally {
      if (flight.load === loading) flight.load = undefined;
    }
  }

  async #noted(flight: Work, run: () => Promise<Outcome>): Promise<Outcome> {
    const { invalidations } = this.tiers;
    const began = invalidations.begin();
    flight.loadBegan = began;
    try {
      return await run();
    } finally {
      invalidations.end(began);
      if (flight.loadBegan === began) flight.loadBegan = undefined;
    }
  }
}

/** Whether an outcome is none for whoever came at that tick, or may have come after what has made it void. */
function isOutdated({ changed, refused, invalidatedAt }: Outcome, tick: number): boolean {
  if (changed || invalidatedAt === undefined) return changed === true || refused === true;
  return invalidatedAt <= tick;
}
