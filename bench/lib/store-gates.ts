import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Stampede } from '../../__test__/support/stampede.js';
import type { Gate } from './gates.js';
import { LMDB_CACHES, lmdbCases } from './lmdb-caches.js';
import { interleave, spreadOf } from './measure.js';
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

/** What is held where a target is out of reach, by the names of the targets: docs/performance.md has the reasons. */
const HELD = {
  bare: 2,
  byHand: 0.85,
  manyByHand: 1.6,
  sequential: 2.2,
  lmdb: 5,
  lmdbByHand: 1,
  stampede: 140,
} as const;

const redisHits = (label: string, values: readonly unknown[]): Gate => ({
  name: `Redis ${label}`,
  async measure() {
    const redis = await startBenchRedis();
    const { cases, close } = await redisCases(redis.url, values);
    const names = ['ours', 'ioredis', 'handmade'] as const;
    const ids = (i: number) => Array.from({ length: MANY }, (_, n) => (i + n) % values.length);
    const timed = async (run: (cache: RedisCase, i: number) => Promise<unknown>) => {
      const candidates = names.map((name) => ({
        name: REDIS_CACHES[name],
        run: (i: number) => run(cases[name], i),
        isAsync: true,
      }));
      const timings = await interleave(candidates, { rounds: 101, batchMs: 3, warmUpMs: 200 });
      return (to: 'ioredis' | 'handmade') => timings.ratio(REDIS_CACHES.ours, REDIS_CACHES[to]).median;
    };
    const inFlight = await timed((cache, i) =>
      Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => cache.get((i * IN_FLIGHT + n) % values.length))),
    );
    const many = await timed((cache, i) => cache.getMany(ids(i)));
    const single = await timed((cache, i) => cache.get(i % values.length));
    await close();
    await redis.stop();
    const name = (what: string, to: string) => `Redis, ${what}, ${label}, of ${to}`;
    return [
      atMost(name('64 gets in flight', REDIS_CACHES.ioredis), 1, inFlight('ioredis'), { held: HELD.bare }),
      atMost(name('64 gets in flight', REDIS_CACHES.handmade), 0.4, inFlight('handmade'), { held: HELD.byHand }),
      atMost(name('getMany(50)', REDIS_CACHES.handmade), 1, many('handmade'), { held: HELD.manyByHand }),
      atMost(name('one get after the other', REDIS_CACHES.ioredis), 1.1, single('ioredis'), { held: HELD.sequential }),
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
    return [
      atMost('LMDB, secure hit, 100 B', 2.5, µs, { unit: 'µs', held: HELD.lmdb }),
      atMost(`LMDB, secure hit, 100 B, of ${LMDB_CACHES.byHand}`, 0.35, byHand, { held: HELD.lmdbByHand }),
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
    return [atMost('stampede of 4 × 1,000 callers, a load of 50 ms', 70, ms, { unit: 'ms', held: HELD.stampede })];
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
