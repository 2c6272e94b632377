import { inspect } from 'node:util';
import test from 'ava';
import { cache, createCache, MemoryBackend, SerializationError, skip, withTtl } from '../../index.js';
import { MapBackend, masterKey, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

test('skip gives its value to the caller and stores nothing, from functions, loaders, entry and refresh', async (t) => {
  for (const backend of [undefined, new MapBackend()]) {
    const load = cache({ ...named, backend, masterKey })(() => skip({ a: 1 }));
    t.deepEqual([await load(), (await load.entry()).value, await load.refresh()], [{ a: 1 }, { a: 1 }, { a: 1 }]);
    t.like(load.stats(), { loads: 3, sets: 0, refusedValues: 0, l1Entries: 0 });
    const entries = createCache({ backend });
    t.is(await entries.getOrSet('k', async () => skip(7)), 7);
    t.is((await entries.entry<unknown>('k', () => skip(null))).value, null);
    t.is(await entries.getOrSet('k', () => skip()), undefined);
    t.is(await entries.get('k'), undefined);
    t.is(backend?.stored.size ?? 0, 0);
  }
});

test('a refresh whose result is skipped leaves no older value behind', async (t) => {
  let found = true;
  const load = cache({ ...named, backend: new MemoryBackend() })(() => (found ? 'there' : skip('gone')));
  await load();
  found = false;
  t.is(await load.refresh(), 'gone');
  t.like(await load.entry(), { value: 'gone', status: 'miss' });
});

test.serial('withTtl stores its value for the time that it says', async (t) => {
  await withClock(async (clock) => {
    const backend = new MapBackend();
    const load = cache({ ...named, backend, ttl: '1h' })(() => withTtl('token', '20s'));
    const entry = await load.entry();
    t.like(entry, { value: 'token', status: 'miss' });
    t.true((entry.expiresInMs ?? 0) <= 20_000 && (entry.ageMs ?? 1e9) < 10_000, 'it has just been stored');
    t.is(backend.ttls.get(backend.only), 20_000);
    const entries = createCache({ ttl: '1s' });
    t.is(await entries.getOrSet('k', () => withTtl(1, 'never'), { ttl: '5s' }), 1);
    clock.ms += 1e9;
    t.is(await entries.get('k'), 1);
  });
});

test('what skip and withTtl carry may be a promise, or carry the other', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, ttl: '1h' });
  t.is(await entries.getOrSet('a', () => withTtl(Promise.resolve('later'), '5s')), 'later');
  t.is(backend.ttls.get('a'), 5_000);
  t.is(await entries.getOrSet('b', () => withTtl(skip('inner'), '5s')), 'inner');
  t.is(await entries.getOrSet('c', () => skip(withTtl('inner', '5s'))), 'inner');
  t.deepEqual([...backend.stored.keys()], ['a']);
  const failed = new Error('no token today');
  await t.throwsAsync(
    entries.getOrSet('d', () => withTtl(Promise.reject(failed), '5s')),
    { is: failed },
  );
  t.is(entries.stats().loadErrors, 1);
});

test('null may have a TTL of its own, which one from the function goes before', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, ttl: '1h', negativeTtl: '5s' });
  await entries.getOrSet('missing', () => null);
  await entries.getOrSet('there', () => 0);
  await entries.getOrSet('told', () => withTtl(null, '9s'));
  await entries.getOrSet('given', () => null, { ttl: '30s' });
  t.deepEqual(Object.fromEntries(backend.ttls), { missing: 5_000, there: 3_600_000, told: 9_000, given: 5_000 });
  t.is(await entries.getOrSet<unknown>('missing', () => 'now it is'), null, 'it is a value like any other');
});

test('a bad TTL or tag is an error of the function', async (t) => {
  for (const ttl of [
    0,
    -5,
    Number.NaN,
    '5',
    null,
    true,
    [],
    { ttl: '5' },
    { tags: 'a' },
    { tags: [''] },
    { tag: [] },
  ]) {
    const error = await t.throwsAsync(cache({})(() => withTtl(1, ttl as never))());
    t.true(error instanceof TypeError || error instanceof RangeError || error.name === 'ConfigurationError');
  }
});

test('what they return is refused as a value, and tells what it is for', async (t) => {
  await t.throwsAsync(createCache().set('k', withTtl(1, 5)), { instanceOf: SerializationError });
  t.throws(() => JSON.stringify(skip(1)), { instanceOf: TypeError, message: /skip\(\) and withTtl\(\)/ });
  t.notThrows(() => inspect(skip(1)));
});
