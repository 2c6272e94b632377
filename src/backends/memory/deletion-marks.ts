/** Names remembered at most. */
const MAX_MARKS = 100_000;
/** For how long, in milliseconds. */
const KEPT_MS = 60_000;

/** When names were last changed. The oldest are forgotten first; since a time before those, any name may have changed. */
export class Marks {
  /** In the order of their times. */
  readonly #times = new Map<string, number>();
  #forgotten = Number.NEGATIVE_INFINITY;

  /** @param at on the clock of `elapsed()`. */
  mark(name: string, at: number): void {
    this.#times.delete(name);
    this.#times.set(name, at);
    for (const [oldest, time] of this.#times) {
      if (this.#times.size <= MAX_MARKS && time > at - KEPT_MS) break;
      this.#times.delete(oldest);
      this.#forgotten = time;
    }
  }

  /** Whether a name was changed at that time or later, or may have been. */
  since(name: string, at: number): boolean {
    return this.#forgotten >= at || (this.#times.get(name) ?? Number.NEGATIVE_INFINITY) >= at;
  }

  clear(): void {
    this.#times.clear();
  }
}
