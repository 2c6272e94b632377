/** Upper bounds of the buckets, in milliseconds; the last one has none. */
export const BOUNDS_MS: readonly number[] = [
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

/** Durations counted in buckets that grow by factors of two to two and a half. */
export class Histogram {
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
