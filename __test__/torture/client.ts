import { setTimeout as pause } from 'node:timers/promises';
import { type Cache, createCache, type TenantCache } from '../../index.js';
import { Random } from '../support/random.js';
import { type ClientSettings, keysOf, masterKey, type Question, tagOf } from './client-protocol.js';
import type { Reading, Version } from './history.js';

/*
 * One process of many: caches, and loops that read and change entries without end. The rows, the clock and the verdict are
 * the parent's.
 */

const settings = JSON.parse(process.argv[2] as string) as ClientSettings;
const random = new Random(settings.seed);
const keys = keysOf(settings.keys);
const answers = new Map<number, (answer: never) => void>();
let asked = 0;

process.on('message', ({ id, answer }: { id: number; answer: never }) => {
  answers.get(id)?.(answer);
  answers.delete(id);
});
process.once('disconnect', () => process.exit(0));

function parent<T>(question: Question): Promise<T> {
  const id = asked++;
  return new Promise((resolve) => {
    answers.set(id, resolve);
    process.send?.({ id, question });
  });
}

const shared = {
  namespace: 'torture',
  backend: settings.backend,
  masterKey,
  ttl: '10m',
  timeout: '1s',
  onError: () => {},
} as const;
const caches = {
  stored: createCache({ ...shared, l1: false }),
  near: createCache(shared),
  locked: createCache({ ...shared, l1: false, lock: true }),
};
/** Some entries are of a tenant, which must make no difference. */
const of = (cache: Cache, key: string): TenantCache => (Number(key.slice(1)) % 3 === 0 ? cache.tenant('acme') : cache);

/** How long a function takes: mostly no time, and sometimes long enough for everything to happen meanwhile. */
function duration(): number {
  const dice = random.next();
  return dice < 0.7 ? random.below(20) : dice < 0.98 ? random.below(400) : random.below(4000);
}

async function load(name: keyof typeof caches, key: string): Promise<void> {
  const run = async (): Promise<Version> => {
    const row = await parent<Version>({ ask: 'row', key });
    await pause(duration());
    return row;
  };
  const tags = settings.tags ? { tags: [tagOf(key)] } : undefined;
  const value = await of(caches[name], key).getOrSet(key, run, tags);
  // It may be the result of a run that somebody else began: only whose it is can be told.
  if (value?.key !== key) await parent({ ask: 'check', key, reading: 'stored', askedAt: 0, value });
}

async function read(reading: Reading, key: string): Promise<void> {
  const askedAt = await parent<number>({ ask: 'time' });
  const cache = of(caches[reading], key);
  const value = random.next() < 0.3 ? (await cache.getMany([key]))[0] : await cache.get(key);
  if (value !== undefined) await parent({ ask: 'check', key, reading, askedAt, value });
}

async function change(key: string): Promise<void> {
  const byTag = settings.tags && random.next() < 0.25;
  const changed = byTag ? keys.filter((other) => tagOf(other) === tagOf(key)) : [key];
  const { id, rows } = await parent<{ id: number; rows: Version[] }>({ ask: 'begin', keys: changed, byTag });
  let acknowledged = false;
  try {
    const cache = of(caches[random.pick(['stored', 'near'] as const)], key);
    if (byTag) {
      // Each tenant has tags of its own.
      await caches.stored.invalidateTags(tagOf(key));
      await caches.stored.tenant('acme').invalidateTags(tagOf(key));
      acknowledged = true;
    } else if (random.next() < 0.3) {
      acknowledged = await cache.set(key, rows[0], settings.tags ? { tags: [tagOf(key)] } : undefined);
    } else {
      if (random.next() < 0.3) await cache.deleteMany([key]);
      else await cache.delete(key);
      acknowledged = true;
    }
  } finally {
    await parent({ ask: 'end', change: id, acknowledged });
  }
}

/** Keys from `first` on, so that no two loops of this process read the same entry at the same time and share an answer. */
async function loop(own: readonly string[]): Promise<never> {
  for (;;) {
    const key = random.pick(own);
    const dice = random.next();
    try {
      if (dice < 0.3) await load(random.pick(['stored', 'locked'] as const), key);
      else if (dice < 0.55) await read('stored', key);
      else if (dice < 0.65) await load('near', random.pick(keys));
      else if (dice < 0.8 && settings.near) await read('near', random.pick(keys));
      else await change(random.pick(keys));
      await parent({ ask: 'count', what: 'operations' });
    } catch (error) {
      await parent({ ask: 'count', what: `${(error as { code?: string }).code ?? error}` });
      await pause(20);
    }
  }
}

const LOOPS = 6;
for (let i = 0; i < LOOPS; i++) void loop(keys.filter((_, at) => at % LOOPS === i));
