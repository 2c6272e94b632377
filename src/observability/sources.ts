import type { Cache, CachedFunction, CacheStats, EncryptionWrapper, Keyring } from '../../index.js';
import { observedOf } from '../util/observed.js';
import { KEY_MEASURES, type KeyringState, keyringState } from './key-measures.js';
import { CACHE_MEASURES, type Measure, type Sample } from './measures.js';

/** Anything that counts what it does: a cache, or a cached function. */
export interface Counting {
  stats(): CacheStats;
}

/** By the names that tell them apart in what is reported. */
export type Caches = Readonly<Record<string, Counting>>;

/** What has master keys: a keyring, or what was made with one or with a `masterKey`. */
// biome-ignore lint/suspicious/noExplicitAny: of any function.
export type Keyed = Keyring | Cache | CachedFunction<any, any, any> | EncryptionWrapper<any>;

/** By the names that tell them apart in what is reported. */
export type Keyrings = Readonly<Record<string, Keyed>>;

/** What is reported of sources that have names. */
export interface Reported<S extends object, T> {
  /** The label that has a source's name. */
  readonly label: string;
  readonly measures: readonly Measure<T>[];
  /** What the measures take, of each name. */
  readonly read: (sources: Iterable<readonly [name: string, source: S]>) => (readonly [name: string, state: T])[];
}

export const OF_CACHES: Reported<Counting, CacheStats> = {
  label: 'cache',
  measures: CACHE_MEASURES,
  read: (sources) => Array.from(sources, ([name, source]) => [name, source.stats()] as const),
};

export const OF_KEYS: Reported<Keyed, KeyringState> = {
  label: 'keyring',
  measures: KEY_MEASURES,
  read: (sources) => {
    const seen = new Set<Keyring>();
    return Array.from(sources).flatMap(([name, source]) => {
      // Caches may share a keyring: its seals count once, under the first name.
      const own = keyringsOf(source).filter((keyring) => !seen.has(keyring));
      for (const keyring of own) seen.add(keyring);
      const state = keyringState(own);
      return state === undefined ? [] : [[name, state] as const];
    });
  },
};

export function samplesOf<T>(
  { label }: Reported<never, T>,
  { samples }: Measure<T>,
  states: readonly (readonly [name: string, state: T])[],
): Sample[] {
  return states.flatMap(([name, state]) =>
    samples(state).map(({ labels, value }) => ({ labels: { [label]: name, ...labels }, value })),
  );
}

/** @throws TypeError unless each has `stats`. */
export function assertCaches(caches: unknown): asserts caches is Caches {
  if (typeof caches !== 'object' || caches === null) throw new TypeError('caches must be an object: names and caches');
  for (const cache of Object.values(caches)) {
    if (typeof (cache as Partial<Counting> | null)?.stats !== 'function') {
      throw new TypeError('Each of caches must be a cache or a cached function');
    }
  }
}

/** @throws TypeError unless each has keys, or may get some. */
export function assertKeyrings(keyrings: unknown): asserts keyrings is Keyrings {
  if (typeof keyrings !== 'object' || keyrings === null) {
    throw new TypeError('keyrings must be an object: names and keyrings');
  }
  for (const source of Object.values(keyrings)) {
    const isObject = (typeof source === 'object' && source !== null) || typeof source === 'function';
    if (!isObject || observedOf(source) === undefined) {
      throw new TypeError('Each of keyrings must be a Keyring, an EncryptionWrapper, a cache or a cached function');
    }
  }
}

function keyringsOf(source: Keyed): Keyring[] {
  return (observedOf(source)?.keyrings() ?? []) as Keyring[];
}
