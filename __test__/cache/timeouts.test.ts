import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import {
  type Backend,
  BackendError,
  cache,
  createCache,
  IncompleteError,
  MemoryBackend,
  TimeoutError,
} from '../../index.js';
import { deferred, MapBackend, settle } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const forever = new Promise<never>(() => {});

/** A store that answers nothing, ever. */
function hung(): Backend {
  const backend = new MemoryBackend();
  const names = ['get', 'set', 'delete', 'getMany', 'setMany', 'deleteMany', 'has', 'expire'] as const;
  for (const name of [...names, 'replace', 'invalidateTags', 'lock'] as const) backend[name] = () => forever as never;
  backend.keys = () => ({ [Symbol.asyncIterator]: () => ({ next: () => forever, return: () => forever }) }) as never;
  return backend;
}

const options = { backend: hung(), timeout: '20ms', breaker: false, onError: () => {} } as const;

test('a store that never answers hangs no operation', async (t) => {
  const entries = createCache(options);
  t.is(await entries.get('k'), undefined);
  t.false(await entries.set('k', 1));
  t.is(await entries.getOrSet('k', () => 2), 2);
  t.like(await entries.entry('k', () => 3), { value: 3, status: 'miss' });
  t.deepEqual(await entries.getMany(['k', 'l']), [undefined, undefined]);
  t.false(await entries.setMany([['k', 1]]));
  t.false(await entries.has('k'));
  t.is(await entries.ttl('k'), undefined);
  for (const use of [
    () => entries.delete('k'),
    () => entries.deleteMany(['k', 'l']),
    () => entries.expire('k', 1),
    () => entries.invalidateTags('t'),
    () => entries.keys().next(),
    () => createCache({ ...options, masterKey: '31'.repeat(32) }).rewrap(),
  ]) {
    await t.throwsAsync(use(), { instanceOf: TimeoutError, code: 'ERR_TIMEOUT' });
  }
  await entries.close();
});

test('a listing of a hung store can be left at once', async (t) => {
  const backend = new MemoryBackend();
  backend.keys = () => {
    const steps = [{ value: 'a', done: false }];
    const next = async () => steps.pop() ?? forever;
    return { [Symbol.asyncIterator]: () => ({ next, return: () => forever }) } as never;
  };
  for await (const cacheKey of createCache({ backend }).keys()) {
    t.is(cacheKey, 'a');
    break;
  }
});

test('what a listing fails with is told, whatever its end fails with', async (t) => {
  const backend = new MemoryBackend();
  const fail = (message: string) => () => {
    throw new Error(message);
  };
  backend.keys = () =>
    ({ [Symbol.asyncIterator]: () => ({ next: fail('the listing'), return: fail('its end') }) }) as never;
  await t.throwsAsync(createCache({ backend }).keys().next(), { message: 'the listing' });
});

test('functions run in front of a hung store, once for all who wait, and are not held up again to store the result', async (t) => {
  for (const more of [{}, { lock: true }, { swr: '1m', staleIfError: '1m' }] as const) {
    let runs = 0;
    const load = cache({ ...named, ...options, ...more })(() => ++runs);
    t.deepEqual(await Promise.all([load(), load()]), [1, 1]);
    t.is(load.stats().backendErrors, 1);
    t.is(await load.refresh(), 2);
  }
});

test('a function has a time limit of its own', async (t) => {
  let late: (error: Error) => void = () => {};
  const load = cache({ timeout: { load: '20ms' } })(
    () =>
      new Promise((_, reject) => {
        late = reject;
      }),
  );
  const error = await t.throwsAsync(load(), { instanceOf: TimeoutError });
  t.regex(`${error}`, /20 ms/);
  late(new Error('nobody listens any more, and that is no unhandled rejection'));
  await settle();
  t.like(load.stats(), { loads: 1, loadErrors: 1 });
  t.is(await cache({ timeout: { load: '10s', backend: '1s' } })(() => 'in time')(), 'in time');
});

test('a timeout is a string with a unit', (t) => {
  for (const timeout of [
    500,
    0,
    true,
    null,
    '500',
    ['1s'],
    { backend: 5 },
    { load: 5 },
    { backend: null },
  ] as never[]) {
    const error = t.throws(() => createCache({ timeout }));
    t.true(error instanceof TypeError, String(timeout));
  }
  t.throws(() => createCache({ timeout: '26d' }), { instanceOf: RangeError });
  t.throws(() => createCache({ timeout: { total: '1s' } as never }), { code: 'ERR_CONFIGURATION' });
  t.notThrows(() => createCache({ timeout: '250ms' }));
  t.notThrows(() => createCache({ timeout: {} }));
});

test('an abort ends what is under way in the store, and functions run', async (t) => {
  const controller = new AbortController();
  const { signal } = controller;
  const own = { ...options, timeout: '1h', signal } as const;
  const entries = createCache(own);
  const load = cache({ ...named, ...own })(() => 'mine');
  const uses = [load(), entries.get('k'), entries.set('k', 1), entries.getMany(['k', 'l'])];
  const thrown = t.throwsAsync(entries.delete('k'), { message: 'enough' });
  await settle();
  controller.abort(new Error('enough'));
  t.deepEqual(await Promise.all(uses), ['mine', undefined, false, [undefined, undefined]]);
  await thrown;
});

test.serial('however many caches and operations share a signal, it has one listener', async (t) => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  const { signal } = new AbortController();
  let added = 0;
  const { addEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    added++;
    return addEventListener.apply(signal, args as never);
  };
  for (let i = 0; i < 30; i++) await createCache({ backend: new MapBackend(), signal }).set('k', i);
  await settle();
  process.off('warning', listen);
  t.true(added <= 1);
  t.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test('operations over the limit are refused at once, and their functions run', async (t) => {
  const backend = new MapBackend();
  const gate = deferred();
  backend.before = () => gate.promise;
  const errors: unknown[] = [];
  const load = cache({ ...named, backend, maxConcurrent: 2, onError: (error) => errors.push(error) })(
    (id: number) => id,
  );
  const waiting = [load(1), load(2)];
  t.is(await load(3), 3);
  t.is(backend.calls.get, 2);
  t.true(errors.every((error) => error instanceof BackendError));
  gate.resolve();
  t.deepEqual(await Promise.all(waiting), [1, 2]);
  t.is(await load(3), 3);
  t.is(load.stats().sets, 3);
});

test('a store that answers without a promise is used all the same', async (t) => {
  const stored = new Map<string, Uint8Array>();
  const backend = {
    get: (cacheKey: string) => (stored.has(cacheKey) ? { bytes: stored.get(cacheKey) } : undefined),
    set: (cacheKey: string, bytes: Uint8Array) => void stored.set(cacheKey, bytes),
    delete: (cacheKey: string) => stored.delete(cacheKey),
  };
  const entries = createCache({ backend: backend as never, l1: false });
  t.true(await entries.set('k', 1));
  t.is(await entries.get('k'), 1);
  t.true(await entries.delete('k'));
});

/** A store whose tags have many entries, removed 10 at a time, each step in so many milliseconds. */
function stepping(entries: number, stepMs: (step: number) => number): Backend & { removed: number } {
  const backend = Object.assign(new MemoryBackend() as Backend, { removed: 0 });
  backend.invalidateTags = async (_, options) => {
    let removed = 0;
    while (backend.removed < entries) {
      await pause(stepMs(backend.removed / 10));
      options?.signal?.throwIfAborted();
      backend.removed += 10;
      removed += 10;
      options?.onProgress?.(removed);
    }
    return removed;
  };
  return backend;
}

test('a long invalidation has the timeout for each of its steps', async (t) => {
  const entries = createCache({ backend: stepping(100, () => 60), timeout: '400ms' });
  t.is(await entries.invalidateTags('t'), 100);
});

test('a long invalidation that is held up says how far it came, and can be resumed', async (t) => {
  const backend = stepping(100, (step) => (step === 3 ? 1_000 : 0));
  const entries = createCache({ backend, timeout: '200ms', retry: 0, onError: () => {} });
  const error = await t.throwsAsync(entries.invalidateTags('t'), { instanceOf: IncompleteError });
  t.deepEqual([error?.code, error?.counts], ['ERR_INCOMPLETE', { removed: 30 }]);
  t.true(error?.cause instanceof TimeoutError);
  await pause(1_000);
  t.is(await entries.invalidateTags('t'), 0, 'the store has gone on');
});

test('a step that fails and may pass is tried again, and all are counted', async (t) => {
  let failed = false;
  const backend = stepping(100, () => 0);
  const { invalidateTags } = backend;
  backend.invalidateTags = (tags, options) =>
    invalidateTags?.call(backend, tags, {
      ...options,
      onProgress: (removed) => {
        options?.onProgress?.(removed);
        if (removed === 50 && !failed) {
          failed = true;
          throw new BackendError('lost', { transient: true });
        }
      },
    }) as Promise<number>;
  const entries = createCache({ backend, onError: () => {} });
  t.is(await entries.invalidateTags('t'), 100);
});

test('a long invalidation can be aborted, with what it has removed', async (t) => {
  const backend = stepping(100, () => 10);
  const entries = createCache({ backend });
  const controller = new AbortController();
  const ended = t.throwsAsync(entries.invalidateTags('t', { signal: controller.signal }), {
    instanceOf: IncompleteError,
  });
  while (backend.removed < 20) await pause(5);
  controller.abort(new Error('enough'));
  const error = await ended;
  t.is(error?.cause, controller.signal.reason);
  t.true(Number(error?.counts.removed) >= 20 && backend.removed < 100);
  const before = AbortSignal.abort(new Error('before'));
  await t.throwsAsync(entries.invalidateTags('t', { signal: before }), { message: 'before' });
  await t.throwsAsync(entries.invalidateTags('t', { signal: {} as never }), { instanceOf: TypeError });
});

test.serial('a backend of the user that throws before it waits leaves no timer behind', async (t) => {
  const backend: Backend = Object.assign(new MapBackend(), {
    invalidateTags(): never {
      throw new Error('refused');
    },
  });
  const cache = createCache({ backend, namespace: 'n', l1: false, timeout: '61s', onError: () => {} });
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  await t.throwsAsync(cache.invalidateTags('t'), { message: 'refused' });
  t.is(timers(), before);
});
