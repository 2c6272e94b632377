import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import {
  BackendError,
  ConfigurationError,
  cache,
  createCache,
  MemoryBackend,
  RedisBackend,
  TimeoutError,
} from '../../index.js';
import { requireRedis } from '../support/redis-server.js';
import { deferred, MapBackend, masterKey, settle, withClock } from './map-backend.js';

const failed = new Error('the database is down');
const stores = () => [null, new MemoryBackend()];

test.serial(
  'functions of one cache have swr and staleIfError of their own, and leave the others to the cache',
  async (t) => {
    await withClock(async (clock) => {
      for (const backend of stores()) {
        const shared = createCache({ namespace: 'n', backend, masterKey, ttl: '10s', staleIfError: '1m' });
        let [patient, plain, none] = [0, 0, 0];
        const withSwr = shared.wrap({ operation: 'a', swr: '30s' })(async () => ++patient);
        const asCache = shared.secure({ operation: 'b' })(async () => {
          if (++plain > 1) throw failed;
          return plain;
        });
        const without = shared.wrap({ operation: 'c', staleIfError: false })(async () => {
          if (++none > 1) throw failed;
          return none;
        });
        await Promise.all([withSwr(), asCache(), without()]);
        clock.ms += 12_000;
        t.is(await withSwr(), 1, 'stale, while another run is under way');
        await settle();
        t.is(await withSwr(), 2);
        t.is(await asCache(), 1, 'the cache’s staleIfError');
        await t.throwsAsync(without(), { is: failed });
      }
    });
  },
);

test.serial('a call has a policy of its own, in memory for longer than the cache itself keeps entries', async (t) => {
  await withClock(async (clock) => {
    for (const backend of stores()) {
      const shared = createCache({ namespace: 'n', backend, ttl: '10s' });
      let runs = 0;
      const load = () => (++runs > 1 ? Promise.reject(failed) : Promise.resolve(1));
      t.is(await shared.getOrSet('k', load, { staleIfError: '1m' }), 1);
      clock.ms += 30_000;
      t.is(await shared.getOrSet('k', load, { staleIfError: '1m' }), 1);
      t.is((await shared.entry('k', load, { staleIfError: '1m' })).status, 'stale');
      t.is(await shared.getOrSet('null', () => null, { negativeTtl: '2s' }), null);
      t.true(((await shared.ttl('null')) ?? 10) <= 2);
      await shared.set('jittered', 1, { ttl: '100s', jitter: 0.999 });
      t.true(((await shared.ttl('jittered')) ?? 100) < 100);
      const errors = [await t.throwsAsync(shared.getOrSet('e', () => Promise.reject(failed), { errorTtl: '5s' }))];
      errors.push(await t.throwsAsync(shared.getOrSet('e', () => 1, { errorTtl: '5s' })));
      t.deepEqual(errors, [failed, failed]);
      clock.ms += 5_001;
      t.is(await shared.getOrSet('e', () => 1), 1);
    }
  });
});

test.serial('who reads an entry takes its window off what is left of it, the cache’s at least', async (t) => {
  await withClock(async (clock) => {
    const backend = new MemoryBackend();
    const open = () => createCache({ namespace: 'n', backend, l1: false, ttl: '10s', staleIfError: '20s' });
    // The cache's window holds the function's: all agree.
    await open().getOrSet('k', () => 1, { swr: '5s' });
    clock.ms += 11_000;
    t.is(await open().get('k'), undefined);
    t.is((await open().entry('k', () => 2, { swr: '5s' })).status, 'stale');
    await settle();
    // A longer one is for those who have it too: others find the entry fresh for the difference.
    await open().getOrSet('long', () => 1, { swr: '1m' });
    clock.ms += 11_000;
    t.is(await open().get('long', { swr: '1m' }), undefined);
    t.is(await open().get('long'), 1);
    clock.ms += 40_000;
    t.is(await open().get('long'), undefined, 'never beyond what its writer allowed');
    t.is((await open().entry('long', () => 2, { swr: '1m' })).status, 'stale');
  });
});

test('each caller has its own patience, and the parts of a timeout are separate', async (t) => {
  const shared = createCache({ namespace: 'n', backend: new MemoryBackend(), timeout: { backend: '1s', load: '1h' } });
  const gate = deferred<number>();
  const patient = shared.getOrSet('k', () => gate.promise);
  await t.throwsAsync(
    shared.getOrSet('k', () => gate.promise, { timeout: { load: '20ms' } }),
    { instanceOf: TimeoutError },
  );
  gate.resolve(1);
  t.is(await patient, 1);
  // `signal` alone takes the cache's time.
  let signal: AbortSignal | undefined;
  const noted = () => {
    signal = shared.signal();
    return 1;
  };
  await shared.getOrSet('s', noted, { timeout: { signal: true } });
  t.true(signal instanceof AbortSignal);
  const without = createCache({ namespace: 'n' });
  await t.throwsAsync(
    without.getOrSet('s', () => 1, { timeout: { signal: true } }),
    { instanceOf: ConfigurationError },
  );
});

test('a function or a call may be waited for as long as it takes', async (t) => {
  const shared = createCache({ namespace: 'n', timeout: { load: '20ms', signal: true } });
  const slow = async () => {
    await pause(60);
    return shared.signal() === undefined;
  };
  await t.throwsAsync(shared.getOrSet('k', slow), { code: 'ERR_TIMEOUT' });
  t.true(await shared.getOrSet('other', slow, { timeout: { load: false } }));
  t.true(await shared.wrap({ timeout: { load: false } })(slow)());
  t.is(await createCache({ timeout: { load: false } }).getOrSet('k', () => 1), 1);
  await t.throwsAsync(shared.getOrSet('k', slow, { timeout: { load: false, signal: true } }), {
    instanceOf: ConfigurationError,
  });
});

test('a call’s time limit and retries are those of its operations, and the breaker is the cache’s', async (t) => {
  const backend = new MapBackend();
  let slow = true;
  backend.before = (operation) => (operation === 'get' && slow ? new Promise(() => {}) : undefined);
  const shared = createCache({ namespace: 'n', backend, l1: false, timeout: '1h', breaker: false, onError: () => {} });
  t.is(await shared.get('k', { timeout: '20ms' }), undefined);
  t.is(await shared.wrap({ operation: 'o', timeout: '20ms' })(() => 7)(), 7);
  slow = false;
  let asked = 0;
  backend.before = () => {
    asked++;
    throw new BackendError('for now', { transient: true });
  };
  for (const retry of [0, 3]) {
    asked = 0;
    await shared.get('k', { retry });
    t.is(asked, 1 + retry);
  }
  const careful = createCache({
    namespace: 'n',
    backend,
    l1: false,
    breaker: { failures: 2 },
    retry: 0,
    onError: () => {},
  });
  await careful.get('k', { timeout: '4s' });
  await careful.get('k', { timeout: '3s' });
  asked = 0;
  await careful.get('k');
  await careful.get('k', { timeout: '2s' });
  t.is(asked, 0, 'the breaker is open for all');
});

test('a lock for one function and one call, in processes that share a Redis', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backends = [new RedisBackend({ url: server.url }), new RedisBackend({ url: server.url })];
  const caches = backends.map((backend) => createCache({ namespace: 'n', backend, masterKey }));
  let runs = 0;
  const load = async () => {
    runs++;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return runs;
  };
  t.deepEqual(await Promise.all(caches.map((one) => one.getOrSet('k', load, { lock: true }))), [1, 1]);
  const functions = caches.map((one) => one.wrap({ operation: 'o', lock: { wait: '10s' } })(load));
  t.deepEqual(await Promise.all(functions.map((fn) => fn())), [2, 2]);
  t.is(runs, 2);
  for (const backend of backends) await backend.close();
});

test('wrong and unknown options of functions and calls are refused', async (t) => {
  const shared = createCache({ namespace: 'n', backend: new MapBackend() });
  const load = () => 1;
  for (const [options, expected] of [
    [{ lock: true }, { instanceOf: ConfigurationError }],
    [{ swr: -1 }, { instanceOf: RangeError }],
    [{ jitter: '1' }, { instanceOf: TypeError }],
    [{ timeout: { load: 5 } }, { instanceOf: TypeError }],
    [{ forceFresh: 1 }, { instanceOf: TypeError }],
    [{ breaker: true }, { instanceOf: ConfigurationError }],
  ] as const) {
    await t.throwsAsync(shared.getOrSet('k', load, options as never), expected as object);
    if (!('forceFresh' in options))
      t.throws(() => shared.wrap({ operation: 'o', ...options } as never), expected as object);
  }
  await t.throwsAsync(shared.get('k', { lock: true } as never), { instanceOf: ConfigurationError });
  await t.throwsAsync(shared.set('k', 1, { errorTtl: '1s' } as never), { instanceOf: ConfigurationError });
  t.notThrows(() => cache({ swr: false, staleIfError: false, negativeTtl: false, errorTtl: false })(load));
});

test('forceFresh loads whatever is stored, and replaces it', async (t) => {
  for (const backend of stores()) {
    const shared = createCache({ namespace: 'n', backend });
    await shared.getOrSet('k', () => 1);
    t.is(await shared.getOrSet('k', () => 2, { forceFresh: true }), 2);
    t.is(await shared.get('k'), 2);
    const entry = await shared.entry('k', () => 3, { forceFresh: true, ttl: '5s' });
    t.deepEqual([entry.value, entry.status], [3, 'miss']);
    t.is(await shared.getOrSet('k', () => 4, { forceFresh: false }), 3);
  }
});
