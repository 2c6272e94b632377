import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { Redis } from 'ioredis';
import { BackendError, createCache, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { startProxy } from '../support/proxy.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const libraries = ['ioredis', 'redis'] as const;
const bytes = Buffer.from('x');

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

const works = (work: () => Promise<unknown>) =>
  work().then(
    () => true,
    () => false,
  );

for (const library of libraries) {
  test.serial(`${library}: a primary that was demoted behind its address is left for the new one`, async (t) => {
    const [first, second] = [await requireRedis(t), await requireRedis(t)];
    if (!first || !second) return;
    const address = await startProxy(t, first.port);
    const backend = new RedisBackend({ url: address.url, library });
    t.teardown(() => backend.close());
    await backend.set('k', bytes);
    const raw = new Redis(first.port);
    t.teardown(() => raw.disconnect());
    await raw.replicaof('127.0.0.1', second.port);
    const refused = await t.throwsAsync(backend.set('k', bytes), { instanceOf: BackendError, message: /READONLY/ });
    t.true(refused?.transient);
    address.target = second.port;
    await until(() => works(() => backend.set('k', bytes)));
    t.truthy(await backend.get('k'));
  });

  test.serial(`${library}: a server that answers MASTERDOWN to reads is left`, async (t) => {
    const first = await requireRedis(t, { args: ['--replica-serve-stale-data', 'no'] });
    const second = await requireRedis(t);
    if (!first || !second) return;
    const address = await startProxy(t, first.port);
    const backend = new RedisBackend({ url: address.url, library });
    t.teardown(() => backend.close());
    await backend.getMany(['a', 'b']);
    const raw = new Redis(first.port, { enableReadyCheck: false });
    t.teardown(() => raw.disconnect());
    await raw.replicaof('127.0.0.1', 1);
    await t.throwsAsync(backend.getMany(['a', 'b']), { instanceOf: BackendError, message: /MASTERDOWN/ });
    address.target = second.port;
    await until(() => works(() => backend.getMany(['a', 'b'])));
  });

  test.serial(
    `${library}: a server that loads, and stays the only one, is not asked for a connection each time`,
    async (t) => {
      let connections = 0;
      const server = createServer((socket) => {
        connections++;
        socket.on('error', () => undefined);
        socket.on('data', (data) => {
          for (const [, name = ''] of data.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
            socket.write(name === 'info' ? '$9\r\nloading:0\r\n' : name === 'get' ? '-LOADING Redis\r\n' : '+OK\r\n');
          }
        });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const backend = new RedisBackend({ url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, library });
      t.teardown(async () => {
        await backend.close();
        server.close();
      });
      for (let i = 0; i < 50; i++) {
        const error = await t.throwsAsync(backend.get('k'), { instanceOf: BackendError, message: /LOADING|lost/ });
        t.true(error?.transient);
      }
      t.true(connections <= 4, String(connections));
    },
  );

  test.serial(`${library}: states of a cluster that pass are transient, and it is used again`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const backend = new RedisBackend({ url: cluster.url, library });
    t.teardown(() => backend.close());
    await backend.set('k', bytes);
    for (const node of cluster.nodes) node.ask('config', 'set', 'cluster-require-full-coverage', 'yes');
    for (const node of cluster.nodes) node.ask('config', 'set', 'min-replicas-to-write', '1');
    const refused = await t.throwsAsync(backend.set('k', bytes), { instanceOf: BackendError });
    t.true(refused?.transient);
    for (const node of cluster.nodes) node.ask('config', 'set', 'min-replicas-to-write', '0');
    await until(() => works(() => backend.set('k', bytes)));
  });

  test.serial(`${library}: a script that keeps the server busy is waited for by a cache`, async (t) => {
    const server = await requireRedis(t, { args: ['--busy-reply-threshold', '20'] });
    if (!server) return;
    const backend = new RedisBackend({ url: server.url, library });
    t.teardown(() => backend.close());
    await backend.set('k', bytes);
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    const killer = new Redis({ port: server.port, enableReadyCheck: false });
    t.teardown(() => killer.disconnect());
    const script = raw.eval('while true do end', 0).catch(() => undefined);
    let seen: unknown;
    await until(async () => {
      seen = await backend.get('k').catch((error) => error);
      return seen instanceof BackendError;
    });
    t.regex((seen as BackendError).message, /BUSY/);
    t.true((seen as BackendError).transient);
    const cache = createCache({ namespace: 'n', backend, retry: 50, breaker: false });
    const stored = cache.set('k', 1);
    await killer.script('KILL');
    await script;
    t.true(await stored);
  });

  test.serial(`${library}: a subscription that dies in silence is noticed within seconds`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const address = await startProxy(t, server.port);
    const backend = new RedisBackend({ url: address.url, library });
    t.teardown(() => backend.close());
    const cache = createCache({ namespace: 'n', backend, ttl: '1h' });
    const there = createCache({ namespace: 'n', backend: server.url, ttl: '1h' });
    t.teardown(() => there.close());
    await cache.set('role', 'admin');
    await there.set('role', 'editor');
    await until(async () => (await cache.get('role')) === 'editor');
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    // The connection that others are redirected to.
    const subscription = address.connections.find(({ sent }) => !/redirect/i.test(sent));
    t.truthy(subscription);
    subscription?.drop();
    await there.set('role', 'revoked');
    const begun = performance.now();
    await until(async () => (await cache.get('role')) === 'revoked');
    t.true(performance.now() - begun < 8_000);
    t.is(cache.stats().backendErrors, 0);
    // A new connection tells again.
    await until(
      async () =>
        address.connections.length >= 3 && /clientid|subscribe|hello/i.test(address.connections[2]?.sent ?? ''),
    );
    await cache.get('role');
    await there.set('role', 'none');
    await until(async () => (await cache.get('role')) === 'none');
  });

  test.serial(
    `${library}: what was on its way on a lost connection does not come after what was acknowledged`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const address = await startProxy(t, server.port);
      const backend = new RedisBackend({ url: address.url, library, timeoutMs: 1_000 });
      t.teardown(() => backend.close());
      await backend.set('k', Buffer.from('before'));
      const [old] = address.connections;
      old?.deliver(false);
      await t.throwsAsync(backend.set('k', Buffer.from('late')));
      await backend.set('k', Buffer.from('acknowledged'));
      old?.deliver(true);
      const raw = new Redis(server.url);
      t.teardown(() => raw.disconnect());
      // The server has seen everything that was sent to it before.
      await raw.ping();
      await raw.ping();
      t.is(await raw.get('k'), 'acknowledged');
    },
  );
}
