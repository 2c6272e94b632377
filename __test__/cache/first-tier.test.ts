import { randomBytes } from 'node:crypto';
import test from 'ava';
import { cache, createCache, Keyring, StandardSerializer } from '../../index.js';
import { MapBackend, masterKey } from './map-backend.js';

/*
 * An entry of the first tier is found by the arguments of a call, or by its cache key: it is one entry all the same.
 */

for (const keys of [{}, { masterKey }]) {
  const kind = 'masterKey' in keys ? 'sealed' : 'plain';

  test(`${kind}: an entry is one by its call and by its cache key`, async (t) => {
    const entries = createCache({ ...keys, ttl: '1h' });
    let runs = 0;
    const find = entries.wrap({ namespace: 'n', operation: 'find' })(async (id: unknown) => ({ id, run: ++runs }));
    // Short arguments identify an entry themselves, long ones by their digest.
    for (const argument of [7, 'x'.repeat(500)]) {
      runs = 0;
      const cacheKey = find.keyFor(argument);
      t.deepEqual(await find(argument), { id: argument, run: 1 });
      t.deepEqual(await entries.get(cacheKey), { id: argument, run: 1 });
      t.true(await entries.set(cacheKey, 'by its key'));
      t.is((await find(argument)) as unknown, 'by its key');
      t.deepEqual(await find.refresh(argument), { id: argument, run: 2 });
      t.deepEqual(await entries.get(cacheKey), { id: argument, run: 2 });
      t.is(entries.stats().l1Entries, 1);
      t.true(await entries.delete(cacheKey));
      t.deepEqual(await find(argument), { id: argument, run: 3 });
      t.true(await find.invalidate(argument));
      t.is(await entries.get(cacheKey), undefined);
      t.is(entries.stats().l1Entries, 0);
    }
  });

  test(`${kind}: keys, TTLs and times are those of both kinds of entries`, async (t) => {
    const entries = createCache({ ...keys, namespace: 'n', ttl: '1h' });
    const find = entries.wrap({ operation: 'find' })(async (id: number) => id);
    await find(1);
    await entries.set('a', 1);
    await entries.tenant('other').set('b', 1);
    const listed: string[] = [];
    for await (const cacheKey of entries.keys()) listed.push(cacheKey);
    t.deepEqual(listed, ['a']);
    t.true(await entries.expire('a', '1m'));
    const left = (await entries.ttl('a')) as number;
    t.true(left > 50 && left <= 60, `${left} s`);
    t.false(await entries.expire('missing', '1m'));
    const { expiresInMs = 0, status } = await find.entry(1);
    t.is(status, 'hit');
    t.true(expiresInMs > 3_000_000 && expiresInMs <= 3_600_000);
  });

  test(`${kind}: a value of a mebibyte and one without a byte are kept`, async (t) => {
    const entries = createCache({ ...keys, ttl: '1h' });
    const large = randomBytes(3 * 2 ** 20);
    t.true(await entries.set('large', new Uint8Array(large)));
    t.deepEqual(Buffer.from((await entries.get('large')) as Uint8Array), large);
    const almost = randomBytes(2 ** 20 - 100);
    t.true(await entries.set('almost', new Uint8Array(almost)));
    t.deepEqual(Buffer.from((await entries.get('almost')) as Uint8Array), almost);
    t.true(await entries.set('empty', new Uint8Array(0)));
    t.deepEqual(await entries.get('empty'), new Uint8Array(0));
  });
}

test('a function of a thousand tenants finds the entries of each, and no other', async (t) => {
  const entries = createCache({ masterKey, namespace: 'n', ttl: '1h' });
  let runs = 0;
  const find = entries.wrap({ operation: 'find', tenant: (tenantId: string) => tenantId })(
    async (tenantId: string, id: number) => {
      runs++;
      return `${tenantId}:${id}`;
    },
  );
  const tenants = Array.from({ length: 1_500 }, (_, i) => `tenant-${i}`);
  for (const round of [1, 2]) {
    for (const tenantId of tenants) t.is(await find(tenantId, 1), `${tenantId}:1`);
    t.is(runs, tenants.length, `round ${round}`);
  }
  t.is(await entries.tenant('tenant-3').invalidateTags('none'), 0);
  t.is(await find('tenant-3', 1), 'tenant-3:1');
  t.is(runs, tenants.length);
});

test('entries of before a rotation answer, and those of a key that is gone do not', async (t) => {
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ keyring, ttl: '1h' });
  await entries.set('a', 'before');
  keyring.startRotation(randomBytes(32));
  t.is(await entries.get('a'), 'before');
  await entries.set('b', 'after');
  t.is(await entries.get('b'), 'after');
  keyring.completeRotation();
  t.is(await entries.get('a'), undefined);
  t.is(await entries.get('b'), 'after');
  t.is(entries.stats().hits, 3);
});

test('tags that were set elsewhere end the copies of a tenant, and only theirs', async (t) => {
  const backend = new MapBackend();
  const tagged = Object.assign(backend, { invalidateTags: async () => 0 });
  const writer = createCache({ masterKey, namespace: 'n', backend: tagged });
  const reader = createCache({ masterKey, namespace: 'n', backend: tagged });
  for (const of of [writer, writer.tenant('t')]) await of.set('k', 1, { tags: ['x'] });
  for (const of of [reader, reader.tenant('t')]) t.is(await of.get('k'), 1);
  const { get: reads } = backend.calls;
  for (const of of [reader, reader.tenant('t')]) t.is(await of.get('k'), 1);
  t.is(backend.calls.get, reads, 'copies');
  await reader.tenant('t').invalidateTags('y');
  t.is(await reader.get('k'), 1);
  t.is(backend.calls.get, reads);
  t.is(await reader.tenant('t').get('k'), 1);
  t.is(backend.calls.get, reads + 1, 'the copy of that tenant may have had the tag');
});

test('a reviver that uses caches while a value is decoded confuses none', async (t) => {
  const inner = cache({ ttl: '1h' })(async (id: number) => ({ inner: id }));
  await inner(1);
  let calls = 0;
  const serializer = new StandardSerializer({
    reviver: (_type, iso) => {
      void inner(++calls);
      return iso;
    },
  });
  const date = new Date('2026-11-30T12:00:00.000Z');
  const outer = cache({ ttl: '1h', serializer })(async (id: number) => ({ outer: id, at: date as unknown }));
  for (let id = 0; id < 20; id++) await outer(id);
  for (let round = 0; round < 5; round++) {
    for (let id = 0; id < 20; id++) t.like(await outer(id), { outer: id });
  }
  t.true(calls >= 100);
  t.is(outer.stats().l1Hits, 100);
  t.deepEqual(await inner(1), { inner: 1 });
});

test('what a closed cache held is given back, and it holds nothing more', async (t) => {
  const entries = createCache({ ttl: '1h' });
  for (let i = 0; i < 1_000; i++) await entries.set(`k${i}`, 'x'.repeat(100));
  t.true(entries.stats().l1Bytes > 100_000);
  await entries.close();
  t.like(entries.stats(), { l1Entries: 0, l1Bytes: 0 });
  await t.throwsAsync(entries.get('k1'), { code: 'ERR_BACKEND' });
});
