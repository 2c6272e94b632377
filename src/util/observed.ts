/* What reporters (OpenTelemetry, Prometheus) may see of a cache, a function or a wrapper beyond its public methods. */

/** Whose time is taken: reading from and giving to a backend, running a function. */
export type Timed = 'read' | 'write' | 'load';

/** What a span is made around. */
export type Traced = 'get' | 'set' | 'delete' | 'refresh' | 'load';

export interface Observer {
  /** Called with the milliseconds of each, as `stats()` counts them. */
  readonly timed?: (what: Timed, ms: number) => void;
  readonly tracer?: Tracer;
}

export interface Tracer {
  /** Does the work inside a span, so that spans which it makes itself are children. */
  run<R>(start: TraceStart, work: (span: TraceSpan) => Promise<R>): Promise<R>;
}

export interface TraceStart {
  readonly what: Traced;
  readonly namespace: string | undefined;
  /** The option of a wrapped function. */
  readonly operation: string | undefined;
  /** As in events: a hash. undefined: there are several. */
  readonly entry: string | undefined;
  readonly entries: number;
}

export interface TraceSpan {
  note(outcome: TraceOutcome): void;
}

/** What becomes known while an operation is under way. */
export interface TraceOutcome {
  readonly status?: 'hit' | 'miss' | 'stale';
  readonly tier?: 'l1' | 'backend';
  /** How many of several entries were there. */
  readonly hits?: number;
  /** Whether all was stored. */
  readonly stored?: boolean;
  /** How many were deleted. */
  readonly removed?: number;
  /** The kind of a failure that was counted instead of thrown, and the code of its error. */
  readonly failure?: string;
  readonly code?: string | undefined;
}

export interface Observed {
  /** @returns what ends it. */
  observe?(observer: Observer): () => void;
  /** Those that seal and open its values, without repetition. */
  keyrings(): readonly object[];
}

// Not a property of the object: that would be open to everybody.
const all = new WeakMap<object, Observed>();

export function letObserve(object: object, observed: Observed): void {
  all.set(object, observed);
}

export function observedOf(object: object): Observed | undefined {
  return all.get(object);
}
