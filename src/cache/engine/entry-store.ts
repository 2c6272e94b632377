import { ASYNC_FROM, type ValueCodec } from '../../codec/value-codec.js';
import { BackendError } from '../../errors.js';
import type { SharedBytes } from '../../protocol/interop-args.js';
import { copyOf } from '../../util/bytes.js';
import { now } from '../../util/clock.js';
import { expiryOf, isFresh } from './backend-entry.js';
import { Batches, type Item } from './batches.js';
import { checked } from './checks.js';
import { type ClearScope, clear } from './clearing.js';
import type { Counters, StoreUsage } from './counters.js';
import type { CallSite, EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import { Fetching, type FetchParts, type Request, type Work } from './fetching.js';
import { type FirstTier, MISS } from './first-tier.js';
import type { CopyRef } from './found.js';
import { L1, type Sites } from './l1.js';
import type { L2 } from './l2.js';
import { Lifetimes } from './lifetimes.js';
import type { Outcome } from './loader.js';
import type { Policies, Policy } from './policy.js';
import { pull } from './pulling.js';
import type { Writer } from './single-flight.js';
import type { Tiers } from './tiers.js';

export interface StoreParts extends FetchParts {
  readonly codec: ValueCodec;
  readonly policies: Policies;
  readonly usage: () => StoreUsage;
}

/** The only way to entries. Requests for one are coalesced; a write or deletion keeps earlier work from storing its result. */
export class EntryStore {
  readonly policies: Policies;
  readonly #parts: StoreParts;
  readonly #codec: ValueCodec;
  readonly #tiers: Tiers;
  readonly #l1: FirstTier | undefined;
  /** The same, where it finds calls by their arguments. */
  readonly #calls: L1 | undefined;
  readonly #l2: L2 | undefined;
  readonly #fetching: Fetching;
  readonly #batches: Batches;
  readonly #lifetimes: Lifetimes;

  constructor(parts: StoreParts) {
    const { tiers, codec, coherence, policies } = parts;
    this.#parts = parts;
    this.#codec = codec;
    this.#tiers = tiers;
    this.#l1 = tiers.l1;
    this.#calls = tiers.l1 instanceof L1 ? tiers.l1 : undefined;
    this.#l2 = tiers.l2;
    this.policies = policies;
    this.#fetching = new Fetching(parts);
    this.#batches = new Batches(codec, tiers, coherence);
    this.#lifetimes = new Lifetimes(tiers, coherence);
  }

  /** A small, fresh value of L1, or of a store that need not wait, at once. `MISS` also when it does not open: `get` sees to that. */
  hit(cacheKey: string, tenantId: string | undefined, ttlMs: number, counters: Counters, policy: Policy): unknown {
    // A check may wait.
    if (policy.check !== undefined) return MISS;
    const value = this.#hitL1(cacheKey, tenantId, counters);
    return value === MISS ? this.hitL2({ cacheKey, tenantId, ttlMs, policy }, counters) : value;
  }

  /** Where a function's calls are found by their arguments, by tenant. @param name as {@link L1.callSites} takes it. */
  callSites(name: (tenantId: string | undefined) => readonly [before: string, after: string]): Sites | undefined {
    return this.#calls?.callSites(name);
  }

  /** As {@link hit}, of L1 alone, for the caller to publish. `MISS` before user code has run; undefined: it decodes to nothing. @throws what decoding throws. */
  hitCall(site: CallSite, args: SharedBytes, counters: Counters): unknown {
    const value = this.#calls === undefined ? MISS : this.#calls.hitCall(site, args);
    if (value === undefined || value === MISS) return value;
    counters.hits++;
    counters.l1Hits++;
    return value;
  }

  #hitL1(cacheKey: string, tenantId: string | undefined, counters: Counters): unknown {
    try {
      const native = this.#calls;
      const value = native === undefined ? this.#l1?.hit(cacheKey, tenantId) : native.hit(cacheKey, tenantId);
      if (value === undefined || value === MISS) return MISS;
      counters.hits++;
      counters.l1Hits++;
      if (events.hit.hasSubscribers) publish(events.hit, { cacheKey, counters }, { tier: 'l1' });
      return value;
    } catch {
      return MISS;
    }
  }

  /** The part of {@link hit} that asks a store that need not wait. */
  hitL2(ref: CopyRef, counters: Counters): unknown {
    const { cacheKey, tenantId, policy } = ref;
    const l2 = this.#l2;
    if (l2 === undefined || this.#tiers.closed) return MISS;
    const stored = l2.getNow(cacheKey);
    if (stored === undefined) return MISS;
    // A store that answers at once has compared the times itself.
    const at = this.#l1 === undefined && policy.graceMs === 0 ? Number.NaN : now();
    const expiresAt = expiryOf(stored, at, policy.graceMs);
    if (!isFresh(stored, expiresAt)) return MISS;
    // The store may overwrite its bytes, also while user code decodes them.
    const copy = this.#l1 && { ...stored, bytes: copyOf(stored.bytes) };
    const value = this.#openNow(stored.bytes, cacheKey, tenantId);
    if (value === MISS) return MISS;
    // A write or deletion in progress updates L1 afterwards.
    if (copy !== undefined) {
      const validity = this.#tiers.validity(tenantId);
      this.#tiers.keepCopy(ref, copy, at, expiresAt, value, validity);
    }
    counters.hits++;
    if (events.hit.hasSubscribers) publish(events.hit, { cacheKey, counters }, { tier: 'backend' });
    return value;
  }

  #openNow(bytes: Uint8Array, cacheKey: string, tenantId: string | undefined): unknown {
    if (bytes.length >= ASYNC_FROM) return MISS;
    try {
      const value = this.#codec.deserialize(bytes, { cacheKey, tenantId });
      return value === undefined ? MISS : value;
    } catch {
      return MISS;
    }
  }

  /** What is stored, or what `load` makes of a miss. @throws BackendError at once after `close`. */
  fetch(ref: EntryRef, load: () => unknown): Promise<Outcome> {
    this.assertOpen();
    return this.#fetching.fetch(ref, load);
  }

  /** As {@link Fetching.fetchMany}, of requests that were made before a `close`. */
  fetchMany(requests: readonly Request[]): Promise<Outcome>[] {
    return this.#fetching.fetchMany(requests);
  }

  /** The fresh value of an entry; undefined: there is none. */
  get(ref: EntryRef): Promise<unknown> {
    this.assertOpen();
    const { reads } = this.#parts;
    return reads.gathers(ref)
      ? reads.one(ref, reads.valueOf)
      : this.#fetching.peek(ref).then((outcome) => outcome?.value);
  }

  /** The fresh values of many entries of one tenant, in the order of `refs`; `undefined` for a miss. */
  async getMany(refs: readonly EntryRef[]): Promise<unknown[]> {
    const missing: number[] = [];
    const values = refs.map((ref, i) => {
      const value = ref.policy.check ? MISS : this.#hitL1(ref.cacheKey, ref.tenantId, ref.counters);
      if (value !== MISS) return value;
      missing.push(i);
      return undefined;
    });
    if (missing.length === 0) return values;
    const wanted = missing.length === refs.length ? refs : missing.map((i) => refs[i] as EntryRef);
    this.assertOpen();
    const { reads } = this.#parts;
    const many = this.#l2 !== undefined && wanted.length > 1;
    const found = await (many ? reads.many(wanted, reads.valueOf) : Promise.all(wanted.map((ref) => this.get(ref))));
    if (wanted === refs) return found;
    for (const [n, i] of missing.entries()) values[i] = found[n];
    return values;
  }

  /** Runs `load` whatever is stored, and stores its result; what cannot be stored leaves no older value behind. */
  refresh(ref: EntryRef, load: () => unknown): Promise<Outcome> {
    return this.#joined(ref, (flight) =>
      // A failed deletion was counted; the caller waits for the value.
      this.#fetching.refresh(flight, ref, load, () => this.delete([ref]).catch(() => {})),
    );
  }

  /**
   * @returns whether it was stored; a failure of the backend is counted.
   * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError for one over a limit.
   */
  set(ref: EntryRef, value: unknown): Promise<boolean> {
    return ref.policy.check === undefined
      ? this.#set(ref, value)
      : checked(ref.policy.check, value).then(() => this.#set(ref, value));
  }

  #set(ref: EntryRef, value: unknown): Promise<boolean> {
    return this.#joined(ref, (flight) =>
      this.#tiers.write(ref, value, this.#begin(flight)).then((written) => written !== undefined),
    );
  }

  /** Stores many entries; none when a value is refused. @returns whether all were stored. */
  async setMany(items: readonly Item[]): Promise<boolean> {
    if (items.length === 0) return true;
    for (const { ref, value } of items) if (ref.policy.check) await checked(ref.policy.check, value);
    const sealed = this.#batches.seal(items);
    const refs = items.map((item) => item.ref);
    return this.#joinedAll(refs, (flights) => {
      const writers = flights.map((flight) => this.#begin(flight));
      return this.#batches.write(items, sealed, writers);
    });
  }

  /** @returns how many entries were removed, as far as the store can tell. @throws what the backend throws. */
  delete(refs: readonly EntryRef[]): Promise<number> {
    if (events.delete.hasSubscribers) for (const ref of refs) publish(events.delete, ref);
    const forget = () => refs.filter(({ cacheKey, tenantId }) => this.#l1?.delete(cacheKey, tenantId)).length;
    return this.#joinedAll(refs, async (flights) => {
      for (const flight of flights) flight.remove();
      for (const { cacheKey } of refs) this.#parts.failed.forget(cacheKey);
      const held = forget();
      if (this.#l2 === undefined) return held;
      try {
        return await this.#l2.delete(refs);
      } finally {
        for (const flight of flights) this.#begin(flight);
        forget();
        for (const { cacheKey } of refs) this.#parts.coherence.publish(cacheKey);
      }
    });
  }

  /** As {@link pull}. */
  pull(ref: EntryRef): Promise<unknown> {
    return this.#joined(ref, (flight) => pull(this.#parts, ref, flight));
  }

  /** As {@link Lifetimes.has}. */
  has(ref: EntryRef): Promise<boolean> {
    return this.#joined(ref, () => this.#lifetimes.has(ref));
  }

  /** As {@link Lifetimes.expiresInMs}. */
  expiresInMs(ref: EntryRef): Promise<number | undefined> {
    return this.#joined(ref, () => this.#lifetimes.expiresInMs(ref));
  }

  /** As {@link Lifetimes.expire}. */
  expire(ref: EntryRef): Promise<boolean> {
    return this.#joined(ref, (flight) => this.#lifetimes.expire(ref, flight));
  }

  /** As {@link clear}. */
  async clear(ref: EntryRef, scope: ClearScope, signal?: AbortSignal): Promise<number> {
    this.assertOpen();
    return clear(this.#parts, ref, scope, signal);
  }

  async invalidateTags(ref: EntryRef, tags: readonly string[], signal?: AbortSignal): Promise<number> {
    this.assertOpen();
    return this.#parts.coherence.invalidateTags(ref, tags, signal);
  }

  /** The stored cache keys of a tenant that begin with `prefix`. @throws BackendError for a backend that cannot list them. */
  keys(tenantId: string | undefined, prefix: string): Iterable<string> | AsyncIterable<string> {
    this.assertOpen();
    return this.#l2?.keys(prefix) ?? this.#l1?.keys(tenantId, prefix) ?? [];
  }

  readonly usage = (): StoreUsage => this.#parts.usage();

  /** Forgets what this process holds; every later operation is a BackendError. Resolves when others were told of the last changes. */
  close(): Promise<void> {
    this.#tiers.close();
    this.#parts.flights.invalidateAll();
    this.#parts.failed.clear();
    return this.#parts.coherence.close();
  }

  /** @throws BackendError after `close`. */
  assertOpen(): void {
    if (this.#tiers.closed) throw new BackendError('This cache is closed');
  }

  /** A write or a deletion begins or ends: work that began before it stores nothing. */
  #begin(flight: Work): Writer {
    flight.invalidate();
    this.#parts.failed.forget(flight.cacheKey);
    return flight.begin();
  }

  #joined<R>(ref: EntryRef, work: (flight: Work) => Promise<R>): Promise<R> {
    this.assertOpen();
    const { coherence, flights } = this.#parts;
    if (coherence.untracked !== undefined) coherence.report(ref);
    return flights.use(ref, work);
  }

  #joinedAll<R>(refs: readonly EntryRef[], work: (flights: Work[]) => Promise<R>): Promise<R> {
    this.assertOpen();
    const { coherence, flights } = this.#parts;
    const [first] = refs;
    if (coherence.untracked !== undefined && first !== undefined) coherence.report(first);
    return flights.useAll(refs, work);
  }
}
