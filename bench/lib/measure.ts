/**
 * The interleaved harness. Candidates take turns in short batches, so that whatever slows the machine slows all
 * of them alike; what is compared is one round's numbers with each other, and the median of the rounds is told.
 */

/** Something to be timed: one operation, or a loop that times itself. */
export type Case =
  | { readonly name: string; readonly run: (i: number) => unknown; readonly isAsync?: boolean }
  | { readonly name: string; readonly batch: (count: number) => number | Promise<number> };

export interface MeasureOptions {
  /** How often each candidate has its turn. */
  rounds: number;
  /** About how long a turn is. At least one operation is done, however long it takes. */
  batchMs?: number;
  /** How long each candidate runs before anything counts. */
  warmUpMs?: number;
  /** Called after each round. */
  onRound?: () => void;
}

export interface Spread {
  median: number;
  p25: number;
  p75: number;
}

type Loop = (count: number) => number | Promise<number>;

interface Prepared {
  name: string;
  loop: Loop;
  count: number;
  rounds: number[];
}

/** Nanoseconds an operation, of each candidate and round. */
export class Timings {
  readonly #rounds: ReadonlyMap<string, readonly number[]>;

  constructor(rounds: ReadonlyMap<string, readonly number[]>) {
    this.#rounds = rounds;
  }

  get names(): string[] {
    return [...this.#rounds.keys()];
  }

  has(name: string): boolean {
    return this.#rounds.has(name);
  }

  rounds(name: string): readonly number[] {
    const rounds = this.#rounds.get(name);
    if (rounds === undefined) throw new Error(`nothing was measured under the name ${name}`);
    return rounds;
  }

  /** Nanoseconds an operation. */
  of(name: string): Spread {
    return spreadOf(this.rounds(name));
  }

  median(name: string): number {
    return this.of(name).median;
  }

  /** `a` divided by `b`, round by round. */
  ratio(a: string, b: string): Spread {
    return this.#paired(a, b, (x, y) => x / y);
  }

  /** `a` less `b`, round by round. */
  difference(a: string, b: string): Spread {
    return this.#paired(a, b, (x, y) => x - y);
  }

  #paired(a: string, b: string, combine: (x: number, y: number) => number): Spread {
    const [left, right] = [this.rounds(a), this.rounds(b)];
    return spreadOf(left.map((value, i) => combine(value, right[i] as number)));
  }
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => {
    const place = part * (sorted.length - 1);
    const below = sorted[Math.floor(place)] as number;
    return below + (place % 1) * ((sorted[Math.ceil(place)] as number) - below);
  };
  return { median: at(0.5), p25: at(0.25), p75: at(0.75) };
}

/** Times the candidates in turns. */
export async function interleave(cases: readonly Case[], options: MeasureOptions): Promise<Timings> {
  const { rounds, batchMs = 0.2, warmUpMs = 50, onRound } = options;
  const prepared: Prepared[] = [];
  for (const candidate of cases) prepared.push(await prepare(candidate, batchMs, warmUpMs));
  for (let round = 0; round < rounds; round++) {
    // Who comes first and who comes after whom changes, because a turn leaves its garbage and its caches to the next.
    const order = rotated(prepared, round);
    if (round % 2 === 1) order.reverse();
    for (const { loop, count, rounds: times } of order) times.push((await loop(count)) / count);
    onRound?.();
  }
  return new Timings(new Map(prepared.map(({ name, rounds: times }) => [name, times])));
}

async function prepare(candidate: Case, batchMs: number, warmUpMs: number): Promise<Prepared> {
  const loop = 'batch' in candidate ? candidate.batch : compiledLoop(candidate.run, candidate.isAsync ?? false);
  let count = 1;
  let spent = 0;
  let fastest = Number.POSITIVE_INFINITY;
  while (spent < warmUpMs * 1e6) {
    const took = await loop(count);
    spent += Math.max(took, 1);
    fastest = Math.min(fastest, took / count);
    if (took < batchMs * 1e6) count = Math.min(count * 2, Math.ceil((batchMs * 1e6) / Math.max(fastest, 1)));
  }
  return { name: candidate.name, loop, count: Math.max(1, Math.round((batchMs * 1e6) / fastest)), rounds: [] };
}

/**
 * A loop of its own for each candidate: in one that all shared, the call would be the slow kind that expects any function.
 * The last result escapes, so that nothing is left out as unused.
 */
function compiledLoop(run: (i: number) => unknown, isAsync: boolean): Loop {
  const make = new Function(
    'run',
    'now',
    'keep',
    `return ${isAsync ? 'async ' : ''}function loop(count) {
      let last;
      const start = now();
      for (let i = 0; i < count; i++) last = ${isAsync ? 'await ' : ''}run(i);
      const took = Number(now() - start);
      keep(last);
      return took;
    }`,
  );
  return make(run, process.hrtime.bigint, keep);
}

const kept: { last: unknown } = { last: undefined };
function keep(value: unknown): void {
  kept.last = value;
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
