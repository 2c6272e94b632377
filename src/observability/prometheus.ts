import type { Metric, Registry } from 'prom-client';
import type { CacheStats } from '../../index.js';
import { ConfigurationError } from '../errors.js';
import { assertCaches, type Caches, COUNTERS, GAUGES, LATENCIES } from './measures.js';

export type { Caches, Counting } from './measures.js';

export interface CacheMetricsOptions {
  /** Begins the metrics' names. Default `'cachekit'`. */
  prefix?: string;
}

interface Sample {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

/**
 * Adds the counters of caches to a registry of `prom-client`: `cachekit_hits_total`, `cachekit_read_duration_seconds` and so
 * on, with the label `cache`. They are read when the registry is, and cost the caches nothing.
 *
 * @param caches by the values of the label `cache`.
 * @returns what removes them again.
 *
 * @example
 * registerCacheMetrics(register, { sessions, users: userById });
 *
 * @throws TypeError for something that is no registry or no cache, ConfigurationError for names that the registry has.
 */
export function registerCacheMetrics(
  register: Registry,
  caches: Caches,
  { prefix = 'cachekit' }: CacheMetricsOptions = {},
): () => void {
  if (typeof register?.registerMetric !== 'function') {
    throw new TypeError('register must be a Registry of prom-client');
  }
  assertCaches(caches);
  const names: string[] = [];
  const add = (
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    samplesOf: (cache: string, stats: CacheStats) => Sample[],
  ) => {
    if (register.getSingleMetric(name) !== undefined) {
      throw new ConfigurationError(
        'The registry has these metrics: name all caches in one call, or pass another prefix',
      );
    }
    names.push(name);
    const samples = () => Object.entries(caches).flatMap(([cache, counting]) => samplesOf(cache, counting.stats()));
    // What a registry asks of a metric; the classes of prom-client keep numbers of their own.
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      // By the name that it has by then: for OpenMetrics the registry takes `_total` off, and puts it behind the samples' names.
      get: async () => ({ name: metric.name, help, type, aggregator: 'sum', values: samples() }),
      reset: () => {},
    };
    register.registerMetric(metric as unknown as Metric);
  };
  for (const { name, help, stat } of COUNTERS) {
    add(`${prefix}_${name}_total`, help, 'counter', (cache, stats) => [{ labels: { cache }, value: stats[stat] }]);
  }
  for (const { name, help, stat } of GAUGES) {
    add(`${prefix}_${name}`, help, 'gauge', (cache, stats) => [{ labels: { cache }, value: stats[stat] }]);
  }
  for (const { name, help, stat } of LATENCIES) {
    const metric = `${prefix}_${name}_duration_seconds`;
    add(metric, help, 'histogram', (cache, stats) => {
      const { buckets, count, sumMs } = stats[stat];
      return [
        ...buckets.map(({ leMs, count: value }) => ({
          metricName: `${metric}_bucket`,
          labels: { cache, le: leMs === Number.POSITIVE_INFINITY ? '+Inf' : leMs / 1000 },
          value,
        })),
        { metricName: `${metric}_sum`, labels: { cache }, value: sumMs / 1000 },
        { metricName: `${metric}_count`, labels: { cache }, value: count },
      ];
    });
  }
  return () => {
    for (const name of names) register.removeSingleMetric(name);
  };
}
