import { randomBytes } from 'node:crypto';
import test from 'ava';
import {
  AuthenticationError,
  BackendError,
  ConfigurationError,
  cache,
  createCache,
  EncryptionWrapper,
  KeyError,
  Keyring,
  MemoryBackend,
  SerializationError,
  UnknownKeyError,
  ValueTooLargeError,
} from '../../index.js';
import { MapBackend, masterKey, otherKey, settle } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

test('when the backend is down the function runs, once for all who wait', async (t) => {
  const backend = new MapBackend();
  backend.failing.add('get').add('set').add('delete');
  const errors: unknown[] = [];
  let runs = 0;
  const load = cache({ ...named, backend, onError: (error) => errors.push(error) })(async (id: number) => {
    runs++;
    await settle();
    return id;
  });
  t.deepEqual(await Promise.all([load(1), load(1), load(1)]), [1, 1, 1]);
  t.is(runs, 1);
  t.is(await load(1), 1);
  t.is(runs, 2, 'what the backend does not have is not in L1 either');
  t.like(load.stats(), { backendErrors: 4, sets: 0, hits: 0, misses: 4, loads: 2, l1Entries: 0 });
  t.is(errors.length, 4);
  backend.failing.clear();
  await load(1);
  t.is(await load(1), 1);
  t.like(load.stats(), { hits: 1, sets: 1, backendErrors: 4 });
});

test('a value that the backend could not store is returned', async (t) => {
  const backend = new MapBackend();
  backend.failing.add('set');
  const load = cache.secure({ ...named, backend, masterKey })(() => ({ a: 1 }));
  t.deepEqual(await load(), { a: 1 });
  t.deepEqual((await load.entry()).status, 'miss');
  t.like(load.stats(), { backendErrors: 2, sets: 0 });
  const entries = createCache({ backend });
  t.false(await entries.set('k', 1));
  t.false(await entries.setMany([['k', 1]]));
  t.is(entries.stats().backendErrors, 2);
});

test('an invalidation that fails rejects', async (t) => {
  const backend = new MapBackend();
  const load = cache({ ...named, backend })(() => 1);
  await load();
  backend.failing.add('delete');
  await t.throwsAsync(load.invalidate(), { message: 'the store cannot delete' });
  t.is(load.stats().backendErrors, 1);
  await t.throwsAsync(createCache({ backend }).delete('k'), { message: 'the store cannot delete' });
});

test('an altered entry is a miss, is counted, and is replaced', async (t) => {
  const backend = new MapBackend();
  const errors: unknown[] = [];
  let runs = 0;
  const load = cache.secure({ ...named, backend, masterKey, l1: false, onError: (e) => errors.push(e) })(() => ++runs);
  await load();
  backend.corrupt();
  t.is(await load(), 2);
  t.like(load.stats(), { authenticationFailures: 1, misses: 2, loads: 2 });
  t.true(errors[0] instanceof AuthenticationError);
  t.is(await load(), 2);
});

test('an entry that does not open is deleted, unless somebody replaced it meanwhile', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, masterKey });
  await entries.set('k', 'good');
  const good = backend.stored.get('k') as Uint8Array;
  backend.corrupt('k');
  const reader = createCache({ backend, masterKey });
  t.is(await reader.get('k'), undefined);
  t.is(backend.stored.size, 0);
  await entries.set('k', 'good');
  backend.corrupt('k');
  backend.after = (operation) => {
    if (operation === 'get') backend.stored.set('k', good);
    return undefined;
  };
  t.is(await reader.get('k'), undefined);
  backend.after = undefined;
  t.is(await reader.get('k'), 'good', 'a neighbour wrote a good one between the read and the deletion');
  t.is(reader.stats().authenticationFailures, 2);
});

test('what does not open can be an error, and then it is kept for whoever looks into it', async (t) => {
  const backend = new MapBackend();
  const options = { ...named, backend, masterKey, l1: false, onAuthenticationFailure: 'throw' } as const;
  const load = cache.secure(options)(() => 1);
  await load();
  backend.corrupt();
  await t.throwsAsync(load(), { instanceOf: AuthenticationError, code: 'ERR_AUTHENTICATION' });
  const results = await Promise.allSettled([load(), load(), load.entry()]);
  t.true(results.every((result) => result.status === 'rejected'));
  t.is(backend.stored.size, 1);
  t.is(load.stats().loads, 1);
  const entries = createCache({ backend, masterKey, onAuthenticationFailure: 'throw' });
  await t.throwsAsync(entries.getMany([backend.only, 'other']), { instanceOf: AuthenticationError });
});

test('entries of two keys exchanged in the backend are misses', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, masterKey, l1: false });
  await entries.set('alice', 'a');
  await entries.set('bob', 'b');
  const [a, b] = [backend.stored.get('alice') as Uint8Array, backend.stored.get('bob') as Uint8Array];
  backend.stored.set('alice', b).set('bob', a);
  t.deepEqual(await entries.getMany(['alice', 'bob']), [undefined, undefined]);
  t.is(entries.stats().authenticationFailures, 2);
});

test('a plaintext entry in a secure cache is never returned', async (t) => {
  const backend = new MapBackend();
  await cache({ ...named, backend })(() => ({ planted: true }))();
  const load = cache.secure({ ...named, backend, masterKey })(() => ({ planted: false }));
  t.deepEqual(await load(), { planted: false });
  t.is(load.stats().authenticationFailures, 1);
  const plain = cache({ ...named, backend })(() => 'mine');
  t.is(await plain(), 'mine', 'nor a sealed one in a plain cache');
  t.true(plain.stats().unreadableValues + plain.stats().authenticationFailures === 1);
});

test('a value sealed with an unknown key is a miss and stays for the neighbour that is ahead', async (t) => {
  const backend = new MapBackend();
  const ahead = new Keyring({ masterKey: otherKey, previousMasterKeys: [masterKey] });
  const errors: unknown[] = [];
  await createCache({ backend, keyring: ahead }).set('k', 'new');
  const behind = createCache({ backend, masterKey, onError: (error) => errors.push(error) });
  t.is(await behind.get('k'), undefined);
  t.like(behind.stats(), { unknownKeys: 1, authenticationFailures: 0, misses: 1 });
  t.true(errors[0] instanceof UnknownKeyError);
  t.is(backend.calls.delete, 0);
  t.is(await createCache({ backend, keyring: ahead }).get('k'), 'new');
  t.is(await behind.getOrSet('k', () => 'old'), 'old');
  t.is(
    await createCache({ backend, keyring: ahead }).get('k'),
    'old',
    'who is ahead reads what was written with the old key',
  );
});

test('an L1 entry whose key was dropped by a rotation is a miss', async (t) => {
  const keyring = new Keyring({ masterKey });
  let runs = 0;
  const load = cache.secure({ keyring })(() => ++runs);
  t.is(await load(), 1);
  keyring.startRotation(otherKey);
  t.is(await load(), 1, 'opens with the previous key');
  keyring.completeRotation();
  t.is(await load(), 2);
  t.is(await load(), 2);
  t.is(load.stats().authenticationFailures + load.stats().unknownKeys, 1);
});

test('an L1 entry that does not open is forgotten, and the backend is asked', async (t) => {
  for (const backend of [undefined, new MapBackend()]) {
    const keyring = new Keyring({ masterKey });
    const entries = createCache({ backend, keyring });
    await entries.set('k', 'old');
    keyring.startRotation(otherKey);
    keyring.completeRotation();
    // As another process does, of which this one is not told.
    const sealed = new EncryptionWrapper({ masterKey: otherKey }).serialize('new', { cacheKey: 'k' });
    backend?.stored.set('k', sealed);
    const expected = backend && 'new';
    t.deepEqual([await entries.get('k'), await entries.get('k')], [expected, expected]);
    t.is(entries.stats().authenticationFailures, backend === undefined ? 1 : 0, 'the entry itself opens');
  }
});

test('after a set of which the outcome is unknown, L1 does not answer with the old value', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  await entries.set('k', 'old');
  backend.after = (operation) => (operation === 'set' ? Promise.reject(new Error('lost the answer')) : undefined);
  t.false(await entries.set('k', 'new'));
  t.is(await entries.get('k'), 'new');
});

test('a value that the serializer refuses is returned, counted and reported, and refused by set', async (t) => {
  const errors: unknown[] = [];
  const load = cache({ onError: (error) => errors.push(error) })(() => ({ now: new Map([[1, 2]]) }));
  t.deepEqual(await load(), { now: new Map([[1, 2]]) });
  t.deepEqual((await load()).now.get(1), 2);
  t.like(load.stats(), { refusedValues: 2, loads: 2, sets: 0 });
  t.true(errors.every((error) => error instanceof SerializationError) && errors.length === 2);
  await t.throwsAsync(createCache().set('k', new Map()), { instanceOf: SerializationError });
  const entries = createCache();
  await t.throwsAsync(
    entries.setMany([
      ['a', 1],
      ['b', new Map()],
    ]),
    { instanceOf: SerializationError },
  );
  t.is(await entries.get('a'), undefined, 'all or nothing');
});

test.serial('a refused value warns once when nobody listens', async (t) => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  try {
    const load = cache({})((_id: number) => ({ secret: new Map([['rosebud', 1]]) }));
    await load(1);
    await load(2);
    await settle();
  } finally {
    process.off('warning', listen);
  }
  const ours = warnings.filter((warning) => (warning as { code?: string }).code === 'CACHEKIT_REFUSED_VALUE');
  t.is(ours.length, 1);
  t.false(`${ours[0]}`.includes('rosebud'));
});

test('a value over a limit is returned and counted', async (t) => {
  const big = randomBytes(5000);
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const local = cache({ l1: { maxBytes: 4096 }, onError })(() => new Uint8Array(big));
  t.is((await local()).length, 5000);
  const shared = cache({ ...named, backend: new MemoryBackend({ maxBytes: 4096 }), onError })(
    () => new Uint8Array(big),
  );
  t.is((await shared()).length, 5000);
  for (const { stats } of [local, shared])
    t.like(stats(), { oversizeValues: 1, sets: 0, l1Entries: 0, backendErrors: 0 });
  t.true(errors.length === 2 && errors.every((error) => error instanceof ValueTooLargeError));
  await t.throwsAsync(createCache({ l1: { maxBytes: 300 } }).set('k', randomBytes(500).toString('hex')), {
    instanceOf: ValueTooLargeError,
  });
  const roomy = cache({ ...named, backend: new MapBackend(), l1: { maxBytes: 300 } })(() => new Uint8Array(big));
  await roomy();
  t.like(roomy.stats(), { oversizeValues: 0, sets: 1, l1Entries: 0 }, 'with a backend, L1 may go without');
});

test('a listener that throws changes nothing', async (t) => {
  const backend = new MapBackend();
  backend.failing.add('get');
  const load = cache({
    ...named,
    backend,
    onError: () => {
      throw new Error('listener');
    },
  })(() => 1);
  t.is(await load(), 1);
});

test('misconfiguration is never a miss', async (t) => {
  const keyring = new Keyring({ masterKey });
  const load = cache.secure({ keyring })(() => 1);
  await load();
  const entries = createCache({ keyring });
  await entries.set('k', 1);
  keyring.destroy();
  await t.throwsAsync(load(), { instanceOf: KeyError });
  await t.throwsAsync(entries.get('k'), { instanceOf: KeyError });
  const backend = new MapBackend();
  backend.get = async () => {
    throw new ConfigurationError('install it');
  };
  await t.throwsAsync(cache({ ...named, backend })(() => 1)(), { instanceOf: ConfigurationError });
});

test('a backend that answers with something else is a failing one', async (t) => {
  for (const answer of ['text', { bytes: 'text' }, 5, { bytes: [1] }]) {
    const backend = new MapBackend();
    backend.get = async () => answer as never;
    const load = cache({ ...named, backend })(() => 1);
    t.is(await load(), 1);
    t.is(load.stats().backendErrors, 1);
  }
  const garbage = new MapBackend();
  garbage.get = async () => ({ bytes: new Uint8Array([1, 2, 3]) });
  for (const load of [
    cache({ ...named, backend: garbage })(() => 1),
    cache.secure({ ...named, backend: garbage, masterKey })(() => 1),
  ]) {
    t.is(await load(), 1);
    t.is(load.stats().backendErrors, 0);
  }
});

test('an entry that the store calls stale is a miss', async (t) => {
  const backend = new MapBackend();
  const { get } = backend;
  backend.get = async (cacheKey) => {
    const entry = await get.call(backend, cacheKey);
    return entry && { ...entry, stale: true };
  };
  let runs = 0;
  const options = { ...named, backend, l1: false };
  const load = cache(options)(() => ++runs);
  t.deepEqual([await load(), await load()], [1, 2]);
});

test('after its signal aborts, a cache asks the backend nothing and functions run', async (t) => {
  const controller = new AbortController();
  const backend = new MemoryBackend();
  let runs = 0;
  const load = cache({ ...named, backend, l1: false, signal: controller.signal })(() => ++runs);
  t.deepEqual([await load(), await load()], [1, 1]);
  controller.abort();
  t.deepEqual([await load(), await load()], [2, 3]);
});

test('a closed cache refuses every use', async (t) => {
  const entries = createCache({ masterKey });
  const load = entries.wrap({ operation: 'o' })(() => 1);
  await load();
  await entries.close();
  for (const use of [
    () => load(),
    () => load.refresh(),
    () => load.invalidate(),
    () => entries.get('k'),
    () => entries.set('k', 1),
    () => entries.getMany(['k', 'l']),
    () => entries.setMany([['k', 1]]),
    () => entries.has('k'),
    () => entries.ttl('k'),
    () => entries.expire('k', 1),
    () => entries.delete('k'),
    () => entries.tenant('t').get('k'),
  ]) {
    const error = await t.throwsAsync(use());
    t.true(error instanceof BackendError || error instanceof KeyError);
  }
  await entries.close();
});

test('a cache closes the backend that it made and no other', async (t) => {
  const backend = new MemoryBackend();
  {
    await using entries = createCache({ backend });
    await entries.set('k', 1);
  }
  t.is(await createCache({ backend }).get('k'), 1);
});

test('an entry whose time is no number is none, and the function runs', async (t) => {
  const store = new MemoryBackend();
  for (const time of [60_000n, '200', Symbol('ms'), {}]) {
    const errors: unknown[] = [];
    const backend = {
      get: async (key: string) => {
        const entry = await store.get(key);
        return entry && { ...entry, expiresInMs: time as number };
      },
      set: store.set.bind(store),
      delete: store.delete.bind(store),
    };
    let runs = 0;
    const load = cache({ ...named, backend, l1: false, onError: (error) => errors.push(error) })(() => ++runs);
    await load();
    t.is(await load(), 2);
    t.true(errors.length > 0 && errors.every((error) => error instanceof BackendError));
    await load.invalidate();
  }
});
