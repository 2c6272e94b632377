import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { createCache, Keyring, RedisBackend, type RewrapProgress } from '../../index.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';
import { masterKey, otherKey } from './map-backend.js';

function open(backend: string | RedisBackend, keyring: Keyring) {
  return createCache({ backend, keyring, namespace: 'n', l1: false, ttl: '1h', timeout: '1s' });
}

const pairs = (count: number) => Array.from({ length: count }, (_, i) => [`k${i}`, i] as const);

test('rewrap goes on from a cursor in another process, and begins anew on a server that is not the same', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const keyring = new Keyring({ masterKey });
  const entries = open(server.url, keyring);
  t.teardown(() => entries.close());
  await entries.setMany(pairs(3000));
  keyring.startRotation(otherKey);
  let cursor: string | undefined;
  let done = 0;
  for await (const progress of entries.rewrapSteps({ total: true, concurrency: 100 })) {
    t.is(progress.total, 3000);
    ({ cursor, rewrapped: done } = progress);
    if (done >= 1500) break;
  }
  t.true(done >= 1500 && done < 2500);
  t.false(Buffer.from(cursor!, 'base64url').toString().includes('k1'));
  // What was done in the page of the cursor comes twice.
  const another = open(server.url, keyring);
  t.teardown(() => another.close());
  const rest = await another.rewrap({ cursor: cursor! });
  t.is(rest.rewrapped, 3000 - done);
  t.true(rest.seen < 3000 - done + 1100, `${rest.seen} seen`);
  t.throws(() => keyring.completeRotation({ ifUnusedFor: '1h' }), { code: 'ERR_KEY' });
  t.like(await entries.keyReport(), { seen: 3000, current: 3000, left: 0 });

  await server.kill();
  await server.restart();
  await pause(50);
  await entries.setMany(pairs(500));
  t.like(await entries.rewrap({ cursor: cursor! }), { seen: 500, current: 500 });
  await t.throwsAsync(entries.rewrap({ cursor: 'nonsense' }), { instanceOf: RangeError });
});

test('rewrap waits for a server that is away for a while, and counts nothing twice', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const keyring = new Keyring({ masterKey });
  const entries = open(server.url, keyring);
  t.teardown(() => entries.close());
  await entries.setMany(pairs(5000));
  keyring.startRotation(otherKey);
  let last: RewrapProgress | undefined;
  let frozen = false;
  for await (const progress of entries.rewrapSteps()) {
    last = progress;
    if (frozen || progress.seen < 1000) continue;
    frozen = true;
    server.freeze();
    setTimeout(() => server.resume(), 1500);
  }
  t.true(frozen);
  const { seen = 0, rewrapped = 0, current = 0 } = last ?? {};
  // The answer to a replacement may have been lost, and it was done.
  t.is(rewrapped + current + (last?.changed ?? 0), seen);
  t.true(seen >= 5000 && seen < 5600, `${seen} seen`);
  t.like(await entries.keyReport(), { seen: 5000, current: 5000 });
});

test('a server that is replaced between two steps is listed from its beginning', async (t) => {
  const server = await requireRedis(t, { args: ['--appendonly', 'yes'] });
  if (server === undefined) return;
  const keyring = new Keyring({ masterKey });
  const entries = open(server.url, keyring);
  t.teardown(() => entries.close());
  await entries.setMany(pairs(10_000));
  keyring.startRotation(otherKey);
  let replaced = false;
  for await (const { seen } of entries.rewrapSteps()) {
    if (replaced || seen < 5000) continue;
    replaced = true;
    // Its log is written once a second.
    await pause(1500);
    await server.kill();
    await server.restart();
    // So that the next step finds the new connection.
    while ((await entries.get('k0')) === undefined) await pause(50);
  }
  t.true(replaced);
  t.like(await entries.keyReport(), { seen: 10_000, current: 10_000, left: 0 });
});

test('a newer value is never replaced, and what is deleted or has ended does not come back', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const keyring = new Keyring({ masterKey });
  const entries = open(server.url, keyring);
  t.teardown(() => entries.close());
  keyring.stage(otherKey);
  let version = 0;
  const written = new Map<string, number>();
  await entries.setMany(pairs(400));
  for (const [name] of pairs(400)) written.set(name, -1);
  keyring.startRotation(otherKey);
  const working = entries.rewrap({ rate: 1000, concurrency: 50 });
  let over = false;
  working.finally(() => {
    over = true;
  });
  while (!over) {
    const name = `k${Math.floor(Math.random() * 400)}`;
    if (Math.random() < 0.3) {
      await entries.delete(name);
      written.delete(name);
    } else {
      await entries.set(name, ++version);
      written.set(name, version);
    }
  }
  await working;
  for (const [name, i] of pairs(400)) {
    const expected = written.get(name);
    t.is(await entries.get(name), expected === -1 ? i : expected, name);
  }
  t.like(await entries.keyReport(), { left: 0, unopened: 0 });
});

test('a rate is kept', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const keyring = new Keyring({ masterKey });
  const entries = open(server.url, keyring);
  t.teardown(() => entries.close());
  await entries.setMany(pairs(600));
  keyring.startRotation(otherKey);
  const begun = performance.now();
  await entries.rewrap({ rate: 400, concurrency: 20 });
  t.true(performance.now() - begun >= 1400);
});

test.serial('in a cluster every entry of every server is sealed anew', async (t) => {
  const cluster = await requireRedisCluster(t);
  if (cluster === undefined) return;
  const keyring = new Keyring({ masterKey });
  const backend = new RedisBackend({ url: cluster.url });
  const entries = open(backend, keyring);
  t.teardown(() => backend.close());
  await entries.setMany(pairs(1000));
  await entries.tenant('acme').setMany(pairs(100));
  keyring.startRotation(otherKey);
  let cursor: string | undefined;
  for await (const progress of entries.rewrapSteps({ concurrency: 100 })) {
    ({ cursor } = progress);
    if (progress.seen >= 500) break;
  }
  await entries.rewrap({ cursor: cursor! });
  t.like(await entries.keyReport(), { seen: 1100, current: 1100 });
  keyring.completeRotation();
  t.is((await entries.getMany(pairs(1000).map(([name]) => name))).filter((value) => value !== undefined).length, 1000);
});
