import test from 'ava';
import { BackendError, cache } from '../../index.js';
import { masterKey, settle, WatchedBackend, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const presets = ['minimal', 'production', 'io'] as const;

for (const [preset, ttl, window] of [
  ['minimal', 300_000, 0],
  ['production', 600_000, 3_600_000],
  ['io', 3_600_000, 3_600_000],
] as const) {
  test(`${preset} has its own TTL and stale times, and each can be given`, async (t) => {
    const backend = new WatchedBackend();
    await cache[preset]({ ...named, backend })(() => 1)();
    const stored = (backend.ttls.get(backend.only) ?? 0) - window;
    const jitter = preset === 'minimal' ? 0 : 0.1;
    t.true(stored <= ttl && stored >= ttl * (1 - jitter) - 1);
    const own = new WatchedBackend();
    await cache[preset]({ ...named, backend: own, ttl: '7s', swr: '2s', staleIfError: '3s', jitter: 0 })(() => 1)();
    t.is(own.ttls.get(own.only), 10_000);
  });
}

test('minimal tries nothing twice, has no breaker and is not told of changes', async (t) => {
  const backend = new WatchedBackend();
  const load = cache.minimal({ ...named, backend, onError: () => {} })(() => 1);
  t.is(backend.listeners.size, 0);
  backend.before = () => Promise.reject(new BackendError('busy', { transient: true }));
  for (let i = 0; i < 10; i++) await load();
  t.is(backend.calls.get, 10);
  cache.minimal({ ...named, backend, l1: { invalidation: true } })(() => 1);
  t.is(backend.listeners.size, 1);
  cache.minimal({ ...named, backend, l1: false })(() => 1);
  t.is(backend.listeners.size, 1);
});

test('production tries once more, then leaves the store alone', async (t) => {
  const backend = new WatchedBackend();
  const load = cache.production({ ...named, backend, onError: () => {} })(() => 1);
  t.is(backend.listeners.size, 1);
  backend.before = () => Promise.reject(new BackendError('busy', { transient: true }));
  await load();
  t.is(backend.calls.get, 2);
  for (let i = 0; i < 20; i++) await load();
  t.true(backend.calls.get + backend.calls.set <= 6);
});

test.serial('production answers with a stale value while the function runs, and when it fails', async (t) => {
  await withClock(async (clock) => {
    let works = true;
    const load = cache.production({ onError: () => {} })(() => {
      if (!works) throw new Error('down');
      return 1;
    });
    await load();
    works = false;
    clock.ms += 630_000;
    t.is((await load.entry()).status, 'stale');
    await settle();
    clock.ms += 3_000_000;
    t.is((await load.entry()).status, 'stale');
    clock.ms += 600_000;
    await t.throwsAsync(load(), { message: 'down' });
  });
});

test('no preset encrypts by itself, and each does with a key', async (t) => {
  for (const preset of presets) {
    const backend = new WatchedBackend();
    await cache[preset]({ ...named, backend })(() => 'rosebud rosebud')();
    t.true(backend.text.includes('rosebud'));
    const sealed = new WatchedBackend();
    await cache[preset]({ ...named, backend: sealed, masterKey })(() => 'rosebud rosebud')();
    t.false(sealed.text.includes('rosebud'));
  }
  t.throws(() => cache.production(7 as never), { instanceOf: TypeError });
  t.throws(() => cache.minimal({ tll: 5 } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => cache.io((() => 1) as never), { instanceOf: TypeError });
});
