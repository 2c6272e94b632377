import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { cache, createCache, EncryptionWrapper, RedisBackend } from '../../index.js';
import { requireRedis } from '../support/redis-server.js';
import { masterKey, settle } from './map-backend.js';

const named = { namespace: 'users', operation: 'user', masterKey };

test('a secure function in front of Redis: miss, hit, TTL, invalidation, and only ciphertext', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const raw = new RedisBackend({ url: server.url });
  let runs = 0;
  const make = () =>
    cache.secure({ ...named, backend: server.url, ttl: '2m' })(async (id: number) => ({
      id,
      ssn: '123-45-6789',
      run: ++runs,
    }));
  const [one, two] = [make(), make()];
  t.deepEqual(await one(1), { id: 1, ssn: '123-45-6789', run: 1 });
  t.deepEqual(await two(1), { id: 1, ssn: '123-45-6789', run: 1 });
  const stored = await raw.get(one.keyFor(1), { ttl: true });
  t.false(
    Buffer.from(stored?.bytes ?? [])
      .toString('latin1')
      .includes('123-45'),
  );
  t.true((stored?.expiresInMs ?? 0) > 100_000 && (stored?.expiresInMs ?? 0) <= 120_000);
  const entry = await two.entry(1);
  t.true(entry.status === 'hit' && (entry.expiresInMs ?? 0) <= 120_000 && (entry.ageMs ?? -1) >= 0);
  const wrapper = new EncryptionWrapper({ masterKey });
  t.like(wrapper.deserialize(stored?.bytes as Uint8Array, { cacheKey: one.keyFor(1) }), { id: 1 });
  t.true(await one.invalidate(1));
  t.is(await raw.get(one.keyFor(1)), undefined);
  t.like(await one(1), { run: 2 });
  await raw.close();
});

test('entries, batches, tenants and tampering in Redis', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  await using entries = createCache({ backend: server.url, masterKey, l1: false });
  const raw = new RedisBackend({ url: server.url });
  const pairs = Array.from({ length: 100 }, (_, i): [string, unknown] => [`k${i}`, { i, secret: 'rosebud' }]);
  t.true(await entries.setMany(pairs, { ttl: '1m' }));
  t.deepEqual(
    await entries.getMany(pairs.map(([key]) => key)),
    pairs.map(([, value]) => value),
  );
  await entries.tenant('a').set('k0', 'of a');
  t.deepEqual(await entries.get('k0'), { i: 0, secret: 'rosebud' });
  t.is(await entries.tenant('b').get('k0'), undefined);
  t.is(await entries.tenant('a').get('k0'), 'of a');
  const [one, two] = await Promise.all([raw.get('k1'), raw.get('k2')]);
  if (one === undefined || two === undefined) return t.fail();
  await raw.set('k1', two.bytes);
  await raw.set('k2', one.bytes.subarray(0, 30));
  t.deepEqual(await entries.getMany(['k1', 'k2', 'k3']), [undefined, undefined, { i: 3, secret: 'rosebud' }]);
  t.false((await raw.has('k1')) || (await raw.has('k2')), 'what does not open is deleted');
  t.is(entries.stats().authenticationFailures, 2);
  t.true(((await entries.ttl('k3')) ?? 0) > 50);
  t.true(await entries.expire('k3', '1h'));
  t.true(((await entries.ttl('k3')) ?? 0) > 3500);
  await raw.close();
});

test('when Redis dies functions run, and when it is back it is used again', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  let runs = 0;
  const load = cache.secure({ ...named, backend: new RedisBackend({ url: server.url, timeoutMs: 500 }), l1: false })(
    async (id: number) => {
      runs++;
      await settle();
      return id;
    },
  );
  t.is(await load(1), 1);
  t.is(await load(1), 1);
  t.is(runs, 1);
  await server.kill();
  t.deepEqual(await Promise.all([load(1), load(1), load(2)]), [1, 1, 2]);
  t.is(runs, 3);
  t.true(load.stats().backendErrors > 0);
  await server.restart();
  let hit = false;
  for (let i = 0; i < 100 && !hit; i++) {
    await pause(20);
    hit = (await load.entry(5)).status === 'hit';
  }
  t.true(hit);
});
