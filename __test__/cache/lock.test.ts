import test from 'ava';
import {
  BackendError,
  type BackendLock,
  ConfigurationError,
  cache,
  createCache,
  MemoryBackend,
  skip,
} from '../../index.js';
import { deferred, MapBackend, settle, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

/** A store that counts what happens to its locks. */
class LockedBackend extends MemoryBackend {
  readonly locks = { taken: 0, refused: 0, extended: 0, released: 0 };

  override async lock(cacheKey: string, leaseMs: number): Promise<BackendLock | undefined> {
    const lock = await super.lock(cacheKey, leaseMs);
    this.locks[lock === undefined ? 'refused' : 'taken']++;
    return (
      lock && {
        extend: (ms) => {
          this.locks.extended++;
          return lock.extend(ms);
        },
        release: () => {
          this.locks.released++;
          return lock.release();
        },
      }
    );
  }
}

const until = async (done: () => boolean) => {
  for (const begun = performance.now(); !done(); ) {
    if (performance.now() - begun > 20_000) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

test('of two caches over one backend, one runs the function and the other takes its result', async (t) => {
  const backend = new LockedBackend();
  const gate = deferred<string>();
  let runs = 0;
  const make = () =>
    cache({ ...named, backend, lock: true })(() => {
      runs++;
      return gate.promise;
    });
  const [first, second] = [make(), make()];
  const calls = [first(), first()];
  await until(() => runs === 1);
  calls.push(second(), second());
  await until(() => backend.locks.refused > 1);
  gate.resolve('made once');
  t.deepEqual(await Promise.all(calls), Array(4).fill('made once'));
  t.is(runs, 1);
  t.like(second.stats(), { loads: 0, lockWaits: 1, misses: 2 });
  await until(() => backend.locks.released === 1);
  t.is(backend.locks.taken, 1);
});

test('the lease is renewed while the function runs, and the lock given back also when it throws', async (t) => {
  const backend = new LockedBackend();
  const load = cache({ ...named, backend, lock: { lease: '30ms' } })(async () => {
    await until(() => backend.locks.extended > 2);
    throw new Error('after all');
  });
  await t.throwsAsync(load(), { message: 'after all' });
  await until(() => backend.locks.released === 1);
  const { extended } = backend.locks;
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(backend.locks.extended, extended, 'and is renewed no more');
});

test('a result that is not stored lets the next one run the function itself', async (t) => {
  for (const returned of [() => skip('own'), () => undefined]) {
    const backend = new LockedBackend();
    const gate = deferred();
    let runs = 0;
    const make = () =>
      cache({ ...named, backend, lock: true })(async () => {
        if (++runs === 1) await gate.promise;
        return returned();
      });
    const first = make()();
    await until(() => runs === 1);
    const second = make()();
    await until(() => backend.locks.refused > 0);
    gate.resolve();
    t.is(await first, await second);
    t.is(runs, 2);
  }
});

test('after the wait the function runs without the lock', async (t) => {
  const backend = new LockedBackend();
  const load = cache({ ...named, backend, lock: { wait: '20ms' } })(() => 'mine');
  const other = await backend.lock(load.keyFor(), 60_000);
  t.truthy(other);
  t.is(await load(), 'mine');
  t.like(load.stats(), { loads: 1, lockWaits: 1, sets: 1 });
  t.is(backend.locks.released, 0, 'the lock of the other is left alone');
});

test.serial('the lock of a process that died is free after its lease', async (t) => {
  await withClock(async (clock) => {
    const backend = new LockedBackend();
    const load = cache({ ...named, backend, lock: { lease: '5s', wait: '10m' } })(() => 'mine');
    await backend.lock(load.keyFor(), 5_000);
    const calling = load();
    await until(() => backend.locks.refused > 1);
    t.is(load.stats().loads, 0);
    clock.ms += 5_001;
    t.is(await calling, 'mine');
  });
});

test('a lock that fails holds nobody up', async (t) => {
  for (const [n, fails] of [
    async () => Promise.reject(new BackendError('no locks today')),
    () => {
      throw new TypeError('not at all');
    },
    async () => ({ extend: () => never(), release: () => never() }) as never,
    async () => ({}) as never,
  ].entries()) {
    const backend = new MemoryBackend();
    backend.lock = fails as never;
    const load = cache({ ...named, backend, retry: 0, lock: { lease: '3ms' }, onError: () => {} })(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 1;
    });
    t.is(await load(), 1);
    t.is(await load(), 1);
    // Without any lock the result is stored; with one that may be somebody else's by now it is not.
    t.is(load.stats().loads, n < 2 ? 1 : 2);
  }
});

function never(): never {
  throw new Error('a lock that cannot do anything');
}

test('a store whose reads hang while another has the lock holds nobody up', async (t) => {
  const backend = new LockedBackend();
  let reads = 0;
  backend.get = () => (++reads === 1 ? Promise.resolve(undefined) : new Promise(() => {}));
  const load = cache({ ...named, backend, timeout: '20ms', lock: { wait: '10m' }, onError: () => {} })(() => 'mine');
  await backend.lock(load.keyFor(), 600_000);
  t.is(await load(), 'mine');
  t.is(reads, 2);
});

test.serial('in the background the function runs only where the lock is free', async (t) => {
  await withClock(async (clock) => {
    const backend = new LockedBackend();
    let runs = 0;
    const options = { ...named, backend, l1: false, lock: true, ttl: '10s', swr: '1h' } as const;
    const load = cache(options)(() => ++runs);
    await load();
    await until(() => backend.locks.released === 1);
    clock.ms += 11_000;
    const other = await backend.lock(load.keyFor(), 600_000);
    t.is(await load(), 1);
    await settle();
    t.is(runs, 1);
    await other?.release();
    t.is(await load(), 1);
    await until(() => runs === 2);
    await settle();
    t.is(await load(), 2);
  });
});

test('a lock needs a backend that has locks, and none without a backend', async (t) => {
  t.throws(() => cache({ ...named, backend: new MapBackend(), lock: true }), { instanceOf: ConfigurationError });
  t.throws(() => createCache({ backend: new MapBackend(), lock: {} }), { instanceOf: ConfigurationError });
  t.notThrows(() => createCache({ backend: new MapBackend(), lock: false }));
  t.is(await cache({ lock: true })(() => 1)(), 1);
});

test.serial('a function that never returns gives its lock back after 10 minutes', async (t) => {
  await withClock(async (clock) => {
    const backend = new LockedBackend();
    const load = cache({ ...named, backend, lock: { lease: '30ms' } })(() => new Promise(() => {}));
    load().catch(() => {});
    await until(() => backend.locks.extended > 1);
    clock.ms += 600_000;
    await until(() => backend.locks.released === 1);
    t.truthy(await backend.lock(load.keyFor(), 60_000));
  });
});

test.serial('a stale value answers when another process has the lock for too long', async (t) => {
  await withClock(async (clock) => {
    const backend = new LockedBackend();
    let runs = 0;
    const options = { ...named, backend, l1: false, ttl: '10s', staleIfError: '1h', onError: () => {} } as const;
    const load = cache({ ...options, lock: { wait: '20ms' } })(() => ++runs);
    await load();
    await until(() => backend.locks.released === 1);
    clock.ms += 11_000;
    await backend.lock(load.keyFor(), 600_000);
    t.like(await load.entry(), { value: 1, status: 'stale' });
    const { refused } = backend.locks;
    t.like(await load.entry(), { value: 1, status: 'stale' });
    t.is(backend.locks.refused, refused, 'the next caller does not wait for it again');
    t.is(runs, 1);
  });
});

test('who waits for another process does so for its time limit', async (t) => {
  const backend = new LockedBackend();
  const load = cache({ ...named, backend, lock: true, timeout: { load: '50ms' } })(() => 'mine');
  const other = await backend.lock(load.keyFor(), 60_000);
  for (let i = 0; i < 2; i++) await t.throwsAsync(load(), { code: 'ERR_TIMEOUT' });
  t.like(load.stats(), { loads: 0, loadErrors: 0, lockWaits: 1 });
  const waiting = until(() => load.stats().loads === 1);
  await other?.release();
  await waiting;
  t.is(await load(), 'mine');
});
