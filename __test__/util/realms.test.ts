import { setImmediate } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import {
  BackendError,
  cache,
  createCache,
  EncryptionWrapper,
  encryptedStore,
  SerializationError,
} from '../../index.js';
import { hasCode, isCacheKitError, isError } from '../../src/errors.js';
import { deriveDomainKey } from '../../src/protocol/index.js';
import { isAbortSignal, isErrorCalled, isThenable } from '../../src/util/realms.js';
import { MapBackend, masterKey } from '../cache/map-backend.js';

// A second copy of this package, as a bundle or a linked package brings along.
const other = (await import('../../dist/index.js' as string)) as typeof import('../../index.js');

/** Not an instance of this realm's AbortSignal, as that of a jsdom is not. */
class OtherSignal extends EventTarget {
  aborted = false;
  reason: unknown;

  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event('abort'));
  }
}
const otherSignal = () => new OtherSignal() as OtherSignal & AbortSignal;

test('errors are told in every realm', (t) => {
  for (const code of ['new Error("x")', 'new RangeError("x")', 'new (class Mine extends TypeError {})("x")']) {
    t.true(isError(runInNewContext(code)), code);
  }
  t.true(isError(new DOMException('x', 'AbortError')));
  t.true(isErrorCalled(runInNewContext('new RangeError("x")'), 'RangeError'));
  t.false(isErrorCalled(runInNewContext('({ name: "RangeError" })'), 'RangeError'));
  for (const value of [undefined, null, 'x', {}, { message: 'x', name: 'Error' }, Buffer.from('x'), () => 1]) {
    t.false(isError(value));
  }
  t.true(isThenable(runInNewContext('Promise.resolve(1)')));
  // biome-ignore lint/suspicious/noThenProperty: what is tested.
  t.true(isThenable({ then: () => 1 }));
  for (const value of [undefined, null, 'x', {}, []]) t.false(isThenable(value));
  t.true(isAbortSignal(otherSignal()));
  for (const value of [undefined, null, {}, { aborted: false }, new AbortController()]) t.false(isAbortSignal(value));
});

test('a signal of another realm ends what it is passed to', async (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const aborted = otherSignal();
  aborted.abort(new Error('stop'));
  await t.throwsAsync(wrapper.serializeAsync({ a: 1 }, { cacheKey: 'k', signal: aborted }), { message: 'stop' });
  const large = { text: 'x'.repeat(3 << 20) };
  const sealed = await wrapper.serializeAsync(large, { cacheKey: 'k', signal: otherSignal() });
  t.deepEqual(wrapper.deserialize(sealed, { cacheKey: 'k' }), large);

  class Hanging extends MapBackend {
    override get(): Promise<never> {
      return new Promise(() => {});
    }
  }
  const signal = otherSignal();
  const load = cache.secure({ masterKey, backend: new Hanging(), namespace: 'n', operation: 'o', signal })(
    async () => 1,
  );
  const answered = load();
  await setImmediate();
  signal.abort(new Error('stop'));
  t.is(await answered, 1);
});

test('a Map of another realm is a store, and bytes of another realm are keys and salts', async (t) => {
  const store = encryptedStore(runInNewContext('new Map()'), { masterKey });
  await store.set('k', 'value');
  t.is(await store.get('k'), 'value');
  const entries = [];
  for await (const entry of store.iterator?.() ?? []) entries.push(entry);
  t.deepEqual(entries, [['k', 'value']]);

  const bytes = runInNewContext('new Uint8Array(32).fill(7)');
  const here = new Uint8Array(32).fill(7);
  t.deepEqual(deriveDomainKey(bytes, 'encryption', bytes), deriveDomainKey(here, 'encryption', here));
  const sealed = new EncryptionWrapper({ masterKey: bytes }).serialize(1, { cacheKey: 'k' });
  t.is(new EncryptionWrapper({ masterKey: here }).deserialize(sealed, { cacheKey: 'k' }), 1);
});

test('a backend may answer with bytes of another realm', async (t) => {
  class Foreign extends MapBackend {
    override async get(key: string) {
      const entry = await super.get(key);
      return entry && { ...entry, bytes: runInNewContext('Uint8Array.from(bytes)', { bytes: [...entry.bytes] }) };
    }
  }
  const errors: unknown[] = [];
  const options = { masterKey, backend: new Foreign(), namespace: 'n', operation: 'o', l1: false as const };
  const load = cache.secure({ ...options, onError: (error) => errors.push(error) })(async () => ({ a: 1 }));
  await load();
  t.deepEqual(await load.entry(), { ...(await load.entry()), value: { a: 1 }, status: 'hit' });
  t.deepEqual(errors, []);
});

test('options of another realm are options', async (t) => {
  const options = runInNewContext('({ masterKey, namespace: "n", operation: "o", l1: { maxBytes: 1000000 } })', {
    masterKey,
  });
  const load = cache.secure(options)(async (id: number) => id);
  t.is(await load(1), 1);
  t.is((await load.entry(1)).status, 'hit');
});

test('what onError returns may reject, of whichever realm it is', async (t) => {
  const returned = [
    () => runInNewContext('Promise.reject(new Error("from onError"))'),
    () => Promise.reject(new Error('from onError')),
    // biome-ignore lint/suspicious/noThenProperty: what is tested.
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('from onError')) }),
  ];
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  for (const make of returned) {
    const load = cache.secure({ masterKey, onError: make as () => void })(async () => new Map());
    t.deepEqual(await load(), new Map());
  }
  await setImmediate();
  await setImmediate();
  process.off('unhandledRejection', listener);
  t.deepEqual(unhandled, []);
});

test('errors of another copy of this package are known by their codes', (t) => {
  const error = new other.BackendError('x', { transient: true });
  t.false(error instanceof BackendError);
  t.true(isCacheKitError(error));
  t.true(hasCode(error, 'ERR_BACKEND'));
  t.false(hasCode(error, 'ERR_TIMEOUT'));
  t.false(isCacheKitError(Object.assign(new Error('x'), { code: 'ERR_BACKEND' })));
  t.false(isCacheKitError(undefined));
});

test('a backend of another copy fails as one of this copy does', async (t) => {
  class Failing extends MapBackend {
    gets = 0;
    override async get(): Promise<never> {
      this.gets++;
      throw new other.BackendError('down', { transient: true });
    }
    override async set(): Promise<never> {
      throw new other.ValueTooLargeError('over the limit of the store');
    }
  }
  const backend = new Failing();
  const load = cache.secure({ masterKey, backend, namespace: 'n', operation: 'o', onError: () => {} })(async () => 1);
  t.is(await load(), 1);
  t.is(backend.gets, 2, 'a transient failure is tried again');
  t.is(load.stats().oversizeValues, 1);
});

test('skip and withTtl of another copy say what they say', async (t) => {
  const skipping = cache.secure({ masterKey })(async () => other.skip({ a: 1 }));
  t.deepEqual(await skipping(), { a: 1 });
  t.is((await skipping.entry()).status, 'miss');
  const lasting = cache.secure({ masterKey })(async () => other.withTtl({ a: 1 }, 5));
  t.deepEqual(await lasting(), { a: 1 });
  t.is((await lasting.entry()).status, 'hit');
});

test('a value that throws when it is read is told without what it threw', async (t) => {
  const told: unknown[] = [];
  const options = { masterKey, onError: (error: unknown) => told.push(error) };
  const value = {
    get ssn(): string {
      throw new Error('123-45-6789');
    },
  };
  t.is(await cache.secure(options)(async () => value)(), value);
  const sessions = createCache({ masterKey });
  await t.throwsAsync(sessions.set('k', value), { instanceOf: SerializationError, message: /getter .*\(at \.ssn\)/ });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  await t.throwsAsync(sessions.set('k', { leak: proxy }), { instanceOf: SerializationError });
  await t.throwsAsync(sessions.set('k', proxy), { instanceOf: SerializationError });
  await t.throwsAsync(cache.secure(options)(async (_: unknown) => 1)(proxy), {
    instanceOf: TypeError,
    message: /arguments\[0\].*`key`/,
  });
  t.is(told.length, 1);
  const [error] = told as [Error];
  t.true(hasCode(error, 'ERR_SERIALIZATION'));
  t.is(error.cause, undefined);
  t.false(`${error.message}${error.stack}`.includes('6789'));
  await sessions.close();
});

test("a serializer's errorPaths hold for the arguments of its calls too", (t) => {
  const serializer = new other.StandardSerializer({ errorPaths: 'positions' });
  const load = cache({ serializer })((..._: unknown[]) => 1);
  t.throws(() => load.keyFor(1, { name: () => 1 }), { message: /\(arguments\[1\]\{0\}\)/ });
  t.throws(() => cache({})((..._: unknown[]) => 1).keyFor(1, { name: () => 1 }), {
    message: /\(arguments\[1\]\.name\)/,
  });
});
