import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import test from 'ava';
import { createCache, type KeyProviderOptions, Keyring, MemoryBackend, type ProvidedKeys } from '../../index.js';
import { stateOf } from '../../src/keys/keyring.js';
import { A, B, C, heldBy, keysIn, nameOf, until } from '../providers/outcomes.js';
import { runNode, supportFile } from '../support/child.js';

/* A provider that is called again and again. Nothing here needs a fast machine: what is waited for is a number of calls. */

/** A provider that answers what it is set to, and counts. */
function settable(masterKey: Buffer) {
  const state = {
    calls: 0,
    answer: (): ProvidedKeys | Promise<ProvidedKeys> => ({ masterKey }),
    signals: [] as AbortSignal[],
    provider: ({ signal }: { signal: AbortSignal }) => {
      state.calls++;
      state.signals.push(signal);
      return state.answer();
    },
    /** Until it was called so many times more. */
    more: (times: number) => {
      const target = state.calls + times;
      return until(() => state.calls >= target);
    },
  };
  return state;
}

const never = () => new Promise<ProvidedKeys>(() => {});
const failing = () => Promise.reject(new Error(`no answer for ${A.toString('hex')}`));

test('without `refresh` the provider is called once', async (t) => {
  const source = settable(A);
  using keyring = await Keyring.fromProvider(source.provider);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(source.calls, 1);
  t.deepEqual(heldBy(keyring), [nameOf(A)]);
});

test('the same answer changes nothing; another one is followed', async (t) => {
  const source = settable(A);
  using keyring = await Keyring.fromProvider(source.provider, { refresh: '5ms' });
  const before = stateOf(keyring).generation;
  await source.more(5);
  t.is(stateOf(keyring).generation, before);
  source.answer = () => ({ masterKey: B, previousMasterKeys: [A] });
  await until(() => heldBy(keyring).length === 2);
  t.deepEqual(heldBy(keyring), [B, A].map(nameOf));
});

test('while the provider is down, slow or wrong the last keys are kept, each failure is told, and then it goes on', async (t) => {
  const source = settable(A);
  const errors: unknown[] = [];
  const onError = (error: unknown) => {
    errors.push(error);
    throw new Error('a listener that throws');
  };
  using keyring = await Keyring.fromProvider(source.provider, { refresh: '5ms', timeout: '20ms', onError });
  const short = Buffer.alloc(8, 1);
  const bad: [() => ProvidedKeys | Promise<ProvidedKeys>, string | undefined][] = [
    [failing, undefined],
    [never, 'ERR_TIMEOUT'],
    [() => ({ masterKey: short }), 'ERR_KEY'],
    [() => ({}) as ProvidedKeys, 'ERR_CONFIGURATION'],
    [() => ({ masterKey: B, previousMasterkeys: [A] }) as ProvidedKeys, 'ERR_CONFIGURATION'],
    [() => ({ masterKey: A, previousMasterKeys: [A] }), 'ERR_KEY'],
    [() => undefined as never, 'ERR_CONFIGURATION'],
  ];
  for (const [answer, code] of bad) {
    source.answer = answer;
    await source.more(1);
    const told = errors.length;
    await until(() => errors.length > told + 1);
    t.is((errors.at(-1) as { code?: string }).code, code);
    t.deepEqual(heldBy(keyring), [nameOf(A)]);
  }
  source.answer = () => ({ masterKey: B, previousMasterKeys: [A] });
  await until(() => heldBy(keyring)[0] === nameOf(B));
  const { length } = errors;
  await source.more(5);
  t.is(errors.length, length);
});

test('a late answer is ignored and overwritten', async (t) => {
  const source = settable(A);
  const late = Buffer.from(B);
  let overwritten = false;
  let give: (keys: ProvidedKeys) => void = () => {};
  const errors: unknown[] = [];
  using keyring = await Keyring.fromProvider(source.provider, {
    refresh: '5ms',
    timeout: '20ms',
    onError: (error) => errors.push(error),
  });
  source.answer = () => new Promise((resolve) => (give = resolve));
  await source.more(1);
  const giveLate = give;
  source.answer = () => ({ masterKey: A });
  await until(() => errors.length > 0);
  giveLate({
    masterKey: late,
    [Symbol.dispose]() {
      late.fill(0);
      overwritten = true;
    },
  });
  await until(() => overwritten);
  await source.more(3);
  t.deepEqual(heldBy(keyring), [nameOf(A)]);
});

test('every answer is disposed of, whether it is taken, the same, or refused', async (t) => {
  const source = settable(A);
  let disposed = 0;
  const answering = (keys: object) => () => ({ ...keys, [Symbol.dispose]: () => void disposed++ }) as ProvidedKeys;
  for (const keys of [{ masterKey: A }, { masterKey: B }, { masterKey: B, unknown: 1 }, { masterKey: 'x' }, {}]) {
    source.answer = answering(keys);
    await Keyring.fromProvider(source.provider).then(
      (keyring) => keyring.destroy(),
      () => {},
    );
  }
  t.is(disposed, 5);
  source.answer = answering({ masterKey: A });
  using keyring = await Keyring.fromProvider(source.provider, { refresh: '5ms' });
  await source.more(3);
  t.true(disposed >= 8);
  t.is(heldBy(keyring).length, 1);
});

test('at the start a provider that fails is called again until it answers', async (t) => {
  const source = settable(A);
  const errors: unknown[] = [];
  source.answer = failing;
  const onError = (error: unknown) => {
    errors.push(error);
    if (errors.length === 1) source.answer = never;
    else source.answer = () => ({ masterKey: A });
  };
  using keyring = await Keyring.fromProvider(source.provider, { startup: '5m', timeout: '20ms', onError });
  t.is(source.calls, 3);
  t.deepEqual(
    errors.map((error) => (error as { code?: string }).code),
    [undefined, 'ERR_TIMEOUT'],
  );
  t.deepEqual(heldBy(keyring), [nameOf(A)]);
});

test('at the start the last failure is thrown when the time is over, and a refusal at once', async (t) => {
  const source = settable(A);
  source.answer = failing;
  const onError = () => {};
  await t.throwsAsync(Keyring.fromProvider(source.provider, { startup: '3s', onError }), { message: /^no answer/ });
  t.true(source.calls > 1);
  source.answer = never;
  const waiting = Keyring.fromProvider(source.provider, { startup: '300ms', timeout: '5m', onError });
  await t.throwsAsync(waiting, { code: 'ERR_TIMEOUT' });
  const refusals: [object, string][] = [
    [{}, 'ERR_CONFIGURATION'],
    [{ masterKey: 'x' }, 'ERR_KEY'],
    [{ masterKey: A, previous: [] }, 'ERR_CONFIGURATION'],
  ];
  for (const [answer, code] of refusals) {
    source.calls = 0;
    source.answer = () => answer as ProvidedKeys;
    await t.throwsAsync(Keyring.fromProvider(source.provider, { startup: '5m' }), { code });
    t.is(source.calls, 1);
  }
});

test('a signal ends the start, also between two calls', async (t) => {
  const source = settable(A);
  source.answer = failing;
  const controller = new AbortController();
  const started = Keyring.fromProvider(source.provider, {
    startup: '5m',
    signal: controller.signal,
    onError: () => setTimeout(() => controller.abort(new Error('enough')), 1),
  });
  await t.throwsAsync(started, { message: 'enough' });
  source.calls = 0;
  await t.throwsAsync(Keyring.fromProvider(source.provider, { signal: controller.signal }), { message: 'enough' });
  t.is(source.calls, 0);
});

test('a signal, destroy and dispose end the refresh and abort a call under way', async (t) => {
  for (const end of ['signal', 'destroy', 'dispose'] as const) {
    const source = settable(A);
    const controller = new AbortController();
    const keyring = await Keyring.fromProvider(source.provider, { refresh: '5ms', signal: controller.signal });
    await source.more(1);
    source.answer = never;
    await source.more(1);
    if (end === 'signal') controller.abort();
    else if (end === 'destroy') keyring.destroy();
    else keyring[Symbol.dispose]();
    t.true(source.signals.at(-1)?.aborted);
    const { calls } = source;
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.is(source.calls, calls);
    if (end === 'signal') t.deepEqual(heldBy(keyring), [nameOf(A)], 'its keys stay');
    else t.throws(() => keyring.usage(), { code: 'ERR_KEY' });
  }
});

test('an answer that comes after destroy is overwritten', async (t) => {
  const source = settable(A);
  const key = Buffer.from(B);
  let give: (keys: ProvidedKeys) => void = () => {};
  const keyring = await Keyring.fromProvider(source.provider, { refresh: '5ms' });
  source.answer = () => new Promise((resolve) => (give = resolve));
  await source.more(1);
  keyring.destroy();
  give({ masterKey: key, [Symbol.dispose]: () => void key.fill(0) });
  await until(() => key.every((byte) => byte === 0));
  t.pass();
});

test.serial(
  'failures are told on a channel, and without `onError` as one warning for each outage, with no key in them',
  async (t) => {
    const told: unknown[] = [];
    const listen = (message: unknown) => told.push(message);
    subscribe('cachekit-native:keys-failed', listen);
    const warnings: Error[] = [];
    const warned = (warning: Error & { code?: string }) => {
      if (warning.code === 'CACHEKIT_KEYS_NOT_FETCHED') warnings.push(warning);
    };
    process.on('warning', warned);
    t.teardown(() => {
      unsubscribe('cachekit-native:keys-failed', listen);
      process.off('warning', warned);
    });
    const source = settable(A);
    using _ = await Keyring.fromProvider(source.provider, { refresh: '5ms' });
    for (let outage = 0; outage < 2; outage++) {
      source.answer = failing;
      await source.more(3);
      source.answer = () => ({ masterKey: A });
      await source.more(3);
    }
    t.deepEqual(
      warnings.map(({ message }) => message),
      Array(2).fill('The key provider failed and is called again; the last keys are kept'),
    );
    t.true(told.length >= 4);
    t.deepEqual(told[0], { code: undefined, failures: 1, starting: false });
    t.deepEqual(keysIn(inspect(told) + warnings.map(({ stack }) => stack).join()), []);
  },
);

test('a rotation by the provider, in several processes that learn of it at different times, misses nothing', async (t) => {
  const backend = new MemoryBackend();
  let listed: ProvidedKeys = { masterKey: A };
  const processes = await Promise.all(
    [5, 11, 17].map(async (ms) => {
      const keyring = await Keyring.fromProvider(() => listed, { refresh: `${ms}ms` });
      return { keyring, cache: createCache({ keyring, backend, l1: false, ttl: '1h', namespace: 'fleet' }) };
    }),
  );
  let rounds = 0;
  let missed = 0;
  let running = true;
  const load = async () => {
    for (let i = 0; running; i++) {
      const [writer, reader] = [processes[i % 3]!, processes[(i + 1 + (i % 2)) % 3]!];
      const cacheKey = `entry ${i % 50}`;
      await writer.cache.set(cacheKey, { i });
      const read = await reader.cache.get<{ i: number }>(cacheKey);
      if (read?.i !== i) missed++;
      rounds++;
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const loaded = load();
  const everyone = (state: string[]) =>
    until(() => processes.every(({ keyring }) => heldBy(keyring).join() === state.join()));
  const steps: [ProvidedKeys, Buffer[]][] = [
    [{ masterKey: A, previousMasterKeys: [B] }, [A, B]],
    [{ masterKey: B, previousMasterKeys: [A] }, [B, A]],
    [{ masterKey: B, previousMasterKeys: [A, C] }, [B, A, C]],
    [{ masterKey: C, previousMasterKeys: [B, A] }, [C, B, A]],
  ];
  for (const [answer, state] of steps) {
    listed = answer;
    await everyone(state.map(nameOf));
    const before = rounds;
    await until(() => rounds > before + 100);
  }
  running = false;
  await loaded;
  t.is(missed, 0);
  t.true(rounds > 400);
  for (const { keyring, cache } of processes) {
    t.is(cache.stats().unknownKeys, 0);
    await cache.close();
    keyring.destroy();
  }
});

test('a refresh keeps no process alive, and a provider that fails is no unhandled rejection', async (t) => {
  const { code, stdout, stderr } = await runNode(supportFile('refreshing-process.ts'), []);
  t.is(code, 0, stderr);
  t.is(String(stdout), 'held\n');
});

test('options that are none are refused', async (t) => {
  const refused = (options: object, expected: object) =>
    t.throwsAsync(
      Keyring.fromProvider(() => ({ masterKey: A }), options as KeyProviderOptions),
      expected,
    );
  await refused(
    { interval: '1m' },
    { code: 'ERR_CONFIGURATION', message: /Known options: signal, timeout, startup, refresh, onError/ },
  );
  await refused({ refresh: 'often' }, { instanceOf: TypeError });
  await refused({ refresh: 0 }, { instanceOf: RangeError });
  await refused({ startup: -1 }, { instanceOf: RangeError });
  await refused({ timeout: null }, { instanceOf: TypeError });
  await refused({ signal: {} }, { instanceOf: TypeError });
  await refused({ onError: true }, { instanceOf: TypeError });
});
