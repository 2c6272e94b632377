import test from 'ava';
import { ConfigurationError, cache, createCache, MemoryBackend, TimeoutError } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { deferred, masterKey, settle, WatchedBackend } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const onError = () => {};
const failing = (runs: { count: number }) => () => {
  throw new Error(`failure ${++runs.count}`);
};

test.serial('an error is thrown again, the same object, until its time is over', async (t) => {
  for (const backend of [undefined, new MemoryBackend()]) {
    for (const thrown of [new Error('down'), 'text', undefined, null]) {
      using clock = fakeClock();
      let runs = 0;
      const load = cache.secure({ ...named, backend, masterKey, errorTtl: '5s' })(async (_id: number) => {
        runs++;
        throw thrown;
      });
      const outcomes = await Promise.allSettled([load(1), load(1)]);
      for (let i = 0; i < 3; i++) outcomes.push((await Promise.allSettled([load(1)]))[0]);
      t.true(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === thrown));
      t.is(runs, 1);
      t.like(load.stats(), { loads: 1, loadErrors: 1, misses: 5 });
      await Promise.allSettled([load(2)]);
      t.is(runs, 2, 'of another entry nothing is known');
      clock.advance(5_001);
      await Promise.allSettled([load(1)]);
      t.is(runs, 3);
    }
  }
});

test('by default each call runs the function', async (t) => {
  const runs = { count: 0 };
  const load = cache({})(failing(runs));
  for (let i = 1; i < 4; i++) await t.throwsAsync(load(), { message: `failure ${i}` });
});

test.serial('it ends with whatever changes the entry, and is of one tenant', async (t) => {
  for (const change of ['set', 'setMany', 'delete', 'deleteMany', 'invalidateTags'] as const) {
    for (const backend of [undefined, new MemoryBackend()]) {
      using clock = fakeClock();
      const entries = createCache({ backend, masterKey, ttl: '1s', errorTtl: '1h' });
      const [a, b] = [entries.tenant('a'), entries.tenant('b')];
      const runs = { count: 0 };
      const options = backend && { tags: ['t'] };
      for (const view of [a, b, a, b]) await t.throwsAsync(view.getOrSet('k', failing(runs), options));
      t.is(runs.count, 2);
      if (change === 'set') await a.set('k', 1);
      else if (change === 'setMany') await a.setMany([['k', 1]]);
      else if (change === 'delete') await a.delete('k');
      else if (change === 'deleteMany') await a.deleteMany(['k']);
      else if (backend === undefined) continue;
      else await a.invalidateTags('t');
      clock.advance(1_001);
      await t.throwsAsync(a.getOrSet('k', failing(runs), options), { message: 'failure 3' }, change);
      await t.throwsAsync(b.getOrSet('k', failing(runs), options), { message: 'failure 2' });
    }
  }
});

test('a refresh and an invalidation of a function end it, and so does a change elsewhere', async (t) => {
  const backend = new WatchedBackend();
  const runs = { count: 0 };
  const load = cache({ ...named, backend, errorTtl: '1h' })(failing(runs) as () => string);
  const other = cache({ ...named, backend, errorTtl: '1h' })(() => 'theirs');
  await t.throwsAsync(load(), { message: 'failure 1' });
  await load.invalidate();
  await t.throwsAsync(load(), { message: 'failure 2' });
  await t.throwsAsync(load.refresh(), { message: 'failure 3' });
  await t.throwsAsync(load(), { message: 'failure 3' });
  backend.changed(load.keyFor());
  await t.throwsAsync(load(), { message: 'failure 4' });
  backend.changed(undefined);
  await t.throwsAsync(load(), { message: 'failure 5' });
  await other();
  t.is(await load(), 'theirs', 'a value of another cache of the process');
  await other.invalidate();
  await t.throwsAsync(load(), { message: 'failure 6' });
});

test('an error of before a change is not kept', async (t) => {
  for (const change of ['delete', 'invalidateTags'] as const) {
    const entries = createCache({ backend: new MemoryBackend(), errorTtl: '1h' });
    const gate = deferred<number>();
    const first = entries.getOrSet('k', () => gate.promise, { tags: ['t'] });
    await settle();
    await (change === 'delete' ? entries.delete('k') : entries.invalidateTags('t'));
    gate.reject(new Error('of before'));
    await t.throwsAsync(first, { message: 'of before' });
    t.is(await entries.getOrSet('k', () => 2, { tags: ['t'] }), 2);
  }
});

test('timeouts, aborts and wrong configurations are not kept', async (t) => {
  const ofPlatform = ['AbortError', 'TimeoutError'].map((name) => new DOMException('stop', name));
  for (const thrown of [new TimeoutError('of a function inside'), new ConfigurationError('c'), ...ofPlatform]) {
    let runs = 0;
    const load = cache({ errorTtl: '1h' })(() => {
      if (++runs === 1) throw thrown;
      return runs;
    });
    await t.throwsAsync(load(), { any: true, is: thrown });
    t.is(await load(), 2);
  }
  for (const signal of [false, true]) {
    let runs = 0;
    const gate = deferred<string>();
    const load = cache({ errorTtl: '1h', timeout: { load: '200ms', signal } })(() => {
      runs++;
      return gate.promise;
    });
    await t.throwsAsync(load(), { instanceOf: TimeoutError });
    const waiting = load();
    await settle();
    gate.resolve('value');
    t.is(await waiting, 'value');
    t.is(runs, signal ? 2 : 1);
  }
});

test.serial('with staleIfError the stale value answers, also without back-off', async (t) => {
  using clock = fakeClock();
  const runs = { count: -1 };
  const errors: unknown[] = [];
  const options = { ttl: '1s', staleIfError: '1h', backoff: false, errorTtl: '10s' } as const;
  const load = cache({ ...options, onError: (error) => errors.push(error) })(() => {
    if (++runs.count > 0) throw new Error('down');
    return 'value';
  });
  await load();
  clock.advance(2_000);
  for (let i = 0; i < 5; i++) t.like(await load.entry(), { value: 'value', status: 'stale' });
  t.is(runs.count, 1);
  t.is(errors.length, 1, 'one failure is reported once');
});

test('a call of its own run does not hear of an older error', async (t) => {
  const gate = deferred<string>();
  let runs = 0;
  const load = cache({ errorTtl: '1h', onError })(() => {
    if (++runs === 1) throw new Error('before');
    return gate.promise;
  });
  await t.throwsAsync(load(), { message: 'before' });
  const refreshing = load.refresh();
  await settle();
  const joined = load();
  await settle();
  gate.resolve('value');
  t.deepEqual(await Promise.all([refreshing, joined]), ['value', 'value']);
});
