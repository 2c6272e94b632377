import test from 'ava';
import { Redis } from 'ioredis';
import { createCache, RedisBackend } from '../../index.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { commandsOf } from '../support/redis-commands.js';
import { requireRedis } from '../support/redis-server.js';
import { masterKey } from './map-backend.js';

/* What is set in one tick goes to Redis together, and each caller hears of its own. */

const values = Array.from({ length: 40 }, (_, i): [string, unknown] => [`k${i}`, { i, secret: 'rosebud' }]);

test('sets of one tick are stored together, in their order, and a get behind them sees them', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const watching = new Redis(server.url);
  t.teardown(() => watching.disconnect());
  await using entries = createCache({ backend: server.url, masterKey, l1: false });
  const setAll = () => Promise.all(values.map(([key, value]) => entries.set(key, value, { ttl: '5m' })));
  // The first ones ask whether scripts are allowed.
  await setAll();
  await commandsOf(watching);
  const sets = [...values, ...values.map(([key]) => [key, `${key} again`] as const)];
  const stored = sets.map(([key, value]) => entries.set(key, value, { ttl: '5m' }));
  const seen = Promise.all(values.map(([key]) => entries.get(key)));
  t.deepEqual(new Set(await Promise.all(stored)), new Set([true]));
  t.deepEqual(
    await seen,
    values.map(([key]) => `${key} again`),
  );
  const ran = await commandsOf(watching);
  t.is(ran('set'), sets.length);
  t.true(ran('eval') >= 1 && ran('eval') <= 4);
  const ttl = await watching.pttl('k3');
  t.true(ttl > 200_000 && ttl <= 300_000);
  t.deepEqual(await entries.getMany(['k0', 'k39']), ['k0 again', 'k39 again']);
  // A deletion between two sets stays between them.
  const between = [entries.set('x', 1), entries.set('y', 1), entries.delete('x'), entries.set('y', 2)];
  await Promise.all(between);
  t.deepEqual(await entries.getMany(['x', 'y']), [undefined, 2]);
});

test('without the right to run scripts, and for large values, each set is a command', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const admin = new Redis(server.url);
  t.teardown(() => admin.disconnect());
  await admin.call('acl', 'setuser', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-@scripting');
  const url = server.url.replace('redis://', 'redis://plain:secret@');
  const errors: unknown[] = [];
  await using entries = createCache({ backend: url, masterKey, l1: false, onError: (error) => errors.push(error) });
  for (let round = 0; round < 3; round++) {
    t.deepEqual(
      await Promise.all(values.map(([key, value]) => entries.set(key, value))),
      values.map(() => true),
    );
  }
  t.deepEqual(await entries.get('k7'), { i: 7, secret: 'rosebud' });
  t.deepEqual(errors, []);
  await using large = createCache({ backend: server.url, masterKey, l1: false });
  const big = values.map(([key], i): [string, unknown] => [key, Buffer.alloc(i % 2 === 0 ? 20_000 : 10, i)]);
  for (let round = 0; round < 2; round++) {
    t.true((await Promise.all(big.map(([key, value]) => large.set(key, value)))).every(Boolean));
  }
  t.deepEqual(
    (await large.getMany<Uint8Array>(big.map(([key]) => key))).map((bytes) => bytes?.length),
    big.map((_, i) => (i % 2 === 0 ? 20_000 : 10)),
  );
});

test('each set of a tick succeeds or fails for itself', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const admin = new Redis(server.url);
  t.teardown(() => admin.disconnect());
  await admin.call('acl', 'setuser', 'some', 'on', '>secret', '~ok*', '&*', '+@all');
  const backend = new RedisBackend({ url: server.url.replace('redis://', 'redis://some:secret@') });
  t.teardown(() => backend.close());
  const keys = ['ok1', 'no1', 'ok2', 'ok3', 'ok4', 'ok5'];
  const setAll = async (value: string, names = keys) =>
    (await Promise.allSettled(names.map((key) => backend.set(key, Buffer.from(value))))).map(({ status }) => status);
  const expected = keys.map((key) => (key.startsWith('ok') ? 'fulfilled' : 'rejected'));
  const stored = async () => (await admin.mget(...keys)).map((value) => value ?? undefined);
  for (const round of ['one', 'two', 'three']) {
    t.deepEqual(await setAll(round), expected);
    t.deepEqual(
      await stored(),
      keys.map((key) => (key.startsWith('ok') ? round : undefined)),
    );
  }
  const allowed = keys.filter((key) => key.startsWith('ok'));
  await setAll('proven', allowed);
  await commandsOf(admin);
  await setAll('by script', allowed);
  // Rights that are taken away later, in the middle of a connection.
  await admin.call('acl', 'setuser', 'some', '-eval', '-evalsha');
  for (const round of ['four', 'five']) {
    t.deepEqual(
      await setAll(round, allowed),
      allowed.map(() => 'fulfilled'),
    );
    t.deepEqual(
      await stored(),
      keys.map((key) => (key.startsWith('ok') ? round : undefined)),
    );
  }
});

test.serial('in a cluster, sets of a tick fail for the server alone that is away', async (t) => {
  const cluster = await requireRedisCluster(t);
  if (cluster === undefined) return;
  const backend = new RedisBackend({ url: cluster.url, timeoutMs: 2_000 });
  t.teardown(() => backend.close());
  await using entries = createCache({ backend, masterKey, l1: false, retry: 0, onError: () => {} });
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
  const setAll = (value: string) => Promise.all(keys.map((key) => entries.set(key, value)));
  t.true((await setAll('before')).every(Boolean));
  t.deepEqual(new Set(await Promise.all(keys.map((key) => entries.get(key)))), new Set(['before']));
  cluster.nodes[0]?.freeze();
  const stored = await setAll('after');
  cluster.nodes[0]?.resume();
  const away = stored.filter((ok) => !ok).length;
  t.true(away > 0 && away < keys.length, `${away} of ${keys.length} are away`);
});
