import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { BackendError, type Cache, ConfigurationError, createCache, RedisBackend, redisBus } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import {
  assertCoherent,
  assertKeeps,
  type Client,
  type Connect,
  clients,
  localBus,
  masterKey,
  open,
  pair,
} from '../support/bus-caches.js';
import { requireRedis } from '../support/redis-server.js';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
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
