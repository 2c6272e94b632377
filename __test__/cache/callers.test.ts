import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type CacheOptions, ConfigurationError, cache, createCache, MemoryBackend, TimeoutError } from '../../index.js';
import { deferred, masterKey } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

test('a key option that is undefined is an error where nothing else encrypts, not a cache in plaintext', (t) => {
  const backend = new MemoryBackend();
  for (const options of [{ masterKey: undefined }, { keyring: undefined }] as CacheOptions[]) {
    for (const make of [() => cache({ ...options, ...named, backend }), () => createCache({ ...options, backend })]) {
      t.throws(make, { instanceOf: ConfigurationError, message: /is undefined/ });
    }
  }
  t.throws(() => cache.secure({ masterKey: undefined }), {
    instanceOf: ConfigurationError,
    message: /environment file/,
  });
  t.notThrows(() => cache({ ...named, backend }));
});

test("an argument that is changed after the call never stores one tenant's value as another's", async (t) => {
  const backend = new MemoryBackend();
  interface Request {
    t: string;
    id: number;
  }
  const f = cache.secure({ ...named, backend, masterKey, tenant: (request: Request) => request.t })(
    async (request: Request) => `${request.t}:${request.id}`,
  );
  const request = { t: 'a', id: 7 };
  const changed = f(request);
  request.t = 'b';
  t.is(await changed, 'b:7', 'the caller gets what its function returned');
  t.is(await f({ t: 'a', id: 7 }), 'a:7');
  t.is(await f({ t: 'b', id: 7 }), 'b:7');
});

test('those who wait for a call whose arguments were changed get a value of their own', async (t) => {
  const f = cache(named)(async (user: { id: number }) => user.id);
  const user = { id: 1 };
  const first = f(user);
  const second = f({ id: 1 });
  user.id = 2;
  t.deepEqual(await Promise.all([first, second]), [2, 1]);
  t.is(await f({ id: 1 }), 1);
});

test('an argument that is changed while the function runs stores nothing', async (t) => {
  const started = deferred();
  const go = deferred();
  const f = cache(named)(async (user: { id: number }) => {
    started.resolve();
    await go.promise;
    return user.id;
  });
  const user = { id: 1 };
  const first = f(user);
  await started.promise;
  user.id = 2;
  go.resolve();
  t.is(await first, 2);
  t.is(await f({ id: 1 }), 1);
});

test('a cache that is closed while a function runs still gives its caller the result, and keeps nothing', async (t) => {
  for (const options of [{ masterKey }, {}]) {
    const backend = new MemoryBackend();
    const entries = createCache({ ...options, backend });
    const go = deferred<number>();
    const f = entries.wrap(named)(() => go.promise);
    const pending = f();
    await sleep(5);
    await entries.close();
    go.resolve(7);
    t.is(await pending, 7);
    t.is(await backend.get(f.keyFor()), undefined);
    await t.throwsAsync(f(), { code: 'ERR_BACKEND' });
  }
});

test('a cache that is closed while the backend is asked answers later calls with an error', async (t) => {
  const asked = deferred();
  const answer = deferred<undefined>();
  const written: string[] = [];
  const entries = createCache({
    backend: {
      get: () => {
        asked.resolve();
        return answer.promise;
      },
      set: async (cacheKey: string) => {
        written.push(cacheKey);
      },
      delete: async () => false,
    },
  });
  const f = entries.wrap(named)(() => 1);
  const pending = f();
  await asked.promise;
  await entries.close();
  answer.resolve(undefined);
  t.is(await pending, 1);
  t.deepEqual(written, []);
  t.is(f.stats().l1Entries, 0);
  await t.throwsAsync(f(), { code: 'ERR_BACKEND' });
});

test('an entry of a short time to live ends in time, however long the event loop is blocked', async (t) => {
  let runs = 0;
  const f = cache({ ttl: '200ms' })(() => ++runs);
  await f();
  await f();
  t.is(runs, 1);
  const until = performance.now() + 300;
  while (performance.now() < until);
  await f();
  t.is(runs, 2);
});

test('an age is told only where the time to live that an entry was stored with is known', async (t) => {
  const entries = createCache();
  await entries.set('k', 1, { ttl: '10s' });
  const found = await entries.entry('k', () => 2);
  t.is(found.status, 'hit');
  t.is(found.ageMs, undefined);
  t.true((found.expiresInMs ?? 0) > 9_000);
  const made = await entries.entry('other', () => 2);
  t.true((made.ageMs ?? -1) >= 0 && (made.ageMs ?? 0) < 5_000);
});

test('a listener of errors that rejects is nobody else’s problem', async (t) => {
  const rejections: unknown[] = [];
  const heard = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', heard);
  const broken = new Error('store');
  const f = cache({
    ...named,
    backend: { get: () => Promise.reject(broken), set: () => Promise.reject(broken), delete: async () => false },
    onError: async () => {
      throw new Error('listener');
    },
  })(() => 1);
  t.is(await f(), 1);
  await sleep(20);
  process.off('unhandledRejection', heard);
  t.deepEqual(rejections, []);
});

test('a backend that does not answer is waited for once, not again to store the result', async (t) => {
  let sets = 0;
  const f = cache({
    ...named,
    backend: {
      get: () => Promise.reject(new TimeoutError('no answer')),
      set: async () => {
        sets++;
      },
      delete: async () => false,
    },
    onError: () => {},
  })(() => 1);
  t.is(await f(), 1);
  t.is(sets, 0);
  t.is(f.stats().backendErrors, 1);
});

test('a failure that nobody listens to is told once for each kind, without a key or a value', async (t) => {
  const warnings: Error[] = [];
  const heard = (warning: Error) => warnings.push(warning);
  process.on('warning', heard);
  const backend = new MemoryBackend();
  const writer = cache.secure({ ...named, backend, masterKey })((id: string) => `SECRET ${id}`);
  await writer('SECRET');
  const reader = cache.secure({ ...named, backend, masterKey: 'ab'.repeat(32) })((id: string) => id);
  await reader('SECRET');
  await writer.invalidate('SECRET');
  await writer('SECRET');
  await cache.secure({ ...named, backend, masterKey: 'cd'.repeat(32), onError: () => {} })((id: string) => id)(
    'SECRET',
  );
  await sleep(10);
  process.off('warning', heard);
  t.deepEqual(
    warnings.map((warning) => (warning as Error & { code?: string }).code),
    ['CACHEKIT_NOT_OPENED'],
  );
  t.false(JSON.stringify(warnings.map(String)).includes('SECRET'));
});
