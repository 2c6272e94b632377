import test from 'ava';
import { cache, createCache, MemoryBackend } from '../../index.js';
import { observeCaches } from '../../src/observability/opentelemetry.js';
import { collector } from '../support/collected-metrics.js';

const masterKey = 'a1'.repeat(32);

test('a meter reports counters and latencies with the names of the caches', async (t) => {
  const { meter, collect, shutdown } = collector();
  const secret = cache.secure({ masterKey, namespace: 'n', operation: 'secret', backend: new MemoryBackend() })(
    (word: string) => ({ word }),
  );
  const end = observeCaches(meter, { secret });
  for (const word of ['sentinel', 'sentinel', 'other']) await secret(word);
  const { points, text } = await collect();
  const attributes = { cache: 'secret' };
  t.deepEqual(
    points('cachekit.hits').map(({ value, attributes }) => ({ value, attributes })),
    [{ value: 1, attributes }],
  );
  t.like(points('cachekit.loads'), [{ value: 2, attributes }]);
  for (const name of ['cachekit.load.duration', 'cachekit.read.duration', 'cachekit.write.duration']) {
    t.like(points(name), [{ value: { count: 2 } }], name);
    t.deepEqual(points(name)[0]?.attributes, attributes, name);
  }
  t.deepEqual(
    points('cachekit.breaker.state').map(({ value, attributes: { state } }) => [state, value]),
    [
      ['closed', 1],
      ['half-open', 0],
      ['open', 0],
    ],
  );
  t.false(text.includes('sentinel'));
  end();
  await secret('third');
  const after = await collect();
  t.like(after.points('cachekit.load.duration'), [{ value: { count: 2 } }], 'ended, nothing is recorded');
  await shutdown();
});

test('each instrument has a unit', async (t) => {
  const { meter, collect, shutdown } = collector();
  const square = cache({ namespace: 'n', operation: 'square', backend: new MemoryBackend() })((n: number) => n * n);
  observeCaches(meter, { square });
  await square(2);
  const units = Object.fromEntries((await collect()).metrics.map(({ descriptor: { name, unit } }) => [name, unit]));
  t.true(Object.keys(units).length > 18);
  t.deepEqual(
    Object.entries(units).filter(([, unit]) => !/^(s|By|\{[a-z]+\})$/.test(unit)),
    [],
  );
  t.like(units, { 'cachekit.hits': '{hit}', 'cachekit.l1_bytes': 'By', 'cachekit.read.duration': 's' });
  await shutdown();
});

test('two modules observe caches of their own, and each read counts once', async (t) => {
  const { meter, collect, shutdown } = collector();
  const backend = new MemoryBackend();
  const make = (namespace: string) => createCache({ masterKey, namespace, backend, l1: false, lock: true });
  const [a, b, unnamed] = [make('a'), make('b'), make('c')];
  observeCaches(meter, { a });
  const end = observeCaches(meter, { b });
  for (const each of [a, b, unnamed]) {
    await each.getOrSet('k', () => 1);
    await each.set('k', 2);
  }
  await b.set('k', 3);
  const byCache = async (name: string) =>
    Object.fromEntries((await collect()).points(name).map(({ value, attributes }) => [attributes.cache, value]));
  t.deepEqual(await byCache('cachekit.sets'), { a: 2, b: 3 });
  t.like(await byCache('cachekit.write.duration'), { a: { count: 2 }, b: { count: 3 } });
  t.like(await byCache('cachekit.load.duration'), { a: { count: 1 }, b: { count: 1 } });
  t.deepEqual(
    Object.keys(await byCache('cachekit.read.duration')),
    ['a', 'b'],
    'and nothing of a cache without a name',
  );
  end();
  await b.set('k', 4);
  await a.set('k', 4);
  t.like(await byCache('cachekit.write.duration'), { a: { count: 3 }, b: { count: 3 } });
  await shutdown();
});

test('a cache that two modules name counts once, until both have ended', async (t) => {
  const { meter, collect, shutdown } = collector();
  const shared = createCache({ backend: new MemoryBackend(), l1: false });
  const [first, second] = [observeCaches(meter, { shared }), observeCaches(meter, { shared })];
  const writes = async () =>
    (await collect()).points('cachekit.write.duration').map(({ value }) => (value as { count: number }).count);
  await shared.set('k', 1);
  t.deepEqual(await writes(), [1]);
  t.like((await collect()).points('cachekit.sets'), [{ value: 1 }]);
  first();
  first();
  await shared.set('k', 1);
  t.deepEqual(await writes(), [2], 'the second goes on, though the first has ended twice');
  second();
  await shared.set('k', 1);
  t.deepEqual(await writes(), [2]);
  const other = createCache();
  observeCaches(meter, { shared: other });
  await shutdown();
});

test('a name twice, and a second name, are refused and add nothing', async (t) => {
  const { meter, collect, shutdown } = collector();
  const [one, other, third] = [createCache(), createCache(), createCache()];
  observeCaches(meter, { one });
  t.throws(() => observeCaches(meter, { third, one: other }), { code: 'ERR_CONFIGURATION' });
  t.throws(() => observeCaches(meter, { third, again: one }), { code: 'ERR_CONFIGURATION' });
  t.throws(() => observeCaches(meter, { third, thirdAgain: third }), { code: 'ERR_CONFIGURATION' });
  t.deepEqual(
    (await collect()).points('cachekit.hits').map(({ attributes }) => attributes.cache),
    ['one'],
  );
  await shutdown();
});

test('what functions and tenants do counts for their cache, as in stats(), and for a function that has a name', async (t) => {
  const { meter, collect, shutdown } = collector();
  await using users = createCache({ namespace: 'u', masterKey, backend: new MemoryBackend(), l1: false });
  const before = users.wrap({ operation: 'before' })((n: number) => n);
  observeCaches(meter, { users, before });
  const after = users.secure({ operation: 'after' })((n: number) => n);
  await before(1);
  await after(1);
  await users.tenant('t').getOrSet('k', () => 1);
  const { points } = await collect();
  const loads = points('cachekit.load.duration').map(({ attributes, value }) => [
    attributes.cache,
    (value as { count: number }).count,
  ]);
  t.deepEqual(Object.fromEntries(loads), { users: 3, before: 1 });
  t.is(users.stats().loadLatency.count, 3);
  await shutdown();
});

test('a breaker that opens shows', async (t) => {
  const { meter, collect, shutdown } = collector();
  const backend = new MemoryBackend();
  const breaker = { failures: 1, rest: '1h' } as const;
  const sessions = createCache({ backend, l1: false, retry: 0, breaker, onError: () => {} });
  observeCaches(meter, { sessions });
  t.is(sessions.stats().breaker, 'closed');
  await backend.close();
  await sessions.get('k');
  t.is(sessions.stats().breaker, 'open');
  const states = (await collect()).points('cachekit.breaker.state');
  t.deepEqual(
    states.filter(({ value }) => value === 1).map(({ attributes }) => attributes),
    [{ cache: 'sessions', state: 'open' }],
  );
  t.is(createCache().stats().breaker, undefined, 'without a backend there is none');
  await shutdown();
});

test('what is no meter is a TypeError', (t) => {
  t.throws(() => observeCaches({} as never, {}), { instanceOf: TypeError });
});
