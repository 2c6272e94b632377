import test, { type ExecutionContext } from 'ava';
import { cache, createCache, EncryptionWrapper, Keyring, MemoryBackend } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { dateOf, elapsed, now } from '../../src/util/clock.js';

// Each test changes the process's clocks: one after the other.
const masterKey = 'a5'.repeat(32);
const HOUR = 3_600_000;

interface Shift {
  /** Milliseconds that the wall clock is off. */
  wall: number;
  /** Milliseconds that the monotonic clock is off. */
  monotonic: number;
}

/** Clocks that can be set, as a suspended machine or an administrator does. They stay as they are at the test's end. */
function clocks(t: ExecutionContext): Shift {
  const shift: Shift = { wall: 0, monotonic: 0 };
  const { now: dateNow } = Date;
  const { now: performanceNow } = performance;
  Date.now = () => dateNow() + shift.wall;
  performance.now = () => performanceNow.call(performance) + shift.monotonic;
  t.teardown(() => {
    Date.now = dateNow;
    delete (performance as { now?: unknown }).now;
  });
  return shift;
}

/** How far the clock moved while `change` was made. */
function moved(change: () => void): number {
  const before = now();
  change();
  return now() - before;
}

const near = (t: ExecutionContext, actual: number, expected: number) =>
  t.true(Math.abs(actual - expected) < 1_000, `${actual} is not ${expected}`);

test.serial('the clock goes on by whichever clock goes further', (t) => {
  const shift = clocks(t);
  near(
    t,
    moved(() => {
      shift.wall += 2 * HOUR;
    }),
    2 * HOUR,
  ); // suspended
  near(
    t,
    moved(() => {
      shift.monotonic += HOUR;
    }),
    HOUR,
  );
  shift.wall += HOUR;
  near(
    t,
    moved(() => now()),
    0,
  ); // the wall clock has caught up
});

test.serial('a wall clock that is set back lengthens nothing, and counts from there', (t) => {
  const shift = clocks(t);
  now();
  near(
    t,
    moved(() => {
      shift.wall -= 3 * HOUR;
    }),
    0,
  );
  near(
    t,
    moved(() => {
      shift.monotonic += HOUR;
    }),
    HOUR,
  );
  shift.wall += HOUR;
  now();
  near(
    t,
    moved(() => {
      shift.wall += 2 * HOUR;
    }),
    2 * HOUR,
  ); // suspended after it was set back
});

test.serial('another monotonic clock in its place goes on where it was', (t) => {
  const shift = clocks(t);
  now();
  near(
    t,
    moved(() => {
      shift.monotonic -= 10 * HOUR;
    }),
    0,
  );
  near(
    t,
    moved(() => {
      shift.monotonic += HOUR;
    }),
    HOUR,
  );
});

test.serial('steps that are noise do not add up', (t) => {
  const shift = clocks(t);
  const added = moved(() => {
    for (let i = 0; i < 10_000; i++) {
      shift.wall = (i % 5) - 2;
      now();
    }
    shift.wall = 0;
  });
  t.true(added >= 0 && added < 2_000, `${added}`);
});

test.serial('it never goes back, and follows a slow drift of the wall clock', (t) => {
  const shift = clocks(t);
  let last = now();
  for (let i = 0; i < 1_000; i++) {
    shift.wall += i < 500 ? 200 : -200;
    const time = now();
    t.true(time >= last);
    last = time;
  }
  const before = now();
  for (let i = 0; i < 1_000; i++) {
    shift.wall += 3;
    now();
  }
  near(t, now() - before, 3_000);
});

test.serial('a reading has the wall-clock time that it was made at', (t) => {
  const shift = clocks(t);
  shift.wall += HOUR;
  const at = now();
  near(t, dateOf(at).getTime(), Date.now());
  near(t, dateOf(at - HOUR).getTime(), Date.now() - HOUR);
  using clock = fakeClock();
  clock.advance(HOUR);
  near(t, dateOf(now()).getTime(), Date.now() + HOUR);
});

test.serial('what operations take is not told by clocks that are set', (t) => {
  const shift = clocks(t);
  const before = elapsed();
  shift.wall += HOUR;
  shift.monotonic += HOUR;
  near(t, elapsed() - before, 0);
});

const stores = { 'this process alone': () => null, memory: () => new MemoryBackend() };

for (const [name, backend] of Object.entries(stores)) {
  test.serial(`entries end with either clock: ${name}`, async (t) => {
    const shift = clocks(t);
    const users = createCache({ namespace: 'n', masterKey, ttl: '1m', backend: backend() });
    const load = cache.secure({ namespace: 'n', operation: 'o', masterKey, ttl: '1m', backend: backend() })(() => 1);
    for (const clock of ['wall', 'monotonic'] as const) {
      await users.set('k', 1);
      await load();
      t.is(await users.get('k'), 1);
      t.is((await load.entry()).status, 'hit');
      shift[clock] += 2 * HOUR;
      t.is(await users.get('k'), undefined, clock);
      t.false(await users.has('k'));
      t.is(await users.ttl('k'), undefined);
      t.deepEqual(await users.getMany(['k']), [undefined]);
      t.is((await load.entry()).status, 'miss');
    }
    await users.set('k', 1);
    shift.wall -= 5 * HOUR;
    t.true(((await users.ttl('k')) ?? 0) <= 60);
    shift.monotonic += 61_000;
    t.is(await users.get('k'), undefined, 'set back, and over');
    await users.close();
  });

  test.serial(`no entry outlives its TTL inside one turn of the event loop: ${name}`, async (t) => {
    const users = createCache({ namespace: 'n', masterKey, ttl: '150ms', backend: backend() });
    const load = cache.secure({ namespace: 'n', operation: 'o', masterKey, ttl: '150ms', backend: backend() })(() => 1);
    const values = cache.secure({ masterKey, ttl: '150ms', l1: { values: true } })(() => 1);
    for (const call of [load, values]) await call();
    await users.set('k', 1);
    for (let i = 0; i < 10; i++) await users.get('k');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    // None of these waits before it looks.
    const read = [users.get('k'), users.getMany(['k']), load.entry(), values.entry()] as const;
    t.is(await read[0], undefined);
    t.deepEqual(await read[1], [undefined]);
    t.deepEqual([(await read[2]).status, (await read[3]).status], ['miss', 'miss']);
    await users.close();
  });
}

test.serial('an answer that was long on its way is no hit when its entry has ended', async (t) => {
  const shift = clocks(t);
  const store = new MemoryBackend();
  let asleep = 0;
  // Answers at once, and then the machine sleeps before the answer is looked at.
  const backend = {
    get: async (key: string) => {
      const entry = await store.get(key);
      shift.wall += asleep;
      return entry;
    },
    set: store.set.bind(store),
    delete: store.delete.bind(store),
  };
  const options = { namespace: 'n', operation: 'o', masterKey, ttl: '1m', backend } as const;
  const load = cache.secure({ ...options, l1: { ttl: '1s' } })(() => 1);
  await load();
  shift.wall += 2_000;
  t.is((await load.entry()).status, 'hit', 'of the backend');
  shift.wall += 2_000;
  asleep = 2 * HOUR;
  t.is((await load.entry()).status, 'miss');
});

test.serial('a clock that reads 0 is a time as others', async (t) => {
  let time = 0;
  const backend = new MemoryBackend({ now: () => time });
  await backend.set('k', Buffer.from('x'), { ttlMs: 1_000 });
  t.is((await backend.get('k'))?.expiresInMs, 1_000);
  time = 1_001;
  t.false(await backend.has('k'));
  t.is(await backend.get('k'), undefined);
});

test.serial('what is over is not made to live again by a new time to live', async (t) => {
  for (const backend of [null, new MemoryBackend()]) {
    using clock = fakeClock();
    const users = createCache({ namespace: 'n', masterKey, ttl: '1s', swr: '1h', backend });
    await users.set('k', 'old');
    t.true(await users.expire('k', '2s'));
    clock.advance(2_001);
    t.false(await users.has('k'));
    t.false(await users.expire('k', '1h'));
    t.is(await users.get('k'), undefined);
    await users.close();
  }
});

test.serial('a key that was used in this turn was used just now, however long the turn is', async (t) => {
  const keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper({ keyring });
  const sealed = wrapper.serialize(1, { cacheKey: 'k' });
  keyring.startRotation('b6'.repeat(32));
  wrapper.deserialize(sealed, { cacheKey: 'k' });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  wrapper.deserialize(sealed, { cacheKey: 'k' });
  t.throws(() => keyring.completeRotation({ ifUnusedFor: '200ms' }), { code: 'ERR_KEY' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.notThrows(() => keyring.completeRotation({ ifUnusedFor: '200ms' }));
});

test.serial('what is left of a TTL is never more than the TTL', async (t) => {
  const users = createCache({ masterKey, ttl: '10s' });
  for (let i = 0; i < 300; i++) {
    await users.set('k', i);
    t.true(((await users.ttl('k')) ?? 0) <= 10);
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
