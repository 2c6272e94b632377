import test from 'ava';
import { cache, createCache } from '../../index.js';
import { MapBackend, masterKey, withClock } from './map-backend.js';

test.serial('entry says where a value came from and how long it lives', async (t) => {
  await withClock(async (clock) => {
    const load = cache({ ttl: '10s' })((id: number) => ({ id }));
    const miss = await load.entry(1);
    t.is(miss.status, 'miss');
    t.deepEqual(miss.value, { id: 1 });
    clock.ms += 4000;
    const hit = await load.entry(1);
    t.is(hit.status, 'hit');
    t.deepEqual(hit.value, { id: 1 });
    t.true((hit.ageMs ?? 0) >= 4000 && (hit.ageMs ?? 0) < 10_000);
    t.true(Math.abs((hit.ageMs ?? 0) + (hit.expiresInMs ?? 0) - 10_000) < 1);
    clock.ms += 6001;
    t.is((await load.entry(1)).status, 'miss');
  });
});

test.serial('an entry of this process ends with its TTL, and one that never ends does not', async (t) => {
  await withClock(async (clock) => {
    let runs = 0;
    const short = cache({ ttl: '250ms' })(() => ++runs);
    const never = cache.secure({ masterKey, ttl: 'never' })(() => ++runs);
    const decoded = cache({ ttl: '250ms', l1: { values: true } })(() => ++runs);
    const all = async () => [await short(), await never(), await decoded()];
    t.deepEqual(await all(), [1, 2, 3]);
    clock.ms += 200;
    t.deepEqual(await all(), [1, 2, 3]);
    clock.ms += 51;
    t.deepEqual(await all(), [4, 2, 5]);
    clock.ms += 1e12;
    t.is(await never(), 2);
  });
});

test.serial('L1 never outlives the entry in the backend', async (t) => {
  await withClock(async (clock) => {
    const backend = new MapBackend();
    const options = { backend, namespace: 'n', operation: 'o', ttl: '1h' } as const;
    const asked = async (wait: number, load: () => Promise<unknown>) => {
      clock.ms += wait;
      const before = backend.calls.get;
      await load();
      return backend.calls.get > before;
    };
    await cache(options)(() => 1)();
    const unknown = cache(options)(() => 1);
    t.true(await asked(0, unknown));
    t.false(await asked(29_000, unknown), 'a copy of unknown end is kept for 30 s');
    t.true(await asked(1_001, unknown));
    backend.expiresInMs = 5_000;
    const known = cache(options)(() => 1);
    t.true(await asked(0, known));
    t.false(await asked(4_000, known));
    t.true(await asked(1_001, known));
    backend.expiresInMs = 0;
    const never = cache(options)(() => 1);
    t.true(await asked(0, never), 'a store may forbid copies');
    t.true(await asked(0, never));
    backend.expiresInMs = Number.POSITIVE_INFINITY;
    const own = cache({ ...options, ttl: '1m' })(() => 1);
    t.true(await asked(0, own));
    t.false(await asked(59_000, own));
    t.true(await asked(1_001, own), 'nor longer than its own TTL');
    const limited = cache({ ...options, l1: { ttl: '2s' } })(() => 1);
    t.true(await asked(0, limited));
    t.false(await asked(1_900, limited));
    t.true(await asked(101, limited), 'nor longer than l1.ttl');
  });
});

test.serial('ttl and expire tell and change when an entry ends', async (t) => {
  await withClock(async (clock) => {
    const entries = createCache({ masterKey, ttl: '1m' });
    await entries.set('a', 1);
    await entries.set('b', 2, { ttl: 'never' });
    clock.ms += 10_000;
    const left = (await entries.ttl('a')) ?? 0;
    t.true(left <= 50 && left > 49);
    t.is(await entries.ttl('b'), Number.POSITIVE_INFINITY);
    t.is(await entries.ttl('c'), undefined);
    t.true(await entries.expire('a', '2h'));
    t.true(await entries.expire('b', 1));
    t.false(await entries.expire('c', 1));
    clock.ms += 7_000_000;
    t.is(await entries.get('a'), 1);
    t.is(await entries.get('b'), undefined);
    t.is(await entries.ttl('b'), undefined);
    clock.ms += 201_000;
    t.false(await entries.has('a'));
  });
});

test.serial('l1.ttl is about copies: it ends nothing that this process alone has', async (t) => {
  await withClock(async (clock) => {
    const entries = createCache({ l1: { ttl: '1s' } });
    await entries.set('k', 1);
    clock.ms += 2000;
    t.is(await entries.get('k'), 1);
  });
});
