/** Somebody who found an entry in the backend and may leave a copy in L1. */
export interface Reader {
  /** Whether the entry was neither written nor deleted since this began, and would have been heard of if it was. */
  current(): boolean;
}

/** Somebody who writes an entry. */
export interface Writer extends Reader {
  /** Whether the entry was neither written nor deleted, as far as is known: asked right before it is stored. */
  mayStore(): boolean;
  /** As `current` since it was stored. Whoever began before this is no longer current. */
  claim(): boolean;
  /** Whether the entry was removed since this began, by its name or, if it has tags, perhaps by one of them. */
  removed(tagged: boolean): boolean;
}

/** The work under way for one entry, shared by everyone who wants it. */
export class Flight<Found, Loaded> {
  /** Of the entry, among those of {@link SingleFlight}. */
  readonly identity: string;
  readonly ofTenant: boolean;
  users = 0;
  /** Reading what is stored. */
  read: Promise<Found | undefined> | undefined;
  /** Running the function and storing its result. */
  load: Promise<Loaded> | undefined;
  /** Doing that in the background, while a stale value answers. */
  refreshing: Promise<Loaded | undefined> | undefined;
  /** Grows with whatever changes the entry. */
  version = 0;
  /** Grows with whatever may have changed it. */
  doubts = 0;
  removedAt = 0;
  tagsRemovedAt = 0;

  constructor(identity: string, ofTenant: boolean) {
    this.identity = identity;
    this.ofTenant = ofTenant;
  }

  /** Newcomers start afresh; work that is under way answers those who wait for it and stores nothing. */
  supersede(): void {
    this.read = undefined;
    this.load = undefined;
    this.refreshing = undefined;
    this.version++;
  }

  /** As `supersede`; and what is being stored is not to stay, or only if it has no tags. */
  remove(taggedOnly = false): void {
    this.supersede();
    if (!taggedOnly) this.removedAt = this.version;
    this.tagsRemovedAt = this.version;
  }

  /** The entry may have changed unseen: what was read of it is not kept, but a function's result is as good as ever. */
  doubt(): void {
    this.read = undefined;
    this.doubts++;
  }

  begin(): Writer {
    return new Mark(this);
  }
}

/** A moment of a flight. */
class Mark implements Writer {
  readonly #flight: Flight<unknown, unknown>;
  readonly #version: number;
  #doubts: number;

  constructor(flight: Flight<unknown, unknown>) {
    this.#flight = flight;
    this.#version = flight.version;
    this.#doubts = flight.doubts;
  }

  current(): boolean {
    return this.#flight.version === this.#version && this.#flight.doubts === this.#doubts;
  }

  mayStore(): boolean {
    this.#doubts = this.#flight.doubts;
    return this.#flight.version === this.#version;
  }

  claim(): boolean {
    const still = this.current();
    if (this.#flight.version === this.#version) this.#flight.supersede();
    return still;
  }

  removed(tagged: boolean): boolean {
    return (tagged ? this.#flight.tagsRemovedAt : this.#flight.removedAt) > this.#version;
  }
}

/** The flights of a cache, one for each entry that somebody is waiting for. */
export class SingleFlight<Found, Loaded> {
  /** Of the cache's own tenant, by cache key: joining two strings to one costs as much as hashing it. */
  readonly #own = new Map<string, Flight<Found, Loaded>>();
  readonly #ofTenants = new Map<string, Flight<Found, Loaded>>();

  join({
    cacheKey,
    tenantId,
  }: {
    readonly cacheKey: string;
    readonly tenantId: string | undefined;
  }): Flight<Found, Loaded> {
    const ofTenant = tenantId !== undefined;
    const identity = ofTenant ? identityOf(tenantId, cacheKey) : cacheKey;
    const flights = ofTenant ? this.#ofTenants : this.#own;
    let flight = flights.get(identity);
    if (flight === undefined) {
      flight = new Flight(identity, ofTenant);
      flights.set(identity, flight);
    }
    flight.users++;
    return flight;
  }

  leave(flight: Flight<Found, Loaded>): void {
    if (--flight.users === 0) (flight.ofTenant ? this.#ofTenants : this.#own).delete(flight.identity);
  }

  /** What was begun before for a cache key, of whatever tenant, may not be kept. */
  supersedeKey(cacheKey: string): void {
    for (const flight of this.#all()) if (flight.identity.endsWith(cacheKey)) flight.supersede();
  }

  /** What was begun before may not be kept. */
  supersedeAll(): void {
    for (const flight of this.#all()) flight.supersede();
  }

  doubtAll(): void {
    for (const flight of this.#all()) flight.doubt();
  }

  /** As `supersedeAll`, and whatever has tags may not stay in the backend. */
  removeTagged(): void {
    for (const flight of this.#all()) flight.remove(true);
  }

  *#all(): Generator<Flight<Found, Loaded>> {
    yield* this.#own.values();
    yield* this.#ofTenants.values();
  }
}

/** (tenantId, cacheKey) in one string. The tenant's length comes first, so that different pairs never give the same one. */
export function identityOf(tenantId: string | undefined, cacheKey: string): string {
  return tenantId === undefined ? `-${cacheKey}` : `${tenantId.length}:${tenantId}${cacheKey}`;
}
