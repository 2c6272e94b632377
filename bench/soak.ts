/** Two tiers at full speed for ten minutes: does anything grow, leak or come back wrong? */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { TopLevelSpec } from 'vega-lite';
import { bytes } from './lib/format.js';
import { spreadOf } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { createCache } from './lib/product.js';
import { progress } from './lib/progress.js';
import { startBenchRedis } from './lib/redis-process.js';
import { publish } from './lib/report.js';

const options = benchOptions();
const SECONDS = options.quick ? 20 : 600;
const IN_FLIGHT = 32;
const IDS = 50_000;
const MiB = 2 ** 20;

interface Sample {
  second: number;
  rssMiB: number;
  heapMiB: number;
}

const before = process.getActiveResourcesInfo().sort();
const redis = await startBenchRedis(['--maxmemory', '256mb', '--maxmemory-policy', 'allkeys-lru']);
const cache = createCache({
  namespace: 'soak',
  backend: redis.url,
  masterKey: '9e'.repeat(32),
  ttl: '3s',
  swr: '1s',
  staleIfError: '5s',
  jitter: 0.2,
  lock: true,
  l1: { maxBytes: 16 * MiB },
});
const load = cache.wrap({ operation: 'load', tags: (id: number) => [`group:${id % 100}`] })(async (id: number) => {
  if (id % 1_000 === 999) throw new Error('this one always fails');
  return { id, check: checkOf(id), text: 'x'.repeat((id * 37) % 3_000) };
});

let operations = 0;
let wrong = 0;
let thrown = 0;
let running = true;
const samples: Sample[] = [];

/** Ids in the order in which a few are asked for often and most seldom. */
function nextId(): number {
  return Math.floor(IDS * Math.random() ** 3);
}

function checkOf(id: number): string {
  return createHash('sha256').update(`value ${id}`).digest('hex').slice(0, 16);
}

function check(id: number, value: { id: number; check: string; text: string } | undefined): void {
  if (value === undefined) return;
  if (value.id !== id || value.check !== checkOf(id) || value.text.length !== (id * 37) % 3_000) wrong++;
}

async function worker(): Promise<void> {
  while (running) {
    const id = nextId();
    const kind = operations++ % 200;
    try {
      if (kind === 0) await load.invalidate(id);
      else if (kind === 1) await cache.invalidateTags(`group:${id % 100}`);
      else if (kind === 2) check(id, await load.refresh(id));
      else if (kind < 6) {
        const names = Array.from({ length: 20 }, (_, i) => `many:${id + i}`);
        await cache.setMany(names.map((name, i) => [name, { id: id + i }]));
        const values = await cache.getMany<{ id: number }>(names);
        for (const [i, value] of values.entries()) if (value !== undefined && value.id !== id + i) wrong++;
      } else check(id, await load(id));
    } catch (error) {
      if ((error as Error).message !== 'this one always fails') throw error;
      thrown++;
    }
    // Hits settle without the event loop ever turning.
    if (operations % 500 === 0) await new Promise(setImmediate);
  }
}

const bar = progress(SECONDS, 'soak');
const workers = Array.from({ length: IN_FLIGHT }, worker);
const start = performance.now();
for (let second = 1; second <= SECONDS; second++) {
  await pause(Math.max(0, start + second * 1_000 - performance.now()));
  const { rss, heapUsed, external } = process.memoryUsage();
  samples.push({ second, rssMiB: rss / MiB, heapMiB: (heapUsed + external) / MiB });
  bar.step();
}
running = false;
await Promise.all(workers);
bar.done();
const stats = cache.stats();
await cache.close();
await redis.stop();
await pause(500);
const left = process.getActiveResourcesInfo().sort();

// The first fifth is the process and L1 growing to their size.
const part = (from: number, to: number) =>
  spreadOf(samples.slice(Math.floor(SECONDS * from), Math.floor(SECONDS * to)).map(({ rssMiB }) => rssMiB)).median;
const [early, late] = [part(0.2, 0.4), part(0.8, 1)];

await publish(
  {
    name: 'soak',
    title: 'Two tiers at full speed',
    tables: [
      {
        title: `${SECONDS} s, ${IN_FLIGHT} callers, L1 of 16 MiB, Redis of 256 MB, a TTL of 3 s`,
        columns: ['', ''],
        rows: [
          ['operations', operations.toLocaleString('en')],
          ['wrong values', String(wrong)],
          [
            'hits, stale hits, loads',
            [stats.hits, stats.staleHits, stats.loads].map((n) => n.toLocaleString('en')).join(', '),
          ],
          ['functions that threw, as they should', thrown.toLocaleString('en')],
          ['failures of the backend', String(stats.backendErrors)],
          ['entries that did not open', String(stats.authenticationFailures + stats.unreadableValues)],
          ['resident memory, 20–40 % of the time', bytes(early * MiB)],
          ['resident memory, last 20 %', bytes(late * MiB)],
          ['timers and sockets left afterwards', left.length > before.length ? left.join(', ') : 'none'],
        ],
      },
    ],
    charts: [{ name: 'two-tiers', spec: chart() }],
    data: { seconds: SECONDS, operations, wrong, stats, before, left, samples },
  },
  options,
);
if (wrong > 0 || left.length > before.length || late > early * 1.15) process.exitCode = 1;

function chart(): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: 'Memory over ten minutes', subtitle: 'MiB resident, two tiers at full speed' },
    width: 560,
    height: 200,
    data: { values: samples },
    mark: { type: 'line', strokeWidth: 2 },
    encoding: {
      x: { field: 'second', type: 'quantitative', title: 'seconds', axis: { grid: false } },
      y: { field: 'rssMiB', type: 'quantitative', title: 'MiB', scale: { zero: true } },
    },
  };
}
