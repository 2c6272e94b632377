/** A cache of this process that keeps copies of what a backend has. */
export interface Neighbour {
  /** The entry of a cache key, of whatever tenant, has changed. */
  changed(cacheKey: string): void;
  /** Entries with one of these tags were removed. */
  tagsRemoved(tags: readonly string[]): void;
}

const byBackend = new WeakMap<object, Neighbours>();

/**
 * The caches of this process that share one backend: a backend that tells of changes leaves out those of its own process,
 * and most tell nothing. A cache that nobody holds any more is none.
 */
export class Neighbours {
  readonly #members = new Set<WeakRef<Neighbour>>();

  static of(backend: object): Neighbours {
    let neighbours = byBackend.get(backend);
    if (neighbours === undefined) {
      neighbours = new Neighbours();
      byBackend.set(backend, neighbours);
    }
    return neighbours;
  }

  join(member: Neighbour): void {
    for (const other of this.#members) if (other.deref() === undefined) this.#members.delete(other);
    this.#members.add(new WeakRef(member));
  }

  /** What one of them has changed, the others hear of. */
  tell(from: Neighbour, what: (other: Neighbour) => void): void {
    if (this.#members.size < 2) return;
    for (const member of this.#members) {
      const other = member.deref();
      if (other !== undefined && other !== from) what(other);
    }
  }
}
