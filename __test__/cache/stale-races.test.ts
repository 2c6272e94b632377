import test from 'ava';
import { BackendError, cache, createCache, MemoryBackend } from '../../index.js';
import { deferred, MapBackend, settle, WatchedBackend, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const quiet = { onError: () => {} };

for (const [what, change, expected] of [
  ['a set', 'set', 'newer'],
  ['a deletion', 'delete', undefined],
] as const) {
  test.serial(`a background run that was under way at ${what} stores nothing`, async (t) => {
    await withClock(async (clock) => {
      for (const backend of [undefined, new MemoryBackend()]) {
        const gate = deferred<string>();
        const entries = createCache({ backend, ttl: '10s', swr: '1m' });
        await entries.set('k', 'old');
        clock.ms += 11_000;
        t.is(await entries.getOrSet('k', () => gate.promise), 'old');
        await entries[change]('k', 'newer');
        gate.resolve('refreshed');
        await settle();
        t.is(await entries.get('k'), expected);
        t.is(await createCache({ backend: backend ?? new MemoryBackend() }).get('k'), backend && expected);
      }
    });
  });
}

test('a write that reaches the backend after a deletion is taken back', async (t) => {
  for (const remove of ['delete', 'deleteMany', 'invalidateTags'] as const) {
    const backend = new MemoryBackend();
    const write = deferred();
    const { set } = backend;
    backend.set = async (...args) => {
      await write.promise;
      return set.apply(backend, args);
    };
    const entries = createCache({ backend });
    const loading = entries.getOrSet('k', () => 'old', { tags: ['t'] });
    await settle();
    if (remove === 'deleteMany') await entries.deleteMany(['k']);
    else await entries[remove](remove === 'delete' ? 'k' : 't');
    write.resolve();
    t.is(await loading, 'old');
    t.is(await entries.get('k'), undefined, remove);
    t.is(await createCache({ backend }).get('k'), undefined, remove);
  }
});

test('a write that is tried again after a deletion is taken back', async (t) => {
  const backend = new MapBackend();
  let first = true;
  backend.before = async (operation) => {
    if (operation !== 'set' || !first) return;
    first = false;
    throw new BackendError('try again', { transient: true });
  };
  const entries = createCache({ backend });
  const loading = entries.getOrSet('k', () => 'old');
  while (first) await settle();
  await entries.delete('k');
  t.is(await loading, 'old');
  t.is(backend.calls.set, 2);
  t.is(backend.stored.size, 0);
});

test('a newer value that follows a deletion is not taken back', async (t) => {
  const backend = new MapBackend();
  const gate = deferred();
  backend.after = (operation) => (operation === 'set' && backend.calls.set === 1 ? gate.promise : undefined);
  const entries = createCache({ backend });
  const loading = entries.getOrSet('k', () => 'old');
  await settle();
  await entries.delete('k');
  await entries.set('k', 'new');
  gate.resolve();
  await loading;
  t.is(await entries.get('k'), 'new');
  t.is(await createCache({ backend }).get('k'), 'new');
});

test('a set that was not tagged survives the invalidation of tags that was under way with it', async (t) => {
  const backend = new MemoryBackend();
  const entries = createCache({ backend });
  const [stored] = await Promise.all([entries.set('k', 1), entries.invalidateTags('t')]);
  t.true(stored);
  t.is(await entries.get('k'), 1);
});

test.serial('while the backend is down, a stale copy of this process answers where it may', async (t) => {
  await withClock(async (clock) => {
    const backend = new MapBackend();
    backend.expiresInMs = 70_000;
    const options = { ...named, ...quiet, backend, ttl: '10s', staleIfError: '1m', breaker: false } as const;
    let works = true;
    const load = cache(options)(() => {
      if (!works) throw new Error('down as well');
      return 1;
    });
    await load();
    works = false;
    backend.failing.add('get').add('set');
    clock.ms += 30_000;
    t.like(await load.entry(), { value: 1, status: 'stale' });
    const entries = createCache({ backend, ...quiet });
    t.is(await entries.get(load.keyFor()), undefined);
    clock.ms += 41_000;
    await t.throwsAsync(load(), { message: 'down as well' });
  });
});

test.serial('a copy of what others have deleted does not come back when the backend fails later', async (t) => {
  await withClock(async (clock) => {
    const backend = new MapBackend();
    const options = { ...named, ...quiet, backend, ttl: '10s', staleIfError: '1h', breaker: false } as const;
    let works = true;
    const load = cache(options)(() => {
      if (!works) throw new Error('down as well');
      return 1;
    });
    await load();
    works = false;
    backend.stored.clear();
    clock.ms += 11_000;
    await t.throwsAsync(load(), { message: 'down as well' });
    backend.failing.add('get');
    await t.throwsAsync(load(), { message: 'down as well' });
  });
});

test.serial('a copy older than l1.ttl is no hit when the backend fails', async (t) => {
  await withClock(async (clock) => {
    const backend = new MapBackend();
    const options = { ...quiet, backend, ttl: '1h', l1: { ttl: '5s' }, staleIfError: '1h', breaker: false } as const;
    const entries = createCache(options);
    await entries.set('k', 'old');
    backend.failing.add('get');
    t.is(await entries.get('k'), 'old');
    clock.ms += 6_000;
    t.is(await entries.get('k'), undefined);
    t.is(await entries.getOrSet('k', () => 'new'), 'new');
  });
});

test('a setMany that fails leaves no older copies in L1', async (t) => {
  const backend = new MemoryBackend({ maxBytes: 4_096 });
  const entries = createCache({ backend });
  await entries.set('a', 'old');
  const big = 'x'
    .repeat(9_000)
    .split('')
    .map((_, i) => i);
  await t.throwsAsync(
    entries.setMany([
      ['a', 'new'],
      ['b', big],
    ]),
    { code: 'ERR_VALUE_TOO_LARGE' },
  );
  t.is(await entries.get('a'), await createCache({ backend }).get('a'));
});

test('what others change is forgotten here, and what was under way then is not kept', async (t) => {
  const backend = new WatchedBackend();
  const entries = createCache({ backend });
  for (const changed of ['k', undefined]) {
    await entries.set('k', 'old');
    await entries.set('other', 1);
    const asked = backend.calls.get;
    backend.changed(changed);
    await createCache({ backend }).set('k', 'new');
    t.is(await entries.get('k'), 'new');
    t.is(await entries.get('other'), 1);
    t.is(backend.calls.get - asked, changed === undefined ? 2 : 1, 'the other entry stays unless any may have changed');
    const gate = deferred();
    backend.changed(undefined);
    backend.after = (operation) => (operation === 'get' ? gate.promise : undefined);
    const reading = entries.get('k');
    await settle();
    backend.changed(changed);
    backend.after = undefined;
    gate.resolve();
    t.is(await reading, 'new');
    backend.stored.delete('k');
    t.is(await entries.get('k'), undefined, 'the copy on its way was not kept');
  }
  t.is(backend.listeners.size > 0, true);
  await entries.close();
  const unwatched = createCache({ backend, l1: { invalidation: false } });
  const { size } = backend.listeners;
  await unwatched.set('k', 1);
  t.is(backend.listeners.size, size);
});

test('a function that runs while another changes its entry stores nothing, and while any may have changed it does', async (t) => {
  for (const [changed, stored] of [
    ['k', undefined],
    [undefined, 'loaded'],
  ] as const) {
    const backend = new WatchedBackend();
    const entries = createCache({ backend });
    const gate = deferred<string>();
    const loading = entries.getOrSet('k', () => gate.promise);
    await settle();
    backend.changed(changed);
    gate.resolve('loaded');
    t.is(await loading, 'loaded');
    t.is(await createCache({ backend }).get('k'), stored);
  }
});

test('what is being stored while any entry may have changed is not kept in L1', async (t) => {
  const backend = new WatchedBackend();
  const entries = createCache({ backend });
  const gate = deferred();
  backend.after = (operation) => (operation === 'set' ? gate.promise : undefined);
  const setting = entries.set('k', 'mine');
  await settle();
  backend.changed(undefined);
  gate.resolve();
  t.true(await setting);
  const asked = backend.calls.get;
  t.is(await entries.get('k'), 'mine');
  t.is(backend.calls.get, asked + 1);
});
