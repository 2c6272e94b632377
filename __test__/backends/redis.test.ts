import test from 'ava';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { BackendError, ConfigurationError, RedisBackend, TimeoutError } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { freePort, requireRedis } from '../support/redis-server.js';
import { assertNoSecret, libraries, open, SECRET, SECRET_KEY } from './redis-backends.js';

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => unhandled.push(reason));

process.on('uncaughtException', (error) => unhandled.push(error));

test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

for (const library of libraries) {
  test.serial(`${library}: the TTL is asked for only when it is wanted, and kept to the millisecond`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    const backend = open(t, { url: server.url, library });
    await backend.set('a', Buffer.from('x'), { ttlMs: 3_599_000.5 });
    const pttl = await raw.pttl('a');
    t.true(pttl > 3_000_000 && pttl <= 3_599_001);
    await raw.config('RESETSTAT');
    t.is((await backend.get('a'))?.expiresInMs, undefined);
    await backend.getMany(['a', 'b']);
    t.notRegex(await raw.info('commandstats'), /cmdstat_pttl/);
    t.true(((await backend.get('a', { ttl: true }))?.expiresInMs ?? 0) > 3_000_000);
    t.regex(await raw.info('commandstats'), /cmdstat_pttl:calls=1/);
  });

  test.serial(`${library}: what is written is the bare cache key and the bare bytes`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    await open(t, { url: server.url, library }).set('é:😀', Buffer.from([0, 255, 13, 10]));
    t.deepEqual(await raw.keysBuffer('*'), [Buffer.from('é:😀')]);
    t.deepEqual(await raw.getBuffer('é:😀'), Buffer.from([0, 255, 13, 10]));
    await raw.set(Buffer.from([0xff, 0xfe]), 'not UTF-8');
    const found: string[] = [];
    for await (const cacheKey of open(t, { url: server.url, library }).keys()) found.push(cacheKey);
    t.deepEqual(found, ['é:😀']);
  });

  test.serial(
    `${library}: keys walks a large database, and many operations at once keep their answers apart`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const backend = open(t, { url: server.url, library });
      const items = Array.from({ length: 5_000 }, (_, i) => ({ cacheKey: `k:${i}`, bytes: Buffer.from(`${i}`) }));
      await backend.setMany(items);
      const found = new Set<string>();
      for await (const cacheKey of backend.keys({ prefix: 'k:' })) found.add(cacheKey);
      t.is(found.size, 5_000);
      const entries = await Promise.all(items.map(({ cacheKey }, i) => backend.get(cacheKey, { ttl: i % 3 === 0 })));
      t.true(entries.every((entry, i) => entry?.bytes.toString() === `${i}`));
    },
  );

  test.serial(`${library}: an entry that has the name of a lock is no lock, and a lock is no entry`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const backend = open(t, { url: server.url, library });
    const stored = Buffer.from('z'.repeat(32));
    await backend.set(`${SECRET_KEY}:lock`, stored);
    const error = await t.throwsAsync(backend.lock(SECRET_KEY, 60_000), { instanceOf: BackendError });
    t.false(error.transient);
    t.regex(error.message, /^The name of the lock is taken by an entry$/);
    assertNoSecret(t, error);
    t.deepEqual((await backend.get(`${SECRET_KEY}:lock`))?.bytes, stored);

    const lock = await backend.lock('b', 60_000);
    t.is(await backend.lock('b', 60_000), undefined);
    t.is(await backend.get('b:lock'), undefined);
    t.is(await backend.get('b:lock', { ttl: true }), undefined);
    const token = Buffer.from('0123456789abcdef0123456789abcdef');
    await backend.set('c', token);
    const found = await backend.getMany(['b:lock', 'c', `${SECRET_KEY}:lock`]);
    t.deepEqual(
      found.map((entry) => entry?.bytes),
      [undefined, token, stored],
    );
    t.deepEqual((await backend.get('c'))?.bytes, token);
    t.true(await lock?.extend(60_000));
    await lock?.release();
    t.true((await backend.lock('b', 60_000)) !== undefined);
  });

  test.serial(`${library}: close waits for what is under way`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const backend = new RedisBackend({ url: server.url, library });
    await backend.set('first', Buffer.from('x'));
    const setting = backend.set('last', Buffer.alloc(1_000_000, 1));
    await Promise.resolve();
    await backend.close();
    await setting;
    t.is((await open(t, { url: server.url, library }).get('last'))?.bytes.length, 1_000_000);
  });
}

test.serial('a client of the caller stays its own: errors do no harm, close leaves it open', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const ioredis = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  const nodeRedis = createClient({ url: server.url, socket: { reconnectStrategy: 50 }, disableOfflineQueue: true });
  t.teardown(() => ioredis.disconnect());
  t.teardown(() => nodeRedis.destroy());
  const backends = [ioredis, nodeRedis].map((client) => new RedisBackend({ client, timeoutMs: 2_000 }));
  await nodeRedis.connect();
  for (const backend of backends) await backend.set('a', Buffer.from('x'));
  // Many backends on one client are one listener, and the last one to close takes it away.
  const others = [ioredis, nodeRedis].flatMap((client) =>
    Array.from({ length: 12 }, () => new RedisBackend({ client })),
  );
  t.is(ioredis.listenerCount('error'), 1);
  for (const other of others) await other.close();
  t.is(nodeRedis.listenerCount('error'), 1);
  await server.kill();
  for (const backend of backends) {
    const error = await t.throwsAsync(backend.get(SECRET_KEY));
    t.true(error instanceof BackendError || error instanceof TimeoutError);
    assertNoSecret(t, error);
  }
  await server.restart();
  for (const backend of backends) {
    await until(async () =>
      backend.set('a', Buffer.from('y')).then(
        () => true,
        () => false,
      ),
    );
    await backend.close();
    await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
  }
  t.is(await ioredis.get('a'), 'y');
  t.is(await nodeRedis.get('a'), 'y');
  t.is(ioredis.listenerCount('error'), 0);
  t.is(nodeRedis.listenerCount('error'), 0);
});

test.serial('a client that was not connected by its owner is a BackendError', async (t) => {
  const backend = new RedisBackend({ client: createClient({ url: `redis://127.0.0.1:${await freePort()}` }) });
  await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
});

test.serial('options that are no URL, no client or both are refused when constructing', (t) => {
  const make = (options: unknown) => () => new RedisBackend(options as never);
  for (const options of [{}, { url: 'redis://127.0.0.1', client: {} }, { client: { on() {}, sendCommand() {} } }]) {
    t.throws(make(options), { instanceOf: ConfigurationError });
  }
  for (const options of [
    undefined,
    null,
    'redis://x',
    { url: 1 },
    { url: null },
    { client: null },
    { client: {} },
    { client: 'x' },
    { client: new Map() },
  ]) {
    t.throws(make(options), { instanceOf: TypeError });
  }
  const url = 'redis://127.0.0.1';
  t.throws(make({ url, library: 'iovalkey' }), { instanceOf: TypeError });
  t.throws(make({ url, timeoutMs: '5' }), { instanceOf: TypeError });
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
    t.throws(make({ url, timeoutMs }), { instanceOf: RangeError });
  }
});

test.serial('a URL that is not one of Redis is refused without being repeated', (t) => {
  const bad = [
    '',
    'redis',
    'redis:',
    'redis://',
    'redis:///1',
    '127.0.0.1:6379',
    'http://x',
    'rediss:/',
    'redis://host:port',
    'redis://h:99999',
    'redis://h/db',
    'redis://h/1/2',
    'redis://h/-1',
    'redis://h/999999',
    'redis://h?tls=yes',
    'redis://h#x',
    'redis://u:%zz@h',
    'rediss+unix:///tmp/s',
    'redis+cluster://',
    'redis+cluster://h,',
    'redis+cluster://h/1',
    'redis+cluster://u:%zz@h,i',
    'redis+cluster://h:1,i:port',
  ];
  for (const url of bad) t.throws(() => new RedisBackend({ url }), { instanceOf: ConfigurationError }, url);
  const error = t.throws(() => new RedisBackend({ url: `redis://u:${encodeURIComponent(SECRET)}@h:port` }));
  assertNoSecret(t, error);
  for (const url of [
    'redis://h',
    'REDIS://h:1',
    'rediss://u:p@h:6380/0',
    'redis://[::1]:6379/15',
    'redis://:p%40ss@h/',
    'redis+cluster://h',
    'rediss+cluster://u:p%40ss@h:1,[::1]:2,i/',
  ]) {
    t.notThrows(() => new RedisBackend({ url }), url);
  }
});

for (const library of libraries) {
  test.serial(`${library}: a write beside the first one with tags asks for the tags that the entry had`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const backend = open(t, { url: server.url, library });
    const [first, second] = [Buffer.from('first'), Buffer.from('second')];
    await Promise.all([backend.set('a', first, { tags: ['t'] }), backend.set('a', second)]);
    t.is(await backend.invalidateTags(['t']), 0);
    t.deepEqual((await backend.get('a'))?.bytes, second);
  });
}
