import test from 'ava';
import { cache, MemoryBackend } from '../../index.js';
import { fakeClock, TEST_MASTER_KEY } from '../../src/testing/index.js';

const counted = (backend: MemoryBackend | null) => {
  let loads = 0;
  return cache.secure({ namespace: 'n', operation: 'o', ttl: 60, backend, masterKey: TEST_MASTER_KEY })(
    async () => ++loads,
  );
};

// One after the other: the clock is the process's.
test.serial('an entry is loaded again when the clock says that its TTL is over', async (t) => {
  for (const backend of [null, new MemoryBackend()]) {
    using clock = fakeClock();
    const load = counted(backend);
    t.deepEqual([await load(), await load()], [1, 1]);
    clock.advance(30_000);
    t.is(await load(), 1);
    clock.advance(31_000);
    t.is(await load(), 2);
  }
});

test.serial('a memory backend follows the clock, unless it has one of its own', async (t) => {
  using clock = fakeClock();
  const follows = new MemoryBackend();
  const own = new MemoryBackend({ now: () => 1 });
  for (const backend of [follows, own]) await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
  const lock = await follows.lock('a', 60_000);
  clock.advance(60_000);
  t.is(await follows.get('a'), undefined);
  t.false(await lock?.extend(1));
  t.not(await own.get('a'), undefined);
});

test.serial('at the end of `using`, and by restore, the clock is where it was', async (t) => {
  const backend = new MemoryBackend();
  await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
  {
    using clock = fakeClock();
    clock.advance(3_600_000);
    t.false(await backend.has('a'));
  }
  t.true(await backend.has('a'));
  const [one, two] = [fakeClock(), fakeClock()];
  one.advance(40_000);
  two.advance(40_000);
  t.false(await backend.has('a'), 'they add up');
  one.restore();
  one.restore();
  t.true(await backend.has('a'));
  two.restore();
  t.true(((await backend.get('a'))?.expiresInMs ?? 0) <= 60_000);
});

test.serial('a step that is no duration is refused, and moves nothing', async (t) => {
  const backend = new MemoryBackend();
  await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
  using clock = fakeClock();
  for (const ms of ['1', undefined, null, 1n, {}])
    t.throws(() => clock.advance(ms as never), { instanceOf: TypeError });
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => clock.advance(ms), { instanceOf: RangeError });
  }
  t.true(await backend.has('a'));
});
