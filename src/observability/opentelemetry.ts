import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { CacheEvent } from '../../index.js';
import { assertCaches, type Caches, COUNTERS, GAUGES, LATENCIES } from './measures.js';

export type { Caches, Counting } from './measures.js';

/** Upper bounds in seconds, as semantic conventions advise for durations of calls, with finer ones for a cache in reach. */
const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Reports caches through OpenTelemetry: `cachekit.hits` and the other counters with the attribute `cache`, read when the
 * meter's reader asks, and the histograms `cachekit.read.duration`, `cachekit.write.duration` and `cachekit.load.duration` in
 * seconds with the attributes `namespace` and `operation`, of every cache of the process.
 *
 * @param caches by the values of the attribute `cache`.
 * @returns what ends it.
 *
 * @example
 * observeCaches(metrics.getMeter('my-service'), { sessions, users: userById });
 *
 * @throws TypeError for something that is no meter or no cache.
 */
export function observeCaches(meter: Meter, caches: Caches): () => void {
  if (typeof meter?.createObservableCounter !== 'function')
    throw new TypeError('meter must be a Meter of OpenTelemetry');
  assertCaches(caches);
  const ends: (() => void)[] = [];
  for (const [kind, measures] of [
    ['createObservableCounter', COUNTERS],
    ['createObservableGauge', GAUGES],
  ] as const) {
    for (const { name, help, stat } of measures) {
      const instrument = meter[kind](`cachekit.${name}`, { description: help });
      const observe = (result: ObservableResult) => {
        for (const [cache, counting] of Object.entries(caches)) result.observe(counting.stats()[stat], { cache });
      };
      instrument.addCallback(observe);
      ends.push(() => instrument.removeCallback(observe));
    }
  }
  for (const { name, help } of LATENCIES) {
    const histogram = meter.createHistogram(`cachekit.${name}.duration`, {
      description: help,
      unit: 's',
      advice: { explicitBucketBoundaries: BOUNDS },
    });
    const channel = `cachekit-native:${name}`;
    const record = (message: unknown) => {
      const { ms = 0, namespace, operation } = message as CacheEvent;
      histogram.record(ms / 1000, { ...(namespace && { namespace }), ...(operation && { operation }) });
    };
    subscribe(channel, record);
    ends.push(() => unsubscribe(channel, record));
  }
  return () => {
    for (const end of ends) end();
  };
}
