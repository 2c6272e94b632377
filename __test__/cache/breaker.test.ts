import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test from 'ava';
import { BackendError, createCache, TimeoutError, ValueTooLargeError } from '../../index.js';
import { deferred, MapBackend, settle, withClock } from './map-backend.js';

/** A store that fails as a test says. */
function failing(error: () => unknown): MapBackend {
  const backend = new MapBackend();
  backend.before = () => Promise.reject(error());
  return backend;
}
const gone = () => new BackendError('gone');
const quiet = { onError: () => {}, l1: false, retry: 0 } as const;

async function asks(backend: MapBackend, use: () => Promise<unknown>): Promise<number> {
  const before = backend.calls.get;
  await use();
  return backend.calls.get - before;
}

test('after so many failures in a row the store is left alone, and functions run', async (t) => {
  const backend = failing(gone);
  const errors: unknown[] = [];
  const entries = createCache({
    ...quiet,
    backend,
    breaker: { failures: 3, rest: '1h' },
    onError: (e) => errors.push(e),
  });
  for (let i = 0; i < 10; i++) t.is(await entries.get('k'), undefined);
  t.is(backend.calls.get, 3);
  t.is(await entries.getOrSet('k', () => 1), 1);
  t.is(entries.stats().backendErrors, 12, 'also what was not asked, and the value that was not stored');
  t.regex(`${errors.at(-1)}`, /failed repeatedly/);
  await t.throwsAsync(entries.delete('k'), { instanceOf: BackendError }, 'what must not pass for done does not');
});

test('one answer between failures is enough', async (t) => {
  let n = 0;
  const backend = new MapBackend();
  backend.before = async () => {
    if (++n % 3 !== 0) throw gone();
  };
  const entries = createCache({ ...quiet, backend, breaker: { failures: 3, rest: '1h' } });
  for (let i = 0; i < 30; i++) await entries.get('k');
  t.is(backend.calls.get, 30);
});

test.serial('after its rest one operation tries, and while it does the others are answered at once', async (t) => {
  await withClock(async (clock) => {
    const backend = failing(gone);
    const entries = createCache({ ...quiet, backend, breaker: { failures: 2, rest: '10s' } });
    await entries.get('k');
    await entries.get('k');
    clock.ms += 9_000;
    t.is(await asks(backend, () => entries.get('k')), 0);
    clock.ms += 1_001;
    const gate = deferred();
    backend.before = () => gate.promise;
    const trying = entries.get('k');
    await settle();
    t.is(await asks(backend, () => Promise.all([entries.get('l'), entries.set('m', 1)])), 0);
    gate.resolve();
    await trying;
    t.is(await asks(backend, () => Promise.all([entries.get('k'), entries.get('l')])), 2, 'it is back');
  });
});

test.serial('a try that fails means another rest', async (t) => {
  await withClock(async (clock) => {
    const backend = failing(gone);
    const entries = createCache({ ...quiet, backend, breaker: { failures: 1, rest: '10s' } });
    await entries.get('k');
    for (let round = 0; round < 3; round++) {
      clock.ms += 10_001;
      t.is(await asks(backend, () => entries.get('k')), 1);
      t.is(await asks(backend, () => entries.get('k')), 0);
    }
  });
});

test.serial(
  'a wall clock that is set back does not prolong the rest, a machine that was suspended has rested',
  async (t) => {
    const { now } = Date;
    try {
      await withClock(async (clock) => {
        const backend = failing(gone);
        const entries = createCache({ ...quiet, backend, breaker: { failures: 1, rest: '10s' } });
        await entries.get('k');
        Date.now = () => now() - 3_600_000;
        clock.ms += 10_001;
        t.is(await asks(backend, () => entries.get('k')), 1);
        t.is(await asks(backend, () => entries.get('k')), 0);
        Date.now = () => now() + 3_600_000;
        t.is(await asks(backend, () => entries.get('k')), 1);
      });
    } finally {
      Date.now = now;
    }
  },
);

test('a store that is slow is in trouble, and one that refuses a request is not', async (t) => {
  const slow = new MapBackend();
  slow.before = () => new Promise(() => {});
  const entries = createCache({ ...quiet, backend: slow, timeout: '5ms', breaker: { failures: 2, rest: '1h' } });
  for (let i = 0; i < 5; i++) await entries.get('k');
  t.is(slow.calls.get, 2);
  for (const error of [
    () => new BackendError('forbidden', { status: 403 }),
    () => new TypeError('no such key'),
    () => new RangeError('too long'),
    () => new ValueTooLargeError('too large'),
  ]) {
    const refusing = failing(error);
    const others = createCache({ ...quiet, backend: refusing, breaker: { failures: 2, rest: '1h' } });
    for (let i = 0; i < 5; i++) await others.get('k');
    t.is(refusing.calls.get, 5);
  }
});

test('what is refused stays what it is when the breaker opens meanwhile', async (t) => {
  const backend = new MapBackend();
  const gate = deferred();
  backend.before = async (operation) => {
    if (operation !== 'set') throw gone();
    await gate.promise;
    throw new ValueTooLargeError('too large');
  };
  const entries = createCache({ ...quiet, backend, breaker: { failures: 1, rest: '1h' } });
  const setting = entries.set('k', 1);
  await entries.get('k');
  gate.resolve();
  await t.throwsAsync(setting, { instanceOf: ValueTooLargeError });
});

test('with breaker: false the store is always asked', async (t) => {
  const backend = failing(gone);
  const entries = createCache({ ...quiet, backend, breaker: false });
  for (let i = 0; i < 20; i++) await entries.get('k');
  t.is(backend.calls.get, 20);
});

test('only a failure that may pass is tried again, as often as retry says', async (t) => {
  const passing = () => new BackendError('busy', { transient: true });
  for (const [error, retry, calls] of [
    [passing, undefined, 2],
    [passing, 3, 4],
    [passing, 0, 1],
    [gone, 3, 1],
    [() => new BackendError('later', { transient: true, retryAfterMs: 1_000 }), 3, 1],
    [() => new TimeoutError('slow'), 3, 1],
    [() => new Error('unknown'), 3, 1],
  ] as const) {
    const backend = failing(error);
    const settings = retry === undefined ? {} : { retry };
    const entries = createCache({ backend, onError: () => {}, breaker: false, ...settings });
    t.is(await entries.get('k'), undefined);
    t.is(backend.calls.get, calls);
    t.is(entries.stats().backendErrors, 1);
  }
});

test('the breaker tells of its states', async (t) => {
  const states: unknown[] = [];
  const listen = (event: unknown) => {
    if ((event as { namespace?: string }).namespace === 'told') states.push((event as { state: string }).state);
  };
  subscribe('cachekit-native:breaker', listen);
  t.teardown(() => unsubscribe('cachekit-native:breaker', listen));
  const backend = failing(gone);
  const entries = createCache({ ...quiet, namespace: 'told', backend, breaker: { failures: 1, rest: '1ms' } });
  await entries.get('k');
  backend.before = undefined;
  while (states.at(-1) !== 'closed') {
    await entries.get('k');
    await settle();
  }
  t.deepEqual(states, ['open', 'half-open', 'closed']);
});
