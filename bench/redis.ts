/** Hits and writes in Redis: an encrypted cache beside bare clients, a hand-made encrypted cache and plaintext caches. */
import type { TopLevelSpec } from 'vega-lite';
import { OURS_AND_OTHERS } from './lib/chart.js';
import { bytes, time, timeSpread, times } from './lib/format.js';
import { type Case, interleave, type Timings } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { REDIS_CACHES, type RedisCandidate, type RedisCase, redisCases } from './lib/redis-cases.js';
import { startBenchRedis } from './lib/redis-process.js';
import { publish } from './lib/report.js';
import { CACHED_VALUES } from './lib/values.js';

const IN_FLIGHT = 64;
const MANY = 50;
const candidates = Object.keys(REDIS_CACHES) as RedisCandidate[];

type Way = 'get64' | 'set64' | 'get1' | 'getMany' | 'setMany';

/** What is timed, in operations of one key each. */
const WAYS: Record<
  Way,
  { title: string; run(cache: RedisCase, values: readonly unknown[], i: number): Promise<void> }
> = {
  get64: {
    title: `${IN_FLIGHT} gets in flight`,
    run: (cache, values, i) => inFlight((id) => cache.get(id), values, i),
  },
  set64: {
    title: `${IN_FLIGHT} sets in flight`,
    run: (cache, values, i) => inFlight((id) => cache.set(id, values[id]), values, i),
  },
  get1: {
    title: 'one get after the other',
    run: async (cache, values, i) => {
      for (let n = 0; n < IN_FLIGHT; n++) await cache.get((i + n) % values.length);
    },
  },
  getMany: { title: `getMany(${MANY})`, run: async (cache, values, i) => void (await cache.getMany(ids(values, i))) },
  setMany: { title: `setMany(${MANY})`, run: async (cache, values, i) => void (await cache.setMany(ids(values, i))) },
};

function ids(values: readonly unknown[], i: number): number[] {
  return Array.from({ length: MANY }, (_, n) => (i + n) % values.length);
}

/** Each of 64 callers asks again as soon as it has been answered, four times. */
async function inFlight(ask: (id: number) => Promise<unknown>, values: readonly unknown[], i: number): Promise<void> {
  const caller = async (first: number) => {
    for (let n = 0; n < 4; n++) await ask((first + n * IN_FLIGHT) % values.length);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => caller(i + n)));
}

const OPERATIONS: Record<Way, number> = {
  get64: 4 * IN_FLIGHT,
  set64: 4 * IN_FLIGHT,
  get1: IN_FLIGHT,
  getMany: MANY,
  setMany: MANY,
};

const options = benchOptions();
const rounds = options.quick ? 5 : 61;
const sizes = options.quick ? CACHED_VALUES.slice(0, 2) : CACHED_VALUES;
const ways = Object.keys(WAYS) as Way[];
const bar = progress(rounds * sizes.length * ways.length, 'Redis');
const redis = await startBenchRedis();
const measured: { label: string; size: number; timings: Record<Way, Timings> }[] = [];
for (const { label, values } of sizes) {
  const { cases, close } = await redisCases(redis.url, values);
  const timings = {} as Record<Way, Timings>;
  for (const way of ways) {
    const timed = candidates.map(
      (name): Case => ({ name: REDIS_CACHES[name], batch: batchOf(way, cases[name], values) }),
    );
    timings[way] = await interleave(timed, {
      rounds,
      // A turn is told as the time of one key.
      batchMs: 5 / OPERATIONS[way],
      warmUpMs: (options.quick ? 50 : 200) / OPERATIONS[way],
      onRound: () => bar.step(`${WAYS[way].title}, ${label}`),
    });
  }
  await close();
  measured.push({ label, size: JSON.stringify(values[0]).length, timings });
}
bar.done();
await redis.stop();

function batchOf(way: Way, cache: RedisCase, values: readonly unknown[]): (count: number) => Promise<number> {
  let at = 0;
  return async (count) => {
    const start = process.hrtime.bigint();
    for (let done = 0; done < count; done++, at += MANY) await WAYS[way].run(cache, values, at);
    return Number(process.hrtime.bigint() - start) / OPERATIONS[way];
  };
}

const columns = ['', ...measured.map(({ label, size }) => `${label} (JSON: ${bytes(size)})`)];
await publish(
  {
    name: 'redis',
    title: 'Hits and writes in Redis',
    tables: [
      ...ways.map((way) => ({
        title: `Time of each key, ${WAYS[way].title}`,
        columns,
        rows: candidates.map((name) => [
          REDIS_CACHES[name],
          ...measured.map(({ timings }) => timeSpread(timings[way].of(REDIS_CACHES[name]))),
        ]),
        notes: [
          'Medians (25 % to 75 % of the rounds). Only ours and the hand-made ones encrypt; no tier in the process.',
        ],
      })),
      {
        title: 'A secure cache in proportion',
        columns: ['', 'to', ...measured.map(({ label }) => label)],
        rows: ways.flatMap((way) =>
          (['ioredis', 'handmade'] as const).map((name) => [
            WAYS[way].title,
            REDIS_CACHES[name],
            ...measured.map(({ timings }) => times(timings[way].ratio(REDIS_CACHES.ours, REDIS_CACHES[name]).median)),
          ]),
        ),
        notes: ['Below 1×, the encrypted cache is the faster one. Medians of the ratios of each round.'],
      },
    ],
    charts: [{ name: 'redis', spec: chart() }],
    data: Object.fromEntries(
      measured.map(({ label, timings }) => [
        label,
        Object.fromEntries(
          ways.map((way) => [
            way,
            Object.fromEntries(candidates.map((name) => [name, timings[way].of(REDIS_CACHES[name])])),
          ]),
        ),
      ]),
    ),
  },
  options,
);

function chart(): TopLevelSpec {
  const values = measured.flatMap(({ label, timings }) =>
    candidates.map((name) => {
      const ns = timings.get64.median(REDIS_CACHES[name]);
      return {
        label,
        candidate: REDIS_CACHES[name],
        µs: ns / 1000,
        text: time(ns),
        own: name === 'ours' || name === 'oursOnRedis',
      };
    }),
  );
  const sort = candidates.map((name) => REDIS_CACHES[name]);
  const y = { field: 'candidate', type: 'nominal', sort, axis: { title: null } };
  const x = { field: 'µs', type: 'quantitative', scale: { type: 'log', domain: [1, 3000] } };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'A hit in Redis, 64 requests in flight',
      subtitle: 'Microseconds each, logarithmic; ours and the hand-made ones encrypt, the others store plaintext',
    },
    data: { values },
    facet: {
      row: { field: 'label', title: null, sort: measured.map(({ label }) => label), header: { labelAngle: 0 } },
    },
    spec: {
      width: 420,
      height: { step: 24 },
      layer: [
        {
          mark: { type: 'bar', height: 13 },
          encoding: {
            y,
            x: { ...x, title: null, axis: { values: [1, 10, 100, 1000], format: '~g' } },
            x2: { datum: 1 },
            color: { field: 'own', ...OURS_AND_OTHERS },
          },
        },
        { mark: { type: 'text', align: 'left', dx: 5 }, encoding: { y, x, text: { field: 'text' } } },
      ],
    },
  } as TopLevelSpec;
}
