import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { createClient, createCluster } from 'redis';
import {
  BackendError,
  type Cache,
  ConfigurationError,
  type CreateCacheOptions,
  createCache,
  type InvalidationBus,
  RedisBackend,
  redisBus,
} from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const masterKey = '5a'.repeat(32);
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

type Client = Parameters<typeof redisBus>[0];
type Connect = (t: ExecutionContext, ports: readonly number[]) => Promise<Client>;

const clients: Record<string, Connect> = {
  ioredis: async (t, [port]) => {
    const client = new Redis(port as number, { keyPrefix: 'app:', enableAutoPipelining: true });
    t.teardown(() => client.disconnect());
    return client as Client;
  },
  redis: async (t, [port]) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
    await client.connect();
    t.teardown(() => client.destroy());
    return client as unknown as Client;
  },
};
const clusterClients: Record<string, Connect> = {
  ioredis: async (t, ports) => {
    const client = new Cluster([...ports]);
    t.teardown(() => client.disconnect());
    return client as unknown as Client;
  },
  redis: async (t, ports) => {
    const client = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) });
    client.on('error', () => undefined);
    await client.connect();
    t.teardown(() => client.destroy());
    return client as unknown as Client;
  },
};

/** A bus within this process, which can be made to fail. */
function localBus() {
  const listeners = new Set<(message: string | undefined) => void>();
  const sent: string[] = [];
  const bus = {
    failing: false,
    sent,
    tell: (message: string | undefined) => {
      for (const listener of listeners) listener(message);
    },
    publish: async (message: string) => {
      if (bus.failing) throw new Error('secret of the bus');
      sent.push(message);
      bus.tell(message);
    },
    subscribe: (listener: (message: string | undefined) => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
  return bus satisfies InvalidationBus;
}

function open(t: ExecutionContext, options: CreateCacheOptions): Cache {
  const cache = createCache({ namespace: 'n', ttl: '1h', ...options });
  t.teardown(() => cache.close());
  return cache;
}

/** Two caches, as of two processes: what one has read, it has in L1. */
async function assertCoherent(t: ExecutionContext, here: Cache, there: Cache, tags = true): Promise<void> {
  // Sooner than a copy ends by itself of which nobody tells.
  const reads = async (key: string, value: unknown) => {
    const end = performance.now() + 3_000;
    while ((await there.get(key)) !== value) {
      if (performance.now() > end) return t.fail(`${key} is stale`);
      await pause(5);
    }
  };
  const changes: [string, () => Promise<unknown>, unknown][] = [
    ['set', () => here.set('k', 2), 2],
    ['set again', () => here.set('k', 3), 3],
    ['delete', () => here.delete('k'), undefined],
    [
      'setMany',
      () =>
        here.setMany([
          ['k', 5],
          ['other', 1],
        ]),
      5,
    ],
    ['deleteMany', () => here.deleteMany(['k', 'other']), undefined],
  ];
  await here.set('k', 1);
  await reads('k', 1);
  for (const [name, change, value] of changes) {
    await change();
    await reads('k', value);
    t.pass(name);
  }
  if (!tags) return;
  await here.set('tagged', 1, { tags: ['t'] });
  await reads('tagged', 1);
  await here.invalidateTags('t');
  await reads('tagged', undefined);
}

/** Whether a change and a tag's end are told within a second. */
async function isTold(here: Cache, there: Cache, value: number): Promise<boolean> {
  const reads = async (wanted: unknown) => {
    const end = performance.now() + 1_000;
    while ((await there.get('told')) !== wanted) {
      if (performance.now() > end) return false;
      await pause(5);
    }
    return true;
  };
  await here.set('told', value, { tags: ['told'] });
  if (!(await reads(value))) return false;
  await here.invalidateTags('told');
  return reads(undefined);
}

/** Whether copies are kept at all, so that a test of their end is one. */
async function assertKeeps(t: ExecutionContext, cache: Cache): Promise<void> {
  await until(async () => {
    await cache.set('kept', 1);
    await pause(20);
    return cache.stats().l1Entries > 0;
  });
  const before = cache.stats();
  t.is(await cache.get('kept'), 1);
  t.is(cache.stats().l1Hits, before.l1Hits + 1);
}

async function pair(t: ExecutionContext, connect: Connect, ports: readonly number[], options: CreateCacheOptions = {}) {
  const opened = [];
  for (let i = 0; i < 2; i++) {
    const client = await connect(t, ports);
    opened.push({
      client,
      cache: open(t, { backend: new RedisBackend({ client }), bus: redisBus(client), ...options }),
    });
  }
  const [here, there] = opened as [(typeof opened)[number], (typeof opened)[number]];
  // The subscriptions are made in the background.
  await pause(300);
  await assertKeeps(t, here.cache);
  await assertKeeps(t, there.cache);
  return { here, there };
}

const subscribers = async (raw: Redis) =>
  String(await raw.call('client', 'list', 'type', 'pubsub'))
    .split('\n')
    .flatMap((line) => /^id=(\d+)/.exec(line)?.[1] ?? []);

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

test.serial('with privateKeys nothing is readable on the channel, and strangers can end copies at most', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const connect = clients.ioredis as Connect;
  const { here, there } = await pair(t, connect, [server.port], { masterKey, privateKeys: true });
  const raw = new Redis(server.port);
  const stranger = new Redis(server.port);
  t.teardown(() => raw.disconnect());
  t.teardown(() => stranger.disconnect());
  const seen: string[] = [];
  raw.on('message', (_, message) => seen.push(message));
  await raw.subscribe('cachekit:invalidation');
  await here.cache.set('patient:4711', 1, { tags: ['ward:7'] });
  await until(async () => (await there.cache.get('patient:4711')) === 1);
  await here.cache.invalidateTags('ward:7');
  await until(async () => (await there.cache.get('patient:4711')) === undefined);
  await assertCoherent(t, here.cache, there.cache);
  t.true(seen.length > 5);
  for (const message of seen) t.notRegex(message, /4711|ward|patient|"keys"|"tags"/);
  for (const message of seen) t.regex(message, /^\{"v":1,"from":"[0-9a-f]{16}","scope":"n","sealed":"[\w+/=]+"\}$/);
  // A cache with another key of another namespace is not concerned.
  const other = open(t, {
    namespace: 'other',
    masterKey: '6b'.repeat(32),
    privateKeys: true,
    backend: new RedisBackend({ client: here.client }),
    bus: redisBus(here.client),
  });
  await pause(300);
  await assertKeeps(t, other);
  await here.cache.set('k', 1);
  await pause(100);
  t.is(other.stats().l1Entries, 1);
  const garbage = [
    '',
    '{',
    'null',
    '[]',
    '7',
    '"x"',
    '{"v":1}',
    '{"v":"1"}',
    '['.repeat(100_000),
    '{"v":1,"keys":[1,null,"\\ud800"],"tags":{}}',
  ];
  const ending = ['{"v":2}', '{"v":1,"all":true}', '{"v":1,"scope":"n","sealed":"AAAA"}', 'x'.repeat(2_000_000)];
  await assertKeeps(t, there.cache);
  for (const message of garbage) await stranger.publish('cachekit:invalidation', message);
  await pause(100);
  t.true(there.cache.stats().l1Entries > 0);
  for (const message of ending) {
    await assertKeeps(t, there.cache);
    await stranger.publish('cachekit:invalidation', message);
    await until(async () => there.cache.stats().l1Entries === 0);
  }
  await assertCoherent(t, here.cache, there.cache);
});

test.serial('clear ends copies in other processes, also of what the store had lost before', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  for (const privateKeys of [false, true]) {
    const namespace = `cleared-${privateKeys}`;
    const options = { namespace, masterKey, privateKeys };
    const { here, there } = await pair(t, clients.ioredis as Connect, [server.port], options);
    await assertKeeps(t, there.cache);
    const raw = here.client as unknown as Redis;
    for (const lost of [false, true]) {
      await there.cache.set('k', 1);
      await there.cache.tenant('acme').set('k', 2);
      // Its own messages are over.
      await pause(100);
      const { l1Hits } = there.cache.stats();
      t.is(await there.cache.get('k'), 1);
      t.is(there.cache.stats().l1Hits, l1Hits + 1);
      if (lost) for (const key of await raw.keys(`app:ns:${namespace}:key:*`)) await raw.del(key.slice('app:'.length));
      await here.cache.clear();
      await until(async () => (await there.cache.get('k')) === undefined);
      t.is(await there.cache.tenant('acme').get('k'), undefined);
    }
  }
});

test("a bus of one's own, with stores that tell of nothing", async (t) => {
  const bus = localBus();
  const store = new Map();
  const [here, there] = [1, 2].map(() => open(t, { backend: new Keyv({ store }), bus })) as [Cache, Cache];
  await assertCoherent(t, here, there, false);
  await here.set('k', 1);
  t.is(here.stats().l1Entries, 1, 'what was set here stays here');
  const [first, ...more] = [bus.sent.length];
  t.deepEqual(more, []);
  await here.setMany(Array.from({ length: 500 }, (_, i) => [`m${i}`, i] as const));
  await pause(10);
  t.is(bus.sent.length, (first as number) + 1, 'one message for all');
  // Missed messages.
  await there.get('k');
  bus.tell(undefined);
  t.is(there.stats().l1Entries, 0);
});

test('a result whose entry is changed elsewhere while the function runs is not kept', async (t) => {
  const bus = localBus();
  const store = new Map();
  const [here, there] = [1, 2].map(() => open(t, { backend: new Keyv({ store }), bus })) as [Cache, Cache];
  let go = () => {};
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  const running = there.getOrSet('k', async () => {
    await waiting;
    return 'old';
  });
  await pause(20);
  await here.set('k', 'new');
  go();
  t.is(await running, 'old');
  t.is(await there.get('k'), 'new');
  t.is(await here.get('k'), 'new');
});

test('a message that was not taken is sent again, counted, and said without what it was', async (t) => {
  const bus = localBus();
  const store = new Map();
  const errors: Error[] = [];
  const onError = (error: unknown) => errors.push(error as Error);
  const here = open(t, { backend: new Keyv({ store }), bus, onError });
  const there = open(t, { backend: new Keyv({ store }), bus });
  await here.set('k', 1);
  t.is(await there.get('k'), 1);
  bus.failing = true;
  await here.set('k', 2);
  await pause(20);
  t.is(await there.get('k'), 1);
  // Reported with the next operation that is more than a look into L1.
  await here.get('missing');
  t.is(here.stats().backendErrors, 1);
  t.true(errors[0] instanceof BackendError);
  t.notRegex(errors[0]?.message ?? '', /secret/);
  bus.failing = false;
  await until(async () => (await there.get('k')) === 2);
  // More than names are kept for, and the last chance to say so.
  bus.failing = true;
  for (let i = 0; i < 3; i++) await here.setMany(Array.from({ length: 600 }, (_, j) => [`${i}:${j}`, 0] as const));
  await pause(20);
  bus.failing = false;
  await here.close();
  t.like(JSON.parse(bus.sent.at(-1) as string), { v: 1, all: true });
  t.is(there.stats().l1Entries, 0);
});

test('what is no bus is refused', (t) => {
  const backend = new Keyv({ store: new Map() });
  for (const bus of [null, 1, {}, { publish: () => {} }, 'redis://h']) {
    t.throws(() => createCache({ namespace: 'n', backend, bus: bus as never }), { instanceOf: TypeError });
  }
  const endless = { publish: async () => {}, subscribe: (() => undefined) as never };
  t.throws(() => createCache({ namespace: 'n', backend, bus: endless }), { instanceOf: TypeError, message: /ends it/ });
  t.throws(() => createCache({ bus: localBus() }), { instanceOf: ConfigurationError, message: /bus/ });
  for (const client of [null, {}, 'redis://h']) t.throws(() => redisBus(client as never), { instanceOf: TypeError });
  const client = new Redis({ lazyConnect: true }) as Client;
  t.throws(() => redisBus(client, { channel: '' }), { instanceOf: RangeError });
  t.throws(() => redisBus(client, { channel: 1 as never }), { instanceOf: TypeError });
  t.throws(() => redisBus(client, { chanel: 'x' } as never), { instanceOf: ConfigurationError });
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
