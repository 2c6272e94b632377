import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { cache, createCache, MemoryBackend, TimeoutError } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { deferred, MapBackend, masterKey, settle } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const timeout = { load: '100ms' } as const;
const timedOut = { instanceOf: TimeoutError, message: 'The function took longer than 100 ms' };

test('callers who give up one after another share one run, and its result is stored', async (t) => {
  const share = async (backend: MemoryBackend | MapBackend | undefined) => {
    const gate = deferred<number>();
    let runs = 0;
    const load = cache.secure({ ...named, backend, masterKey, timeout })(() => {
      runs++;
      return gate.promise;
    });
    for (let i = 0; i < 3; i++) await t.throwsAsync(load(), timedOut);
    await Promise.all([1, 2].map(() => t.throwsAsync(load(), timedOut)));
    const waiting = load();
    gate.resolve(1);
    t.is(await waiting, 1);
    t.like(await load.entry(), { value: 1, status: 'hit' });
    t.is(runs, 1);
    t.like(load.stats(), { loads: 1, loadErrors: 1, sets: 1 });
  };
  await Promise.all([undefined, new MemoryBackend(), new MapBackend()].map(share));
});

test('a cache of values and its tenants have the same runs and limits, each tenant its own', async (t) => {
  const entries = createCache({ backend: new MemoryBackend(), masterKey, timeout });
  const views = [entries, entries.tenant('a'), entries.tenant('b')];
  const gates = views.map(() => deferred<number>());
  const runs = views.map(() => 0);
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      views.map((view, i) =>
        t.throwsAsync(
          view.getOrSet('k', () => {
            runs[i] = (runs[i] ?? 0) + 1;
            return gates[i]?.promise;
          }),
          timedOut,
        ),
      ),
    );
  }
  for (const [i, gate] of gates.entries()) gate.resolve(i);
  await settle();
  t.deepEqual(await Promise.all(views.map((view) => view.get('k'))), [0, 1, 2]);
  t.deepEqual(runs, [1, 1, 1]);
});

test('the time for a caller is that of the function: storing the result is not part of it', async (t) => {
  const backend = new MapBackend();
  const storing = deferred();
  backend.before = (operation) => (operation === 'set' ? storing.promise : undefined);
  const load = cache({ ...named, backend, timeout })(async () => 'made in time');
  const call = load();
  for (let i = 0; i < 2; i++) await t.throwsAsync(cache({ timeout })(() => new Promise(() => {}))(), timedOut);
  storing.resolve();
  t.is(await call, 'made in time');
});

test('the run that nobody waits for any more is disturbed by what ends any run', async (t) => {
  for (const change of ['invalidate', 'refresh'] as const) {
    const backend = new MemoryBackend();
    const gate = deferred<string>();
    let runs = 0;
    const load = cache({ ...named, backend, timeout })(() => (++runs === 1 ? gate.promise : 'new'));
    await t.throwsAsync(load(), timedOut);
    await load[change]();
    t.is(await load(), 'new', 'who comes after it does not wait for the old run');
    gate.resolve('old');
    await settle();
    t.is(await load(), 'new');
    t.is(runs, 2);
  }
});

test('a late failure is reported, and the next call runs the function', async (t) => {
  const gate = deferred<number>();
  const errors: unknown[] = [];
  let runs = 0;
  const onError = (error: unknown) => errors.push(error);
  const load = cache({ ...named, timeout, onError })(() => (++runs === 1 ? gate.promise : 2));
  await t.throwsAsync(load(), timedOut);
  t.deepEqual(errors, []);
  gate.reject(new Error('late'));
  await settle();
  t.like(errors, [{ message: 'late' }]);
  t.is(await load(), 2);
  t.like(load.stats(), { loads: 2, loadErrors: 1 });
});

test('a refresh that takes too long is answered in time, and replaces the entry later', async (t) => {
  const gate = deferred<number>();
  let runs = 0;
  const load = cache({ ...named, backend: new MemoryBackend(), timeout })(() => (++runs === 1 ? 1 : gate.promise));
  await load();
  await t.throwsAsync(load.refresh(), timedOut);
  t.is(await load(), 1);
  gate.resolve(2);
  await settle();
  t.is(await load(), 2);
});

test('what another process stores meanwhile is found while a run makes its callers wait', async (t) => {
  const backend = new MapBackend();
  const options = { ...named, backend, timeout } as const;
  const hung = cache(options)(() => new Promise<string>(() => {}));
  await t.throwsAsync(hung(), timedOut);
  const elsewhere = new MapBackend();
  await cache({ ...named, backend: elsewhere })(() => 'theirs')();
  for (const [cacheKey, bytes] of elsewhere.stored) backend.stored.set(cacheKey, bytes);
  t.is(await hung(), 'theirs');
});

test.serial('a function that never returns holds its entry for ten time limits, or 10 minutes', async (t) => {
  for (const [options, boundMs] of [
    [{ timeout: { load: '20ms' } }, 200],
    [{ timeout: { load: '20s' } }, 200_000],
    [{}, 600_000],
  ] as const) {
    for (const backend of [undefined, new MemoryBackend()]) {
      using clock = fakeClock();
      const gate = deferred<string>();
      let runs = 0;
      const load = cache({ ...named, backend, ...options, onError: () => {} })(() =>
        ++runs === 1 ? gate.promise : 'new',
      );
      const first = load();
      first.catch(() => {});
      await settle();
      if (boundMs > 1_000) {
        clock.advance(boundMs - 100);
        const second = load();
        second.catch(() => {});
        await settle();
        t.is(runs, 1);
      }
      clock.advance(boundMs);
      t.is(await load(), 'new');
      gate.resolve('old');
      await settle();
      t.is(await load(), 'new', 'the old result is not stored');
      t.is(runs, 2);
      if (boundMs !== 200) t.is(await first, 'old', 'who waits for the old run gets its value');
    }
  }
});

test.serial('a function that never returns and is asked for no more stores nothing after its time', async (t) => {
  using clock = fakeClock();
  const backend = new MapBackend();
  const gate = deferred<string>();
  const load = cache({ ...named, backend })(() => gate.promise);
  const call = load();
  await settle();
  clock.advance(600_001);
  gate.resolve('late');
  t.is(await call, 'late');
  t.is(backend.calls.set, 0);
});

test.serial('runs of other entries that never return leave the memory', async (t) => {
  using clock = fakeClock();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const promises: WeakRef<object>[] = [];
  const load = cache({ timeout: { load: '1ms' }, onError: () => {} })((_id: number) => {
    const promise = new Promise(() => {});
    promises.push(new WeakRef(promise));
    return promise;
  });
  for (let id = 0; id < 20; id++) await t.throwsAsync(load(id), { instanceOf: TimeoutError });
  clock.advance(1_000);
  // The next run lets go of those before it.
  await t.throwsAsync(load(20), { instanceOf: TimeoutError });
  await settle();
  collect();
  t.true(promises.filter((promise) => promise.deref() !== undefined).length <= 2);
});

test('callers who have left a run that goes on leave the memory', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const errors: WeakRef<object>[] = [];
  const gate = deferred<number>();
  const load = cache({ timeout: { load: '1ms' } })(() => gate.promise);
  const leave = async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => load()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') errors.push(new WeakRef(outcome.reason));
  };
  await leave();
  await settle();
  collect();
  t.is(errors.length, 20);
  t.true(errors.filter((error) => error.deref() !== undefined).length <= 2);
  gate.resolve(1);
});
