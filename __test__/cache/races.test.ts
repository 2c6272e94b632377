import { randomBytes } from 'node:crypto';
import test from 'ava';
import { cache, createCache } from '../../index.js';
import { deferred, MapBackend, masterKey, settle } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

test('what was loaded before an invalidation is returned to its callers and not stored', async (t) => {
  for (const backend of [undefined, new MapBackend()]) {
    const gates = [deferred<string>(), deferred<string>()];
    let runs = 0;
    const load = cache({ ...named, backend })(() => gates[runs++]?.promise ?? 'third');
    const before = load();
    await settle();
    await load.invalidate();
    const after = load();
    await settle();
    t.is(runs, 2, 'a call after the invalidation does not join the run before it');
    gates[1]?.resolve('new');
    t.is(await after, 'new');
    gates[0]?.resolve('old');
    t.is(await before, 'old');
    t.is(await load(), 'new');
    t.is(await cache({ ...named, backend: backend ?? new MapBackend() })(() => 'new')(), 'new');
  }
});

test('a refresh does not join a run that began before it, and wins over it', async (t) => {
  const backend = new MapBackend();
  const gates = [deferred<string>(), deferred<string>()];
  let runs = 0;
  const load = cache({ ...named, backend })(() => gates[runs++]?.promise ?? 'third');
  const slow = load();
  await settle();
  const refreshed = load.refresh();
  await settle();
  t.is(runs, 2);
  gates[1]?.resolve('new');
  t.is(await refreshed, 'new');
  gates[0]?.resolve('old');
  t.is(await slow, 'old');
  t.is(await load(), 'new');
  t.is(await cache({ ...named, backend })(() => 'x')(), 'new');
});

test('an invalidation while a value is being stored leaves none in L1', async (t) => {
  const backend = new MapBackend();
  const gate = deferred();
  backend.after = (operation) => (operation === 'set' ? gate.promise : undefined);
  let runs = 0;
  const load = cache({ ...named, backend })(() => ++runs);
  const first = load();
  await settle();
  await load.invalidate();
  gate.resolve();
  t.is(await first, 1);
  t.is(await load(), 2);
});

test('a value read before a deletion does not come back into L1', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  await createCache({ backend }).set('k', 'old');
  const gate = deferred();
  backend.after = (operation) => (operation === 'get' ? gate.promise : undefined);
  const reading = entries.get('k');
  await settle();
  await entries.delete('k');
  backend.after = undefined;
  gate.resolve();
  t.is(await reading, 'old', 'who asked before the deletion may get the old value');
  t.is(await entries.get('k'), undefined);
});

test('a value read while another is being set does not replace it in L1', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  await createCache({ backend }).set('k', 'old');
  const [setting, reading] = [deferred(), deferred()];
  backend.before = (operation) => (operation === 'set' ? setting.promise : undefined);
  backend.after = (operation) => (operation === 'get' ? reading.promise : undefined);
  const set = entries.set('k', 'new');
  const get = entries.get('k');
  await settle();
  setting.resolve();
  t.true(await set);
  reading.resolve();
  t.is(await get, 'old');
  t.is(await entries.get('k'), 'new');
  t.is(entries.stats().l1Hits, 1);
});

test('of two sets at once, L1 keeps nothing that the backend may not have', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  const first = deferred();
  let sets = 0;
  backend.before = (operation) => (operation === 'set' && sets++ === 0 ? first.promise : undefined);
  const one = entries.set('k', 'one');
  const two = entries.set('k', 'two');
  await two;
  t.is(await entries.get('k'), 'two');
  first.resolve();
  await one;
  t.is(await entries.get('k'), 'one', 'which arrived last at the backend');
});

test('concurrent reads of one entry ask the backend once, later ones again', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, l1: false });
  await entries.set('k', { a: 1 });
  await Promise.all([entries.get('k'), entries.get('k'), entries.getOrSet('k', () => 2)]);
  t.is(backend.calls.get, 1);
  await entries.get('k');
  t.is(backend.calls.get, 2);
});

test('a reader without a function waits for no run and gets no unfinished value', async (t) => {
  const entries = createCache();
  const gate = deferred<number>();
  const loading = entries.getOrSet('k', () => gate.promise);
  await settle();
  t.is(await entries.get('k'), undefined);
  gate.resolve(1);
  t.is(await loading, 1);
  t.is(await entries.get('k'), 1);
});

test('a run that never ends holds up only its own entry', async (t) => {
  const load = cache({})((id: number) => (id === 1 ? new Promise<number>(() => {}) : id));
  void load(1);
  t.is(await load(2), 2);
  await load.invalidate(1);
});

test('a value read while it is being deleted does not come back into L1', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  await createCache({ backend }).set('k', 'old');
  const [deleting, reading] = [deferred(), deferred()];
  backend.before = (operation) => (operation === 'delete' ? deleting.promise : undefined);
  backend.after = (operation) => (operation === 'get' ? reading.promise : undefined);
  const deleted = entries.delete('k');
  const get = entries.get('k');
  await settle();
  deleting.resolve();
  t.true(await deleted);
  reading.resolve();
  t.is(await get, 'old');
  t.is(await entries.get('k'), undefined);
});

test('while somebody waits for an entry, others still see what is stored now', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, l1: false });
  const gate = deferred<string>();
  const loading = entries.getOrSet('k', () => gate.promise);
  await settle();
  t.is(await entries.get('k'), undefined);
  await createCache({ backend }).set('k', 'by another process');
  t.is(await entries.get('k'), 'by another process');
  gate.resolve('loaded');
  t.is(await loading, 'loaded');
});

test('a run that failed is not joined by later callers, also when somebody still uses the entry', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, l1: false });
  const gate = deferred();
  backend.before = (operation) => (operation === 'delete' ? gate.promise : undefined);
  const deleting = entries.delete('k');
  await t.throwsAsync(
    entries.getOrSet('k', () => Promise.reject(new Error('down'))),
    { message: 'down' },
  );
  t.is(await entries.getOrSet('k', () => 'up'), 'up');
  gate.resolve();
  await deleting;
});

test('a large value that is invalidated while it is being sealed is not stored', async (t) => {
  const backend = new MapBackend();
  const load = cache.secure({ ...named, masterKey, backend })(() => randomBytes(2 * 1024 * 1024));
  const loading = load();
  while (load.stats().loads === 0) await Promise.resolve();
  const invalidated = load.invalidate();
  t.is((await loading).length, 2 * 1024 * 1024);
  await invalidated;
  t.is(backend.stored.size, 0);
  t.is(load.stats().l1Entries, 0);
});
