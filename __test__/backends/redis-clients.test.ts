import test, { type ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis';
import { ConfigurationError, createCache, RedisBackend } from '../../index.js';
import type { RedisClient } from '../../src/backends/redis.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const ioredisOptions = {
  'plain ioredis': {},
  'ioredis with enableAutoPipelining': { enableAutoPipelining: true },
  'ioredis with stringNumbers': { stringNumbers: true },
  'ioredis with both and a keyPrefix': { enableAutoPipelining: true, stringNumbers: true, keyPrefix: 'own:' },
  'ioredis with RESP3': { protocol: 3, replyMapping: 'resp3' },
} as const;

/** Everything that a backend asks of a client. */
async function assertWorks(t: ExecutionContext, client: unknown): Promise<void> {
  const backend = new RedisBackend({ client: client as RedisClient });
  const [one, two] = [Buffer.from('one'), Buffer.from([0, 255, 13, 10])];
  await backend.set('k', one, { ttlMs: 60_000 });
  t.deepEqual(Buffer.from((await backend.get('k'))?.bytes ?? []), one);
  t.true(((await backend.get('k', { ttl: true }))?.expiresInMs ?? 0) > 50_000);
  t.true(await backend.expire('k', 3_600_000));
  t.true(((await backend.getMany(['k', 'none'], { ttl: true }))[0]?.expiresInMs ?? 0) > 3_000_000);
  t.true(await backend.replace('k', one, two));
  t.deepEqual(Buffer.from((await backend.get('k'))?.bytes ?? []), two);
  t.true(await backend.has('k'));
  t.false(await backend.delete('k', { ifBytes: one }));
  t.true(await backend.delete('k', { ifBytes: two }));
  await backend.setMany(Array.from({ length: 20 }, (_, i) => ({ cacheKey: `t${i}`, bytes: one, tags: ['tag'] })));
  const names: string[] = [];
  for await (const name of backend.keys({ prefix: 't1' })) names.push(name);
  t.is(names.length, 11);
  t.is(await backend.deleteMany(['t0', 't1', 'none']), 2);
  t.is(await backend.invalidateTags(['tag']), 18);
  const lock = await backend.lock('l', 60_000);
  t.is(await backend.lock('l', 60_000), undefined);
  t.true(await lock?.extend(60_000));
  await lock?.release();
  const next = await backend.lock('l', 60_000);
  t.truthy(next);
  await next?.release();
  await backend.close();
}

for (const [name, options] of Object.entries(ioredisOptions)) {
  test.serial(`${name} works`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const client = new Redis({ port: server.port, ...options });
    t.teardown(() => client.disconnect());
    await assertWorks(t, client);
  });

  test.serial(`${name} works in a cluster`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const { enableAutoPipelining, ...redisOptions } = { enableAutoPipelining: false, ...options };
    const client = new Cluster([...cluster.urls], { enableAutoPipelining, redisOptions });
    t.teardown(() => client.disconnect());
    await assertWorks(t, client);
  });
}

for (const RESP of [2, 3] as const) {
  test.serial(`redis with RESP${RESP} works, whatever types of its own it is asked for`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const client = createClient({ url: server.url, RESP });
    await client.connect();
    t.teardown(() => client.destroy());
    await assertWorks(t, client);
    await assertWorks(t, client.withTypeMapping({ [RESP_TYPES.NUMBER]: String, [RESP_TYPES.BLOB_STRING]: Buffer }));
  });

  test.serial(`redis with RESP${RESP} works in a cluster`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })), RESP });
    await client.connect();
    t.teardown(() => client.destroy());
    await assertWorks(t, client);
  });
}

test.serial('clients that cannot work are refused by name', async (t) => {
  const refused = (client: unknown, message: RegExp) =>
    t.throws(() => new RedisBackend({ client: client as RedisClient }), { instanceOf: ConfigurationError, message });
  refused(createClientPool({}), /pool/);
  refused(createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }), /Sentinel/);
  refused(createClient({ keyPrefix: 'own:' }), /keyPrefix/);
  refused(createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }], keyPrefix: 'own:' }), /keyPrefix/);
  refused(new Redis({ lazyConnect: true, keyPrefix: Buffer.from('own:') as never }), /keyPrefix/);
  const server = await requireRedis(t);
  if (!server) return;
  const subscriber = new Redis({ port: server.port, protocol: 2 });
  t.teardown(() => subscriber.disconnect());
  await subscriber.subscribe('channel');
  refused(subscriber, /subscriber/);
});

test.serial('a hundred caches on one client that is connecting share its listeners', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const ioredis = new Redis(server.url);
  t.teardown(() => ioredis.disconnect());
  const nodeRedis = createClient({ url: server.url });
  const connecting = nodeRedis.connect();
  // The libraries' own listeners are there.
  await new Promise((resolve) => setImmediate(resolve));
  t.teardown(() => nodeRedis.destroy());
  for (const client of [ioredis, nodeRedis]) {
    const events = () => client.eventNames().map((name) => [name, client.listenerCount(name as 'error')] as const);
    const before = new Map(events());
    const most = () => Math.max(...events().map(([name, count]) => count - (before.get(name) ?? 0)));
    const caches = Array.from({ length: 100 }, (_, i) =>
      createCache({ namespace: `n${i}`, backend: new RedisBackend({ client }), l1: false }),
    );
    const reading = Promise.all(caches.map((cache) => cache.set('k', 1)));
    await new Promise((resolve) => setImmediate(resolve));
    t.is(most(), 1);
    t.deepEqual(await reading, Array(100).fill(true));
    t.is(most(), 1);
  }
  await connecting;
});
