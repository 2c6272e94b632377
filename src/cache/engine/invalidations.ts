/** Whether what was read of a tenant's entries, whose tags are not known, is still as good as it was. */
export interface Validity {
  ended: boolean;
}

/** When a value began to be made whose tags become known later. */
export interface Moment {
  readonly tick: number;
}

/** Tenants with a validity of their own at most; with one more, all are dropped. */
const MAX_TENANTS = 1_000;

/** Tags that were invalidated here while functions ran, compared when a result with tags is stored. */
export class Invalidations {
  /** Grows with each invalidation. */
  tick = 0;
  /** Of what is read from now on of the cache's own tenant. */
  own: Validity = { ended: false };
  /** In the order in which they began. */
  readonly #running = new Set<Moment>();
  /** When each was last invalidated, in that order, as far back as the oldest moment in `#running`. */
  readonly #tags = new Map<string, number>();
  readonly #validities = new Map<string, Validity>();

  /** A value begins to be made; {@link end} must follow. */
  begin(): Moment {
    const moment = { tick: this.tick };
    this.#running.add(moment);
    return moment;
  }

  end(moment: Moment): void {
    this.#running.delete(moment);
    if (this.#tags.size === 0) return;
    const [oldest] = this.#running;
    if (oldest === undefined) {
      this.#tags.clear();
      return;
    }
    for (const [tag, tick] of this.#tags) {
      if (tick > oldest.tick) break;
      this.#tags.delete(tag);
    }
  }

  /** When one of the tags was last invalidated since a moment that has not ended, as a {@link tick}. */
  since({ tick: begun }: Moment, tags: readonly string[]): number | undefined {
    if (this.tick === begun) return undefined;
    let last = begun;
    for (const tag of tags) last = Math.max(last, this.#tags.get(tag) ?? 0);
    return last > begun ? last : undefined;
  }

  /** As {@link own}, of another tenant. */
  validity(tenantId: string): Validity {
    let validity = this.#validities.get(tenantId);
    if (validity === undefined) {
      if (this.#validities.size >= MAX_TENANTS) this.#endAll();
      validity = { ended: false };
      this.#validities.set(tenantId, validity);
    }
    return validity;
  }

  invalidated(tags: Iterable<string>): void {
    this.tick++;
    if (this.#running.size === 0) return;
    for (const tag of tags) {
      this.#tags.delete(tag);
      this.#tags.set(tag, this.tick);
    }
  }

  /** Ends what was read of a tenant; without one that is named, of all. */
  read(of: { readonly tenantId: string | undefined } | undefined): void {
    if (of === undefined) this.#endAll();
    else if (of.tenantId === undefined) this.#endOwn();
    else {
      const validity = this.#validities.get(of.tenantId);
      if (validity !== undefined) validity.ended = true;
      this.#validities.delete(of.tenantId);
    }
  }

  #endOwn(): void {
    this.own.ended = true;
    this.own = { ended: false };
  }

  #endAll(): void {
    this.#endOwn();
    for (const validity of this.#validities.values()) validity.ended = true;
    this.#validities.clear();
  }
}
