import test from 'ava';
import { type Backend, ConfigurationError, createCache, IncompleteError, Keyring, MemoryBackend } from '../../index.js';
import { MapBackend, masterKey, otherKey, withClock } from './map-backend.js';

const nothing = { seen: 0, rewrapped: 0, current: 0, left: 0, unnamed: 0, unopened: 0, changed: 0 };

/** A memory store that lacks `replace` and the batches. */
function plainest(): Backend {
  const backend = new MemoryBackend();
  Object.assign(backend, { replace: undefined, getMany: undefined, invalidateTags: undefined });
  return backend;
}

for (const [what, make] of [
  ['that replaces', () => new MemoryBackend()],
  ['that does not', plainest],
] as const) {
  test.serial(`in a store ${what}, every entry is sealed with the current key and keeps its TTL`, async (t) => {
    await withClock(async (clock) => {
      const backend: Backend = make();
      const keyring = new Keyring({ masterKey });
      const entries = createCache({ namespace: 'n', backend, keyring, l1: false, ttl: '1h' });
      const load = entries.wrap({ operation: 'o', tenant: (id: string) => id })((id: string) => id);
      await entries.setMany(Array.from({ length: 250 }, (_, i) => [`k${i}`, i] as const));
      await entries.set('never', 1, { ttl: 'never' });
      await entries.set('short', 1, { ttl: '10m' });
      await load('acme');
      await createCache({ namespace: 'other', backend, masterKey }).set('k', 1);
      keyring.startRotation(otherKey);
      await entries.set('new', 1);
      clock.ms += 300_000;
      const seen: number[] = [];
      const report = await entries.rewrap({ tenants: ['acme'], onProgress: ({ seen: n }) => seen.push(n) });
      t.deepEqual(report, { ...nothing, seen: 254, rewrapped: 253, current: 1 });
      t.true(seen.length >= 3 && seen.every((n, i) => n >= (seen[i - 1] ?? 0)));
      t.is(seen.at(-1), 254);
      keyring.completeRotation();
      t.deepEqual(await entries.getMany(['k0', 'k249', 'never', 'short', 'new']), [0, 249, 1, 1, 1]);
      t.is((await load.entry('acme')).status, 'hit');
      const left = (await entries.ttl('short')) ?? 0;
      t.true(left <= 301 && left > 200);
      t.is(await entries.ttl('never'), Number.POSITIVE_INFINITY);
      t.like(await entries.rewrap({ tenants: ['acme'] }), { rewrapped: 0, current: 254 });
    });
  });
}

test('what does not open, or was changed meanwhile, is counted and left alone', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ backend, keyring, l1: false });
  await entries.set('mine', 1);
  await entries.set('changing', 1);
  await createCache({ backend }).set('plain', 1);
  keyring.startRotation(otherKey);
  const { getMany } = backend;
  backend.getMany = async (...args) => {
    const found = await getMany.apply(backend, args);
    await entries.set('changing', 2);
    return found;
  };
  t.deepEqual(await entries.rewrap(), { ...nothing, seen: 3, rewrapped: 1, unopened: 1, changed: 1 });
  t.is(await entries.get('changing'), 2);
  t.is(await createCache({ backend }).get('plain'), 1);
});

test('in a store that does not replace, what was changed meanwhile is left alone', async (t) => {
  const backend = plainest();
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ backend, keyring, l1: false });
  await entries.set('changing', 1);
  keyring.startRotation(otherKey);
  const { get } = backend;
  let first = true;
  backend.get = async (...args) => {
    const found = await get.apply(backend, args);
    if (first) {
      first = false;
      await entries.set('changing', 2);
    }
    return found;
  };
  const report = await entries.rewrap();
  t.is(await entries.get('changing'), 2);
  t.deepEqual(report, { ...nothing, seen: 1, changed: 1 });
});

test('entries of which a store does not say when they end are left as they are', async (t) => {
  const backend = new MapBackend();
  Object.assign(backend, {
    keys: async function* () {
      yield* [...backend.stored.keys()];
    },
  });
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ backend, keyring, l1: false });
  await entries.set('k', 1);
  keyring.startRotation(otherKey);
  for (const expiresInMs of [undefined, 0]) {
    backend.expiresInMs = expiresInMs;
    t.deepEqual(await entries.rewrap(), { ...nothing, seen: 1, left: 1 });
    t.is(backend.calls.set, 1);
    t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /1 stored values need/ });
  }
});

test('an abort stops behind the entries that are under way', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ backend, keyring });
  await entries.setMany(Array.from({ length: 350 }, (_, i) => [`k${i}`, i] as const));
  keyring.startRotation(otherKey);
  const controller = new AbortController();
  let last = 0;
  const onProgress = ({ seen }: { seen: number }) => {
    last = seen;
    controller.abort(new Error('enough'));
  };
  const stopped = entries.rewrap({ onProgress, signal: controller.signal, concurrency: 100 });
  const error = await t.throwsAsync(stopped, {
    instanceOf: IncompleteError,
    code: 'ERR_INCOMPLETE',
  });
  t.is(error?.cause, controller.signal.reason);
  t.deepEqual(error?.counts, { ...nothing, seen: 100, rewrapped: 100 });
  t.is(last, 100);
  t.like(await entries.rewrap(), { seen: 350, current: 100, rewrapped: 250 });
});

test('a cache that has nothing to seal anew says so, and wrong options are refused', async (t) => {
  const backend = new MemoryBackend();
  await t.throwsAsync(createCache({ backend }).rewrap(), { instanceOf: ConfigurationError });
  await t.throwsAsync(createCache({ masterKey }).rewrap(), { instanceOf: ConfigurationError });
  await t.throwsAsync(createCache({ masterKey, backend: new MapBackend() }).rewrap(), { code: 'ERR_BACKEND' });
  const entries = createCache({ masterKey, backend });
  for (const options of [{ tenants: 'abc' }, { tenants: [7] }, { onProgress: 1 }, { signal: {} }, 'all'] as never[]) {
    await t.throwsAsync(entries.rewrap(options), { instanceOf: TypeError });
  }
  await t.throwsAsync(entries.rewrap({ tenant: 'a' } as never), { instanceOf: ConfigurationError });
});

test('entries of functions that have a namespace of their own are sealed anew too', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ namespace: 'n', backend, keyring, l1: false });
  const load = entries.wrap({ namespace: 'm', operation: 'o' })((id: number) => id);
  await entries.set('k', 1);
  await load(1);
  keyring.startRotation(otherKey);
  t.like(await entries.rewrap(), { seen: 2, rewrapped: 2 });
  keyring.completeRotation();
  t.is((await load.entry(1)).status, 'hit');
});

test('stores of Keyv that list their entries are covered, with the namespace of the instance or without', async (t) => {
  const { default: Keyv } = await import('keyv');
  for (const options of [{}, { namespace: 'x' }, { namespace: 'y', useKeyPrefix: false }]) {
    const keyv = new Keyv(options);
    await keyv.set('foreign', 1);
    const keyring = new Keyring({ masterKey });
    const entries = createCache({ namespace: 'n', backend: keyv, keyring, l1: false, ttl: '1h' });
    await entries.set('a', 1);
    await entries.tenant('acme').set('a', 1);
    keyring.startRotation(otherKey);
    t.deepEqual(await entries.rewrap({ tenants: ['acme'] }), { ...nothing, seen: 2, rewrapped: 2 });
    keyring.completeRotation();
    t.is(await entries.get('a'), 1);
    const left = (await entries.ttl('a')) ?? 0;
    t.true(left > 3590 && left <= 3600);
    t.is(await keyv.get('foreign'), 1);
  }
});
