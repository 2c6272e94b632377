import { randomBytes } from 'node:crypto';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache as createCacheManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Keyv } from 'keyv';
import { LRUCache } from 'lru-cache';
import pMemoize from 'p-memoize';
import type { Case } from './measure.js';
import { cache, createCache } from './product.js';

/** Names of the candidates: figures are looked up by them. */
export const CACHES = {
  secure: 'cachekit-native, secure',
  plain: 'cachekit-native, without encryption',
  secureStore: 'cachekit-native, secure, get by name',
  values: 'cachekit-native, secure, values kept',
  lru: 'lru-cache get',
  pMemoize: 'p-memoize',
  cacheManager: 'cache-manager wrap',
  keyv: 'keyv get',
  cacheable: 'cacheable getOrSet',
  bentocache: 'bentocache getOrSet',
} as const;

/** What each hands out on a hit: an object of its own, or the one that everybody gets. */
export const HANDS_OUT: Record<keyof typeof CACHES, string> = {
  secure: 'a copy, opened and decoded',
  plain: 'a copy, decoded',
  secureStore: 'a copy, opened and decoded',
  values: 'the same object',
  lru: 'the same object',
  pMemoize: 'the same object',
  cacheManager: 'the same object',
  keyv: 'a copy, decoded',
  cacheable: 'a copy, cloned',
  bentocache: 'a copy, decoded',
};

/**
 * Hits in this process, of `values` in turn, by every cache as it comes: default options, called the usual way. As in a
 * program, the key of a hit is made for it: ours is asked by an argument, the others by a name made of it.
 */
export async function hitCases(values: readonly unknown[]): Promise<Case[]> {
  const count = values.length;
  const load = async (id: number): Promise<unknown> => values[id];
  const masterKey = randomBytes(32);

  const secure = cache.secure({ masterKey })(load);
  const plain = cache()(load);
  const keepsValues = cache.secure({ masterKey, l1: { values: true } })(load);
  const secureStore = createCache({ masterKey });
  const lru = new LRUCache<string, object>({ max: 2 * count });
  const memoized = pMemoize(load);
  const keyv = new Keyv();
  const cacheable = new Cacheable();
  const cacheManager = createCacheManager();
  const bento = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxSize: '256mb' })) },
  });
  for (const [id, value] of values.entries()) {
    await secureStore.set(`users:${id}`, value);
    lru.set(`users:${id}`, value as object);
    await keyv.set(`users:${id}`, value);
  }

  const asked = (name: string, ask: (id: number) => unknown): Case => ({
    name,
    run: (i) => ask(i % count),
    isAsync: name !== CACHES.lru,
  });
  const cases = [
    asked(CACHES.secure, (id) => secure(id)),
    asked(CACHES.plain, (id) => plain(id)),
    asked(CACHES.secureStore, (id) => secureStore.get(`users:${id}`)),
    asked(CACHES.values, (id) => keepsValues(id)),
    asked(CACHES.lru, (id) => lru.get(`users:${id}`)),
    asked(CACHES.pMemoize, (id) => memoized(id)),
    asked(CACHES.cacheManager, (id) => cacheManager.wrap(`users:${id}`, () => load(id))),
    asked(CACHES.keyv, (id) => keyv.get(`users:${id}`)),
    asked(CACHES.cacheable, (id) => cacheable.getOrSet(`users:${id}`, () => load(id))),
    asked(CACHES.bentocache, (id) => bento.getOrSet({ key: `users:${id}`, factory: () => load(id) })),
  ];
  for (const candidate of cases) await assertHits(candidate, values);
  return cases;
}

/** A benchmark of misses would be a fine way to look fast, or slow. */
async function assertHits(candidate: Case, values: readonly unknown[]): Promise<void> {
  if (!('run' in candidate)) return;
  for (const i of values.keys()) await candidate.run(i);
  for (const i of [0, values.length - 1]) {
    if (JSON.stringify(await candidate.run(i)) === JSON.stringify(values[i])) continue;
    throw new Error(`${candidate.name} returned something else`);
  }
}
