import { now } from '../../util/clock.js';
import type { Checks } from './checks.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { FailedLoads } from './failed-loads.js';
import type { Failures } from './failure-policy.js';
import type { Found } from './found.js';
import { type Answer, UNSURE } from './gathering.js';
import type { Loader, Outcome } from './loader.js';
import { countHit, countMiss, type Reads } from './reads.js';
import { Patience, type Progress, Runs, SharedRun } from './shared-run.js';
import type { Flight, SingleFlight } from './single-flight.js';
import type { Tiers } from './tiers.js';

export type Work = Flight<Found, Outcome>;

export interface Request {
  readonly ref: EntryRef;
  readonly load: () => unknown;
}

export interface FetchParts {
  readonly tiers: Tiers;
  readonly reads: Reads;
  readonly loader: Loader;
  readonly failures: Failures;
  readonly failed: FailedLoads;
  readonly flights: SingleFlight<Found, Outcome>;
  readonly coherence: Coherence;
  readonly checks: Checks;
}

/** What callers get: what is stored, or what functions make. Concurrent requests for an entry share one read and one run. */
export class Fetching {
  readonly #parts: FetchParts;
  readonly runs = new Runs();

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  /** @param given what a read has answered just now; undefined: nothing was read. */
  async fetch(
    ref: EntryRef,
    load: () => unknown,
    patience = patienceOf(ref),
    given?: { readonly answer: Answer },
  ): Promise<Outcome> {
    const { flights, tiers, loader, failures, failed, reads } = this.#parts;
    const { swrMs, staleIfErrorMs } = ref.policy;
    const { tick } = tiers.invalidations;
    const early = given !== undefined ? given.answer : reads.gathers(ref) ? await reads.one(ref, itself) : UNSURE;
    if (early !== UNSURE && early?.fresh && ref.policy.check === undefined) {
      failed.forget(ref.cacheKey);
      return this.#hit(early, ref);
    }
    const flight = flights.join(ref);
    this.#leaveRuns(flight, ref);
    try {
      // Another process may have been faster than a run that its callers gave up waiting for.
      const joined = flight.load;
      const looked = joined === undefined || joined.late || failed.isBackedOff(ref);
      // A copy of L1 that answers for a backend that does not is nothing that the backend has.
      if (early !== UNSURE && joined === undefined) flight.begin().saw(early?.inL1 ? undefined : early?.bytes);
      const seen = !looked ? undefined : early === UNSURE ? await this.#find(flight, ref) : early;
      const found = ref.policy.check === undefined ? seen : await this.#passed(flight, ref, seen);
      if (found?.fresh) {
        failed.forget(ref.cacheKey);
        return await this.#hit(found, ref);
      }
      // The run may have ended between the store's answer and now.
      if (joined !== undefined && flight.load !== joined) return await this.fetch(ref, load, patience);
      if (found !== undefined && isWithin(found, swrMs)) {
        if (!failed.isBackedOff(ref)) this.#refreshInBackground(flight, ref, load);
        return await this.#stale(found, ref, 'swr');
      }
      const orStale = found !== undefined && isWithin(found, staleIfErrorMs);
      if (orStale && failed.isBackedOff(ref)) return await this.#stale(found, ref, 'error');
      countMiss(ref);
      let known: { readonly error: unknown } | undefined;
      try {
        const refreshed = flight.refreshing && (await this.#wait(flight.refreshing, patience));
        if (refreshed !== undefined && !isOutdated(refreshed, tick)) return refreshed;
        if (orStale && failed.isBackedOff(ref)) return await this.#stale(found, ref, 'error');
        const own = flight.load === undefined;
        known = own ? failed.errorOf(ref) : undefined;
        if (known !== undefined) throw known.error;
        flight.load ??= this.#begin(flight, ref, (progress) =>
          loader.afterMiss({ ref, writer: flight.begin(), load, progress }, orStale),
        );
        const outcome = await this.#wait(flight.load, patience);
        return !own && isOutdated(outcome, tick) ? await this.fetch(ref, load, patience) : outcome;
      } catch (error) {
        const old = await this.#afterError(flight, ref, found, looked);
        if (old === undefined) throw error;
        if (known === undefined) failures.refresh(error, ref);
        return await (old.fresh ? this.#hit(old, ref) : this.#stale(old, ref, 'error'));
      }
    } finally {
      flights.leave(flight);
    }
  }

  /** As `fetch` for many of one tenant, which are read together where nothing else is under way for them. */
  fetchMany(requests: readonly Request[]): Promise<Outcome>[] {
    const answers = this.#parts.reads.early(requests.map(({ ref }) => ref));
    return requests.map(async ({ ref, load }) => {
      const given = (await answers).get(ref.cacheKey);
      return this.fetch(ref, load, patienceOf(ref), given);
    });
  }

  async peek(ref: EntryRef): Promise<Outcome | undefined> {
    const { flights } = this.#parts;
    const flight = flights.join(ref);
    try {
      const seen = await this.#find(flight, ref);
      const found = seen?.fresh ? await this.#passed(flight, ref, seen) : undefined;
      if (found?.fresh) return await this.#hit(found, ref);
      countMiss(ref);
      return undefined;
    } finally {
      flights.leave(flight);
    }
  }

  /** Runs `load` whatever is stored, and stores its result. `unstored`: called when that cannot be stored. */
  async refresh(flight: Work, ref: EntryRef, load: () => unknown, unstored: () => Promise<unknown>): Promise<Outcome> {
    const { tiers, loader } = this.#parts;
    flight.invalidate();
    const writer = flight.begin();
    const run = this.#begin(flight, ref, async (progress) => {
      await tiers.look(ref, writer);
      const outcome = await loader.run({ ref, writer, load, progress });
      if (Number.isNaN(outcome.expiresAt) && !outcome.refused && writer.mayStore()) await unstored();
      return outcome;
    });
    flight.load = run;
    return this.#wait(run, patienceOf(ref));
  }

  late(ref: EntryRef, here: boolean): void {
    if (here) ref.counters.loadErrors++;
    this.#parts.failed.late(ref);
  }

  /** What was found, if it passes its check; of a copy in L1 that does not, what the backend has. */
  async #passed(flight: Work, ref: EntryRef, found: Found | undefined): Promise<Found | undefined> {
    const { checks, tiers } = this.#parts;
    if (found === undefined) return undefined;
    const passed = await checks.passed(found, ref);
    if (passed !== undefined || !found.inL1 || tiers.l2 === undefined) return passed;
    const stored = await this.#find(flight, ref);
    return stored && checks.passed(stored, ref);
  }

  /** One backend read for all concurrent requests. */
  #find(flight: Work, ref: EntryRef): Promise<Found | undefined> {
    if (flight.read !== undefined && !flight.readValidity?.ended) return flight.read;
    const { tiers, coherence } = this.#parts;
    if (coherence.untracked !== undefined) coherence.report(ref);
    flight.readValidity = tiers.validity(ref.tenantId);
    const read = tiers.read(ref, flight.begin()).then(
      (found) => {
        // Later callers read again: this answer is of now.
        if (flight.read === read) flight.read = undefined;
        return found;
      },
      (error) => {
        if (flight.read === read) flight.read = undefined;
        // The cache was closed, and its keys with it: callers get what the function returns.
        if (!tiers.closed) throw error;
        return undefined;
      },
    );
    flight.read = read;
    return read;
  }

  #hit(found: Found, ref: EntryRef): Outcome | Promise<Outcome> {
    countHit(found, ref);
    return this.#taken(found, ref, 'hit');
  }

  #stale(found: Found, ref: EntryRef, reason: 'swr' | 'error'): Outcome | Promise<Outcome> {
    ref.counters.staleHits++;
    if (events.stale.hasSubscribers) publish(events.stale, ref, { reason });
    ref.span?.note({ status: 'stale' });
    return this.#taken(found, ref, 'stale');
  }

  #taken(found: Found, ref: EntryRef, status: 'hit' | 'stale'): Outcome | Promise<Outcome> {
    const { expiresAt } = found;
    const value = this.#parts.tiers.take(found, ref);
    return value instanceof Promise
      ? value.then((opened) => ({ value: opened, status, expiresAt }))
      : { value, status, expiresAt };
  }

  /** What may answer in the place of a function that failed. */
  async #afterError(
    flight: Work,
    ref: EntryRef,
    found: Found | undefined,
    looked: boolean,
  ): Promise<Found | undefined> {
    const { staleIfErrorMs } = ref.policy;
    if (staleIfErrorMs === 0) return undefined;
    // A caller that joined a run in progress has not read yet.
    const old = looked ? found : await this.#passed(flight, ref, await this.#find(flight, ref));
    return old !== undefined && (old.fresh || isWithin(old, staleIfErrorMs)) ? old : undefined;
  }

  #refreshInBackground(flight: Work, ref: EntryRef, load: () => unknown): void {
    if (flight.refreshing !== undefined) return;
    flight.refreshing = this.#begin(flight, ref, (progress) =>
      this.#parts.loader.inBackground({ ref, writer: flight.begin(), load, progress }),
    );
    // Only a misconfiguration is thrown here; the next caller that waits for a run gets it too.
    flight.refreshing.outcome.catch(() => {});
  }

  /** A caller after an invalidation, or long after a function began that never returned, does not join that run. */
  #leaveRuns(flight: Work, { tags }: EntryRef): void {
    const { load, refreshing } = flight;
    if (load === undefined && refreshing === undefined) return;
    this.runs.detachOld();
    if (load === undefined || tags === undefined) return;
    if (this.#parts.tiers.invalidations.since(load.moment, tags) !== undefined) flight.invalidate();
  }

  /** The run holds its flight, so that later callers find it. */
  #begin<T extends Outcome | undefined>(
    flight: Work,
    ref: EntryRef,
    start: (progress: Progress) => Promise<T>,
  ): SharedRun<T> {
    const { flights, tiers, failures } = this.#parts;
    flights.join(flight);
    const moment = tiers.invalidations.begin();
    const detached = (run: SharedRun<unknown>) => {
      if (flight.load === run) flight.load = undefined;
      if (flight.refreshing === run) flight.refreshing = undefined;
      tiers.invalidations.end(moment);
      flights.leave(flight);
    };
    const run = new SharedRun(this, { ref, moment, start, detached });
    // Its callers have left by then, with a TimeoutError.
    const unheard = (error: unknown) => (run.forsaken ? failures.refresh(error, ref) : undefined);
    if (ref.policy.loadTimeoutMs !== undefined) run.outcome.catch(unheard).catch(() => {});
    return run;
  }

  #wait<T>(run: SharedRun<T>, patience: Patience | undefined): Promise<T> {
    return patience === undefined ? run.outcome : patience.wait(run);
  }
}

/** One for each caller. undefined: as long as it takes. */
function patienceOf({ policy: { loadTimeoutMs } }: EntryRef): Patience | undefined {
  return loadTimeoutMs === undefined ? undefined : new Patience(loadTimeoutMs);
}

function itself(answer: Answer): Answer {
  return answer;
}

/** Whether an entry may still answer, so long after its TTL. */
function isWithin({ expiresAt }: Found, graceMs: number): boolean {
  return graceMs > 0 && now() < expiresAt + graceMs;
}

/** Whether an outcome must not answer a caller that came at `tick`: its entry was changed or invalidated since. */
function isOutdated({ changed, refused, invalidatedAt }: Outcome, tick: number): boolean {
  if (changed || invalidatedAt === undefined) return changed === true || refused === true;
  return invalidatedAt <= tick;
}
