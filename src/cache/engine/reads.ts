import type { BackendEntry } from '../../backends/backend.js';
import { Unopened, type ValueCodec } from '../../codec/value-codec.js';
import { now } from '../../util/clock.js';
import { append } from '../../util/own-property.js';
import { nextTick } from '../../util/timers.js';
import { isLarge, unusable } from './backend-entry.js';
import type { Checks } from './checks.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { Found } from './found.js';
import { type Answer, Gathering, type Take, UNSURE } from './gathering.js';
import type { Validity } from './invalidations.js';
import { FAILED, type L2 } from './l2.js';
import type { SingleFlight, Watch } from './single-flight.js';
import type { Tiers } from './tiers.js';

/** The most reads that are gathered: a server that answers them answers no other client. */
const MAX_GATHERED = 512;

export interface ReadParts {
  readonly codec: ValueCodec;
  readonly tiers: Tiers;
  readonly flights: SingleFlight<unknown, unknown>;
  readonly coherence: Coherence;
  readonly checks: Checks;
}

/**
 * Reads of the backend that have no flight: many entries in one request, opened in one native call. What is asked for one by one
 * in the same tick is gathered, where the backend gains by that; who asks for what is being read joins that read.
 */
export class Reads {
  readonly #parts: ReadParts;
  /** Those of this tick, by tenant. */
  readonly #filling = new Map<string | undefined, Gathering>();
  /** Those without an answer so far. */
  readonly #sent = new Set<Gathering>();

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** Whether {@link one} is for an entry: nothing else is under way for it, and L1 has no copy, which a flight would open. */
  gathers(ref: EntryRef): boolean {
    const { tiers, flights } = this.#parts;
    // A time limit of its own is that of a request of its own.
    if (tiers.l2?.beforeTick === undefined || ref.policy.backend !== undefined || flights.has(ref)) return false;
    // Of many callers who ask for the same at once, only the first has to look.
    return this.#withKey(ref) !== undefined || tiers.l1?.get(ref.cacheKey, ref.tenantId) === undefined;
  }

  /** The value of an entry, if it is fresh, for one of the callers. */
  readonly valueOf: Take<unknown> = (answer, ref) => {
    if (answer === UNSURE || !answer?.fresh) {
      countMiss(ref);
      return undefined;
    }
    if (ref.policy.check !== undefined) return this.#valueThatPasses(answer, ref);
    countHit(answer, ref);
    return this.#parts.tiers.take(answer, ref);
  };

  async #valueThatPasses(found: Found, ref: EntryRef): Promise<unknown> {
    const passed = await this.#parts.checks.passed(found, ref);
    if (passed === undefined) countMiss(ref);
    else countHit(found, ref);
    return passed?.value;
  }

  /** @throws ConfigurationError when the tick would not end. */
  one<R>(ref: EntryRef, take: Take<R>): Promise<R> {
    return (this.#withKey(ref) ?? this.#fillingOf(ref.tenantId)).add(ref, take);
  }

  /** A read whose answer will be right for a caller who asks now. */
  #withKey(ref: EntryRef): Gathering | undefined {
    const filling = this.#filling.get(ref.tenantId);
    if (filling?.has(ref)) return filling;
    for (const sent of this.#sent) if (sent.answers(ref, this.#parts.tiers.invalidations)) return sent;
    return undefined;
  }

  #fillingOf(tenantId: string | undefined): Gathering {
    let filling = this.#filling.get(tenantId);
    if (filling !== undefined && filling.size < MAX_GATHERED) return filling;
    if (filling !== undefined) this.#send(filling);
    this.#parts.tiers.l2?.beforeTick?.();
    if (this.#filling.size === 0) nextTick(this.#sendAll);
    filling = new Gathering(tenantId);
    this.#filling.set(tenantId, filling);
    return filling;
  }

  /**
   * The answers for those of many entries of one tenant for which nothing is under way and L1 has no copy, by cache key; of few,
   * none: they are as well read one by one.
   */
  async early(refs: readonly EntryRef[]): Promise<ReadonlyMap<string, { readonly answer: Answer }>> {
    const { tiers, flights } = this.#parts;
    const early = new Map<string, { readonly answer: Answer }>();
    if (tiers.l2 === undefined) return early;
    const wanted = new Map<string, EntryRef>();
    for (const ref of refs) {
      const { cacheKey, tenantId } = ref;
      if (!flights.has(ref) && tiers.l1?.get(cacheKey, tenantId) === undefined) wanted.set(cacheKey, ref);
    }
    if (wanted.size < 2) return early;
    const all = [...wanted.values()];
    for (let at = 0; at < all.length; at += MAX_GATHERED) {
      await this.many(
        all.slice(at, at + MAX_GATHERED),
        (answer, { cacheKey }) => {
          early.set(cacheKey, { answer });
        },
        true,
      );
    }
    return early;
  }

  /** @param refs of one tenant. @param watched whether answers that may be outdated are {@link UNSURE} also without L1. */
  async many<R>(refs: readonly EntryRef[], take: Take<R>, watched = false): Promise<R[]> {
    const taken = refs.map((): R | Promise<R> | undefined => undefined);
    let waits = false;
    // Who asks for many only looks: where there are no copies, changes make no difference.
    const watch = watched || this.#parts.tiers.l1 ? this.#parts.flights.watch() : undefined;
    await this.#read(refs, watch, (i, ref, answer) => {
      const result = answer instanceof Promise ? answer.then((found) => take(found, ref)) : take(answer, ref);
      waits ||= result instanceof Promise;
      taken[i] = result;
    });
    return waits ? (Promise.all(taken) as Promise<R[]>) : (taken as R[]);
  }

  readonly #sendAll = (): void => {
    for (const gathering of this.#filling.values()) this.#send(gathering);
  };

  #send(gathering: Gathering): void {
    const { tiers, flights } = this.#parts;
    this.#filling.delete(gathering.tenantId);
    const watch = flights.watch();
    this.#sent.add(gathering);
    this.#read(gathering.begin(watch, tiers.invalidations.tick), watch, gathering.answer)
      .catch(gathering.fail)
      .finally(() => this.#sent.delete(gathering));
  }

  /** @param each called for each entry, when the backend has answered. */
  async #read(
    refs: readonly EntryRef[],
    watch: Watch | undefined,
    each: (i: number, ref: EntryRef, answer: Answer | Promise<Answer>) => void,
  ): Promise<void> {
    const { codec, tiers, flights, coherence } = this.#parts;
    const l2 = tiers.l2 as L2;
    const first = refs[0] as EntryRef;
    if (coherence.untracked !== undefined) coherence.report(first);
    const answers = new Answers(codec, tiers, watch, first.tenantId);
    try {
      answers.open(refs, refs.length === 1 ? [await l2.get(first)] : await l2.getMany(refs));
      for (let i = 0; i < refs.length; i++) each(i, refs[i] as EntryRef, answers.of(i, refs[i] as EntryRef));
    } finally {
      if (watch !== undefined) flights.unwatch(watch, answers.waiting);
    }
  }
}

/** Those of one request. */
class Answers {
  /** Those that are not there at once; undefined: all are. */
  waiting: Promise<unknown>[] | undefined;
  readonly #codec: ValueCodec;
  readonly #tiers: Tiers;
  readonly #watch: Watch | undefined;
  readonly #at = now();
  readonly #validity: Validity | undefined;
  #stored: readonly (BackendEntry | undefined | typeof FAILED)[] = [];
  #opened: readonly unknown[] = [];

  constructor(codec: ValueCodec, tiers: Tiers, watch: Watch | undefined, tenantId: string | undefined) {
    this.#codec = codec;
    this.#tiers = tiers;
    this.#watch = watch;
    // Of copies in L1 only.
    this.#validity = tiers.l1 && tiers.validity(tenantId);
  }

  open(refs: readonly EntryRef[], stored: readonly (BackendEntry | undefined | typeof FAILED)[]): void {
    this.#stored = stored;
    const small = stored.map((entry) =>
      entry === undefined || entry === FAILED || isLarge(entry) ? undefined : entry.bytes,
    );
    try {
      this.#opened = this.#codec.openMany(refs[0]?.tenantId, refs, small);
    } catch (error) {
      this.#opened = stored.map(() => new Unopened(error as Error));
    }
  }

  of(i: number, ref: EntryRef): Answer | Promise<Answer> {
    const tiers = this.#tiers;
    const stored = this.#stored[i];
    if (stored === FAILED) {
      const copy = tiers.readInGrace(ref);
      return copy && this.#later(copy);
    }
    if (stored === undefined) {
      const current = this.#isCurrent(ref);
      tiers.absent(ref, current);
      return current ? undefined : UNSURE;
    }
    if (isLarge(stored)) return this.#later(this.#openLarge(stored, ref));
    const opened = this.#opened[i];
    if (opened instanceof Unopened) return this.#later(this.#unopened(stored, ref, opened.error));
    return this.#accepted(stored, ref, opened);
  }

  #later(answer: Promise<Answer>): Promise<Answer> {
    this.waiting ??= [];
    append(this.waiting, answer);
    return answer;
  }

  async #openLarge(stored: BackendEntry, ref: EntryRef): Promise<Answer> {
    let value: unknown;
    try {
      value = await this.#codec.deserialize(stored.bytes, ref);
    } catch (error) {
      return this.#unopened(stored, ref, error);
    }
    return this.#accepted(stored, ref, value);
  }

  /** @throws KeyError and ConfigurationError: callers have to hear of those. */
  async #unopened(stored: BackendEntry, ref: EntryRef, error: unknown): Promise<Answer> {
    // The cache was closed, and its keys with it.
    if (this.#tiers.closed) return undefined;
    return (await this.#tiers.unopened(ref, stored.bytes, error)) ? undefined : unusable(stored);
  }

  #accepted(stored: BackendEntry, ref: EntryRef, value: unknown): Answer {
    const current = this.#isCurrent(ref);
    const found = this.#tiers.accept(ref, stored, this.#at, value, current, this.#validity) ?? unusable(stored);
    return current || found.fresh ? found : UNSURE;
  }

  /** Whether the entry has not changed since it was asked for, as far as the backend tells of every change. */
  #isCurrent({ cacheKey }: EntryRef): boolean {
    return this.#watch?.has(cacheKey) !== true;
  }
}

export function countHit({ inL1 }: Pick<Found, 'inL1'>, ref: EntryRef): void {
  const tier = ref.counters.hit(inL1);
  if (events.hit.hasSubscribers) publish(events.hit, ref, { tier });
  ref.span?.note({ status: 'hit', tier });
}

export function countMiss(ref: EntryRef): void {
  ref.counters.misses++;
  if (events.miss.hasSubscribers) publish(events.miss, ref);
  ref.span?.note({ status: 'miss' });
}
