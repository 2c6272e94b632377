import type { Histogram, Meter } from '@opentelemetry/api';
import type { CacheStats } from '../../index.js';
import { observedOf, type Timed } from '../util/observed.js';
import type { KeyringState } from './key-measures.js';
import { LATENCIES } from './measures.js';
import { Reports } from './reports.js';
import {
  assertCaches,
  assertKeyrings,
  type Caches,
  type Counting,
  type Keyed,
  type Keyrings,
  OF_CACHES,
  OF_KEYS,
} from './sources.js';

export type { Caches, Counting, Keyed, Keyrings } from './sources.js';
export { traceCaches } from './spans.js';

/** Upper bounds in seconds, as semantic conventions advise for durations of calls, with finer ones for a cache in reach. */
const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const cacheReports = new WeakMap<Meter, Reports<Counting, CacheStats>>();
const keyReports = new WeakMap<Meter, Reports<Keyed, KeyringState>>();

/**
 * Reports caches through OpenTelemetry, each with the attribute `cache`: `cachekit.hits` and the other counters and gauges, read
 * when the meter's reader asks, and the histograms `cachekit.read.duration`, `cachekit.write.duration` and
 * `cachekit.load.duration` in seconds. docs/monitoring.md has them all.
 *
 * What a function does counts for its own name and for that of its cache, as in `stats()`. A cache that is named in several calls
 * counts once, until the last of them has ended.
 *
 * @param caches by the values of the attribute `cache`.
 * @returns what ends it.
 *
 * @example
 * observeCaches(metrics.getMeter('my-service'), { sessions, users: userById });
 *
 * @throws TypeError for something that is no meter or no cache; ConfigurationError for a name that another cache has in this meter,
 *   and for a cache that has another name.
 */
export function observeCaches(meter: Meter, caches: Caches): () => void {
  assertMeter(meter);
  assertCaches(caches);
  return reportsOf(cacheReports, meter, () => {
    const histograms = new Map<Timed, Histogram>();
    for (const { name, help, unit, timed } of LATENCIES) {
      const advice = { explicitBucketBoundaries: BOUNDS };
      histograms.set(timed, meter.createHistogram(`cachekit.${name}`, { description: help, unit, advice }));
    }
    return new Reports(meter, OF_CACHES, (cache, counting) =>
      observedOf(counting)?.observe?.({
        timed: (what, ms) => histograms.get(what)?.record(ms / 1000, { cache }),
      }),
    );
  }).add(caches);
}

/**
 * Reports how the master keys are used, by their fingerprints and with the attribute `keyring`: `cachekit.key.seals` and
 * `cachekit.key.opens`, when each was last needed, its position, and the nonces that are left. docs/monitoring.md has them all.
 * A keyring that is destroyed, or whose cache is closed, is left out.
 *
 * @param keyrings by the values of the attribute `keyring`. A cache or a function stands for the keyrings that it uses; one that was named before is not reported again.
 * @returns what ends it.
 *
 * @example
 * observeKeys(metrics.getMeter('my-service'), { main: keyring, sessions: cacheWithMasterKey });
 *
 * @throws TypeError for something that is no meter or has no keys; ConfigurationError for a name that another one has in this
 *   meter, and for one that has another name.
 */
export function observeKeys(meter: Meter, keyrings: Keyrings): () => void {
  assertMeter(meter);
  assertKeyrings(keyrings);
  return reportsOf(keyReports, meter, () => new Reports(meter, OF_KEYS)).add(keyrings);
}

/** What there is of a meter, or else what is made. */
function reportsOf<R extends object>(all: WeakMap<Meter, R>, meter: Meter, make: () => R): R {
  const held = all.get(meter);
  if (held !== undefined) return held;
  const made = make();
  all.set(meter, made);
  return made;
}

function assertMeter(meter: unknown): asserts meter is Meter {
  if (typeof (meter as Meter | undefined)?.createObservableCounter !== 'function')
    throw new TypeError('meter must be a Meter of OpenTelemetry');
}
