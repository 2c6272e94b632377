import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Stampede } from '../../__test__/support/stampede.js';
import type { Gate } from './gates.js';
import { LMDB_CACHES, lmdbCases } from './lmdb-caches.js';
import { type Case, interleave, spreadOf } from './measure.js';
import { REDIS_CACHES, type RedisCase, redisCases } from './redis-cases.js';
import { startBenchRedis } from './redis-process.js';
import { NAMES, sealingCases } from './sealing.js';
import { atMost } from './targets.js';
import { CACHED_VALUES } from './values.js';

const IN_FLIGHT = 64;
const MANY = 50;

/** Where node:crypto takes longer to seal 64 bytes than 4.05 µs, everything may: as in gates.ts. */
const yardstick = () => sealingCases(64).filter(({ name }) => name === NAMES.ncSeal);
const NODE_CRYPTO_64 = 4050;

/** What is reached, and what is held where that is out of reach, by value: docs/performance.md has the reasons. */
interface Bounds {
  reach: number;
  held?: number;
}
const REDIS: Record<string, Record<'manyOfBare' | 'manyByHand' | 'one' | 'gets' | 'getsByHand' | 'sets', Bounds>> = {
  '100 B': {
    manyOfBare: { reach: 2, held: 2.8 },
    manyByHand: { reach: 0.5, held: 0.85 },
    one: { reach: 1.2, held: 1.6 },
    gets: { reach: 0.6, held: 1 },
    getsByHand: { reach: 0.4, held: 0.6 },
    sets: { reach: 0.45, held: 0.65 },
  },
  '900 B': {
    manyOfBare: { reach: 2.5, held: 4.5 },
    manyByHand: { reach: 0.5, held: 0.85 },
    one: { reach: 1.3, held: 1.7 },
    gets: { reach: 0.9, held: 1.4 },
    getsByHand: { reach: 0.4, held: 0.7 },
    sets: { reach: 0.45, held: 0.75 },
  },
};

/** Time of the processor rather than of the clock: what others on the machine do meanwhile is not in it. */
const cpuOf =
  (run: (i: number) => Promise<unknown>, keys: number) =>
  async (count: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) await run(i);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / keys;
  };

const redisHits = (label: string, values: readonly unknown[]): Gate => ({
  name: `Redis ${label}`,
  async measure() {
    const redis = await startBenchRedis();
    const { cases, close } = await redisCases(redis.url, values);
    const names = ['ours', 'ioredis', 'handmade'] as const;
    const ids = (i: number) => Array.from({ length: MANY }, (_, n) => (i * MANY + n) % values.length);
    const measured = async (candidates: (name: (typeof names)[number]) => Omit<Case, 'name'>, batchMs: number) => {
      const list = names.map((name) => ({ name: REDIS_CACHES[name], ...candidates(name) }) as Case);
      const timings = await interleave(list, { rounds: 101, batchMs, warmUpMs: 200 });
      return (to: 'ioredis' | 'handmade') => timings.ratio(REDIS_CACHES.ours, REDIS_CACHES[to]).median;
    };
    const timed = (run: (cache: RedisCase, i: number) => Promise<unknown>) =>
      measured((name) => ({ run: (i: number) => run(cases[name], i), isAsync: true }), 3);
    const inFlight = (run: (cache: RedisCase, id: number) => Promise<unknown>) =>
      timed((cache, i) =>
        Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => run(cache, (i * IN_FLIGHT + n) % values.length))),
      );
    // By as many turns as a batch of 10 ms has: the processor's time is counted in steps.
    const many = await measured((name) => ({ batch: cpuOf((i) => cases[name].getMany(ids(i)), MANY) }), 0.2);
    const gets = await inFlight((cache, id) => cache.get(id));
    const sets = await inFlight((cache, id) => cache.set(id, values[id]));
    const one = await timed((cache, i) => cache.get(i % values.length));
    await close();
    await redis.stop();
    const bounds = REDIS[label] as (typeof REDIS)[string];
    const target = (what: keyof typeof bounds, name: string, to: 'ioredis' | 'handmade', ratio: typeof many) =>
      atMost(`Redis, ${name}, ${label}, of ${REDIS_CACHES[to]}`, bounds[what].reach, ratio(to), {
        held: bounds[what].held,
      });
    return [
      target('manyOfBare', `getMany(${MANY}), CPU`, 'ioredis', many),
      target('manyByHand', `getMany(${MANY}), CPU`, 'handmade', many),
      target('one', 'one get after the other', 'ioredis', one),
      target('gets', `${IN_FLIGHT} gets in flight`, 'ioredis', gets),
      target('getsByHand', `${IN_FLIGHT} gets in flight`, 'handmade', gets),
      target('sets', `${IN_FLIGHT} sets in flight`, 'handmade', sets),
    ];
  },
});

const lmdb: Gate = {
  name: 'LMDB',
  async measure() {
    const { values } = CACHED_VALUES[0] as (typeof CACHED_VALUES)[0];
    const { cases, close } = await lmdbCases(values);
    const timings = await interleave([...cases, ...yardstick()], { rounds: 301 });
    await close();
    const slower = Math.max(1, timings.median(NAMES.ncSeal) / NODE_CRYPTO_64);
    const µs = timings.median(LMDB_CACHES.secure) / 1000 / slower;
    const byHand = timings.ratio(LMDB_CACHES.secure, LMDB_CACHES.byHand).median;
    const bare = timings.ratio(LMDB_CACHES.secure, LMDB_CACHES.bare).median;
    return [
      atMost('LMDB, secure hit, 100 B', 2.5, µs, { unit: 'µs', held: 5 }),
      atMost(`LMDB, secure hit, 100 B, of ${LMDB_CACHES.byHand}`, 0.35, byHand, { held: 1 }),
      atMost(`LMDB, secure hit, 100 B, of ${LMDB_CACHES.bare}`, 1.6, bare, { held: 2.2 }),
    ];
  },
};

/** 1,000 callers in each of four processes want the same missing entry; one load of 50 ms answers them all. */
const stampede: Gate = {
  name: 'stampede',
  async measure() {
    const redis = await startBenchRedis();
    const processes = await Stampede.start(4);
    const module = new URL('../../dist/index.js', import.meta.url).href;
    const slowest: number[] = [];
    for (let round = 0; round < 9; round++) {
      const job = { module, redis: redis.url, lock: true, callers: 1_000, loadMs: 50, round: randomUUID() };
      const answers = await processes.run(job);
      const loads = answers.reduce((sum, { loads: own }) => sum + own, 0);
      if (loads !== 1) throw new Error(`the function ran ${loads} times`);
      slowest.push(Math.max(...answers.map(({ lastMs }) => lastMs)));
    }
    await processes.stop();
    await redis.stop();
    // The first rounds are those of cold code.
    const ms = spreadOf(slowest.slice(3)).median;
    return [atMost('stampede of 4 × 1,000 callers, a load of 50 ms', 60, ms, { unit: 'ms', held: 140 })];
  },
};

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis && process.env.CI === 'true') throw new Error('redis-server is not installed, and CI=true');
if (!hasRedis) process.stdout.write('skipped: redis-server is not installed\n');

/** Targets of caches with a store; those of Redis only where there is one. */
export const STORE_GATES: readonly Gate[] = [
  lmdb,
  ...(hasRedis ? [...CACHED_VALUES.slice(0, 2).map(({ label, values }) => redisHits(label, values)), stampede] : []),
];
