import { now } from '../../util/clock.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import type { FailedLoads } from './failed-loads.js';
import type { Failures } from './failure-policy.js';
import type { StaleWindows } from './freshness.js';
import type { Loading, Outcome } from './loading.js';
import { Patience, type Progress, Runs, SharedRun } from './shared-run.js';
import type { Flight, SingleFlight } from './single-flight.js';
import type { Found, Tiers } from './tiers.js';

export type Work = Flight<Found, Outcome>;

export interface FetchParts {
  readonly tiers: Tiers;
  readonly loading: Loading;
  readonly failures: Failures;
  readonly failed: FailedLoads;
  readonly windows: StaleWindows;
  /** How long each caller waits for functions; undefined: as long as it takes. */
  readonly loadTimeoutMs: number | undefined;
  readonly flights: SingleFlight<Found, Outcome>;
  /** Called before the backend is read. */
  readonly reading: (target: Target) => void;
}

/** What callers get: what is stored, or what functions make. Whoever wants the same entry at the same time shares one read and one run. */
export class Fetching {
  readonly #parts: FetchParts;
  readonly runs = new Runs();
  #closed = false;

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  close(): void {
    this.#closed = true;
  }

  patience(): Patience | undefined {
    const { loadTimeoutMs } = this.#parts;
    return loadTimeoutMs === undefined ? undefined : new Patience(loadTimeoutMs);
  }

  /** What is stored, or what `load` makes of a miss. */
  async fetch(target: Target, load: () => unknown, patience = this.patience()): Promise<Outcome> {
    const { flights, tiers, loading, failures, failed } = this.#parts;
    const flight = flights.join(target);
    const { tick } = tiers.invalidations;
    this.#leaveRuns(flight, target);
    try {
      // A run that makes its callers wait may be overtaken by another process.
      const joined = flight.load;
      const looked = joined === undefined || joined.late || failed.isBackedOff(target);
      const found = looked ? await this.find(flight, target) : undefined;
      if (found?.fresh) {
        failed.forget(target.cacheKey);
        return await this.hit(found, target);
      }
      // Its end may have come between the store's answer and now.
      if (joined !== undefined && flight.load !== joined) return await this.fetch(target, load, patience);
      if (found !== undefined && this.#forBackground(found)) {
        if (!failed.isBackedOff(target)) this.#refreshInBackground(flight, target, load);
        return await this.#stale(found, target, 'swr');
      }
      const orStale = found !== undefined && this.#forError(found);
      if (orStale && failed.isBackedOff(target)) return await this.#stale(found, target, 'error');
      this.missed(target);
      let known: { readonly error: unknown } | undefined;
      try {
        const refreshed = flight.refreshing && (await this.#wait(flight.refreshing, patience));
        if (refreshed !== undefined && !isOutdated(refreshed, tick)) return refreshed;
        if (orStale && failed.isBackedOff(target)) return await this.#stale(found, target, 'error');
        const own = flight.load === undefined;
        known = own ? failed.errorOf(target) : undefined;
        if (known !== undefined) throw known.error;
        flight.load ??= this.#begin(flight, target, (progress) =>
          loading.afterMiss({ target, writer: flight.begin(), load, progress }, orStale),
        );
        const outcome = await this.#wait(flight.load, patience);
        return !own && isOutdated(outcome, tick) ? await this.fetch(target, load, patience) : outcome;
      } catch (error) {
        const old = await this.#afterError(flight, target, found, looked);
        if (old === undefined) throw error;
        if (known === undefined) failures.refresh(error, target);
        return await (old.fresh ? this.hit(old, target) : this.#stale(old, target, 'error'));
      }
    } finally {
      flights.leave(flight);
    }
  }

  /** Runs `load` whatever is stored, and stores its result. `unstored`: called when that cannot be stored. */
  async refresh(flight: Work, target: Target, load: () => unknown, unstored: () => Promise<unknown>): Promise<Outcome> {
    const { tiers, loading } = this.#parts;
    flight.supersede();
    const writer = flight.begin();
    const run = this.#begin(flight, target, async (progress) => {
      await tiers.look(target, writer);
      const outcome = await loading.run({ target, writer, load, progress });
      if (Number.isNaN(outcome.expiresAt) && !outcome.refused && writer.mayStore()) await unstored();
      return outcome;
    });
    flight.load = run;
    return this.#wait(run, this.patience());
  }

  late(target: Target, here: boolean): void {
    if (here) target.counters.loadErrors++;
    this.#parts.failed.late(target);
  }

  /** One read for all who want it at the same time. */
  find(flight: Work, target: Target): Promise<Found | undefined> {
    if (flight.read !== undefined && !flight.readValidity?.ended) return flight.read;
    const { tiers, reading } = this.#parts;
    reading(target);
    flight.readValidity = tiers.invalidations.validity(target.tenantId);
    const read = tiers.read(target, flight.begin()).then(
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

  missed(target: Target): void {
    target.counters.misses++;
    if (events.miss.hasSubscribers) publish(events.miss, target);
  }

  hit(found: Found, target: Target): Outcome | Promise<Outcome> {
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
    const value = this.#parts.tiers.take(found, target);
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
    if (this.#parts.windows.staleIfErrorMs === 0) return undefined;
    // Who joined a run that was under way has not looked yet.
    const old = looked ? found : await this.find(flight, target);
    return old !== undefined && (old.fresh || this.#forError(old)) ? old : undefined;
  }

  #forError({ expiresAt }: Found): boolean {
    const { staleIfErrorMs } = this.#parts.windows;
    return staleIfErrorMs > 0 && now() < expiresAt + staleIfErrorMs;
  }

  #forBackground({ expiresAt }: Found): boolean {
    const { swrMs } = this.#parts.windows;
    return swrMs > 0 && now() < expiresAt + swrMs;
  }

  #refreshInBackground(flight: Work, target: Target, load: () => unknown): void {
    if (flight.refreshing !== undefined) return;
    flight.refreshing = this.#begin(flight, target, (progress) =>
      this.#parts.loading.inBackground({ target, writer: flight.begin(), load, progress }),
    );
    // What is thrown here is a misconfiguration, which the next caller who waits for a run meets as well.
    flight.refreshing.outcome.catch(() => {});
  }

  /** Who comes after an invalidation, or long after a function began that has not returned, does not wait for that run. */
  #leaveRuns(flight: Work, { tags }: Target): void {
    const { load, refreshing } = flight;
    if (load === undefined && refreshing === undefined) return;
    this.runs.detachOld();
    if (load === undefined || tags === undefined) return;
    if (this.#parts.tiers.invalidations.since(load.moment, tags) !== undefined) flight.supersede();
  }

  /** The flight stays as long as the run does, so that there is one. */
  #begin<T extends Outcome | undefined>(
    flight: Work,
    target: Target,
    start: (progress: Progress) => Promise<T>,
  ): SharedRun<T> {
    const { flights, tiers, failures, loadTimeoutMs } = this.#parts;
    flights.join(flight);
    const moment = tiers.invalidations.begin();
    const detached = (run: SharedRun<unknown>) => {
      if (flight.load === run) flight.load = undefined;
      if (flight.refreshing === run) flight.refreshing = undefined;
      tiers.invalidations.end(moment);
      flights.leave(flight);
    };
    const run = new SharedRun(this, { target, moment, start, detached });
    // Whoever it was for has left by then, and has heard of a timeout only.
    const unheard = (error: unknown) => (run.forsaken ? failures.refresh(error, target) : undefined);
    if (loadTimeoutMs !== undefined) run.outcome.catch(unheard).catch(() => {});
    return run;
  }

  #wait<T>(run: SharedRun<T>, patience: Patience | undefined): Promise<T> {
    return patience === undefined ? run.outcome : patience.wait(run);
  }
}

/** Whether an outcome is none for whoever came at that tick, or may have come after what has made it void. */
function isOutdated({ changed, refused, invalidatedAt }: Outcome, tick: number): boolean {
  if (changed || invalidatedAt === undefined) return changed === true || refused === true;
  return invalidatedAt <= tick;
}
