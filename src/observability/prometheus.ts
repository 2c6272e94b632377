import type { Metric, Registry } from 'prom-client';
import { ConfigurationError } from '../errors.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { LATENCIES, prometheusName } from './measures.js';
import {
  assertCaches,
  assertKeyrings,
  type Caches,
  type Keyrings,
  OF_CACHES,
  OF_KEYS,
  type Reported,
  samplesOf,
} from './sources.js';

export type { Caches, Counting, Keyed, Keyrings } from './sources.js';

export interface CacheMetricsOptions {
  /** Begins the metrics' names. Default `'cachekit'`. */
  prefix?: string;
}

interface Exposed {
  labels: Readonly<Record<string, string | number>>;
  value: number;
  metricName?: string;
}

/**
 * Adds the counters of caches to a registry of `prom-client`: `cachekit_hits_total`, `cachekit_read_duration_seconds` and so
 * on, with the label `cache`. They are read when the registry is, and cost the caches nothing. docs/monitoring.md has them all.
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
  options: CacheMetricsOptions = {},
): () => void {
  const prefix = prefixOf(options);
  const metrics = new Metrics(register);
  assertCaches(caches);
  const sources = Object.entries(caches);
  metrics.addAll(prefix, OF_CACHES, sources);
  for (const latency of LATENCIES) {
    const name = prometheusName(prefix, latency);
    metrics.add(name, latency.help, 'histogram', () =>
      sources.flatMap(([cache, counting]) => {
        const { buckets, count, sumMs } = counting.stats()[latency.stat];
        return [
          ...buckets.map(({ leMs, count: value }) => ({
            metricName: `${name}_bucket`,
            labels: { cache, le: leMs === Number.POSITIVE_INFINITY ? '+Inf' : leMs / 1000 },
            value,
          })),
          { metricName: `${name}_sum`, labels: { cache }, value: sumMs / 1000 },
          { metricName: `${name}_count`, labels: { cache }, value: count },
        ];
      }),
    );
  }
  return () => metrics.remove();
}

/**
 * Adds to a registry of `prom-client` how the master keys are used, by their fingerprints: `cachekit_key_seals_total` and
 * `cachekit_key_opens_total`, when each was last needed, its position, and the nonces that are left. docs/monitoring.md has them all.
 * A keyring that is destroyed, or whose cache is closed, is left out.
 *
 * @param keyrings by the values of the label `keyring`. A cache or a function stands for the keyrings that it uses; one that was named before is not reported again.
 * @returns what removes them again.
 *
 * @example
 * registerKeyMetrics(register, { main: keyring, sessions: cacheWithMasterKey });
 *
 * @throws TypeError for something that is no registry or has no keys, ConfigurationError for names that the registry has.
 */
export function registerKeyMetrics(
  register: Registry,
  keyrings: Keyrings,
  options: CacheMetricsOptions = {},
): () => void {
  const prefix = prefixOf(options);
  const metrics = new Metrics(register);
  assertKeyrings(keyrings);
  metrics.addAll(prefix, OF_KEYS, Object.entries(keyrings));
  return () => metrics.remove();
}

function prefixOf(options: CacheMetricsOptions): string {
  assertOptionsObject(options, ['prefix']);
  return ownOptions(options).prefix ?? 'cachekit';
}

/** What one call has added to a registry. */
class Metrics {
  readonly #register: Registry;
  readonly #names: string[] = [];

  constructor(register: Registry) {
    if (typeof register?.registerMetric !== 'function') {
      throw new TypeError('register must be a Registry of prom-client');
    }
    this.#register = register;
  }

  addAll<S extends object, T>(prefix: string, reported: Reported<S, T>, sources: [string, S][]): void {
    for (const measure of reported.measures) {
      const kind = measure.kind === 'counter' ? 'counter' : 'gauge';
      this.add(prometheusName(prefix, measure), measure.help, kind, () =>
        samplesOf(reported, measure, reported.read(sources)),
      );
    }
  }

  /** @throws ConfigurationError for a name that the registry has. */
  add(name: string, help: string, type: 'counter' | 'gauge' | 'histogram', samples: () => readonly Exposed[]): void {
    if (this.#register.getSingleMetric(name) !== undefined) {
      throw new ConfigurationError('The registry has these metrics: name all in one call, or pass another prefix');
    }
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
    this.#register.registerMetric(metric as unknown as Metric);
    this.#names.push(name);
  }

  remove(): void {
    for (const name of this.#names) this.#register.removeSingleMetric(name);
  }
}
