import test from 'ava';
import {
  ConfigurationError,
  type CreateCacheOptions,
  cache,
  createCache,
  Keyring,
  MemoryBackend,
} from '../../index.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const secret = { namespace: 'n', privateKeys: true, masterKey } as const;

async function namesIn(backend: MemoryBackend): Promise<string[]> {
  const names: string[] = [];
  for await (const name of backend.keys()) names.push(name);
  return names;
}

test('the backend sees no cache key, tenant or operation, and values and functions work as ever', async (t) => {
  const backend = new MemoryBackend();
  const entries = createCache({ ...secret, backend, l1: false });
  let runs = 0;
  const load = entries.wrap({ operation: 'rosebud-operation' })((_id: string) => ++runs);
  await entries.set('rosebud', 1);
  await entries.tenant('rosebud-tenant').set('rosebud', 2);
  await load('rosebud');
  const names = await namesIn(backend);
  t.is(names.length, 3);
  t.true(names.every((name) => /^n:p:[0-9a-f]{64}$/.test(name)));
  t.is(await entries.get('rosebud'), 1);
  t.is(await entries.tenant('rosebud-tenant').get('rosebud'), 2);
  t.deepEqual([await load('rosebud'), runs], [1, 1]);
  t.true(await entries.has('rosebud'));
  t.false(await entries.has('rose'));
  t.true(((await entries.ttl('rosebud')) ?? 0) > 0);
  t.true(await entries.expire('rosebud', '1h'));
  await entries.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  t.deepEqual(await entries.getMany(['a', 'x', 'b']), [1, undefined, 2]);
  t.is(await entries.deleteMany(['a', 'x', 'b']), 2);
  t.true(await entries.delete('rosebud'));
  t.is(await entries.get('rosebud'), undefined);
  t.true(await load.invalidate('rosebud'));
});

test('during a rotation older names are read, and a write leaves only the new one', async (t) => {
  const backend = new MemoryBackend();
  await createCache({ ...secret, backend }).setMany([
    ['read', 1],
    ['written', 1],
    ['deleted', 1],
  ]);
  const keyring = new Keyring({ masterKey });
  keyring.startRotation(otherKey);
  const { masterKey: _, ...others } = secret;
  const rotated = createCache({ ...others, keyring, backend, l1: false });
  const before = await namesIn(backend);
  t.is(await rotated.get('read'), 1);
  t.deepEqual(await rotated.getMany(['read', 'written', 'x']), [1, 1, undefined]);
  t.true(await rotated.has('read'));
  t.true(((await rotated.ttl('read')) ?? 0) > 0);
  await rotated.set('written', 2);
  t.true(await rotated.delete('deleted'));
  t.is(await rotated.get('deleted'), undefined);
  const after = await namesIn(backend);
  t.is(after.length, 2);
  t.is(after.filter((name) => before.includes(name)).length, 1, 'the one that was only read');
  keyring.completeRotation();
  t.deepEqual(await rotated.getMany(['read', 'written']), [undefined, 2]);
});

test('what was stored under each of three previous keys is found and removed', async (t) => {
  const backend = new MemoryBackend();
  const keys = [masterKey, otherKey, 'e5'.repeat(32), 'f6'.repeat(32)] as const;
  for (const [i, key] of keys.entries()) await createCache({ ...secret, masterKey: key, backend }).set(`of ${i}`, i);
  const keyring = new Keyring({ masterKey: keys[3], previousMasterKeys: [keys[2], keys[1], keys[0]] });
  const entries = createCache({ namespace: 'n', privateKeys: true, keyring, backend, l1: false });
  for (const i of keys.keys()) t.is(await entries.get(`of ${i}`), i);
  t.is(await entries.deleteMany([...keys.keys()].map((i) => `of ${i}`)), keys.length);
  t.deepEqual(await namesIn(backend), []);
});

test('a lock, too, has a private name', async (t) => {
  const backend = new MemoryBackend();
  const { lock } = backend;
  const locked: string[] = [];
  backend.lock = (name, ...rest) => {
    locked.push(name);
    return lock.call(backend, name, ...rest);
  };
  const entries = createCache({ ...secret, backend, l1: false, lock: true });
  t.is(await entries.getOrSet('rosebud', () => 1), 1);
  t.deepEqual(locked, await namesIn(backend));
  t.true(locked.length === 1 && /^n:p:[0-9a-f]{64}$/.test(locked[0]!));
});

test('tags are hidden too, found with older keys, and each tenant has its own', async (t) => {
  const backend = new MemoryBackend();
  const tags: string[] = [];
  const { set } = backend;
  backend.set = async (cacheKey, bytes, options) => {
    tags.push(...(options?.tags ?? []));
    return set.call(backend, cacheKey, bytes, options);
  };
  const old = createCache({ ...secret, backend });
  await old.set('old', 1, { tags: ['rosebud'] });
  await old.tenant('a').set('old', 1, { tags: ['rosebud'] });
  const keyring = new Keyring({ masterKey: otherKey, previousMasterKeys: [masterKey] });
  const { masterKey: _, ...others } = secret;
  const entries = createCache({ ...others, keyring, backend, l1: false });
  await entries.set('new', 1, { tags: ['rosebud'] });
  const load = entries.wrap({ namespace: 'own', operation: 'o', tags: ['rosebud'] })(() => 1);
  await load();
  t.true(tags.length === 4 && tags.every((tag) => /^n:pt:[0-9a-f]{64}$/.test(tag)));
  t.is(await entries.invalidateTags('rosebud'), 3, 'also of a function with a namespace of its own');
  t.deepEqual(await entries.getMany(['old', 'new']), [undefined, undefined]);
  t.is((await load.entry()).status, 'miss');
  t.is(await entries.tenant('a').get('old'), 1);
  t.is(await entries.tenant('a').invalidateTags('rosebud'), 1);
});

test('what does not open under a private name is deleted there', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ ...secret, backend, l1: false, onError: () => {} });
  await entries.set('k', 1);
  backend.corrupt();
  t.is(await entries.get('k'), undefined);
  t.is(backend.stored.size, 0);
});

test('private keys need encryption, a namespace and wire protocol, and cannot be listed or sealed anew', async (t) => {
  const backend = new MemoryBackend();
  for (const options of [
    { namespace: 'n', privateKeys: true, backend },
    { masterKey, privateKeys: true, backend },
    { ...secret, wire: 'interop', backend },
    { ...secret, wire: 'python', backend },
  ] as CreateCacheOptions[]) {
    t.throws(() => createCache(options), { instanceOf: ConfigurationError });
  }
  t.throws(() => cache({ privateKeys: true, namespace: 'n', operation: 'o', backend }), {
    instanceOf: ConfigurationError,
  });
  for (const privateKeys of ['true', 1, null] as never[]) {
    t.throws(() => createCache({ ...secret, privateKeys }), { instanceOf: TypeError });
  }
  const entries = createCache({ ...secret, backend });
  await t.throwsAsync(entries.keys().next(), { instanceOf: ConfigurationError });
  await t.throwsAsync(entries.rewrap(), { instanceOf: ConfigurationError });
});
