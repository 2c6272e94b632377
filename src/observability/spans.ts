import type { Attributes, Span, SpanStatusCode, Tracer } from '@opentelemetry/api';
import { isCacheKitError } from '../errors.js';
import { type Tracer as CacheTracer, observedOf, type TraceOutcome, type TraceStart } from '../util/observed.js';
import { ownRequire } from '../util/own-require.js';
import { assertCaches, type Caches } from './sources.js';

/**
 * Makes spans around what caches and cached functions do: `cachekit.get`, `cachekit.set`, `cachekit.delete`, `cachekit.refresh`
 * and, around a function that runs, `cachekit.load`. Each is a child of the active context, and what runs inside of a function
 * is a child of `cachekit.load`. Attributes tell the entry by a hash, whether it was there and where; a cache key or a value is
 * never among them. docs/monitoring.md has them all.
 *
 * Each call makes a span, also one that is answered from this process within a microsecond: sample them.
 *
 * @param caches by the values of the attribute `cachekit.cache`. What a function does has the function's name, if it has one, or
 *   else that of its cache. A cache that was named before goes on with the first tracer.
 * @returns what ends it.
 *
 * @example
 * traceCaches(trace.getTracer('my-service'), { sessions, users: userById });
 *
 * @throws TypeError for something that is no tracer or no cache of this package.
 */
export function traceCaches(tracer: Tracer, caches: Caches): () => void {
  if (typeof tracer?.startSpan !== 'function') throw new TypeError('tracer must be a Tracer of OpenTelemetry');
  assertCaches(caches);
  const observed = Object.entries(caches).map(([name, cache]) => [name, observedOf(cache)?.observe] as const);
  if (observed.some(([, observe]) => observe === undefined)) {
    throw new TypeError('Each of caches must be a cache or a cached function');
  }
  const ends = observed.map(([name, observe]) => observe?.({ tracer: spansOf(tracer, name) }));
  return () => {
    for (const end of ends) end?.();
  };
}

const ERROR: SpanStatusCode.ERROR = 2;

function spansOf(tracer: Tracer, cache: string): CacheTracer {
  // Not before there is a tracer: the metrics need nothing of it at run time.
  const { context, trace } = ownRequire('@opentelemetry/api') as typeof import('@opentelemetry/api');
  return {
    run(start, work) {
      const span = tracer.startSpan(`cachekit.${start.what}`, { attributes: attributesOf(cache, start) });
      const note = (outcome: TraceOutcome) => {
        // A refresh in the background goes on when its caller's span has ended.
        if (span.isRecording()) span.setAttributes(outcomeAttributes(outcome));
      };
      return context.with(trace.setSpan(context.active(), span), async () => {
        try {
          return await work({ note });
        } catch (error) {
          fail(span, error);
          throw error;
        } finally {
          span.end();
        }
      });
    },
  };
}

function attributesOf(cache: string, { namespace, operation, entry, entries }: TraceStart): Attributes {
  return {
    'cachekit.cache': cache,
    ...(namespace !== undefined && { 'cachekit.namespace': namespace }),
    ...(operation !== undefined && { 'cachekit.operation': operation }),
    ...(entry === undefined ? { 'cachekit.entries': entries } : { 'cachekit.entry': entry }),
  };
}

function outcomeAttributes(outcome: TraceOutcome): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(outcome)) {
    if (value !== undefined) attributes[name === 'code' ? 'cachekit.failure.code' : `cachekit.${name}`] = value;
  }
  return attributes;
}

/** An error of a function may have anything in its message: the kind alone is told. */
function fail(span: Span, error: unknown): void {
  span.setAttribute('error.type', isCacheKitError(error) ? error.code : '_OTHER');
  span.setStatus({ code: ERROR });
}
