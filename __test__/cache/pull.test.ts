import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Keyv } from 'keyv';
import {
  type Backend,
  BackendError,
  ConfigurationError,
  createCache,
  FileBackend,
  KeyvBackend,
  LmdbBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { requireRedis } from '../support/redis-server.js';
import { deferred, MapBackend, masterKey } from './map-backend.js';

async function pulls(t: ExecutionContext, backend: Backend | null, options: object = {}): Promise<void> {
  const open = () => createCache({ namespace: 'n', backend, masterKey, ...options });
  const one = open();
  const others = backend === null ? [one, one] : [open(), open()];
  await one.set('k', { n: 1 });
  await one.get('k');
  t.deepEqual(await one.pull('k'), { n: 1 });
  for (const cache of [one, ...others]) t.is(await cache.pull('k'), undefined);
  t.is(await one.get('k'), undefined);
  await one.set('null', null);
  t.is(await one.pull('null'), null);
  const large = 'x'.repeat(2 ** 20);
  for (const value of ['small', large]) {
    await one.set('k', value);
    for (const cache of others) await cache.get('k');
    const pulled = await Promise.all([one, ...others, one].map((cache) => cache.pull('k')));
    t.deepEqual(
      pulled.filter((each) => each !== undefined),
      [value],
      'one caller has it',
    );
    t.is(await one.get('k'), undefined);
  }
  await one.tenant('acme').set('k', 1);
  t.is(await one.pull('k'), undefined);
  t.is(await one.tenant('acme').pull('k'), 1);
}

test('pull gives a value to one caller and removes it, in every store', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-pull-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  await pulls(t, null);
  await pulls(t, null, { l1: { values: true } });
  await pulls(t, null, { swr: '1m' });
  const stores: Backend[] = [
    new MemoryBackend(),
    new MapBackend(),
    new KeyvBackend(new Keyv()),
    new LmdbBackend({ directory: join(directory, 'lmdb') }),
    new FileBackend({ directory: join(directory, 'files') }),
  ];
  for (const backend of stores) {
    // Keyv compares before it deletes: there it is of one caller after another.
    if (backend instanceof KeyvBackend) {
      const one = createCache({ namespace: 'n', backend });
      await one.set('k', 1);
      t.deepEqual([await one.pull('k'), await one.pull('k'), await one.get('k')], [1, undefined, undefined]);
    } else await pulls(t, backend);
    await backend.close?.();
  }
});

test('pull gives a value to one caller of several processes, in Redis, with private keys too', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backend = new RedisBackend({ url: server.url });
  await pulls(t, backend);
  await pulls(t, backend, { privateKeys: true });
  await backend.close();
});

test('a run under way does not bring back what was pulled, and a failed deletion gives it to nobody', async (t) => {
  const backend = new MapBackend();
  const cache = createCache({ namespace: 'n', backend, retry: 0, breaker: false, onError: () => {} });
  await cache.set('k', 'old');
  const gate = deferred<string>();
  const run = cache.getOrSet('k', () => gate.promise, { forceFresh: true });
  await new Promise((resolve) => setImmediate(resolve));
  t.is(await cache.pull('k'), 'old');
  gate.resolve('late');
  t.is(await run, 'late');
  t.is(await cache.get('k'), undefined);
  await cache.set('k', 1);
  backend.failing.add('delete');
  await t.throwsAsync(cache.pull('k'), { instanceOf: Error });
  backend.failing.add('get');
  t.is(await cache.pull('k'), undefined);
  t.like(cache.stats(), { hits: 1 });
});

test('what is stored between the look and the deletion is not lost', async (t) => {
  const backend = new MapBackend();
  const [here, there] = [0, 1].map(() => createCache({ namespace: 'n', backend, masterKey }));
  await here?.set('k', 'old');
  backend.after = async (operation) => {
    if (operation !== 'get') return;
    backend.after = undefined;
    await there?.set('k', 'new');
  };
  t.is(await here?.pull('k'), 'new');
  t.is(await there?.pull('k'), undefined);
});

test('setForever stores without an end', async (t) => {
  for (const backend of [null, new MemoryBackend()]) {
    const cache = createCache({ namespace: 'n', backend, ttl: '1s' });
    t.true(await cache.setForever('k', 1, { tags: ['t'] }));
    t.is(await cache.ttl('k'), Number.POSITIVE_INFINITY);
    t.is(await cache.invalidateTags('t'), 1);
    await t.throwsAsync(cache.setForever('k', 1, { ttl: '1s' } as never), { instanceOf: ConfigurationError });
    await t.throwsAsync(cache.setForever('k', undefined), { instanceOf: TypeError });
  }
});

test('a function of a shared cache is closed without it, one of its own with all that was made for it', async (t) => {
  const backend = new MemoryBackend();
  const shared = createCache({ namespace: 'n', backend, masterKey });
  const fn = shared.wrap({ operation: 'o' })(async (id: number) => id);
  await fn(1);
  await fn(1);
  await fn.close();
  await fn.close();
  for (const use of [fn(1), fn.entry(1), fn.refresh(1), fn.invalidate(1), fn.clear()]) {
    await t.throwsAsync(use, { instanceOf: BackendError, message: 'This function is closed' });
  }
  t.like(shared.stats(), { hits: 1, loads: 1 });
  t.is(await shared.getOrSet('k', () => 1), 1);
  t.is(await shared.wrap({ operation: 'o' })(async (id: number) => id + 1)(1), 1, 'its entries are the cache’s');
});

test('`await using` closes a function with the connections that its URL made', async (t) => {
  const { cache } = await import('../../index.js');
  const server = await requireRedis(t);
  if (server === undefined) return;
  const wrap = cache.secure({ namespace: 'n', operation: 'o', backend: server.url, masterKey });
  const original = async (id: number) => id;
  {
    await using fn = wrap(original);
    const second = wrap(original);
    t.is(await fn(1), 1);
    await second.close();
    t.is((await fn.entry(1)).status, 'hit', 'the store is there for the other function');
  }
  t.throws(() => wrap(original), { instanceOf: BackendError, message: /closed/ });
  const own = cache({})(original);
  await own(1);
  await own.close();
  t.is(own.stats().l1Entries, 0);
  await t.throwsAsync(own(1), { instanceOf: BackendError });
});

test('a cache that is closed before the backend answers has nothing, and deletes nothing', async (t) => {
  const memory = new MemoryBackend();
  await createCache({ namespace: 'n', backend: memory, masterKey }).set('k', 1);
  const [asked, gate] = [deferred<void>(), deferred<void>()];
  const backend: Backend = {
    get: async (...args) => {
      const entry = await memory.get(...args);
      asked.resolve();
      await gate.promise;
      return entry;
    },
    set: (...args) => memory.set(...args),
    delete: (...args) => memory.delete(...args),
  };
  const cache = createCache({ namespace: 'n', backend, masterKey });
  const pulled = cache.pull('k');
  await asked.promise;
  await cache.close();
  gate.resolve();
  t.is(await pulled, undefined);
  t.is(await createCache({ namespace: 'n', backend: memory, masterKey }).get('k'), 1);
});
