import type { Backend } from '../../index.js';
import { argumentBehaviours } from './argument-behaviours.js';
import type { BackendTraits, Behaviour } from './behaviour.js';
import { entryBehaviours } from './entry-behaviours.js';
import { lockBehaviours } from './lock-behaviours.js';
import { nowBehaviours } from './now-behaviours.js';
import { optionalBehaviours } from './optional-behaviours.js';
import { tagBehaviours } from './tag-behaviours.js';
import { unchangedBehaviours } from './unchanged-behaviours.js';

/** What every backend does, as behaviours that know no test runner. Cache keys are new in each run. */
export const behaviours: readonly Behaviour[] = [
  ...entryBehaviours,
  ...nowBehaviours,
  ...optionalBehaviours,
  ...tagBehaviours,
  ...lockBehaviours,
  ...unchangedBehaviours,
  ...argumentBehaviours,
];

export interface BackendConformanceOptions {
  /** Makes the backend of one behaviour, which is closed when that has run. The store behind it need not be empty. */
  make(): Backend | Promise<Backend>;
  /** Where the store differs from the others. */
  traits?: BackendTraits;
}

/** One thing that a backend does, to be run in a test of its own. */
export interface ConformanceCase {
  /** A sentence. */
  readonly title: string;
  /**
   * `'skipped'` when the backend has none of the optional methods that it is about.
   *
   * @throws AssertionError where the backend behaves otherwise.
   */
  run(): Promise<'passed' | 'skipped'>;
}

/**
 * What every `Backend` does, for the tests of one that you wrote, with any test runner:
 *
 * ```ts
 * import test from 'node:test';
 * import { backendConformance } from 'cachekit-native/testing';
 *
 * for (const { title, run } of backendConformance({ make: () => new MyBackend() })) {
 *   test(title, async (t) => {
 *     if ((await run()) === 'skipped') t.skip('the backend has no such method');
 *   });
 * }
 * ```
 *
 * They take real time: some wait for a TTL or a lease to end. Run them one after the other when the store is slow.
 *
 * @throws TypeError without `make`.
 */
export function backendConformance({ make, traits = {} }: BackendConformanceOptions): ConformanceCase[] {
  if (typeof make !== 'function') throw new TypeError('make must be a function');
  return behaviours.map(({ title, run }) => ({
    title,
    async run() {
      const backend = await make();
      try {
        return await run(backend, traits);
      } finally {
        await backend.close?.();
      }
    },
  }));
}
