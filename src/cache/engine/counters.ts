import { Histogram, type LatencyStats } from './histogram.js';

/** What has happened so far, in plain numbers: nothing here tells of a key or a value. */
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
}

type Counts = Omit<CacheStats, 'l1Entries' | 'l1Bytes' | 'readLatency' | 'writeLatency' | 'loadLatency'>;

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
  refusedValues = 0;
  oversizeValues = 0;
  backendErrors = 0;
  lockWaits = 0;
  readonly #reads = new Histogram();
  readonly #writes = new Histogram();
  readonly #loads = new Histogram();
  readonly #labels: { namespace?: string | undefined; operation?: string | undefined };

  /** Labels are what events call the cache. */
  constructor(labels: { namespace?: string | undefined; operation?: string | undefined } = {}) {
    this.#labels = labels;
  }

  get namespace(): string | undefined {
    return this.#labels.namespace;
  }

  get operation(): string | undefined {
    return this.#labels.operation;
  }

  read(ms: number): void {
    this.#reads.record(ms);
  }

  wrote(ms: number): void {
    this.#writes.record(ms);
  }

  loaded(ms: number): void {
    this.#loads.record(ms);
  }

  add(other: Counters): void {
    for (const name of Object.keys(this) as (keyof Counts)[]) this[name] += other[name];
    this.#reads.add(other.#reads);
    this.#writes.add(other.#writes);
    this.#loads.add(other.#loads);
  }

  stats(): Omit<CacheStats, 'l1Entries' | 'l1Bytes'> {
    return {
      ...(this as Counts),
      readLatency: this.#reads.stats(),
      writeLatency: this.#writes.stats(),
      loadLatency: this.#loads.stats(),
    };
  }
}
