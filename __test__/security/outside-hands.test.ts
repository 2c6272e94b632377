import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  AuthenticationError,
  type Backend,
  ConfigurationError,
  createCache,
  EncryptionWrapper,
  FileBackend,
  IncompleteError,
  KeyError,
  Keyring,
  MemoryBackend,
} from '../../index.js';

/*
 * What user code can reach or replace: objects that are frozen, classes that are extended, arrays with methods of their own, and
 * what a backend of the user's answers.
 */

const OLD = 'aa'.repeat(32);
const NEW = 'bb'.repeat(32);
const context = { cacheKey: 'k' };

test('a keyring shows nothing, and a frozen one seals, rotates and is destroyed', (t) => {
  const keyring = new Keyring({ masterKey: OLD });
  Object.freeze(keyring);
  t.is(JSON.stringify(keyring), '{}');
  t.deepEqual(Reflect.ownKeys(keyring), []);
  const wrapper = new EncryptionWrapper({ keyring });
  const before = wrapper.serialize(1, context);
  keyring.startRotation(NEW);
  const after = wrapper.serialize(2, context);
  t.is(wrapper.deserialize(before, context), 1);
  t.throws(() => new EncryptionWrapper({ masterKey: OLD }).deserialize(after, context));
  keyring.destroy();
  t.throws(() => wrapper.deserialize(after, context), { instanceOf: KeyError });
});

test('writing to a keyring does not make a codec seal with an old key', (t) => {
  const keyring = new Keyring({ masterKey: OLD });
  const wrapper = new EncryptionWrapper({ keyring });
  wrapper.serialize(1, context);
  keyring.startRotation(NEW);
  Object.assign(keyring, { generation: 0, sequenceSeals: -1e9 });
  const sealed = wrapper.serialize(2, context);
  t.is(new EncryptionWrapper({ masterKey: NEW, rotationHeader: 'never' }).deserialize(sealed.subarray(32), context), 2);
});

test('batches check each item of an array whose map is its own', (t) => {
  class Items<T> extends Array<T> {
    override map(): never[] {
      return [{ value: 1, cacheKey: '', sealed: new Uint8Array(new SharedArrayBuffer(64)) }] as never[];
    }
  }
  const wrapper = new EncryptionWrapper({ masterKey: OLD });
  const [sealed] = wrapper.serializeMany(Items.from([{ value: 5, cacheKey: 'k' }]));
  t.is(wrapper.deserialize(sealed as Buffer, context), 5);
  const [opened] = wrapper.deserializeMany(Items.from([{ sealed: sealed as Buffer, cacheKey: 'k' }]));
  t.deepEqual(opened, { ok: true, value: 5 });
  t.throws(() => wrapper.serializeMany(Items.from([{ value: 5, cacheKey: '' }])), { instanceOf: RangeError });
});

test('a cache refuses a wrapper whose methods it would not call', (t) => {
  class Audited extends EncryptionWrapper {
    override deserialize(): never {
      throw new AuthenticationError();
    }
  }
  const options = { namespace: 'n', backend: new MemoryBackend() };
  t.throws(() => createCache({ ...options, serializer: new Audited({ masterKey: OLD }) }), {
    instanceOf: ConfigurationError,
    message: /deserialize/,
  });
  const spied = Object.assign(new EncryptionWrapper({ masterKey: OLD }), { serialize: () => Buffer.alloc(40) });
  t.throws(() => createCache({ ...options, serializer: spied }), {
    instanceOf: ConfigurationError,
    message: /serialize/,
  });
});

for (const [name, cacheKey] of Object.entries({ 'a lone surrogate': 'a\ud800', nothing: '', 'a number': 5 })) {
  test(`rewrap refuses a cache key that a backend names and that is ${name}`, async (t) => {
    const map = new Map<unknown, Uint8Array>();
    const backend: Backend = {
      get: async (key) => (map.has(key) ? { bytes: map.get(key) as Uint8Array, expiresInMs: 60_000 } : undefined),
      set: async (key, bytes) => void map.set(key, bytes),
      delete: async (key) => map.delete(key),
      keys: async function* () {
        yield cacheKey as string;
      },
    };
    const keyring = new Keyring({ masterKey: OLD });
    const cache = createCache({ keyring, backend });
    map.set(cacheKey, new EncryptionWrapper({ keyring }).serialize(1, { cacheKey: 'x' }));
    keyring.startRotation(NEW);
    const error = await t.throwsAsync(cache.rewrap());
    t.true(
      error instanceof IncompleteError || error instanceof TypeError || error instanceof RangeError,
      String(error),
    );
    await cache.close();
  });
}

test('a prefix that a backend gets later is checked', async (t) => {
  const backend = Object.assign(new MemoryBackend(), { keyPrefix: 'a:' });
  const errors: unknown[] = [];
  const cache = createCache({
    masterKey: OLD,
    namespace: 'n',
    backend,
    l1: false,
    onError: (error) => errors.push(error),
  });
  t.true(await cache.set('k', 1));
  backend.keyPrefix = '\ud800';
  await t.throwsAsync(async () => cache.set('k', 1), { instanceOf: TypeError, message: /keyPrefix/ });
  await cache.close();
});

test('the lock of a closed file store rejects when it is given back', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-hands-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const backend = new FileBackend({ directory });
  const lock = await backend.lock('k', 10_000);
  await backend.close();
  const released = lock?.release();
  t.true(released instanceof Promise);
  await t.throwsAsync(released as Promise<unknown>, { code: 'ERR_BACKEND' });
});
