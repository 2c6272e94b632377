import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { BackendError, RedisBackend, redisBus } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import {
  assertCoherent,
  assertKeeps,
  type Client,
  type Connect,
  clients,
  clusterClients,
  isTold,
  open,
  pair,
  subscribers,
} from '../support/bus-caches.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

for (const [library, connect] of Object.entries(clients)) {
  test.serial(`${library}: changes by one client end the copies of the other`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const { here, there } = await pair(t, connect, [server.port]);
    await assertCoherent(t, here.cache, there.cache);
    await assertCoherent(t, there.cache, here.cache);
    t.is(here.cache.stats().backendErrors + there.cache.stats().backendErrors, 0);
  });

  test.serial(`${library}: what is missed while the subscription is lost is not served`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const { here, there } = await pair(t, connect, [server.port]);
    const raw = new Redis(server.port);
    t.teardown(() => raw.disconnect());
    for (let i = 0; i < 3; i++) {
      await here.cache.set('role', `admin ${i}`);
      await until(async () => (await there.cache.get('role')) === `admin ${i}`);
      const ids = await subscribers(raw);
      t.is(ids.length, 2);
      // In one step: the change is told to nobody.
      const lost = raw.multi();
      for (const id of ids) lost.client('KILL', 'ID', Number(id));
      await lost.exec();
      await here.cache.set('role', 'revoked');
      const begun = performance.now();
      await until(async () => (await there.cache.get('role')) === 'revoked');
      t.true(performance.now() - begun < 3_000, 'before copies end of which nobody tells');
      await until(async () => (await subscribers(raw)).length === 2);
      // Told again from now on.
      await pause(100);
    }
    await assertCoherent(t, here.cache, there.cache);
  });

  test.serial(`${library}: in a cluster, also when the server of the subscription dies`, async (t) => {
    t.timeout(90_000);
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const ports = cluster.nodes.map(({ port }) => port);
    const { here, there } = await pair(t, clusterClients[library] as Connect, ports);
    await assertCoherent(t, here.cache, there.cache);
    const of = async (i: number) => {
      const raw = new Redis(ports[i] as number);
      const found = await subscribers(raw);
      raw.disconnect();
      return found.length;
    };
    const used = await Promise.all(ports.map((_, i) => of(i)));
    t.is(
      used.reduce((a, b) => a + b),
      2,
    );
    const dying = used.findIndex((count) => count > 0);
    await cluster.nodes[dying]?.kill();
    await pause(500);
    await cluster.nodes[dying]?.restart();
    const both = [here.cache, there.cache];
    const keys = ['k', 'other', 'tagged', 'again'];
    const all = both.flatMap((cache) => keys.map((key) => () => cache.set(key, 0, { tags: ['t'] })));
    await until(async () => (await Promise.all(all.map((set) => set()))).every(Boolean));
    await until(async () => (await Promise.all(ports.map((_, i) => of(i)))).reduce((a, b) => a + b) === 2);
    // What could not be published is, at last, after two seconds; then each process must hear itself again, which takes a busy machine longer.
    await until(async () => {
      for (const value of [1, 2, 3]) if (!(await isTold(here.cache, there.cache, value))) return false;
      return true;
    });
    await assertCoherent(t, here.cache, there.cache);
  });

  test.serial(`${library}: only what the bus has made is closed, and the last cache closes it`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const client = await connect(t, [server.port]);
    const bus = redisBus(client);
    const caches = [1, 2, 3].map(() => open(t, { backend: new RedisBackend({ client }), bus }));
    const raw = new Redis(server.port);
    t.teardown(() => raw.disconnect());
    await until(async () => (await subscribers(raw)).length === 1);
    await caches[0]?.close();
    await caches[1]?.close();
    t.is((await subscribers(raw)).length, 1);
    await caches[2]?.close();
    await until(async () => (await subscribers(raw)).length === 0);
    await bus.publish('still open');
    const again = open(t, { backend: new RedisBackend({ client }), bus });
    await until(async () => (await subscribers(raw)).length === 1);
    await again.close();
  });

  test.serial(
    `${library}: a user without the right to the channel is told once, and copies are short-lived`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const raw = new Redis(server.port);
      t.teardown(() => raw.disconnect());
      await raw.call('acl', 'setuser', 'app', 'reset', 'on', '>pw', '+@all', '~*', 'resetchannels');
      const client: Client =
        library === 'ioredis'
          ? (new Redis(server.port, { username: 'app', password: 'pw' }) as Client)
          : ((await createClient({ url: `redis://app:pw@127.0.0.1:${server.port}` }).connect()) as unknown as Client);
      t.teardown(() => ('disconnect' in client ? (client as unknown as Redis).disconnect() : undefined));
      const errors: Error[] = [];
      const cache = open(t, {
        backend: new RedisBackend({ client }),
        bus: redisBus(client),
        onError: (error) => errors.push(error as Error),
      });
      await until(async () => {
        await cache.get('k');
        return errors.length > 0;
      });
      t.regex(errors[0]?.message ?? '', /kept for 5 s only: .*NOPERM/);
      t.false(errors[0]?.message.includes('app'));
      await cache.set('k', 1);
      await until(async () => {
        await cache.get('k');
        return errors.some(({ message }) => /has not taken a message.*NOPERM/.test(message));
      });
      t.true(errors.length <= 3);
    },
  );
}

test.serial('a URL and a client understand each other', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const [mine, theirs] = [await clients.ioredis?.(t, [server.port]), new Redis(server.port)] as [Redis, Redis];
  t.teardown(() => theirs.disconnect());
  mine.options.keyPrefix = '';
  const here = open(t, { backend: new RedisBackend({ client: mine as Client }), bus: redisBus(mine as Client) });
  const there = open(t, { backend: server.url, bus: redisBus(theirs as Client) });
  await pause(300);
  await assertKeeps(t, here);
  await assertKeeps(t, there);
  await assertCoherent(t, here, there);
  await assertCoherent(t, there, here);
});

test.serial('a client that is not connected makes no noise until it is', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const client = createClient({ url: server.url });
  const bus = redisBus(client as unknown as Client);
  const states: unknown[] = [];
  const end = bus.subscribe(
    () => {},
    (told, error) => states.push(told, error),
  );
  await t.throwsAsync(bus.publish('x'), { instanceOf: BackendError, message: /not connected/ });
  await client.connect();
  await until(async () => states.includes(true));
  t.false(states.some((state) => state instanceof Error));
  end();
  client.destroy();
});
