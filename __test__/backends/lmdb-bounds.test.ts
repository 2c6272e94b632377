import { statSync } from 'node:fs';
import test from 'ava';
import { openTables, placeIn } from '../../src/backends/lmdb/environment.js';
import { allKeys, backendIn, dataFile, directoryOf, text } from './lmdb-directories.js';

test.serial('maxBytes bounds the file under churn of every size', async (t) => {
  const directory = directoryOf(t);
  const maxBytes = 4 * 1024 * 1024;
  const backend = backendIn(t, directory, { maxBytes });
  let stored = 0;
  for (let round = 0; round < 150; round++) {
    const items = Array.from({ length: 20 }, (_, i) => {
      const cacheKey = `churn:${round}:${i}`;
      const bytes = Buffer.alloc([100, 900, 6_000, 9_000, 60_000][i % 5] as number, round);
      stored += bytes.length;
      return { cacheKey, bytes, ttlMs: 60_000 + round };
    });
    await Promise.all(items.map(({ cacheKey, bytes, ttlMs }) => backend.set(cacheKey, bytes, { ttlMs })));
    t.true(await backend.has(`churn:${round}:19`), 'the latest is there');
  }
  t.true(stored > 8 * maxBytes);
  const size = statSync(dataFile(directory)).size;
  t.true(size < 1.5 * maxBytes, `${size} bytes`);
  t.is(await backend.get('churn:0:0'), undefined);
  t.true((await allKeys(backend)).length > 50, 'it is not emptied');
});

test.serial('of a full store those that expire soonest go first, those that never expire last', async (t) => {
  const backend = backendIn(t, directoryOf(t), { maxBytes: 1024 * 1024 });
  const bytes = Buffer.alloc(20_000);
  await backend.set('never', bytes);
  await backend.set('late', bytes, { ttlMs: 7_200_000 });
  await backend.set('soon', bytes, { ttlMs: 60_000 });
  for (let i = 0; i < 100; i++) await backend.set(`filler:${i}`, bytes, { ttlMs: 3_600_000 + i });
  t.deepEqual([await backend.has('never'), await backend.has('late'), await backend.has('soon')], [true, true, false]);
  await t.throwsAsync(backend.set('late', Buffer.alloc(600_000)), { code: 'ERR_VALUE_TOO_LARGE' });
  t.false(await backend.has('late'));
});

test.serial('expired entries are reclaimed by later writes', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: 1_700_000_000_000 };
  const backend = backendIn(t, directory, { now: () => time.ms });
  const items = Array.from({ length: 2_000 }, (_, i) => ({
    cacheKey: `old:${i}`,
    bytes: Buffer.alloc(9_000),
    ttlMs: 1_000,
  }));
  await backend.setMany(items);
  const full = statSync(dataFile(directory)).size;
  time.ms += 1_000;
  for (let round = 0; round < 300; round++) await backend.set(`new:${round}`, Buffer.from('x'), { ttlMs: 3_600_000 });
  for (let round = 0; round < 8; round++) {
    time.ms += 1_000;
    await backend.setMany(items.slice(0, 200).map((item, i) => ({ ...item, cacheKey: `new:${round}:${i}` })));
  }
  t.true(statSync(dataFile(directory)).size < full * 1.2, 'their pages are used again');
  time.ms = 1_700_000_000_500;
  t.deepEqual(await allKeys(backend, 'old:'), [], 'they are gone, not only hidden');
});

test.serial('a clock set back ends entries instead of prolonging them', async (t) => {
  const time = { ms: 1_700_000_000_000 };
  const backend = backendIn(t, directoryOf(t), { now: () => time.ms });
  await backend.set('a', Buffer.from('x'), { ttlMs: 10_000 });
  await backend.set('never', Buffer.from('x'));
  time.ms -= 30_000;
  t.is((await backend.get('a'))?.expiresInMs, 10_000, 'a small step: no more than the whole TTL');
  time.ms -= 3_600_000;
  t.is(await backend.get('a'), undefined);
  t.is((await backend.get('never'))?.expiresInMs, Number.POSITIVE_INFINITY);
  t.false(await backend.expire('a', 1_000));
  await backend.set('a', Buffer.from('y'), { ttlMs: 10_000 });
  t.is(text((await backend.get('a'))?.bytes), 'y');
  time.ms += 10_000;
  t.is(await backend.get('a'), undefined);
});

test('entries that are gone leave nothing behind', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  for (const length of [10, 20_000, 10, 9_000]) {
    for (const cacheKey of ['a', 'b', 'c', 'd', `long ${'x'.repeat(2_000)}`]) {
      const tags = [`of ${length}`, 'all'];
      await backend.set(cacheKey, Buffer.alloc(length), { ttlMs: 60_000 + length, tags });
      await backend.expire(cacheKey, 70_000 + length);
    }
  }
  await backend.deleteMany(['a', 'b']);
  await backend.delete('c', { ifBytes: Buffer.alloc(9_000) });
  t.is(await backend.invalidateTags(['all']), 2);
  await (await backend.lock('a', 60_000))?.release();
  await backend.close();
  const { root, heads, bodies, order, tags, locks } = await openTables(await placeIn(directory), () => false);
  t.teardown(() => root.close());
  t.deepEqual(
    [heads, bodies, order, tags, locks].map((table) => (table.getStats() as { entryCount: number }).entryCount),
    [0, 0, 0, 0, 0],
  );
});
