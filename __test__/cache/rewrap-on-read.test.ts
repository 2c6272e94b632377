import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type Backend,
  ConfigurationError,
  createCache,
  EncryptionWrapper,
  HttpBackend,
  Keyring,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { API_KEY, startCacheServer } from '../support/http-server.js';
import { requireRedis } from '../support/redis-server.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const options = { namespace: 'n', l1: false, ttl: '1h', rewrapOnRead: true } as const;

async function until(t: ExecutionContext, work: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await work()) return;
    await pause(20);
  }
  t.fail('it did not become so');
}

/** Whether the newer key alone opens what is stored. */
async function opens(backend: Backend, cacheKey: string): Promise<boolean> {
  const stored = await backend.get(`ns:n:key:${cacheKey}`);
  if (stored === undefined) return false;
  try {
    new EncryptionWrapper({ masterKey: otherKey }).deserialize(stored.bytes, { cacheKey: `ns:n:key:${cacheKey}` });
    return true;
  } catch {
    return false;
  }
}

test('an entry that is read is sealed with the current key behind the read, and keeps its TTL', async (t) => {
  const keyring = new Keyring({ masterKey });
  const backend = new MemoryBackend();
  const entries = createCache({ ...options, backend, keyring });
  await entries.set('a', 1, { ttl: '10m' });
  await entries.set('b', 2);
  keyring.startRotation(otherKey);
  const before = await backend.get(entries.keyFor('b'));
  t.is(await entries.get('a'), 1);
  await until(t, () => opens(backend, 'a'));
  t.false(await opens(backend, 'b'));
  t.deepEqual((await backend.get(entries.keyFor('b')))?.bytes, before?.bytes);
  const left = (await entries.ttl('a')) ?? 0;
  t.true(left > 590 && left <= 600);
  t.deepEqual(await entries.getMany(['a', 'b']), [1, 2]);
  await until(t, () => opens(backend, 'b'));
});

test('nothing is written where nothing is old, or without the option', async (t) => {
  const keyring = new Keyring({ masterKey });
  const backend = new MapBackend();
  backend.expiresInMs = 60_000;
  const entries = createCache({ ...options, backend, keyring });
  await entries.set('a', 1);
  await entries.get('a');
  keyring.startRotation(otherKey);
  await entries.set('a', 2);
  await entries.get('a');
  const without = createCache({ ...options, rewrapOnRead: false, backend, keyring });
  backend.stored.clear();
  keyring.rollback();
  await without.set('a', 1);
  keyring.rollback();
  t.is(await without.get('a'), 1);
  await pause(50);
  t.is(backend.calls.set, 3);
});

test('through the HTTP API, of which entries cannot be listed', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const backend = new HttpBackend({ url: server.url, apiKey: API_KEY, allowPrivateHosts: true });
  t.teardown(() => backend.close());
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ ...options, backend, keyring });
  await entries.set('a', 1);
  keyring.startRotation(otherKey);
  t.is(await entries.get('a'), 1);
  await until(t, () => opens(backend, 'a'));
  const left = (await entries.ttl('a')) ?? Number.POSITIVE_INFINITY;
  t.true(left <= 3600);
});

test('under private names an entry moves to its name under the current key, unless it has tags or a newer one is there', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backend = new RedisBackend({ url: server.url });
  t.teardown(() => backend.close());
  const keyring = new Keyring({ masterKey });
  const entries = createCache({ ...options, backend, keyring, privateKeys: true });
  await entries.set('a', 1, { ttl: '10m' });
  await entries.set('b', 2, { tags: ['tag'] });
  keyring.startRotation(otherKey);
  t.deepEqual(await Promise.all([entries.get('a'), entries.get('b')]), [1, 2]);
  // Under the newer key alone, other names are looked for.
  const later = createCache({ ...options, backend, masterKey: otherKey, privateKeys: true });
  await until(t, async () => (await later.get('a')) === 1);
  await pause(50);
  t.is(await later.get('b'), undefined);
  const names: string[] = [];
  for await (const name of backend.keys()) names.push(name);
  t.is(names.length, 2, 'the old name is gone');
  t.is(await entries.invalidateTags('tag'), 1);
  const left = (await entries.ttl('a')) ?? 0;
  t.true(left > 590 && left <= 600);
});

test('it is refused where values name no key', (t) => {
  const backend = new MemoryBackend();
  for (const wire of ['interop', 'interop-v2'] as const) {
    t.throws(() => createCache({ ...options, backend, masterKey, wire }), { instanceOf: ConfigurationError });
  }
  t.throws(() => createCache({ ...options, backend, masterKey, rewrapOnRead: 1 as never }), { instanceOf: TypeError });
});
