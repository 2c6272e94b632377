import type { CacheStats } from '../../index.js';

/** A number with the labels that tell it from others of the same name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Instrument {
  /** Without a prefix, in OpenTelemetry's form. */
  readonly name: string;
  readonly help: string;
  /** UCUM. */
  readonly unit: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
}

/** An instrument, and what it shows of something. */
export interface Measure<T> extends Instrument {
  readonly samples: (of: T) => readonly Sample[];
}

type Count = {
  [K in keyof CacheStats]: CacheStats[K] extends number ? K : never;
}[keyof CacheStats];

function measure(
  kind: 'counter' | 'gauge',
  name: string,
  unit: string,
  stat: Count,
  help: string,
): Measure<CacheStats> {
  return { kind, name, unit, help, samples: (stats) => [{ labels: {}, value: stats[stat] }] };
}

const STATES = ['closed', 'half-open', 'open'] as const;

export const CACHE_MEASURES: readonly Measure<CacheStats>[] = [
  measure('counter', 'hits', '{hit}', 'hits', 'Calls answered with a stored value'),
  measure('counter', 'l1_hits', '{hit}', 'l1Hits', 'Calls answered from this process'),
  measure('counter', 'stale_hits', '{hit}', 'staleHits', 'Calls answered with a value past its TTL'),
  measure('counter', 'misses', '{miss}', 'misses', 'Calls for which nothing usable was stored'),
  measure('counter', 'loads', '{run}', 'loads', 'Runs of functions'),
  measure('counter', 'load_errors', '{error}', 'loadErrors', 'Runs of functions that failed'),
  measure('counter', 'sets', '{value}', 'sets', 'Values stored'),
  measure('counter', 'lock_waits', '{wait}', 'lockWaits', 'Waits for another process that was loading'),
  measure('counter', 'backend_errors', '{error}', 'backendErrors', 'Operations that the backend failed'),
  measure(
    'counter',
    'authentication_failures',
    '{entry}',
    'authenticationFailures',
    'Entries that did not open: altered, or of another key, tenant or cache key',
  ),
  measure('counter', 'unknown_keys', '{entry}', 'unknownKeys', 'Entries sealed with a key that is not held'),
  measure('counter', 'unreadable_values', '{entry}', 'unreadableValues', 'Entries that could not be decoded'),
  measure('counter', 'invalid_values', '{entry}', 'invalidValues', 'Entries whose value does not pass validate'),
  measure('counter', 'refused_values', '{value}', 'refusedValues', 'Values that could not be serialized'),
  measure('counter', 'oversize_values', '{value}', 'oversizeValues', 'Values over a limit, which were not stored'),
  measure('gauge', 'l1_entries', '{entry}', 'l1Entries', 'Entries held in this process'),
  measure('gauge', 'l1_bytes', 'By', 'l1Bytes', 'Bytes that they take'),
  {
    kind: 'gauge',
    name: 'breaker.state',
    unit: '{state}',
    help: 'Circuit breaker of the backend: 1 for the state that it is in, 0 for the others',
    samples: ({ breaker }) =>
      breaker === undefined ? [] : STATES.map((state) => ({ labels: { state }, value: state === breaker ? 1 : 0 })),
  },
];

const LATENCY = { unit: 's', kind: 'histogram' } as const;

/** Histograms, of the latency in `stats()`. */
export const LATENCIES = [
  { ...LATENCY, name: 'read.duration', help: 'Reading an entry from the backend', timed: 'read', stat: 'readLatency' },
  { ...LATENCY, name: 'write.duration', help: 'Giving an entry to the backend', timed: 'write', stat: 'writeLatency' },
  { ...LATENCY, name: 'load.duration', help: 'Running a function', timed: 'load', stat: 'loadLatency' },
] as const satisfies readonly (Instrument & { timed: string; stat: keyof CacheStats })[];

const SUFFIXES: Record<string, string> = { s: '_seconds', By: '_bytes' };

/** What an instrument is called in Prometheus, whether it gets there by prom-client or from OpenTelemetry. */
export function prometheusName(prefix: string, { name, unit, kind }: Instrument): string {
  const base = `${prefix}_${name.replaceAll('.', '_')}`;
  const suffix = SUFFIXES[unit] ?? '';
  return (base.endsWith(suffix) ? base : base + suffix) + (kind === 'counter' ? '_total' : '');
}
