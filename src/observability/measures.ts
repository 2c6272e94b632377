import type { CacheStats } from '../../index.js';

/** Anything that counts what it does: a cache, or a cached function. */
export interface Counting {
  stats(): CacheStats;
}

/** By the names that tell them apart in what is reported. */
export type Caches = Readonly<Record<string, Counting>>;

export interface Measure {
  readonly name: string;
  readonly help: string;
  readonly stat: Exclude<keyof CacheStats, 'readLatency' | 'writeLatency' | 'loadLatency'>;
}

/** What only grows. Names are without prefix and unit suffixes. */
export const COUNTERS: readonly Measure[] = [
  { name: 'hits', help: 'Calls answered with a stored value', stat: 'hits' },
  { name: 'l1_hits', help: 'Calls answered from this process', stat: 'l1Hits' },
  { name: 'stale_hits', help: 'Calls answered with a value past its TTL', stat: 'staleHits' },
  { name: 'misses', help: 'Calls for which nothing usable was stored', stat: 'misses' },
  { name: 'loads', help: 'Runs of functions', stat: 'loads' },
  { name: 'load_errors', help: 'Runs of functions that failed', stat: 'loadErrors' },
  { name: 'sets', help: 'Values stored', stat: 'sets' },
  { name: 'lock_waits', help: 'Waits for another process that was loading', stat: 'lockWaits' },
  { name: 'backend_errors', help: 'Operations that the backend failed', stat: 'backendErrors' },
  {
    name: 'authentication_failures',
    help: 'Entries that did not open: altered, or of another key, tenant or cache key',
    stat: 'authenticationFailures',
  },
  { name: 'unknown_keys', help: 'Entries sealed with a key that is not held', stat: 'unknownKeys' },
  { name: 'unreadable_values', help: 'Entries that could not be decoded', stat: 'unreadableValues' },
  { name: 'refused_values', help: 'Values that could not be serialized', stat: 'refusedValues' },
  { name: 'oversize_values', help: 'Values over a limit, which were not stored', stat: 'oversizeValues' },
];

/** What goes up and down. */
export const GAUGES: readonly Measure[] = [
  { name: 'l1_entries', help: 'Entries held in this process', stat: 'l1Entries' },
  { name: 'l1_bytes', help: 'Bytes that they take', stat: 'l1Bytes' },
];

export const LATENCIES = [
  { name: 'read', help: 'Reading an entry from the backend', stat: 'readLatency' },
  { name: 'write', help: 'Giving an entry to the backend', stat: 'writeLatency' },
  { name: 'load', help: 'Running a function', stat: 'loadLatency' },
] as const;

/** @throws TypeError unless each has `stats`. */
export function assertCaches(caches: unknown): asserts caches is Caches {
  if (typeof caches !== 'object' || caches === null) throw new TypeError('caches must be an object: names and caches');
  for (const cache of Object.values(caches)) {
    if (typeof (cache as Partial<Counting> | null)?.stats !== 'function') {
      throw new TypeError('Each of caches must be a cache or a cached function');
    }
  }
}
