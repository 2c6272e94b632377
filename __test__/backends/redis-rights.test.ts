import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { BackendError, createCache, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const libraries = ['ioredis', 'redis'] as const;
const [one, two] = [Buffer.from('one'), Buffer.from('two')];

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

/** Makes a user who may do everything but what these ACL rules take away. */
function restrict(ports: readonly number[], ...rules: string[]): Promise<unknown> {
  return Promise.all(
    ports.map(async (port) => {
      const raw = new Redis(port);
      await raw.call('acl', 'setuser', 'app', 'reset', 'on', '>pw', '+@all', '~*', '&*', ...rules);
      raw.disconnect();
    }),
  );
}

const opened = {
  'a URL with ioredis': (url: string) => new RedisBackend({ url, library: 'ioredis' }),
  'a URL with redis': (url: string) => new RedisBackend({ url, library: 'redis' }),
  'a client of ioredis': (url: string, t: ExecutionContext) => {
    const { username, password, port } = new URL(url.replace('+cluster', '').split(',')[0] as string);
    const client = url.includes('+cluster')
      ? new Cluster([Number(port)], { redisOptions: { username, password, keyPrefix: 'own:' } })
      : new Redis(Number(port), { username, password, keyPrefix: 'own:', enableAutoPipelining: true });
    client.on('error', () => undefined);
    t.teardown(() => client.disconnect());
    return new RedisBackend({ client });
  },
  'a client of redis': async (url: string, t: ExecutionContext) => {
    const { username, password, port } = new URL(url.replace('+cluster', '').split(',')[0] as string);
    const root = { url: `redis://127.0.0.1:${port}` };
    const client = url.includes('+cluster')
      ? createCluster({ rootNodes: [root], defaults: { username, password } })
      : createClient({ ...root, username, password });
    await client.connect();
    t.teardown(() => client.destroy());
    return new RedisBackend({ client });
  },
} as const;

async function assertWorksWithoutScripts(t: ExecutionContext, backend: RedisBackend): Promise<void> {
  await backend.set('k', one, { ttlMs: 60_000 });
  t.true(await backend.expire('k', 3_600_000));
  t.true(((await backend.get('k', { ttl: true }))?.expiresInMs ?? 0) > 3_000_000);
  t.false(await backend.expire('none', 1_000));
  t.true(await backend.replace('k', one, two));
  t.false(await backend.replace('k', one, two));
  const { bytes, expiresInMs = 0 } = (await backend.get('k', { ttl: true })) ?? {};
  t.deepEqual([Buffer.from(bytes ?? []), expiresInMs > 3_000_000], [two, true]);
  t.false(await backend.delete('k', { ifBytes: one }));
  t.true(await backend.delete('k', { ifBytes: two }));
  const many = await backend.getMany(['a', 'b', 'c', 'd', 'e'], { ttl: true });
  t.is(many.filter(Boolean).length, 0);
  // Many at once are one after another: none of them ends the comparison of another.
  await backend.setMany(Array.from({ length: 30 }, (_, i) => ({ cacheKey: `n${i}`, bytes: one })));
  const replaced = await Promise.all(Array.from({ length: 60 }, (_, i) => backend.replace(`n${i % 30}`, one, two)));
  t.is(replaced.filter(Boolean).length, 30);
  const lock = await backend.lock('l', 60_000);
  t.is(await backend.lock('l', 60_000), undefined);
  t.true(await lock?.extend(60_000));
  await lock?.release();
  const next = await backend.lock('l', 60_000);
  t.truthy(next);
  await next?.release();
  const refused = await t.throwsAsync(backend.set('tagged', one, { tags: ['tag'] }), { instanceOf: BackendError });
  t.regex(refused?.message ?? '', /NOPERM/);
  // What has no tags does not suffer from that.
  await backend.set('k', one);
  await backend.set('short', one, { ttlMs: 20_000 });
  await backend.setMany(['a', 'b', 'c'].map((cacheKey) => ({ cacheKey, bytes: two })));
  t.true(await backend.delete('k'));
  t.is(await backend.deleteMany(['a', 'b', 'none']), 2);
  t.true(await backend.setIfUnchanged('d', one, { found: undefined, sinceMs: 0 }));
  await backend.close();
}

for (const [name, open] of Object.entries(opened)) {
  test.serial(`${name}: without the right to run scripts all but tags works`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    await restrict([server.port], '-@scripting');
    await assertWorksWithoutScripts(t, await open(`redis://app:pw@127.0.0.1:${server.port}`, t));
  });

  test.serial(`${name}: without the right to run scripts all but tags works in a cluster`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    await restrict(
      cluster.nodes.map(({ port }) => port),
      '-@scripting',
    );
    const hosts = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join();
    await assertWorksWithoutScripts(t, await open(`redis+cluster://app:pw@${hosts}`, t));
  });
}

for (const library of libraries) {
  test.serial(`${library}: what is compared without scripts is acted on in one step`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    await restrict([server.port], '-@scripting');
    const url = `redis://app:pw@127.0.0.1:${server.port}`;
    const backends = [0, 1, 2].map(() => new RedisBackend({ url, library }));
    await backends[0]?.set('count', Buffer.from('0'));
    let done = 0;
    const add = async (backend: RedisBackend) => {
      for (let i = 0; i < 40; i++) {
        const { bytes } = (await backend.get('count')) ?? {};
        const before = Buffer.from(bytes ?? []);
        if (await backend.replace('count', before, Buffer.from(String(Number(before) + 1)))) done++;
      }
    };
    await Promise.all(backends.flatMap((backend) => [add(backend), add(backend)]));
    t.is(String(Buffer.from((await backends[0]?.get('count'))?.bytes ?? [])), String(done));
    t.true(done > 0);
    for (const backend of backends) await backend.close();
  });

  test.serial(`${library}: a lock that could not be released is not taken, and nobody waits for one`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    await restrict([server.port], '-@scripting', '-@transaction');
    const url = `redis://app:pw@127.0.0.1:${server.port}`;
    const backend = new RedisBackend({ url, library });
    await t.throwsAsync(backend.lock('k', 60_000), { instanceOf: BackendError, message: /NOPERM/ });
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    t.deepEqual(await raw.keys('*'), []);
    const errors: unknown[] = [];
    const cache = createCache({
      namespace: 'n',
      backend,
      lock: { lease: '1m', wait: '1m' },
      onError: (e) => errors.push(e),
    });
    // With a lock that stays, the second one would wait for a minute.
    t.is(await cache.getOrSet('a', async () => 1), 1);
    await cache.delete('a');
    t.is(await cache.getOrSet('a', async () => 2), 2);
    t.true(errors.length > 0);
    await backend.close();
  });

  test.serial(`${library}: without the server's time tags work`, async (t) => {
    const [server, cluster] = [await requireRedis(t), await requireRedisCluster(t)];
    if (!server || !cluster) return;
    await restrict([server.port, ...cluster.nodes.map(({ port }) => port)], '-time');
    const hosts = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join();
    for (const url of [`redis://app:pw@127.0.0.1:${server.port}`, `redis+cluster://app:pw@${hosts}`]) {
      const backend = new RedisBackend({ url, library });
      await backend.set('k', one);
      t.true(await backend.expire('k', 60_000));
      const items = ['a', 'b', 'c', 'd'].map((cacheKey) => ({ cacheKey, bytes: one, ttlMs: 60_000, tags: ['tag'] }));
      // Often enough that other places of the index are looked at.
      for (let i = 0; i < 10; i++) await backend.setMany(items);
      t.true(await backend.expire('a', 3_600_000));
      t.true(await backend.setIfUnchanged('e', one, { found: undefined, sinceMs: 0, tags: ['tag'] }));
      t.true(await backend.delete('b'));
      t.is(await backend.invalidateTags(['tag']), 4);
      t.false(await backend.has('a'));
      await backend.close();
    }
  });

  test.serial(`${library}: refused tracking is told once, counted, and makes copies short-lived`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    // One listens to a channel, the other is told on the connection itself.
    await restrict([server.port], library === 'ioredis' ? 'resetchannels' : '-client|tracking');
    const errors: Error[] = [];
    const cache = createCache({
      namespace: 'n',
      backend: new RedisBackend({ url: `redis://app:pw@127.0.0.1:${server.port}`, library }),
      ttl: '1h',
      onError: (error) => errors.push(error as Error),
    });
    t.teardown(() => cache.close());
    t.true(await cache.set('role', 'admin'));
    await until(async () => {
      await cache.get('other');
      return errors.length > 0;
    });
    t.regex(errors[0]?.message ?? '', /does not tell.*NOPERM/);
    t.is(cache.stats().backendErrors, 1);
    await cache.set('role', 'admin');
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    const begun = performance.now();
    await raw.flushall();
    await until(async () => (await cache.get('role')) === undefined);
    t.true(performance.now() - begun < 9_000);
    await pause(600);
    await cache.get('other');
    t.is(errors.length, 1, 'it is told once, however often it is tried');
  });
}
