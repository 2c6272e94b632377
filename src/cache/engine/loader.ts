import { types } from 'node:util';
import { TimeoutError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { type Checks, checked } from './checks.js';
import { assertCanTag } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { FailedLoads } from './failed-loads.js';
import type { Failures } from './failure-policy.js';
import { REFUSED } from './l2.js';
import { EntryLock, type IsLocked } from './lock.js';
import { Run } from './run.js';
import { withoutSignal, withSignal } from './run-signal.js';
import type { Progress } from './shared-run.js';
import type { SingleFlight, Writer } from './single-flight.js';
import type { Tiers } from './tiers.js';
import { inSpan } from './tracing.js';

/** What a caller of the cache is told of an entry. */
export interface Outcome {
  readonly value: unknown;
  readonly status: 'hit' | 'miss' | 'stale';
  /** When its TTL ends, on the clock of `now()`: `Infinity` for never, NaN when unknown or not stored. */
  readonly expiresAt: number;
  /** What a value that was just loaded was stored with. */
  readonly ttlMs?: number;
  /** The arguments have changed since: the value belongs to the one call, and to no entry. */
  readonly changed?: boolean;
  /** The entry was deleted or written elsewhere while the function ran: nothing was stored, and what is there stays. */
  readonly refused?: boolean;
  /** When one of its tags was invalidated here while the function ran, as a tick of `Invalidations`. */
  readonly invalidatedAt?: number | undefined;
}

export interface LoadCall {
  readonly ref: EntryRef;
  readonly writer: Writer;
  readonly load: () => unknown;
  readonly progress: Progress;
}

export class Loader {
  readonly #tiers: Tiers;
  readonly #failures: Failures;
  readonly #failed: FailedLoads;
  readonly #flights: SingleFlight<unknown, unknown>;
  readonly #checks: Checks;

  constructor(
    tiers: Tiers,
    flights: SingleFlight<unknown, unknown>,
    failures: Failures,
    failed: FailedLoads,
    checks: Checks,
  ) {
    this.#tiers = tiers;
    this.#failures = failures;
    this.#failed = failed;
    this.#flights = flights;
    this.#checks = checks;
  }

  #lockOf({ policy: { lock, maxRunMs } }: EntryRef): EntryLock | undefined {
    const { l2 } = this.#tiers;
    return lock && l2 && new EntryLock(l2, this.#flights, lock, maxRunMs);
  }

  /** Runs `load` after a miss; with `lock` in one process only. @param orStale a stale value will do when that takes too long. */
  async afterMiss(call: LoadCall, orStale: boolean): Promise<Outcome> {
    const { ref, writer, progress } = call;
    const lock = this.#lockOf(ref);
    // A backend that has timed out would only make the caller wait longer.
    if (lock === undefined || ref.unanswered) return this.run(call);
    return lock.during<Outcome>(ref, {
      look: () => this.#look(ref, writer),
      work: (isLocked) => this.run(call, isLocked),
      waiting: () => progress.elsewhere(),
      giveUp: orStale
        ? async () => {
            this.#failed.late(ref);
            throw new TimeoutError('Another process has been running the function for too long');
          }
        : undefined,
    });
  }

  /** Replaces a stale entry; with `lock`, unless another process is at it. A failure is reported, and the entry stays. */
  async inBackground(call: LoadCall): Promise<Outcome | undefined> {
    const { ref, writer } = call;
    const lock = this.#lockOf(ref);
    try {
      if (lock === undefined) return await this.run(call);
      // Another process may have replaced it before this one had the lock.
      return await lock.ifFree(ref, async (isLocked) => (await this.#look(ref, writer)) ?? this.run(call, isLocked));
    } catch (error) {
      this.#failures.refresh(error, ref);
      return undefined;
    }
  }

  /** Runs `load` and stores its result. @throws what `load` throws, and with a signal TimeoutError. */
  async run(call: LoadCall, isLocked?: IsLocked): Promise<Outcome> {
    const { ref, writer } = call;
    const { invalidations, l2 } = this.#tiers;
    const run = new Run(ref, writer.seen(), invalidations, l2, { maxMs: ref.policy.maxRunMs, isLocked });
    try {
      return await this.#stored(call, run);
    } catch (error) {
      // If the entry or its arguments have changed, the failure belongs to an earlier state.
      const own = writer.mayStore() && !run.over && (ref.unchanged ?? always)();
      if (own && run.invalidatedAt(ref.tags) === undefined) this.#failed.threw(ref, error);
      throw error;
    } finally {
      run.end();
    }
  }

  async #stored(call: LoadCall, run: Run): Promise<Outcome> {
    const { ref, writer } = call;
    const unchanged = ref.unchanged ?? always;
    const before = unchanged();
    const returned = await this.#load(call, run);
    this.#failed.forget(ref.cacheKey);
    const { value, stored, ...special } = returned;
    const { check } = ref.policy;
    // Stored is what is checked again when it is read.
    const output = check && stored && value !== undefined ? await checked(check, value) : value;
    const unstored: Outcome = { value: output, status: 'miss', expiresAt: Number.NaN };
    if (!before || !unchanged()) return { ...unstored, changed: true };
    if (!stored || value === undefined || this.#tiers.closed || ref.unanswered) return unstored;
    try {
      const own = this.#refOf(ref, value, special);
      const written = await this.#tiers.write(own, value, writer, run);
      const invalidatedAt = run.invalidatedAt(own.tags);
      if (written === REFUSED) return { ...unstored, ttlMs: own.ttlMs, refused: true, invalidatedAt };
      return { ...unstored, expiresAt: written ?? Number.NaN, ttlMs: own.ttlMs, invalidatedAt };
    } catch (error) {
      this.#failures.unstored(error, ref);
      return unstored;
    }
  }

  async #look(ref: EntryRef, writer: Writer): Promise<Outcome | undefined> {
    const found = await this.#tiers.read(ref, writer);
    const passed = found?.fresh ? await this.#checks.passed(found, ref) : undefined;
    return passed && { value: passed.value, status: 'hit', expiresAt: passed.expiresAt };
  }

  #refOf(ref: EntryRef, value: unknown, { ttlMs, tags }: Partial<Pick<LoadResult, 'ttlMs' | 'tags'>>): EntryRef {
    const ownTtl = ttlMs ?? (value === null ? ref.policy.negativeTtlMs : undefined);
    if (ownTtl === undefined && tags === undefined) return ref;
    if (tags !== undefined) assertCanTag(this.#tiers.l2?.backend, tags);
    const named = tags?.map((tag) => ref.tagName?.(tag) ?? tag) ?? [];
    return { ...ref, ttlMs: ownTtl ?? ref.ttlMs, tags: [...(ref.tags ?? []), ...named] };
  }

  async #load({ ref, load, progress }: LoadCall, run: Run): Promise<LoadResult> {
    const { counters } = ref;
    const { signalMs } = ref.policy;
    const began = () => progress.began(run);
    const result = () => inSpan('load', ref, () => loadResultOf(load));
    counters.loads++;
    const begun = elapsed();
    let ok = false;
    try {
      // With a signal the run ends before its first caller would leave.
      if (signalMs === undefined) began();
      const returned = await (signalMs === undefined ? withoutSignal(result) : withSignal(signalMs, began, result));
      ok = true;
      return returned;
    } catch (error) {
      if (!progress.countedLate) counters.loadErrors++;
      throw error;
    } finally {
      progress.ended();
      const ms = elapsed() - begun;
      counters.loaded(ms);
      if (events.load.hasSubscribers) publish(events.load, ref, { ms, ok });
    }
  }
}

async function loadResultOf(load: () => unknown): Promise<LoadResult> {
  const returned = await load();
  if (!isLoadResult(returned)) return new LoadResult(returned, true);
  // `withTtl(fetchToken(), 60)`: what is stored is what the promise brings.
  const { ttlMs, tags } = returned;
  let { stored } = returned;
  let value = await returned.value;
  while (isLoadResult(value)) {
    stored &&= value.stored;
    value = await value.value;
  }
  return new LoadResult(value, stored, ttlMs, tags);
}

function always(): boolean {
  return true;
}

/** On the results of every copy of this package: an application may load two. */
const LOADED = Symbol.for('cachekit-native.loaded');

/** A result with what its function says of it. It never leaves the cache. */
export class LoadResult {
  readonly value: unknown;
  readonly stored: boolean;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[] | undefined;

  constructor(value: unknown, stored: boolean, ttlMs?: number, tags?: readonly string[]) {
    this.value = value;
    this.stored = stored;
    this.ttlMs = ttlMs;
    this.tags = tags;
  }

  // Handed on by a function that is not cached, it would show what it carries.
  toJSON(): never {
    throw new TypeError('skip() and withTtl() are for what a cached function returns');
  }
}

Object.defineProperty(LoadResult.prototype, LOADED, { value: true });

/** Whether a function says something of its result. Nothing that a proxy does is asked for that. */
function isLoadResult(returned: unknown): returned is LoadResult {
  if (typeof returned !== 'object' || returned === null || types.isProxy(returned)) return false;
  return returned instanceof LoadResult || LOADED in returned;
}
