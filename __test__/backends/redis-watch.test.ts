import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const libraries = ['ioredis', 'redis'] as const;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

function open(t: ExecutionContext, url: string, library: 'ioredis' | 'redis'): RedisBackend {
  const backend = new RedisBackend({ url, library });
  t.teardown(() => backend.close());
  return backend;
}

/** What a backend's listener was told, from when the servers remember. */
async function watching(t: ExecutionContext, backend: RedisBackend) {
  const told: (string | undefined)[] = [];
  const end = backend.watch?.((cacheKey) => told.push(cacheKey));
  t.truthy(end);
  await backend.get('first read');
  await until(async () => told.includes(undefined));
  told.length = 0;
  return {
    told,
    end: () => end?.(),
    heard: (cacheKey: string | undefined) => until(async () => told.includes(cacheKey)),
  };
}

for (const library of libraries) {
  test.serial(`${library}: what others do to an entry that was read is told, what we do is not`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    const backend = open(t, server.url, library);
    const { told, heard, end } = await watching(t, backend);
    await backend.set('é😀:own', Buffer.from('1'));
    await backend.get('é😀:own');
    await backend.set('é😀:own', Buffer.from('2'));
    await backend.getMany(['read', 'missing'], { ttl: true });
    await raw.set('unread', '1');
    await raw.set('read', '1');
    await heard('read');
    await raw.set('missing', '1');
    await heard('missing');
    t.false(told.includes('é😀:own'));
    await raw.set('é😀:own', '3');
    await heard('é😀:own');
    t.false(told.includes('unread'));
    await backend.set('dies', Buffer.from('x'), { ttlMs: 60 });
    await heard('dies');
    await backend.get('read');
    await raw.flushall();
    await heard(undefined);
    end();
    told.length = 0;
    await until(async () => !/flags=\S*t/.test(String(await raw.client('LIST'))));
    await backend.get('read');
    await raw.set('read', '2');
    await pause(50);
    t.deepEqual(told.filter(Boolean), []);
  });

  test.serial(`${library}: what was written with tags or replaced is watched as well`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    const backend = open(t, server.url, library);
    const { told, heard } = await watching(t, backend);
    await backend.set('tagged', Buffer.from('1'), { tags: ['tag'], ttlMs: 60_000 });
    await backend.setMany([{ cacheKey: 'many', bytes: Buffer.from('1') }]);
    await backend.set('replaced', Buffer.from('1'));
    t.true(await backend.replace('replaced', Buffer.from('1'), Buffer.from('2')));
    t.deepEqual(told.filter(Boolean), []);
    await raw.set('replaced', '3');
    await raw.del('many');
    await heard('replaced');
    await heard('many');
    const other = open(t, server.url, library);
    t.is(await other.invalidateTags(['tag']), 1);
    await heard('tagged');
  });

  test.serial(
    `${library}: a server that comes back, or a lost subscription, is undefined, and then watched again`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const backend = open(t, server.url, library);
      const { told, heard } = await watching(t, backend);
      await backend.get('a');
      await server.kill();
      await heard(undefined);
      await server.restart();
      told.length = 0;
      await until(() =>
        backend.get('a').then(
          () => true,
          () => false,
        ),
      );
      await heard(undefined);
      const raw = new Redis(server.url);
      t.teardown(() => raw.disconnect());
      await backend.get('a');
      await raw.set('a', '1');
      await heard('a');
      told.length = 0;
      // Every other connection, and so the subscription.
      for (const line of String(await raw.client('LIST'))
        .trim()
        .split('\n')) {
        const id = /^id=(\d+)/.exec(line)?.[1];
        const isData = /redir=[1-9]/.test(line);
        if (id !== undefined && !isData && id !== String(await raw.client('ID'))) await raw.client('KILL', 'ID', id);
      }
      await heard(undefined);
      told.length = 0;
      await heard(undefined);
      await backend.get('a');
      await raw.set('a', '2');
      await heard('a');
    },
  );

  test.serial(`${library}: in a cluster every server tells of its own entries`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const backend = open(t, cluster.url, library);
    const { heard } = await watching(t, backend);
    const cacheKeys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const other = open(t, cluster.url, library);
    await other.get('k0');
    // The servers' connections are made one by one: each time one is, everything may have changed.
    await backend.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('1') })));
    await pause(100);
    await backend.getMany(cacheKeys);
    await other.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('2') })));
    for (const cacheKey of cacheKeys) await heard(cacheKey);
  });
}

test.serial("a borrowed client's backend cannot watch", (t) => {
  const client = new Redis({ lazyConnect: true });
  t.teardown(() => client.disconnect());
  t.is(new RedisBackend({ client }).watch, undefined);
});
