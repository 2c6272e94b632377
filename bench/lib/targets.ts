/** A figure that has to be reached. */
export interface Target {
  name: string;
  /** `least`: the measured figure must not be below it; `most`: not above. */
  bound: 'least' | 'most';
  value: number;
  unit: '×' | 'µs' | 'ms' | '%' | 'ms/MB' | 'MB' | '';
  /** The part of the value by which noise may miss it. */
  margin: number;
  /**
   * For a value that is out of reach here, with the reason in docs/performance.md: what the product does hold, noise
   * included. Beyond this bound it has become slower.
   */
  held?: number;
  measured: number;
}

/**
 * What two runs of the same code differ by on a quiet machine. Calls that allocate nothing repeat to a few per cent;
 * those that allocate meet the garbage collector and the state of the heap.
 */
const STEADY = 0.04;
const ALLOCATING = 0.1;

export const faster = (name: string, least: number, measured: number, steady = false): Target => ({
  name,
  bound: 'least',
  value: least,
  unit: '×',
  margin: steady ? STEADY : ALLOCATING,
  measured,
});

export const atMost = (
  name: string,
  most: number,
  measured: number,
  { unit = '×', steady = false, held }: { unit?: Target['unit']; steady?: boolean; held?: number | undefined } = {},
): Target => ({
  name,
  bound: 'most',
  value: most,
  unit,
  margin: steady ? STEADY : ALLOCATING,
  measured,
  ...(held !== undefined && { held }),
});

export type Verdict = 'reached' | 'held' | 'missed';

export function verdictOf({ bound, value, margin, held, measured }: Target): Verdict {
  const within = (limit: number) => (bound === 'least' ? measured >= limit : measured <= limit);
  if (within(bound === 'least' ? value * (1 - margin) : value * (1 + margin))) return 'reached';
  return held !== undefined && within(held) ? 'held' : 'missed';
}

/** How far inside the target: above 1 it is reached without the margin. */
export function slack({ bound, value, measured }: Target): number {
  return bound === 'least' ? measured / value : value / measured;
}

/** Of two measurements of the same targets, the better one of each: noise only ever slows. */
export function better(before: readonly Target[], again: readonly Target[]): Target[] {
  return before.map((target, i) => {
    const other = again[i] as Target;
    return slack(other) > slack(target) ? other : target;
  });
}
