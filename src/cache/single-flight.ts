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
  users = 0;
  /** Reading what is stored. */
  read: Promise<Found | undefined> | undefined;
  /** Running the function and storing its result. */
  load: Promise<Loaded> | undefined;
  /** Doing that in the background, while a stale value answers. */
  refreshing: Promise<Loaded | undefined> | undefined;
  #version = 0;
  #doubts = 0;
  #removedAt = 0;
  #tagsRemovedAt = 0;

  /** Newcomers start afresh; work that is under way answers those who wait for it and stores nothing. */
  supersede(): void {
    this.read = undefined;
    this.load = undefined;
    this.refreshing = undefined;
    this.#version++;
  }

  /** As `supersede`; and what is being stored is not to stay, or only if it has no tags. */
  remove(taggedOnly = false): void {
    this.supersede();
    if (!taggedOnly) this.#removedAt = this.#version;
    this.#tagsRemovedAt = this.#version;
  }

  /** The entry may have changed unseen: what was read of it is not kept, but a function's result is as good as ever. */
  doubt(): void {
    this.read = undefined;
    this.#doubts++;
  }

  /** A mark of this moment. */
  begin(): Writer {
    const version = this.#version;
    let doubts = this.#doubts;
    const current = () => this.#version === version && this.#doubts === doubts;
    return {
      current,
      mayStore: () => {
        doubts = this.#doubts;
        return this.#version === version;
      },
      claim: () => {
        const still = current();
        if (this.#version === version) this.supersede();
        return still;
      },
      removed: (tagged) => (tagged ? this.#tagsRemovedAt : this.#removedAt) > version,
    };
  }
}

/** The flights of a cache, one for each entry that somebody is waiting for. */
export class SingleFlight<Found, Loaded> {
  readonly #flights = new Map<string, Flight<Found, Loaded>>();

  join(identity: string): Flight<Found, Loaded> {
    let flight = this.#flights.get(identity);
    if (flight === undefined) {
      flight = new Flight();
      this.#flights.set(identity, flight);
    }
    flight.users++;
    return flight;
  }

  leave(identity: string, flight: Flight<Found, Loaded>): void {
    if (--flight.users === 0) this.#flights.delete(identity);
  }

  /** What was begun before for a cache key, of whatever tenant, may not be kept. */
  supersedeKey(cacheKey: string): void {
    for (const [identity, flight] of this.#flights) if (identity.endsWith(cacheKey)) flight.supersede();
  }

  /** What was begun before may not be kept. */
  supersedeAll(): void {
    for (const flight of this.#flights.values()) flight.supersede();
  }

  doubtAll(): void {
    for (const flight of this.#flights.values()) flight.doubt();
  }

  /** As `supersedeAll`, and whatever has tags may not stay in the backend. */
  removeTagged(): void {
    for (const flight of this.#flights.values()) flight.remove(true);
  }
}

/** (tenantId, cacheKey) in one string. The tenant's length comes first, so that different pairs never give the same one. */
export function identityOf(tenantId: string | undefined, cacheKey: string): string {
  return tenantId === undefined ? `-${cacheKey}` : `${tenantId.length}:${tenantId}${cacheKey}`;
}
