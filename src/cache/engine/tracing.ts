import type { Traced, TraceOutcome, Tracer, TraceStart } from '../../util/observed.js';
import type { EntryRef } from './entry-ref.js';
import { entryHash } from './events.js';

/** An operation on one entry, in a span. To be called where the counters have a tracer. */
export function traceOne<R>(
  tracer: Tracer,
  what: Traced,
  ref: EntryRef,
  work: (ref: EntryRef) => Promise<R>,
  outcomeOf?: (result: R) => TraceOutcome,
): Promise<R> {
  return tracer.run(startOf(what, ref), async (span) => {
    const result = await work({ ...ref, span });
    if (outcomeOf !== undefined) span.note(outcomeOf(result));
    return result;
  });
}

/** As {@link traceOne}, and without a tracer the work alone. */
export function inSpan<R>(
  what: Traced,
  ref: EntryRef,
  work: (ref: EntryRef) => Promise<R>,
  outcomeOf?: (result: R) => TraceOutcome,
): Promise<R> {
  const { tracer } = ref.counters;
  return tracer === undefined ? work(ref) : traceOne(tracer, what, ref, work, outcomeOf);
}

/** An operation on several entries, in one span where somebody traces. */
export function inOneSpan<R>(
  what: Traced,
  refs: readonly EntryRef[],
  work: (refs: readonly EntryRef[]) => Promise<R>,
  outcomeOf: (result: R) => TraceOutcome,
): Promise<R> {
  const [first] = refs;
  const tracer = first?.counters.tracer;
  if (first === undefined || tracer === undefined) return work(refs);
  const start = { ...startOf(what, first), ...(refs.length > 1 && { entry: undefined, entries: refs.length }) };
  return tracer.run(start, async (span) => {
    // What became of each is no outcome of all.
    const failures = { note: ({ failure, code }: TraceOutcome) => failure && span.note({ failure, code }) };
    const result = await work(refs.map((ref) => ({ ...ref, span: failures })));
    span.note(outcomeOf(result));
    return result;
  });
}

export function howManyHits(values: readonly unknown[]): TraceOutcome {
  return { hits: values.filter((value) => value !== undefined).length };
}

export function whetherStored(stored: boolean): TraceOutcome {
  return { stored };
}

export function howManyRemoved(removed: number): TraceOutcome {
  return { removed };
}

function startOf(what: Traced, { cacheKey, counters }: EntryRef): TraceStart {
  const { namespace, operation } = counters;
  return { what, namespace, operation, entry: entryHash(cacheKey), entries: 1 };
}
