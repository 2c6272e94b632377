import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { cache, createCache, MemoryBackend, TimeoutError } from '../../index.js';
import { runNode, supportFile } from '../support/child.js';
import { deferred, settle } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const timeout = { load: '200ms', signal: true } as const;
const timedOut = { instanceOf: TimeoutError, message: 'The function took longer than 200 ms' };
const forever = new Promise<never>(() => {});

/** Rejects when the signal fires. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

test('the signal that a run asks for fires when its time is over, and ends it', async (t) => {
  const entries = createCache({ timeout });
  const signals: (AbortSignal | undefined)[] = [];
  const load = async () => {
    await Promise.resolve();
    const signal = signals.length % 2 ? entries.signal() : cache.signal();
    signals.push(signal);
    return aborted(signal);
  };
  const calls = [cache({ timeout })(load), entries.wrap()(load), () => entries.getOrSet('k', load)];
  for (const call of calls) {
    const [first, second] = await Promise.all([1, 2].map(() => t.throwsAsync(call(), timedOut)));
    t.is(first, second, 'of one run');
    t.is(signals.at(-1)?.reason, first);
  }
  t.is(signals.length, calls.length);
  await t.throwsAsync(calls[0]?.() ?? forever, timedOut, 'and another run begins');
  t.is(signals.length, calls.length + 1);
});

test('what listens to the signal may ask for it too', async (t) => {
  let asked: AbortSignal | undefined;
  const load = cache({ timeout })(() => {
    const signal = cache.signal();
    signal?.addEventListener('abort', () => {
      asked = cache.signal();
    });
    return aborted(signal);
  });
  await t.throwsAsync(load(), timedOut);
  t.true(asked?.aborted);
  t.is(cache.signal(), undefined);
});

test('what ignores its signal is nobody’s: its result is not stored, and a new run may begin', async (t) => {
  const backend = new MemoryBackend();
  const gates = [deferred<string>(), deferred<string>()];
  let runs = 0;
  let late: AbortSignal | undefined;
  const load = cache({ ...named, backend, timeout })(async () => {
    const value = await gates[runs++]?.promise;
    late = cache.signal();
    return value;
  });
  await t.throwsAsync(load(), timedOut);
  const second = load();
  await settle();
  t.is(runs, 2);
  gates[0]?.resolve('old');
  await settle();
  t.true(late?.aborted, 'who asks late is told at once');
  t.is(backend.size, 0);
  gates[1]?.resolve('new');
  t.is(await second, 'new');
  t.false(late?.aborted);
  t.is(await load(), 'new');
  t.like(load.stats(), { loads: 2, loadErrors: 1 });
});

test('a run that is over in time fires no signal', async (t) => {
  let signal: AbortSignal | undefined;
  const load = cache({ timeout })(() => {
    signal = cache.signal();
    return 'in time';
  });
  t.is(await load(), 'in time');
  await t.throwsAsync(cache({ timeout })(() => forever)(), timedOut, 'so long later');
  t.false(signal?.aborted);
});

test('outside of a run, and where it is off, there is no signal', async (t) => {
  const { signal } = cache;
  const ask = () => [signal()];
  const off = cache({ timeout: { load: '1h' } })(ask);
  const on = cache({ timeout: { load: '1h', signal: true } })(async () => [await off(), [signal()], signal()]);
  t.is(signal(), undefined);
  t.deepEqual(await off(), [undefined]);
  const [inner, [again] = [], own] = (await on()) as unknown as [unknown[], unknown[], AbortSignal];
  t.deepEqual(inner, [undefined], 'a function inside has none of its own, and not that of the other');
  t.true(own instanceof AbortSignal);
  t.is(again, own, 'one run has one signal');
  t.is(createCache().signal(), undefined);
});

test('nested functions have their own signals, and so have runs in the background', async (t) => {
  const seen: (AbortSignal | undefined)[] = [];
  const limit = { timeout: { load: '1h', signal: true } } as const;
  const inner = cache({ ...limit, ttl: '1ms', swr: '1h' })(() => seen.push(cache.signal()));
  const outer = cache({ ...limit, ttl: '1ms' })(async () => {
    seen.push(cache.signal());
    await inner();
    return seen.push(cache.signal());
  });
  await outer();
  t.is(seen[0], seen[2]);
  t.not(seen[0], seen[1]);
  await pause(5);
  await outer();
  await settle();
  t.is(new Set(seen).size, 4, 'two runs of each, one of them in the background');
});

test('a caller’s tenant and other contexts are those of the call that began the run', async (t) => {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const tenant = new AsyncLocalStorage<string>();
  const load = cache({ ...named, backend: new MemoryBackend(), tenant, timeout: { load: '1h', signal: true } })(() => [
    tenant.getStore(),
    cache.signal() instanceof AbortSignal,
  ]);
  t.deepEqual(await tenant.run('a', load), ['a', true]);
  t.deepEqual(await tenant.run('b', load), ['b', true]);
});

test('a run in the background that never ends does not keep the process alive', async (t) => {
  const { code, stderr } = await runNode(supportFile('background-run.ts'), []);
  t.is(code, 3, stderr);
});
