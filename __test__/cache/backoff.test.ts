import test from 'ava';
import { ConfigurationError, cache, createCache, MemoryBackend } from '../../index.js';
import { FailedLoads } from '../../src/cache/engine/failed-loads.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { deferred, masterKey, settle, WatchedBackend } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const failed = new Error('the database is down');
const stores = () => [undefined, new MemoryBackend()];
const onError = () => {};

/** A function of which each call counts, and that fails while `down`. */
function service() {
  const state = { down: false, runs: 0 };
  const load = () => {
    state.runs++;
    if (state.down) throw failed;
    return 'value';
  };
  return { state, load, promised: async () => load() };
}

for (const windows of [{ staleIfError: '1d' }, { swr: '1d' }, { swr: '10s', staleIfError: '1d' }] as const) {
  test.serial(
    `with ${Object.keys(windows).join(' and ')} each failure makes the next back-off twice as long`,
    async (t) => {
      for (const kind of ['load', 'promised'] as const) {
        for (const backend of stores()) {
          using clock = fakeClock();
          const { state, [kind]: load } = service();
          const price = cache.secure({ ...named, backend, masterKey, ttl: '1s', ...windows, onError })(
            load as () => unknown,
          );
          const call = async () => {
            t.is(await price(), 'value');
            await settle();
          };
          await call();
          state.down = true;
          clock.advance(20_000);
          for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
            state.runs = 0;
            for (let i = 0; i < 20; i++) await call();
            t.is(state.runs, 1);
            clock.advance(pauseMs / 2 - 200);
            await call();
            t.is(state.runs, 1, `${pauseMs} ms have not passed, nor half of them`);
            clock.advance(pauseMs / 2 + 200);
          }
          state.down = false;
          await call();
          state.down = true;
          clock.advance(20_000);
          await call();
          state.runs = 0;
          clock.advance(1_000);
          await call();
          t.is(state.runs, 1, 'a success ends it: the next one begins with a second again');
        }
      }
    },
  );
}

test.serial('the times of the back-off are options, and it can be turned off', async (t) => {
  using clock = fakeClock();
  for (const [backoff, pauses] of [
    [{ first: '10s', max: '30s' }, [10_000, 20_000, 30_000, 30_000]],
    [{ first: '2m' }, [120_000, 120_000]],
    [{ max: '500ms' }, [500, 500]],
    [false, []],
  ] as const) {
    const { state, load } = service();
    const entries = createCache({ ttl: '1s', staleIfError: '1d', backoff, onError });
    const call = () => entries.getOrSet('k', load);
    await call();
    state.down = true;
    clock.advance(2_000);
    for (const pauseMs of pauses) {
      state.runs = 0;
      await call();
      clock.advance(pauseMs / 2 - 200);
      await call();
      t.is(state.runs, 1);
      clock.advance(pauseMs / 2 + 200);
    }
    state.runs = 0;
    for (let i = 0; i < 3; i++) t.is(await call(), 'value');
    t.is(state.runs, backoff === false ? 3 : 1);
  }
});

test.serial('a refresh is not held back, and ends it when it succeeds', async (t) => {
  using clock = fakeClock();
  const { state, load } = service();
  const price = cache({ ttl: '1s', staleIfError: '1d', onError })(load);
  await price();
  state.down = true;
  clock.advance(2_000);
  await price();
  await t.throwsAsync(price.refresh(), { is: failed });
  state.down = false;
  t.is(await price.refresh(), 'value');
  t.is(state.runs, 4);
  state.down = true;
  clock.advance(1_100);
  await price();
  t.is(state.runs, 5);
});

test.serial('the back-off is of one entry and one tenant, and goes with the entry', async (t) => {
  for (const remove of ['set', 'setMany', 'delete', 'deleteMany', 'invalidateTags'] as const) {
    using clock = fakeClock();
    const entries = createCache({
      backend: new MemoryBackend(),
      ttl: '1s',
      staleIfError: '1d',
      backoff: { first: '1h' },
      masterKey,
      onError,
    });
    const [a, b] = [entries.tenant('a'), entries.tenant('b')];
    const { state, load } = service();
    const views = [a, b];
    const tags = ['t'];
    for (const view of views) for (const key of ['k', 'l']) await view.getOrSet(key, load, { tags });
    state.down = true;
    clock.advance(2_000);
    state.runs = 0;
    for (const view of views) for (const key of ['k', 'l', 'k']) await view.getOrSet(key, load, { tags });
    t.is(state.runs, 4);
    if (remove === 'set') await a.set('k', 'new');
    else if (remove === 'setMany') await a.setMany([['k', 'new']]);
    else if (remove === 'delete') await a.delete('k');
    else if (remove === 'deleteMany') await a.deleteMany(['k']);
    else await a.invalidateTags('t');
    if (remove.startsWith('set')) {
      clock.advance(1_001);
      state.runs = 0;
      t.is(await a.getOrSet('k', load), 'new');
    } else await t.throwsAsync(a.getOrSet('k', load), { is: failed });
    t.is(state.runs, remove.startsWith('set') ? 1 : 5, remove);
  }
});

test.serial('what a change elsewhere has replaced is not held back', async (t) => {
  using clock = fakeClock();
  const backend = new WatchedBackend();
  const { state, load } = service();
  const price = cache({ ...named, backend, ttl: '1s', staleIfError: '1d', onError })(load);
  await price();
  state.down = true;
  clock.advance(2_000);
  backend.expiresInMs = 1_000;
  await price();
  await price();
  t.is(state.runs, 2);
  backend.changed(price.keyFor());
  await price();
  t.is(state.runs, 3);
});

test.serial('a function that does not answer in time is backed off too, while its run goes on', async (t) => {
  using clock = fakeClock();
  const gate = deferred<string>();
  let runs = 0;
  const options = { ttl: '1s', staleIfError: '1d', timeout: { load: '20ms' }, onError } as const;
  const price = cache(options)(() => (++runs === 1 ? 'old' : gate.promise));
  await price();
  clock.advance(2_000);
  t.is(await price(), 'old');
  const begun = performance.now();
  for (let i = 0; i < 200; i++) t.like(await price.entry(), { value: 'old', status: 'stale' });
  t.true(performance.now() - begun < 200 * 20, 'nobody waits for the time limit again');
  t.is(price.stats().misses, 2);
  gate.resolve('new');
  await settle();
  t.is(await price(), 'new');
  t.is(runs, 2);
});

test.serial('who has waited for a background run that failed does not begin another', async (t) => {
  using clock = fakeClock();
  const gate = deferred<string>();
  let runs = 0;
  const price = cache({ ttl: '1s', swr: '10s', staleIfError: '1d', onError })(() =>
    ++runs === 1 ? 'old' : gate.promise,
  );
  await price();
  clock.advance(2_000);
  await price();
  clock.advance(20_000);
  const waiting = price.entry();
  await settle();
  gate.reject(failed);
  t.like(await waiting, { value: 'old', status: 'stale' });
  t.is(runs, 2);
});

test.serial(
  'without a stale value there is nothing to wait with, and a wrong configuration is always told',
  async (t) => {
    using clock = fakeClock();
    const { state, load } = service();
    const price = cache({ ttl: '1s', staleIfError: '1d', onError })(load);
    state.down = true;
    for (let i = 0; i < 3; i++) await t.throwsAsync(price(), { is: failed });
    t.is(state.runs, 3);
    let runs = 0;
    const wrong = cache({ ttl: '1s', staleIfError: '1d', onError })(() => {
      if (++runs > 1) throw new ConfigurationError('wrong');
      return 'value';
    });
    await wrong();
    clock.advance(2_000);
    for (let i = 0; i < 3; i++) await t.throwsAsync(wrong(), { instanceOf: ConfigurationError });
    t.is(runs, 4);
  },
);

test('what is remembered of failures is bounded', (t) => {
  const loads = new FailedLoads();
  const policy = { backoff: { firstMs: 60_000, maxMs: 60_000 }, errorTtlMs: 60_000, graceMs: 1 };
  const target = (i: number) => ({ cacheKey: `k${i}`, tenantId: undefined, tags: [`t${i}`], policy }) as never;
  for (let i = 0; i < 20_000; i++) loads.threw(target(i), failed);
  const count = (is: (i: number) => boolean) => Array.from({ length: 20_000 }, (_, i) => is(i)).filter(Boolean).length;
  t.is(
    count((i) => loads.isBackedOff(target(i))),
    10_000,
  );
  t.is(
    count((i) => loads.errorOf(target(i)) !== undefined),
    1_000,
  );
  t.true(loads.isBackedOff(target(19_999)));
  loads.forgetTagged(['t19999']);
  t.false(loads.isBackedOff(target(19_999)));
});
