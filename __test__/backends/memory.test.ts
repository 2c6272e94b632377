import test from 'ava';
import { MemoryBackend, ValueTooLargeError } from '../../index.js';
import { LockTable } from '../../src/backends/memory/locks.js';

function clock() {
  const time = { ms: 1_000, now: () => time.ms };
  return time;
}

async function keysOf(backend: MemoryBackend): Promise<string[]> {
  const found: string[] = [];
  for await (const cacheKey of backend.keys()) found.push(cacheKey);
  return found.sort();
}

test('entries that were not used make room, so that the bound in bytes holds', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 10_000 });
  for (const cacheKey of ['a', 'b', 'c']) await backend.set(cacheKey, Buffer.alloc(3_000));
  await backend.get('a');
  await backend.set('d', Buffer.alloc(3_000));
  const kept = await keysOf(backend);
  t.true(kept.length === 3 && kept.includes('a') && kept.includes('d'), String(kept));
  for (let i = 0; i < 10_000; i++) {
    await backend.set(`key ${i}`, Buffer.alloc(i % 700));
    if (backend.size > 10_000) t.fail(`${backend.size} bytes held`);
  }
  t.true(backend.size > 9_000);
});

test('empty values and long cache keys are counted too', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 100_000 });
  for (let i = 0; i < 2_000; i++) await backend.set(`${i}`, new Uint8Array(0));
  const { length } = await keysOf(backend);
  t.true(length > 500 && length < 1_000, `${length} entries`);
  const long = new MemoryBackend({ maxBytes: 100_000 });
  for (let i = 0; i < 100; i++) await long.set('x'.repeat(5_000) + i, new Uint8Array(0));
  t.true((await keysOf(long)).length < 20);
});

test('an entry over the bound is refused aloud, and the one it was to replace is gone', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 1_000 });
  await backend.set('a', Buffer.from('old'));
  await backend.set('b', Buffer.from('other'));
  await t.throwsAsync(backend.set('a', Buffer.alloc(1_000)), { instanceOf: ValueTooLargeError });
  t.is(await backend.get('a'), undefined);
  t.not(await backend.get('b'), undefined);
});

test('an entry lives until its TTL has passed, and says how long that is', async (t) => {
  const time = clock();
  const backend = new MemoryBackend({ now: time.now });
  await backend.set('a', Buffer.from('x'), { ttlMs: 500 });
  await backend.set('b', Buffer.from('x'));
  time.ms += 200;
  t.is((await backend.get('a'))?.expiresInMs, 300);
  t.is((await backend.get('b'))?.expiresInMs, Number.POSITIVE_INFINITY);
  time.ms += 299;
  t.is((await backend.get('a'))?.expiresInMs, 1);
  time.ms += 2;
  t.is(await backend.get('a'), undefined);
  t.false(await backend.has('a'));
  t.not(await backend.get('b'), undefined);
});

test('an expired entry cannot be deleted, expired again or found', async (t) => {
  const time = clock();
  const backend = new MemoryBackend({ now: time.now });
  const bytes = Buffer.from('x');
  for (const cacheKey of ['a', 'b', 'c', 'd']) await backend.set(cacheKey, bytes, { ttlMs: 10 });
  time.ms += 11;
  t.false(await backend.delete('a'));
  t.false(await backend.delete('b', { ifBytes: bytes }));
  t.false(await backend.expire('c', 1_000));
  t.is(await backend.deleteMany(['d']), 0);
  t.deepEqual(await keysOf(backend), []);
});

test('expire replaces the TTL, a read does not', async (t) => {
  const time = clock();
  const backend = new MemoryBackend({ now: time.now });
  await backend.set('a', Buffer.from('x'), { ttlMs: 100 });
  time.ms += 90;
  t.true(await backend.expire('a', 100.5));
  t.is((await backend.get('a'))?.expiresInMs, 101);
  time.ms += 90;
  t.is((await backend.get('a'))?.expiresInMs, 11);
});

test('no memory is shared with the store', async (t) => {
  const backend = new MemoryBackend();
  const owned = Buffer.alloc(1_000, 1);
  await backend.set('a', owned, { owned: true });
  owned.fill(2);
  const [one, two] = await backend.getMany(['a', 'a'], { readOnly: true });
  one?.bytes.fill(3);
  t.deepEqual(two?.bytes, Buffer.alloc(1_000, 1));
  t.deepEqual((await backend.get('a', { readOnly: true }))?.bytes, Buffer.alloc(1_000, 1));
  const large = Buffer.alloc(1 << 20, 4);
  await backend.set('large', large);
  t.deepEqual((await backend.get('large'))?.bytes, large, 'more than is copied in one call');
});

test('keys can be walked while entries come and go', async (t) => {
  const backend = new MemoryBackend();
  for (let i = 0; i < 100; i++) await backend.set(`k${i}`, Buffer.from('x'));
  const found: string[] = [];
  for await (const cacheKey of backend.keys()) {
    found.push(cacheKey);
    await backend.get('k0');
    await backend.delete(cacheKey);
    await backend.set(`new ${cacheKey}`, Buffer.from('x'));
  }
  t.is(found.length, 100);
  t.is(new Set(found).size, 100);
});

test('tags count as bytes, and go with their entries', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 100_000 });
  const tags = Array.from({ length: 100 }, (_, i) => `tag ${i}`);
  await backend.set('a', Buffer.from('x'), { tags });
  t.true(backend.size > 7_000);
  await backend.set('a', Buffer.from('x'));
  t.true(backend.size < 1_000);
  await backend.set('a', Buffer.from('x'), { tags });
  const size = backend.size;
  t.true(await backend.expire('a', 60_000));
  t.true(await backend.replace('a', Buffer.from('x'), Buffer.from('y')));
  t.is(backend.size, size, 'an entry keeps them');
  for (let i = 0; i < 1_000; i++) await backend.set(`key ${i}`, Buffer.alloc(1_000), { tags: ['t'] });
  t.true(backend.size <= 100_000);
  const kept = await keysOf(backend);
  t.is(await backend.invalidateTags(['t', 'tag 5']), kept.length);
  t.is(backend.size, 0);
});

test('entries that have expired are not counted among those of a tag', async (t) => {
  const time = clock();
  const backend = new MemoryBackend({ now: time.now });
  await backend.set('a', Buffer.from('x'), { tags: ['t'], ttlMs: 10 });
  await backend.set('b', Buffer.from('x'), { tags: ['t'] });
  time.ms += 11;
  t.is(await backend.invalidateTags(['t']), 1);
  t.is(await backend.invalidateTags(['t']), 0);
});

test('a replacement over the bound is refused, and what was there stays', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 1_000 });
  const bytes = Buffer.from('old');
  await backend.set('a', bytes);
  await t.throwsAsync(backend.replace('a', bytes, Buffer.alloc(1_000)), { instanceOf: ValueTooLargeError });
  t.deepEqual((await backend.get('a'))?.bytes, bytes);
});

test('leases follow the clock to the millisecond, and those that ended leave no memory behind', async (t) => {
  const time = clock();
  const backend = new MemoryBackend({ now: time.now });
  const lock = await backend.lock('a', 99.5);
  time.ms += 99;
  t.is(await backend.lock('a', 1), undefined);
  t.true(await lock?.extend(10));
  time.ms += 10;
  t.false(await lock?.extend(10));
  t.not(await backend.lock('a', 1), undefined);
  const table = new LockTable(time.now);
  for (let i = 0; i < 10_000; i++) {
    time.ms += 1;
    table.take(`${i}`, 10);
  }
  t.true(table.size < 2_100);
});

test('await using closes', async (t) => {
  const outside = await (async () => {
    await using backend = new MemoryBackend();
    await backend.set('a', Buffer.from('x'));
    return backend;
  })();
  t.is(outside.size, 0);
  await t.throwsAsync(outside.get('a'), { code: 'ERR_BACKEND' });
});

test('options of a wrong type or range are refused', (t) => {
  const make = (options: unknown) => () => new MemoryBackend(options as never);
  for (const options of [null, 1, 'x', []]) t.throws(make(options), { instanceOf: TypeError });
  for (const maxBytes of ['1', null, 1n]) t.throws(make({ maxBytes }), { instanceOf: TypeError });
  for (const maxBytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    t.throws(make({ maxBytes }), { instanceOf: RangeError });
  }
  t.throws(make({ now: 5 }), { instanceOf: TypeError });
});

test('what was removed by a tag has changed', async (t) => {
  const backend = new MemoryBackend();
  await backend.set('k', Buffer.from('a'), { tags: ['x'] });
  await backend.invalidateTags(['x']);
  t.true(await backend.changedSince('k', 1_000));
  t.false(await backend.setIfUnchanged('k', Buffer.from('late'), { sinceMs: 1_000, found: undefined }));
});

test('a clock that uses another backend, or goes on between two readings, confuses none', async (t) => {
  const inner = new MemoryBackend();
  let ms = 5;
  const outer = new MemoryBackend({
    now: () => {
      inner.getNow('zz');
      return ms++;
    },
  });
  await inner.set('zz', Buffer.from('Z'));
  await outer.set('aa', Buffer.from('A'));
  await outer.set('zz', Buffer.from('other'));
  t.is(String((await outer.get('aa'))?.bytes), 'A');
  for (let i = 0; i < 20; i++) {
    await outer.set('large', Buffer.alloc(200_000), { ttlMs: 1 + (i % 4) });
    await t.notThrowsAsync(outer.get('large'));
  }
});
