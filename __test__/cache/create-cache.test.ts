import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import {
  BackendError,
  type BackendItem,
  ConfigurationError,
  createCache,
  EncryptionWrapper,
  Keyring,
  MemoryBackend,
} from '../../index.js';
import { withEnvironment } from '../support/environment.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const makers = {
  'in this process': () => ({}),
  'in this process, sealed': () => ({ masterKey }),
  'with a simple backend': () => ({ backend: new MapBackend() }),
  'with a simple backend, sealed, without L1': () => ({ backend: new MapBackend(), masterKey, l1: false }),
  'with a backend that takes batches': () => ({ backend: new MemoryBackend(), l1: false }),
  'with a backend that takes batches, sealed': () => ({ backend: new MemoryBackend(), masterKey }),
  'of a keyring': () => ({ keyring: new Keyring({ masterKey }) }),
  'of a wrapper': () => ({ serializer: new EncryptionWrapper({ masterKey }) }),
};

for (const [kind, make] of Object.entries(makers)) {
  test(`${kind}: every operation does what it says`, async (t) => {
    const entries = createCache(make());
    t.is(await entries.get('a'), undefined);
    t.false(await entries.has('a'));
    t.true(await entries.set('a', { n: 1 }));
    t.deepEqual(await entries.get('a'), { n: 1 });
    t.true(await entries.has('a'));
    t.true(await entries.set('a', null));
    t.is(await entries.get('a'), null);
    let runs = 0;
    t.is(await entries.getOrSet('b', async () => ++runs), 1);
    t.is(await entries.getOrSet('b', () => ++runs), 1);
    t.like(await entries.entry('b', () => ++runs), { value: 1, status: 'hit' });
    t.like(await entries.entry('c', () => ++runs), { value: 2, status: 'miss' });
    t.is(await entries.getOrSet('d', () => undefined), undefined);
    t.deepEqual(await entries.getMany(['c', 'x', 'a', 'c']), [2, undefined, null, 2]);
    t.true(
      await entries.setMany(
        new Map<string, unknown>([
          ['x', 'X'],
          ['y', ['Y']],
        ]),
      ),
    );
    t.deepEqual(await entries.getMany(['y', 'x']), [['Y'], 'X']);
    t.true(await entries.setMany([]));
    t.deepEqual(await entries.getMany([]), []);
    t.true(await entries.delete('x'));
    t.is(await entries.get('x'), undefined);
    t.deepEqual(await entries.getMany(['y', 'x']), [['Y'], undefined]);
  });
}

test('values are sealed when a key is given, on every path', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, masterKey });
  const secret = 'rosebud-rosebud';
  await entries.set('a', secret);
  await entries.setMany([
    ['b', secret],
    ['c', [secret]],
  ]);
  await entries.getOrSet('d', () => secret);
  await entries.entry('e', () => secret);
  await entries.tenant('t').set('f', secret);
  await entries.wrap({ namespace: 'n', operation: 'o' })(() => secret)();
  await entries.secure({ namespace: 'n', operation: 'p' })(() => secret)();
  t.is(backend.stored.size, 8);
  t.false(backend.text.includes('rosebud'));
  const wrapper = new EncryptionWrapper({ masterKey });
  for (const [cacheKey, bytes] of backend.stored) {
    const tenantId = cacheKey.startsWith('t:') ? 't' : 'default';
    t.notThrows(() => wrapper.deserialize(bytes, { cacheKey, tenantId }), cacheKey);
  }
});

test('many entries are one request to the backend, and afterwards in L1', async (t) => {
  let requests = 0;
  class Counting extends MemoryBackend {
    override getMany(...args: Parameters<MemoryBackend['getMany']>) {
      requests++;
      return super.getMany(...args);
    }
    override setMany(items: readonly BackendItem[]) {
      requests++;
      return super.setMany(items);
    }
    override getNow(): undefined {
      return undefined;
    }
    override get(): never {
      throw new Error('one by one');
    }
    override set(): never {
      throw new Error('one by one');
    }
  }
  const backend = new Counting();
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
  t.true(await createCache({ backend, masterKey }).setMany(keys.map((key) => [key, key.toUpperCase()])));
  t.is(requests, 1);
  const entries = createCache({ backend, masterKey });
  t.deepEqual(
    await entries.getMany(keys),
    keys.map((key) => key.toUpperCase()),
  );
  t.is(requests, 2);
  t.deepEqual(
    await entries.getMany(keys),
    keys.map((key) => key.toUpperCase()),
  );
  t.is(requests, 2);
  t.like(entries.stats(), { hits: 100, l1Hits: 50, misses: 0 });
});

test('one bad entry of many spoils no other', async (t) => {
  const backend = new MemoryBackend();
  const entries = createCache({ backend, masterKey, l1: false });
  await entries.setMany([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  await backend.set('b', new Uint8Array(60));
  t.deepEqual(await entries.getMany(['a', 'b', 'c', 'd']), [1, undefined, 3, undefined]);
  t.like(entries.stats(), { authenticationFailures: 1, hits: 2, misses: 2 });
  t.false(await backend.has('b'), 'what does not open is deleted');
});

test('a backend that fails is empty', async (t) => {
  const backend = new MapBackend();
  backend.failing.add('get').add('set');
  const entries = createCache({ backend });
  t.is(await entries.get('a'), undefined);
  t.deepEqual(await entries.getMany(['a', 'b']), [undefined, undefined]);
  t.false(await entries.has('a'));
  t.is(await entries.ttl('a'), undefined);
  t.is(entries.stats().backendErrors, 5);
  await t.throwsAsync(entries.expire('a', 1), { instanceOf: BackendError }, 'this one cannot expire');
});

test('expire and ttl of a backend that has them', async (t) => {
  const backend = new MemoryBackend();
  const entries = createCache({ backend });
  await entries.set('a', 1, { ttl: '1h' });
  const before = (await entries.ttl('a')) ?? 0;
  t.true(before > 3590 && before <= 3600);
  t.true(await entries.expire('a', '1m'));
  const after = (await entries.ttl('a')) ?? 0;
  t.true(after > 50 && after <= 60);
  t.false(await entries.expire('b', '1m'));
});

test('wrapped functions share the store, have names of their own, and are counted together', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, namespace: 'users' });
  const user = entries.wrap({ operation: 'user', ttl: '5m' })((id: number) => ({ id }));
  const names = entries.secure({ operation: 'names', masterKey })((id: number) => [`secret-${id}`]);
  await user(1);
  await user(1);
  await names(1);
  await names(1);
  await entries.set('k', 1);
  t.like(user.stats(), { hits: 1, misses: 1 });
  t.like(entries.stats(), { hits: 2, misses: 2, sets: 3, l1Entries: 3 });
  t.is(backend.ttls.get(user.keyFor(1)), 300_000);
  t.is(backend.ttls.get(names.keyFor(1)), 600_000);
  t.false(backend.text.includes('secret'));
});

test('secure functions of a plain cache take the key of the environment, or complain when made', (t) => {
  const entries = createCache();
  withEnvironment({ CACHEKIT_MASTER_KEY: undefined }, () => {
    const error = t.throws(() => entries.secure({}), { instanceOf: ConfigurationError });
    t.regex(error.message, /environment file/i);
  });
  withEnvironment({ CACHEKIT_MASTER_KEY: masterKey }, () => {
    t.notThrows(() => entries.secure({})(() => 1));
  });
  t.throws(() => createCache({ masterKey }).secure({ masterKey: otherKey }), { instanceOf: ConfigurationError });
});

test('wrong arguments of entries are refused before anything is asked', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  for (const bad of [undefined, null, 1, {}, [], Symbol('k'), '\ud800']) {
    const key = bad as string;
    for (const use of [
      () => entries.get(key),
      () => entries.set(key, 1),
      () => entries.getOrSet(key, () => 1),
      () => entries.entry(key, () => 1),
      () => entries.getMany([key]),
      () => entries.setMany([[key, 1]]),
      () => entries.delete(key),
      () => entries.has(key),
      () => entries.ttl(key),
      () => entries.expire(key, 1),
    ]) {
      await t.throwsAsync(use(), { instanceOf: TypeError });
    }
    t.throws(() => entries.keyFor(key), { instanceOf: TypeError });
    if (typeof bad !== 'string') t.throws(() => entries.tenant(key), { instanceOf: TypeError });
  }
  await t.throwsAsync(entries.get(''), { instanceOf: RangeError });
  t.throws(() => entries.tenant(''), { instanceOf: RangeError });
  await t.throwsAsync(entries.set('k', undefined), { instanceOf: TypeError, message: /delete/ });
  await t.throwsAsync(entries.setMany([['k', undefined]]), { instanceOf: TypeError });
  await t.throwsAsync(entries.setMany(5 as never), { instanceOf: TypeError });
  for (const entry of ['ab', 5_551_234, null, { key: 'k', value: 1 }]) {
    await t.throwsAsync(entries.setMany([entry] as never), {
      instanceOf: TypeError,
      message: /^An entry must be a pair/,
    });
  }
  for (const options of [5, null, { perfix: 'a' }]) {
    await t.throwsAsync(async () => entries.keys(options as never).next(), {
      message: /options must be|Unknown option/,
    });
  }
  await t.throwsAsync(entries.getMany('k' as never), { instanceOf: TypeError });
  await t.throwsAsync(entries.getOrSet('k', 5 as never), { instanceOf: TypeError });
  await t.throwsAsync(entries.entry('k', undefined as never), { instanceOf: TypeError });
  await t.throwsAsync(entries.set('k', 1, { ttl: 0 }), { instanceOf: RangeError });
  await t.throwsAsync(entries.set('k', 1, { ttl: 'soon' as never }), { instanceOf: TypeError });
  await t.throwsAsync(entries.set('k', 1, { tll: 1 } as never), { instanceOf: ConfigurationError });
  await t.throwsAsync(entries.expire('k', 'never' as never), { instanceOf: TypeError });
  t.deepEqual(backend.calls, { get: 0, set: 0, delete: 0 });
});

test('without a namespace, keys leaves out the entries of tenants', async (t) => {
  const backend = new MemoryBackend();
  const entries = createCache({ backend, masterKey });
  await entries.set('own', 1);
  await entries.tenant('acme').set('theirs', 1);
  t.deepEqual(await collected(entries.keys()), ['own']);
  t.deepEqual(await collected(entries.tenant('acme').keys()), ['theirs']);
});

async function collected(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const key of keys) all.push(key);
  return all;
}

test('a closed cache no longer listens to the Keyv store that it was given, which stays open', async (t) => {
  const store = Object.assign(new EventEmitter(), new Listened());
  for (let i = 0; i < 3; i++) {
    const entries = createCache({ backend: store, namespace: 'n' });
    await entries.set('k', i);
    t.is(store.listenerCount('error'), 1);
    await entries.close();
    t.is(store.listenerCount('error'), 0);
  }
  t.is(store.map.size, 1);
});

/** The least that Keyv's storage adapters have. */
class Listened {
  readonly opts = {};
  readonly map = new Map<string, unknown>();
  readonly get = async (key: string) => this.map.get(key);
  readonly set = async (key: string, value: unknown) => this.map.set(key, value) && true;
  readonly delete = async (key: string) => this.map.delete(key);
  readonly clear = async () => this.map.clear();
}

test('a cache forgets functions that nobody has any more, but not what they did', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const entries = createCache();
  const used = async () => {
    const load = entries.wrap()((id: number) => id);
    await load(1);
    return new WeakRef(load);
  };
  const functions: WeakRef<object>[] = [];
  for (let i = 0; i < 50; i++) functions.push(await used());
  const held = () => functions.filter((reference) => reference.deref() !== undefined).length;
  for (let i = 0; i < 100 && held() > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  t.is(held(), 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.like(entries.stats(), { misses: 50, loads: 50, sets: 50 });
});

test('after close every use of a cache is an error, also where its backend and its keys are in use elsewhere', async (t) => {
  for (const options of [{}, { keyring: new Keyring({ masterKey }) }, { l1: false }]) {
    const entries = createCache({ namespace: 'n', backend: new MemoryBackend(), ...options });
    const load = entries.wrap({ operation: 'o' })((id: number) => id);
    await entries.set('k', 1);
    await load(1);
    await entries.close();
    for (const use of [
      () => entries.get('k'),
      () => entries.tenant('acme').get('k'),
      () => entries.getMany(['k', 'l']),
      () => entries.has('k'),
      () => entries.keys().next(),
      () => load(1),
    ]) {
      await t.throwsAsync(use(), { instanceOf: BackendError, message: /closed/ });
    }
    if ('keyring' in options) await t.throwsAsync(entries.rewrap(), { instanceOf: BackendError, message: /closed/ });
  }
});
