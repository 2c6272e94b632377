import type { Observer, Timed, Tracer } from '../../util/observed.js';
import type { BreakerState } from './circuit-breaker.js';

/** Upper bounds of the buckets, in milliseconds; the last one has none. */
const BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/** How long something took, in numbers of a fixed size. */
export interface LatencyStats {
  count: number;
  /** Milliseconds of all together. */
  sumMs: number;
  /** How many took at most `leMs` (the last: `Infinity`), those of the smaller buckets included. */
  buckets: { leMs: number; count: number }[];
}

/** What has happened so far, in plain numbers, and how things are: nothing here tells of a key or a value. */
export interface CacheStats {
  /** Calls answered with a stored value. */
  hits: number;
  /** Of those, the ones answered from this process's own first tier. */
  l1Hits: number;
  /** Calls answered with a value past its TTL, because of `swr` or `staleIfError`; they are no hits. */
  staleHits: number;
  /** Calls for which nothing usable was stored. */
  misses: number;
  /** How often a function ran, which is less than `misses` when calls shared a run. */
  loads: number;
  /** Of those, the ones that threw or took longer than their timeout. */
  loadErrors: number;
  /** Values stored. */
  sets: number;
  /** Entries that did not open: another key, tenant or cache key, altered bytes, a foreign format. */
  authenticationFailures: number;
  /** Entries sealed with a key that the keyring does not hold. */
  unknownKeys: number;
  /** Entries whose envelope or payload could not be read. */
  unreadableValues: number;
  /** Entries whose value does not pass `validate`. */
  invalidValues: number;
  /** Values that were returned but not stored, because the serializer or the sealer refused them. */
  refusedValues: number;
  /** Values that were returned but not stored, because they are over a limit. */
  oversizeValues: number;
  /** Operations that the backend failed, and those that were not asked of it while its circuit breaker was open. */
  backendErrors: number;
  /** Waits for another process that was loading the same entry. */
  lockWaits: number;
  /** Reading an entry from the backend. */
  readLatency: LatencyStats;
  /** Giving an entry to the backend. */
  writeLatency: LatencyStats;
  /** Running functions. */
  loadLatency: LatencyStats;
  /** Entries held in this process now. */
  l1Entries: number;
  /** Bytes they take, as `l1.maxBytes` counts them. */
  l1Bytes: number;
  /** The circuit breaker of the backend; `undefined` without one. Of a cache with several (functions with keys of their own) the worst. */
  breaker: BreakerState | undefined;
}

/** What is not counted but is so when it is asked for. */
export type StoreUsage = Pick<CacheStats, 'l1Entries' | 'l1Bytes' | 'breaker'>;

type Counts = Omit<CacheStats, keyof StoreUsage | 'readLatency' | 'writeLatency' | 'loadLatency'>;

/** How many tracers there are in this process: with none, no call looks further. */
export const tracing = { tracers: 0 };

export class Counters implements Counts {
  hits = 0;
  l1Hits = 0;
  staleHits = 0;
  misses = 0;
  loads = 0;
  loadErrors = 0;
  sets = 0;
  authenticationFailures = 0;
  unknownKeys = 0;
  unreadableValues = 0;
  invalidValues = 0;
  refusedValues = 0;
  oversizeValues = 0;
  backendErrors = 0;
  lockWaits = 0;
  readonly #reads = new Histogram();
  readonly #writes = new Histogram();
  readonly #loads = new Histogram();
  readonly #labels: { namespace?: string | undefined; operation?: string | undefined };
  readonly #within: Counters | undefined;
  #observers: readonly Observer[] | undefined;
  #tracer: Tracer | undefined;

  /**
   * @param labels what events call the cache.
   * @param within of the cache that a function belongs to: who observes that is told of the function, too.
   */
  constructor(labels: { namespace?: string | undefined; operation?: string | undefined } = {}, within?: Counters) {
    this.#labels = labels;
    this.#within = within;
  }

  get namespace(): string | undefined {
    return this.#labels.namespace;
  }

  get operation(): string | undefined {
    return this.#labels.operation;
  }

  /** Counts a call that a stored value answers. @returns where that was. */
  hit(inL1: boolean): 'l1' | 'backend' {
    this.hits++;
    if (inL1) this.l1Hits++;
    return inL1 ? 'l1' : 'backend';
  }

  /** undefined: nobody traces. An observer of the function comes before one of its cache. */
  get tracer(): Tracer | undefined {
    return this.#tracer ?? this.#within?.tracer;
  }

  /** @returns what ends it. */
  observe(observer: Observer): () => void {
    const tracers = observer.tracer === undefined ? 0 : 1;
    tracing.tracers += tracers;
    this.#observed([...(this.#observers ?? []), observer]);
    let ended = false;
    return () => {
      if (!ended) tracing.tracers -= tracers;
      ended = true;
      this.#observed(this.#observers?.filter((other) => other !== observer) ?? []);
    };
  }

  read(ms: number): void {
    this.#reads.record(ms);
    this.#told('read', ms);
  }

  wrote(ms: number): void {
    this.#writes.record(ms);
    this.#told('write', ms);
  }

  loaded(ms: number): void {
    this.#loads.record(ms);
    this.#told('load', ms);
  }

  add(other: Counters): void {
    for (const name of Object.keys(this) as (keyof Counts)[]) this[name] += other[name];
    this.#reads.add(other.#reads);
    this.#writes.add(other.#writes);
    this.#loads.add(other.#loads);
  }

  stats(): Omit<CacheStats, keyof StoreUsage> {
    return {
      ...(this as Counts),
      readLatency: this.#reads.stats(),
      writeLatency: this.#writes.stats(),
      loadLatency: this.#loads.stats(),
    };
  }

  #observed(observers: readonly Observer[]): void {
    this.#observers = observers.length === 0 ? undefined : observers;
    this.#tracer = observers.find(({ tracer }) => tracer !== undefined)?.tracer;
  }

  #told(what: Timed, ms: number): void {
    if (this.#observers !== undefined) for (const { timed } of this.#observers) timed?.(what, ms);
    if (this.#within !== undefined) this.#within.#told(what, ms);
  }
}

/** Of several stores together. */
export function totalUsage(usages: readonly StoreUsage[]): StoreUsage {
  const total: StoreUsage = { l1Entries: 0, l1Bytes: 0, breaker: undefined };
  for (const { l1Entries, l1Bytes, breaker } of usages) {
    total.l1Entries += l1Entries;
    total.l1Bytes += l1Bytes;
    if (total.breaker === undefined || (breaker !== undefined && SEVERITY[breaker] > SEVERITY[total.breaker])) {
      total.breaker = breaker;
    }
  }
  return total;
}

const SEVERITY = { closed: 0, 'half-open': 1, open: 2 } as const satisfies Record<BreakerState, number>;

/** Of those that are counted together the first. */
export function onePerCounters<R extends { readonly counters: Counters }>(refs: readonly R[]): Iterable<R> {
  const [first] = refs;
  if (first === undefined || refs.every(({ counters }) => counters === first.counters)) return refs.slice(0, 1);
  return new Map(refs.toReversed().map((ref) => [ref.counters, ref])).values();
}

/** Durations counted in buckets that grow by factors of two to two and a half. */
class Histogram {
  readonly #counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  #sumMs = 0;

  record(ms: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > (BOUNDS_MS[bucket] as number)) bucket++;
    (this.#counts[bucket] as number)++;
    this.#sumMs += ms;
  }

  add(other: Histogram): void {
    for (const [i, count] of other.#counts.entries()) (this.#counts[i] as number) += count;
    this.#sumMs += other.#sumMs;
  }

  stats(): LatencyStats {
    let count = 0;
    const buckets = this.#counts.map((own, i) => {
      count += own;
      return { leMs: BOUNDS_MS[i] ?? Number.POSITIVE_INFINITY, count };
    });
    return { count, sumMs: this.#sumMs, buckets };
  }
}
