import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';
import { createClient } from 'redis';
import { type Backend, FileBackend, HttpBackend, MemoryBackend, RedisBackend } from '../../index.js';
import type { BackendTraits } from '../../src/testing/behaviour.js';
import { backendConformance, behaviours } from '../../src/testing/conformance.js';
import { API_KEY, type CacheServer, startCacheServer } from '../support/http-server.js';
import { hasRedis, type RedisServer, requireRedis, startRedis } from '../support/redis-server.js';

let redis: RedisServer | undefined;
let server: CacheServer;

test.before(async () => {
  if (hasRedis) redis = await startRedis();
  server = await startCacheServer({ path: '/api' });
});

test.after.always(async () => {
  await redis?.stop();
  await server?.stop();
});

interface Target {
  name: string;
  traits?: BackendTraits;
  needsRedis?: boolean;
  make(t: ExecutionContext): Backend | Promise<Backend>;
}

const targets: Target[] = [
  { name: 'memory', make: () => new MemoryBackend() },
  {
    name: 'redis by URL with ioredis',
    needsRedis: true,
    make: () => new RedisBackend({ url: redis?.url, library: 'ioredis' }),
  },
  {
    name: 'redis by URL with redis',
    needsRedis: true,
    make: () => new RedisBackend({ url: redis?.url, library: 'redis' }),
  },
  {
    name: 'redis with a client of ioredis',
    needsRedis: true,
    make: (t) => {
      const client = new Redis(redis?.url ?? '');
      t.teardown(() => client.disconnect());
      return new RedisBackend({ client });
    },
  },
  {
    name: 'redis with a client of iovalkey',
    needsRedis: true,
    make: (t) => {
      const client = new Valkey(redis?.url ?? '');
      t.teardown(() => client.disconnect());
      return new RedisBackend({ client });
    },
  },
  {
    name: 'redis with a client of ioredis that has a key prefix',
    needsRedis: true,
    make: (t) => {
      const client = new Redis(redis?.url ?? '', { keyPrefix: 'app*:' });
      t.teardown(() => client.disconnect());
      return new RedisBackend({ client });
    },
  },
  {
    name: 'redis with a client of redis',
    needsRedis: true,
    make: async (t) => {
      const client = await createClient({ url: redis?.url }).connect();
      t.teardown(() => client.destroy());
      return new RedisBackend({ client });
    },
  },
  {
    name: 'http',
    traits: { tellsExistence: false, shortestTtlMs: 1_000, longestTtlMs: 2_592_000_000 },
    make: () => new HttpBackend({ url: `${server.url}/api`, apiKey: API_KEY, allowPrivateHosts: true }),
  },
  {
    name: 'http with a fetch',
    traits: { tellsExistence: false, shortestTtlMs: 1_000, longestTtlMs: 2_592_000_000 },
    make: () =>
      new HttpBackend({ url: `${server.url}/api/`, apiKey: API_KEY, allowPrivateHosts: true, fetch: globalThis.fetch }),
  },
  {
    name: 'file',
    traits: { shortestTtlMs: 1_000 },
    make: (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'cachekit-file-'));
      t.teardown(() => rmSync(directory, { recursive: true, force: true }));
      return new FileBackend({ directory: join(directory, 'made', 'when needed') });
    },
  },
];

/** Titles of what a target has no methods for. */
const skipped = new Map<string, string[]>();

for (const { name, traits = {}, needsRedis, make } of targets) {
  for (const [i, { title }] of behaviours.entries()) {
    // One after the other: a machine under load must not run into the backends' timeouts.
    test.serial(`${name}: ${title}`, async (t) => {
      if (needsRedis && !redis) {
        await requireRedis(t);
        return;
      }
      const result = await backendConformance({ make: () => make(t), traits })[i]?.run();
      if (result === 'skipped') skipped.set(name, [...(skipped.get(name) ?? []), title]);
      t.true(result === 'passed' || result === 'skipped');
    });
  }
}

test.serial('the suite has its behaviours, for every target, and skips none where there is every method', (t) => {
  t.is(behaviours.length, 48);
  t.is(targets.length, 10);
  t.deepEqual(skipped.get('memory'), ['a function that runs longer than the store remembers has to ask']);
  t.deepEqual(
    skipped.get('file')?.filter((title) => /lock|lease|^replace|that replace/.test(title)),
    [],
  );
});
