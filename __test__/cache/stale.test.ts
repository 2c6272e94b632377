import test from 'ava';
import { cache, createCache, MemoryBackend } from '../../index.js';
import { deferred, MapBackend, masterKey, settle, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const stores = () => [undefined, new MemoryBackend()];
const failed = new Error('the database is down');

test.serial('with swr a value past its TTL answers at once, and one run in the background replaces it', async (t) => {
  for (const l1 of [true, false]) {
    await withClock(async (clock) => {
      const gate = deferred<number>();
      let runs = 0;
      const backend = new MemoryBackend();
      const options = { ...named, backend, l1, masterKey, ttl: '10s', swr: '5s' } as const;
      const load = cache(options)(() => (++runs === 1 ? 1 : gate.promise));
      await load();
      clock.ms += 12_000;
      t.deepEqual(await Promise.all([load(), load(), load()]), [1, 1, 1]);
      t.is(await load(), 1, 'while the run is under way');
      t.is(runs, 2);
      gate.resolve(2);
      await settle();
      t.deepEqual([await load(), (await load.entry()).status], [2, 'hit']);
      t.is(runs, 2);
      t.like(load.stats(), { staleHits: 4, misses: 1, hits: 2, loads: 2, loadErrors: 0 });
    });
  }
});

test.serial('without a backend a value of this process is as stale', async (t) => {
  await withClock(async (clock) => {
    let runs = 0;
    const load = cache({ ttl: '10s', swr: '5s' })(() => ++runs);
    await load();
    clock.ms += 14_000;
    t.is(await load(), 1);
    await settle();
    t.is(await load(), 2);
    clock.ms += 15_001;
    t.is(await load(), 3, 'after the window the caller waits');
  });
});

test.serial('a background run that throws is reported, and the stale value goes on answering', async (t) => {
  await withClock(async (clock) => {
    for (const backend of stores()) {
      const errors: unknown[] = [];
      let runs = 0;
      const load = cache({ ...named, backend, ttl: '10s', swr: '20s', onError: (error) => errors.push(error) })(
        async () => {
          if (++runs > 1) throw failed;
          return 1;
        },
      );
      await load();
      clock.ms += 11_000;
      t.deepEqual(await Promise.all([load(), load()]), [1, 1]);
      await settle();
      t.deepEqual(errors, [failed]);
      clock.ms += 1_000;
      t.is(await load(), 1);
      await settle();
      t.is(errors.length, 2, 'after the back-off the next caller tries again');
      t.is(load.stats().loadErrors, 2);
    }
  });
});

test.serial(
  'with staleIfError the stale value answers for a function that fails, to everyone who waited',
  async (t) => {
    await withClock(async (clock) => {
      for (const backend of stores()) {
        const gate = deferred<number>();
        const errors: unknown[] = [];
        let runs = 0;
        const onError = (error: unknown) => errors.push(error);
        const load = cache({ ...named, backend, ttl: '10s', staleIfError: '1m', onError })(async () => {
          return ++runs === 1 ? 1 : gate.promise;
        });
        await load();
        clock.ms += 30_000;
        const first = load.entry();
        await settle();
        const joined = load.entry();
        await settle();
        gate.reject(failed);
        t.deepEqual(
          (await Promise.all([first, joined])).map(({ value, status }) => [value, status]),
          [
            [1, 'stale'],
            [1, 'stale'],
          ],
        );
        t.is(runs, 2);
        t.deepEqual(errors, [failed, failed]);
        t.like(load.stats(), { staleHits: 2, loads: 2, loadErrors: 1, hits: 0 });
        clock.ms += 40_001;
        await t.throwsAsync(load(), { is: failed }, 'after the window it is an error');
      }
    });
  },
);

test.serial('a function that fails without a stale value rejects', async (t) => {
  const load = cache({ ...named, backend: new MemoryBackend(), staleIfError: '1h', swr: '1m' })(async () => {
    throw failed;
  });
  const results = await Promise.allSettled([load(), load()]);
  t.true(results.every((result) => result.status === 'rejected' && result.reason === failed));
});

test.serial('both windows together: first in the background, then only for an error', async (t) => {
  await withClock(async (clock) => {
    const backend = new MemoryBackend();
    let runs = 0;
    let works = true;
    const options = { ...named, backend, ttl: '10s', swr: '10s', staleIfError: '1m', onError: () => {} } as const;
    const load = cache(options)(async () => {
      runs++;
      if (!works) throw failed;
      return runs;
    });
    await load();
    clock.ms += 25_000;
    t.like(await load.entry(), { value: 2, status: 'miss' }, 'past swr, a function that works is waited for');
    works = false;
    clock.ms += 15_000;
    t.like(await load.entry(), { value: 2, status: 'stale' });
    await settle();
    clock.ms += 50_000;
    t.like(await load.entry(), { value: 2, status: 'stale' }, 'past swr, for the error');
    clock.ms += 6_000;
    await t.throwsAsync(load(), { is: failed });
  });
});

test.serial('the backend keeps entries for the longer window more, and is told of it', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, ttl: '10s', swr: '5s', staleIfError: '20s' });
  await entries.set('a', 1);
  await entries.setMany([['b', 1]], { ttl: '1s' });
  await entries.set('c', 1, { ttl: 'never' });
  t.deepEqual([...backend.ttls.values()], [30_000, 21_000, Number.POSITIVE_INFINITY]);
  t.deepEqual([...backend.staleTimes.values()], [20_000, 20_000, 20_000]);
  const fresh = new MapBackend();
  await createCache({ backend: fresh, ttl: '10s' }).set('a', 1);
  t.deepEqual([fresh.ttls.get('a'), fresh.staleTimes.get('a')], [10_000, undefined]);
});

test.serial('entry tells the age and the rest of a stale value', async (t) => {
  await withClock(async (clock) => {
    const backend = new MemoryBackend();
    const load = cache({ ...named, backend, ttl: '10s', swr: '1m' })(() => 1);
    t.true(((await load.entry()).expiresInMs ?? 0) > 9_000);
    clock.ms += 4_000;
    const hit = await cache({ ...named, backend, ttl: '10s', swr: '1m' })(() => 1).entry();
    t.is(hit.status, 'hit');
    t.true((hit.ageMs ?? 0) >= 4_000 && (hit.expiresInMs ?? 0) <= 6_001 && (hit.expiresInMs ?? 0) > 0);
    clock.ms += 20_000;
    const { status, ageMs = 0, expiresInMs } = await load.entry();
    t.deepEqual([status, expiresInMs], ['stale', 0]);
    t.true(ageMs >= 24_000 && ageMs < 34_000);
  });
});

test.serial(
  'get, getMany and has know only fresh values, and ttl and expire count to the end of the TTL',
  async (t) => {
    await withClock(async (clock) => {
      for (const backend of stores()) {
        const entries = createCache({ backend, masterKey, ttl: '10s', swr: '1m', staleIfError: '1h' });
        await entries.setMany([
          ['a', 1],
          ['b', 2],
        ]);
        t.true(((await entries.ttl('a')) ?? 0) <= 10);
        clock.ms += 11_000;
        t.is(await entries.get('a'), undefined);
        t.deepEqual(await entries.getMany(['a', 'b']), [undefined, undefined]);
        t.false(await entries.has('a'));
        t.is(await entries.ttl('a'), undefined);
        t.like(await entries.entry('a', () => 9), { value: 1, status: 'stale' }, 'and it is still there');
      }
      const shared = new MemoryBackend();
      const entries = createCache({ backend: shared, ttl: '10s', swr: '1m' });
      await entries.set('a', 1);
      t.true(await entries.expire('a', '30s'));
      clock.ms += 29_000;
      t.is(await entries.get('a'), 1);
      clock.ms += 2_000;
      t.is(await entries.get('a'), undefined);
      t.like(await entries.entry('a', () => 9), { value: 1, status: 'stale' });
    });
  },
);

test('where the backend does not say when entries end, all that it has is fresh', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, l1: false, ttl: '10s', swr: '1m' });
  await entries.set('a', 1);
  t.true(await entries.has('a'));
  t.is(await entries.get('a'), 1);
  const { status, ageMs, expiresInMs } = await entries.entry('a', () => 2);
  t.deepEqual([status, ageMs, expiresInMs], ['hit', undefined, undefined]);
});

test.serial('jitter shortens TTLs within its bounds, and not those of entries that never end', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, ttl: '100s', jitter: 0.2, swr: '10s' });
  await entries.setMany(Array.from({ length: 200 }, (_, i) => [`k${i}`, i] as const));
  const ttls = [...backend.ttls.values()].map((ttl) => (ttl ?? 0) - 10_000);
  t.true(ttls.every((ttl) => ttl > 80_000 && ttl <= 100_000));
  t.true(new Set(ttls).size > 100);
  t.true(Math.max(...ttls) - Math.min(...ttls) > 5_000);
  await entries.set('never', 1, { ttl: 'never' });
  t.is(backend.ttls.get('never'), Number.POSITIVE_INFINITY);
});
