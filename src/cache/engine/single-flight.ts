import { overWithin } from '../../util/deadlines.js';
import type { EntryRef } from './entry-ref.js';
import type { Validity } from './invalidations.js';
import type { SharedRun } from './shared-run.js';

/** What is told of changes. */
interface Watched {
  changed(cacheKey: string): void;
}

/** The work in progress for one entry, shared by concurrent requests. */
export class Flight<Found, Outcome> {
  readonly #watched: Watched;
  readonly cacheKey: string;
  readonly tenantId: string | undefined;
  users = 0;
  read: Promise<Found | undefined> | undefined;
  /** Whether further requests may join `read`. */
  readValidity: Validity | undefined;
  /** What the backend last answered with. */
  seen: Uint8Array | undefined;
  /** Running the function and storing its result. */
  load: SharedRun<Outcome> | undefined;
  /** Doing that in the background, while a stale value answers. */
  refreshing: SharedRun<Outcome | undefined> | undefined;
  /** Grows with each change of the entry. */
  version = 0;
  /** Grows whenever the entry may have changed unseen. */
  readEpoch = 0;
  removedAt = 0;

  constructor(watched: Watched, cacheKey: string, tenantId: string | undefined) {
    this.#watched = watched;
    this.cacheKey = cacheKey;
    this.tenantId = tenantId;
  }

  /** New requests start afresh; work in progress answers those who wait for it and stores nothing. */
  invalidate(): void {
    this.read = undefined;
    this.load = undefined;
    this.refreshing = undefined;
    this.version++;
    this.#watched.changed(this.cacheKey);
  }

  /** As `invalidate`, and a write in progress is taken back. */
  remove(): void {
    this.invalidate();
    this.removedAt = this.version;
  }

  /** The entry may have changed unseen: what was read is not kept, while a function's result may still be stored. */
  invalidateReads(): void {
    this.read = undefined;
    this.readEpoch++;
  }

  begin(): Writer {
    return new Writer(this);
  }
}

/** A write of an entry: the version of its flight at which it began. */
export class Writer {
  readonly #flight: Flight<unknown, unknown>;
  readonly #version: number;
  #readEpoch: number;

  constructor(flight: Flight<unknown, unknown>) {
    this.#flight = flight;
    this.#version = flight.version;
    this.#readEpoch = flight.readEpoch;
  }

  /** Whether the entry has not changed since this began, as far as the backend tells of every change. */
  current(): boolean {
    return this.#flight.version === this.#version && this.#flight.readEpoch === this.#readEpoch;
  }

  /** Whether the entry was neither written nor deleted, as far as is known. Asked right before the value is stored. */
  mayStore(): boolean {
    this.#readEpoch = this.#flight.readEpoch;
    return this.#flight.version === this.#version;
  }

  /** As `current` since it was stored. Everything that began before is invalidated. */
  commit(): boolean {
    const still = this.current();
    if (this.#flight.version === this.#version) this.#flight.invalidate();
    return still;
  }

  /** Whether the entry was removed by its name since this began. */
  removed(): boolean {
    return this.#flight.removedAt > this.#version;
  }

  /** Notes what the backend answered; undefined: nothing, no answer, or bytes that were then deleted. */
  saw(bytes: Uint8Array | undefined): void {
    this.#flight.seen = bytes;
  }

  /** What was last seen in the backend. */
  seen(): Uint8Array | undefined {
    return this.#flight.seen;
  }
}

/** A read of the backend, which may leave a copy in L1. */
export type Reader = Pick<Writer, 'current' | 'saw'>;

type Identity = Pick<EntryRef, 'cacheKey' | 'tenantId'>;

/** The entries that change, or may change unseen, while something is read without a flight. */
export class Watch {
  #keys: Set<string> | undefined;
  #all = false;
  readonly #told: ((cacheKey: string | undefined) => void) | undefined;

  /** @param told called with each change; undefined: perhaps any entry has changed. */
  constructor(told?: (cacheKey: string | undefined) => void) {
    this.#told = told;
  }

  add(cacheKey: string | undefined): void {
    this.#keys ??= new Set();
    if (cacheKey === undefined) this.#all = true;
    else this.#keys.add(cacheKey);
    this.#told?.(cacheKey);
  }

  /** Whether an entry of this cache key has changed since, of whatever tenant. */
  has(cacheKey: string): boolean {
    return this.#keys !== undefined && (this.#all || this.#keys.has(cacheKey));
  }
}

/** The flights of a cache, one for each entry that is requested. */
export class SingleFlight<Found, Outcome> {
  /** Of the cache's own tenant, by cache key. */
  readonly #own = new Map<string, Flight<Found, Outcome>>();
  /** By cache key, then by tenant: joining two strings to one costs as much as hashing it. */
  readonly #ofTenants = new Map<string, Map<string, Flight<Found, Outcome>>>();
  readonly #watches = new Set<Watch>();

  join({ cacheKey, tenantId }: Identity): Flight<Found, Outcome> {
    let flight = tenantId === undefined ? this.#own.get(cacheKey) : this.#ofTenants.get(cacheKey)?.get(tenantId);
    if (flight === undefined) {
      flight = new Flight(this, cacheKey, tenantId);
      this.#add(flight);
    }
    flight.users++;
    return flight;
  }

  /** Whether there is work in progress for an entry. */
  has({ cacheKey, tenantId }: Identity): boolean {
    return tenantId === undefined ? this.#own.has(cacheKey) : this.#ofTenants.get(cacheKey)?.has(tenantId) === true;
  }

  /** Begins to note which entries change; {@link unwatch} must follow. */
  watch(): Watch {
    const watch = new Watch();
    this.#watches.add(watch);
    return watch;
  }

  /** Resolves after so many milliseconds, or earlier, when an entry of a cache key changes as far as is known here. */
  async changeWithin(ms: number, cacheKey: string): Promise<void> {
    let watch: Watch | undefined;
    const told = new Promise<void>((resolve) => {
      watch = new Watch((changed) => {
        if (changed === undefined || changed === cacheKey) resolve();
      });
    });
    this.#watches.add(watch as Watch);
    await overWithin(ms, told, true);
    this.#watches.delete(watch as Watch);
  }

  /** @param waiting what is to be over before. */
  unwatch(watch: Watch, waiting?: readonly Promise<unknown>[]): void {
    if (waiting === undefined) this.#watches.delete(watch);
    else Promise.allSettled(waiting).then(() => this.#watches.delete(watch));
  }

  /** An entry has changed; undefined: perhaps any has. */
  changed(cacheKey: string | undefined): void {
    for (const watch of this.#watches) watch.add(cacheKey);
  }

  leave(flight: Flight<Found, Outcome>): void {
    if (--flight.users > 0) return;
    const { cacheKey, tenantId } = flight;
    if (tenantId === undefined) {
      this.#own.delete(cacheKey);
      return;
    }
    const tenants = this.#ofTenants.get(cacheKey);
    tenants?.delete(tenantId);
    if (tenants?.size === 0) this.#ofTenants.delete(cacheKey);
  }

  /** Does `work` with an entry's flight, which lives as long as it is used. */
  use<R>(ref: Identity, work: (flight: Flight<Found, Outcome>) => Promise<R>): Promise<R> {
    const flight = this.join(ref);
    const leave = () => this.leave(flight);
    let working: Promise<R>;
    try {
      working = work(flight);
    } catch (error) {
      leave();
      throw error;
    }
    working.then(leave, leave);
    return working;
  }

  async useAll<R>(refs: readonly Identity[], work: (flights: Flight<Found, Outcome>[]) => Promise<R>): Promise<R> {
    const flights = refs.map((ref) => this.join(ref));
    try {
      return await work(flights);
    } finally {
      for (const flight of flights) this.leave(flight);
    }
  }

  /** Invalidates the work in progress for a cache key, of every tenant. */
  invalidateKey(cacheKey: string): void {
    this.changed(cacheKey);
    this.#own.get(cacheKey)?.invalidate();
    for (const flight of this.#ofTenants.get(cacheKey)?.values() ?? []) flight.invalidate();
  }

  invalidateAll(): void {
    this.changed(undefined);
    for (const flight of this.#all()) flight.invalidate();
  }

  /** Entries are removed all at once: of those that `are`, work in progress stores nothing; no read leaves a copy. */
  removeAll(are: (cacheKey: string) => boolean): void {
    this.changed(undefined);
    for (const flight of this.#all()) {
      if (are(flight.cacheKey)) flight.remove();
      else flight.invalidateReads();
    }
  }

  invalidateAllReads(): void {
    this.changed(undefined);
    for (const flight of this.#all()) flight.invalidateReads();
  }

  #add(flight: Flight<Found, Outcome>): void {
    const { cacheKey, tenantId } = flight;
    if (tenantId === undefined) {
      this.#own.set(cacheKey, flight);
      return;
    }
    const tenants = this.#ofTenants.get(cacheKey);
    if (tenants === undefined) this.#ofTenants.set(cacheKey, new Map([[tenantId, flight]]));
    else tenants.set(tenantId, flight);
  }

  *#all(): Generator<Flight<Found, Outcome>> {
    yield* this.#own.values();
    for (const tenants of this.#ofTenants.values()) yield* tenants.values();
  }
}
