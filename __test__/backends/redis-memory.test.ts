import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Cluster, Redis } from 'ioredis';
import { BackendError, RedisBackend } from '../../index.js';
import { ioredisClusterCommands } from '../../src/backends/redis/commands.js';
import { sweepPlaces } from '../../src/backends/redis/tag-index.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const HOUR_MS = 3_600_000;

for (const library of ['ioredis', 'redis'] as const) {
  test.serial(`${library}: a server whose memory is full refuses every write, and deletes`, async (t) => {
    const server = await requireRedis(t, { args: ['--maxmemory-policy', 'noeviction'] });
    if (!server) return;
    const [plain, tagged] = [0, 1].map(() => new RedisBackend({ url: server.url, library })) as [
      RedisBackend,
      RedisBackend,
    ];
    t.teardown(() => Promise.all([plain.close(), tagged.close()]));
    const unwatch = plain.watch?.(() => undefined) ?? (() => t.fail('a backend with a URL tells of changes'));
    t.teardown(unwatch);
    // Large beside what the buffers of connections take, which come and go.
    const bytes = randomBytes(4_000_000);
    const tags = ['all'];
    const writes: [what: string, write: (cacheKey: string) => Promise<unknown>][] = [
      ['set', (cacheKey) => plain.set(cacheKey, bytes, { ttlMs: HOUR_MS })],
      ['short set', (cacheKey) => plain.set(cacheKey, bytes, { ttlMs: 20_000 })],
      ['setMany', (cacheKey) => plain.setMany([{ cacheKey, bytes }])],
      [
        'setMany of two',
        (cacheKey) => plain.setMany([cacheKey, `${cacheKey}2`].map((name) => ({ cacheKey: name, bytes }))),
      ],
      ['setIfUnchanged', (cacheKey) => plain.setIfUnchanged(cacheKey, bytes, { sinceMs: 0, found: undefined })],
      ['tagged set', (cacheKey) => tagged.set(cacheKey, bytes, { tags })],
      ['tagged setMany', (cacheKey) => tagged.setMany([{ cacheKey, bytes, tags }])],
      ['tagged result', (cacheKey) => tagged.setIfUnchanged(cacheKey, bytes, { sinceMs: 0, found: undefined, tags })],
    ];
    await tagged.set('first', bytes, { tags });
    for (const name of ['fill0', 'fill1']) await plain.set(name, bytes);
    const raw = new Redis(server.url);
    t.teardown(() => raw.disconnect());
    // What is deleted below is not enough.
    await raw.config('SET', 'maxmemory', 1_000_000);
    for (const [what, write] of writes) {
      for (let i = 0; i < 3; i++) await t.throwsAsync(write(`${what}${i}`), { instanceOf: BackendError }, what);
      t.is(await raw.exists(`${what}0`, `${what}1`, `${what}2`), 0, what);
    }
    t.is(await plain.delete('fill0'), true);
    t.is(await tagged.invalidateTags(tags), 1);
    for (const backend of [plain, tagged]) t.true(await backend.changedSince('fill0', 60_000), 'a mark tells of it');
  });
}

test.serial('the index of a tag does not keep the names of evicted entries', async (t) => {
  const server = await requireRedis(t, { args: ['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru'] });
  if (!server) return;
  const backend = new RedisBackend({ url: server.url });
  t.teardown(() => backend.close());
  const bytes = randomBytes(3_000);
  for (let i = 0; i < 4_000; i += 100) {
    const some = Array.from({ length: 100 }, (_, n) => `k${i + n}`);
    await Promise.all(some.map((cacheKey) => backend.set(cacheKey, bytes, { tags: ['all'] })));
  }
  const raw = new Redis(server.url);
  t.teardown(() => raw.disconnect());
  let alive = 0;
  for await (const cacheKey of backend.keys()) if (cacheKey !== '') alive++;
  const names = await raw.zcard('all');
  t.true(alive > 100 && names <= 1.5 * alive, `${names} names of ${alive} entries`);
});

test.serial('in a cluster, places of entries that are gone or were written anew leave the index', async (t) => {
  const cluster = await requireRedisCluster(t);
  if (!cluster) return;
  const client = new Cluster([...cluster.urls]);
  t.teardown(() => client.disconnect());
  const backend = new RedisBackend({ client });
  const cacheKeys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  await backend.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('x'), tags: ['all'] })));
  const before = await client.zrangeBuffer('all', '0', '-1');
  t.is(before.length, 20);
  for (const cacheKey of cacheKeys.slice(0, 10)) await client.del(cacheKey);
  await backend.set('k19', Buffer.from('y'), { tags: ['all'] });
  t.is(await client.zcard('all'), 20, 'the place of what was written anew is another one');
  await client.zadd('all', '+inf', ...before.filter((name) => name.toString('latin1').startsWith('k19\xff')));
  await sweepPlaces(ioredisClusterCommands(client), 'all', [
    ...before,
    ...(await client.zrangeBuffer('all', '0', '-1')),
  ]);
  t.is(await client.zcard('all'), 10);
  t.is(await backend.invalidateTags(['all']), 10, 'none that is there has lost its place');
});
