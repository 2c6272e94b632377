import { randomBytes } from 'node:crypto';
import test from 'ava';
import {
  type Cache,
  cache,
  createCache,
  EncryptionWrapper,
  Keyring,
  MemoryBackend,
  StandardSerializer,
} from '../../index.js';
import { deferred, MapBackend, masterKey, settle } from './map-backend.js';

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

test.serial('a read under way during an invalidation leaves no copy, of the cache nor of a tenant', async (t) => {
  for (const values of [false, true]) {
    for (const tenant of [undefined, 't']) {
      const backend = new MapBackend();
      const tagged = Object.assign(backend, { invalidateTags: async () => 0 });
      const entries = createCache({ masterKey, namespace: 'n', backend: tagged, l1: { values } });
      const view = tenant === undefined ? entries : entries.tenant(tenant);
      await view.set('k', 1);
      const copies = createCache({ masterKey, namespace: 'n', backend: tagged, l1: { values } });
      const reader = tenant === undefined ? copies : copies.tenant(tenant);
      const gate = deferred();
      backend.after = (operation) => (operation === 'get' ? gate.promise : undefined);
      const reading = reader.get('k');
      await settle();
      await reader.invalidateTags('any');
      backend.after = undefined;
      gate.resolve();
      t.is(await reading, 1);
      const { get: before } = backend.calls;
      t.is(await reader.get('k'), 1);
      t.is(backend.calls.get, before + 1);
    }
  }
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

test('a value that decodes to nothing, while another call is made, is a miss of its own call', async (t) => {
  for (const keys of [{}, { masterKey }]) {
    let nested: (() => unknown) | undefined;
    const serializer = {
      format: 'own',
      serialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
      deserialize(payload: Uint8Array): unknown {
        if (nested === undefined) return JSON.parse(Buffer.from(payload).toString());
        const call = nested;
        nested = undefined;
        call();
        return undefined;
      },
    };
    const entries = createCache({ ...keys, namespace: 'n', serializer });
    const f = entries.wrap({ operation: 'f' })(async (x: number) => `f${x}`);
    const g = entries.wrap({ operation: 'g' })(async (x: number) => `g${x}`);
    await f(1);
    await f(2);
    nested = () => g(2);
    t.is(await f(1), 'f1');
    await f(1);
    nested = () => g(3);
    await f(1);
    t.is(await f(3), 'f3');
  }
});

test('a copy that was kept by its cache key, or by a store that answers at once, is a hit of its call', async (t) => {
  for (const keys of [{}, { masterKey }]) {
    const backend = new MemoryBackend();
    const make = () => createCache({ ...keys, namespace: 'n', backend }).wrap({ operation: 'f' });
    const [one, two] = [make()(async (x: number) => x), make()(async (x: number) => x)];
    await one(1);
    for (let i = 0; i < 5; i++) await two(1);
    t.like(two.stats(), { hits: 5, l1Hits: 4 });
    const entries = createCache({ ...keys, namespace: 'n', backend });
    const three = entries.wrap({ operation: 'f' })(async (x: number) => x);
    await entries.tenant('x').get('a');
    await three(1);
    for (let i = 0; i < 3; i++) await three(1);
    t.true(three.stats().l1Hits >= 2);
  }
});

test('a function whose keys were destroyed still tells its cache keys, and its entries can be deleted', async (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const entries = createCache({ serializer: wrapper, namespace: 'n' });
  const used = entries.wrap({ operation: 'used' })(async (x: number) => x);
  const unused = entries.wrap({ operation: 'unused' })(async (x: number) => x);
  await used(1);
  wrapper.destroy();
  t.true(unused.keyFor(1).startsWith('ns:n:func:unused:'));
  t.false(await unused.invalidate(1));
  t.true(await used.invalidate(1));
  const closed = createCache({ masterKey, namespace: 'n' });
  const late = closed.wrap({ operation: 'late' })(async (x: number) => x);
  await closed.close();
  t.true(late.keyFor(1).startsWith('ns:n:func:late:'));
  for (const call of [() => late(1), () => late.entry(1), () => late.invalidate(1)]) {
    await t.throwsAsync(call as () => Promise<unknown>, { message: 'This cache is closed' });
  }
});

test('many tenants take nothing from the entries of a small tier', async (t) => {
  const entries = createCache({ masterKey, namespace: 'n', ttl: '1h', l1: { maxBytes: 100_000 } });
  const find = entries.wrap({ operation: 'find', tenant: (tenantId: string) => tenantId })(async (id: string) => id);
  for (let i = 0; i < 900; i++) await find(`tenant-${i}`);
  const { l1Entries, l1Bytes } = entries.stats();
  t.true(l1Entries > 200 && l1Bytes <= 100_000, `${l1Entries} entries, ${l1Bytes} bytes`);
});

test('a copy whose tags may have been invalidated is not counted for ever', async (t) => {
  const backend = Object.assign(new MapBackend(), { invalidateTags: async () => 0 });
  const [writer, reader] = [1, 2].map(() => createCache({ masterKey, namespace: 'n', backend })) as [Cache, Cache];
  for (let i = 0; i < 20; i++) await writer.set(`k${i}`, i);
  for (let i = 0; i < 20; i++) t.is(await reader.get(`k${i}`), i);
  await reader.invalidateTags('z');
  for (let i = 0; i < 20; i++) await reader.delete(`k${i}`);
  t.is(reader.stats().l1Entries, 0);
});
