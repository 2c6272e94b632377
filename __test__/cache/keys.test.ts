import { createHash } from 'node:crypto';
import test from 'ava';
import {
  ArrowSerializer,
  ConfigurationError,
  cache,
  createCache,
  EncryptionWrapper,
  InteropSerializer,
  JsonSerializer,
  type Serializer,
} from '../../index.js';
import { assertName, functionKeys, shortened, tenantPrefix } from '../../src/protocol/cache-key.js';
import { blake2b256, encodeInteropArgs, interopKey } from '../../src/protocol/index.js';
import { MapBackend, masterKey } from './map-backend.js';

const named = { namespace: 'users', operation: 'getUser' };
// PROTOCOL: the hash of [42], from the interop vectors.
const hashOf42 = '61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875';
const own = (container?: Serializer['container']): Serializer => ({
  format: 'own',
  container,
  serialize: () => new Uint8Array(1),
  deserialize: () => 1,
});

test("a call's key is made of namespace, operation, the arguments' hash and how the value is stored", (t) => {
  const key = (options: object) => cache({ ...named, ...options })((id: number) => id).keyFor(42);
  const expected = (code: string) => `ns:users:func:getUser:args:${hashOf42}:${code}`;
  t.is(key({}), expected('1s'));
  t.is(key({ masterKey }), expected('1s'));
  t.is(key({ serializer: new JsonSerializer() }), expected('0o'));
  t.is(key({ serializer: new ArrowSerializer() }), expected('0w'));
  t.is(key({ serializer: new InteropSerializer() }), expected('0s'));
  t.is(key({ serializer: own() }), expected('1x'));
  t.is(key({ serializer: own('none') }), expected('0x'));
  t.is(key({ serializer: new EncryptionWrapper({ masterKey, serializer: new JsonSerializer() }) }), expected('0o'));
  t.is(key({ backend: new MapBackend() }), expected('1s'));
});

test('the key of a call is the key in the backend and in the AAD', async (t) => {
  const backend = new MapBackend();
  const wrapper = new EncryptionWrapper({ masterKey });
  for (const options of [named, { ...named, tenant: () => 'acme' }, { ...named, key: () => 'my:key' }]) {
    backend.stored.clear();
    const load = cache({ ...options, backend, serializer: wrapper })((id: number) => ({ id }));
    await load(42);
    t.is(backend.only, load.keyFor(42));
    const tenantId = 'tenant' in options ? 'acme' : 'default';
    t.deepEqual(
      wrapper.deserialize(backend.stored.get(backend.only) as Uint8Array, { cacheKey: load.keyFor(42), tenantId }),
      { id: 42 },
    );
  }
});

test('a per-call tenant is in the key as 16 hex digits of its SHA-256', (t) => {
  const load = cache({ ...named, tenant: (_id: number, org: string) => org })((id: number, _org: string) => id);
  const digest = createHash('sha256').update('acme').digest('hex').slice(0, 16);
  t.is(tenantPrefix('acme'), `t:${digest}:`);
  const hash = blake2b256(encodeInteropArgs([42, 'acme'])).toString('hex');
  t.is(load.keyFor(42, 'acme'), `t:${digest}:ns:users:func:getUser:args:${hash}:1s`);
  t.is(createCache().tenant('acme').keyFor('k'), `t:${digest}:k`);
  t.is(createCache({ namespace: 'n' }).tenant('acme').keyFor('k'), `t:${digest}:ns:n:key:k`);
});

test('trailing undefined is no argument', (t) => {
  const load = cache(named)((...args: unknown[]) => args);
  t.is(load.keyFor(42, undefined, undefined), load.keyFor(42));
  t.is(load.keyFor(undefined), load.keyFor());
  t.not(load.keyFor(42, null), load.keyFor(42));
});

test('undefined before an argument, and inside one, has a key that is no other call', (t) => {
  const calls: unknown[][] = [
    [],
    [42],
    [1, undefined, 3],
    [1, null, 3],
    [1, 3],
    [1, 'undefined', 3],
    [[1, undefined, 3]],
    [[1, null, 3]],
    [[1, undefined]],
    [[1]],
    [new Set([undefined])],
    [new Set([null])],
    [{ list: [undefined] }],
    [{ list: [] }],
    [undefined, 42],
    [null, 42],
  ];
  for (const load of [cache(named)((...args: unknown[]) => args), cache({})((...args: unknown[]) => args)]) {
    t.is(new Set(calls.map((args) => load.keyFor(...args))).size, calls.length);
    t.is(load.keyFor({ a: 1, b: undefined }), load.keyFor({ a: 1 }), 'a property is left out, as ever');
  }
  t.is(
    cache(named)((...args: unknown[]) => args).keyFor(1, undefined, 3),
    `ns:users:func:getUser:args:${Buffer.from(blake2b256(Buffer.from('9301c103', 'hex'))).toString('hex')}:1s`,
  );
});

test("wire 'interop' refuses undefined, which no other SDK has", (t) => {
  const load = cache({ ...named, operation: 'get_user', wire: 'interop' })((...args: unknown[]) => args);
  const refused = { instanceOf: TypeError, message: /^undefined .*\(arguments\[1\]\).*`key`/ };
  t.throws(() => load.keyFor(1, undefined, 3), refused);
  t.throws(() => load.keyFor(1, undefined), refused);
  t.throws(() => load.keyFor([undefined]), { message: /\(arguments\[0\]\[0\]\)/ });
  t.throws(() => encodeInteropArgs([undefined]), { instanceOf: TypeError });
});

test('a key of more than 250 characters is its beginning and a hash of all of it', (t) => {
  const fixed = functionKeys('n', '', '1s').keyOf([42]).length;
  const at = functionKeys('n', 'x'.repeat(250 - fixed), '1s').keyOf([42]);
  t.is(at.length, 250);
  t.is(shortened(at), at);
  const operation = 'x'.repeat(251 - fixed);
  const whole = `ns:n:func:${operation}:args:${hashOf42}:1s`;
  t.is(whole.length, 251);
  const expected = `${whole.slice(0, 50)}:${blake2b256(Buffer.from(whole)).toString('hex').slice(0, 32)}`;
  t.is(functionKeys('n', operation, '1s').keyOf([42]), expected);
  const load = cache({ namespace: 'n', operation })((id: number) => id);
  t.is(load.keyFor(42), expected);
  t.not(load.keyFor(43), expected);
  t.is(cache({ namespace: 'n', operation: 'x'.repeat(250 - fixed) })((id: number) => id).keyFor(42), at);
});

test('shortening counts characters and cuts none in two', (t) => {
  const emoji = '😀'.repeat(240);
  t.is(shortened(emoji), emoji);
  const long = shortened('😀'.repeat(251));
  t.true(long.isWellFormed());
  t.true(long.startsWith(`${'😀'.repeat(50)}:`));
  t.is(Array.from(long).length, 83);
});

test('the interop wire has the key of every SDK', (t) => {
  const load = cache({ wire: 'interop', namespace: 'users', operation: 'get_user' })(
    (id: number, _deep?: unknown) => id,
  );
  t.is(load.keyFor(42), `users:get_user:${hashOf42}`);
  t.is(load.keyFor(42), interopKey('users', 'get_user', [42]));
  t.throws(() => load.keyFor(42, undefined), { instanceOf: TypeError }, 'every argument counts');
  t.throws(() => cache({ wire: 'interop', namespace: 'Users', operation: 'get' })(() => 1), { instanceOf: RangeError });
  t.throws(() => cache({ wire: 'interop', namespace: 'ns', operation: 'get' })(() => 1), { instanceOf: RangeError });
});

test('key gives the whole key, used as it is', async (t) => {
  const backend = new MapBackend();
  const load = cache({ namespace: 'n', key: (id: number) => `user ${id}`, backend })((id: number) => id);
  await load(1);
  t.is(backend.only, 'user 1');
  const long = 'k'.repeat(1000);
  t.is(cache({ key: () => long })(() => 1).keyFor(), long);
});

test('what key returns must be a key', async (t) => {
  for (const [value, error] of [
    [undefined, TypeError],
    [1, TypeError],
    ['\ud800', TypeError],
    ['', RangeError],
    ['t:0123456789abcdef:k', RangeError],
  ] as const) {
    const load = cache({ key: () => value as string })(() => 1);
    await t.throwsAsync(load(), { instanceOf: error });
    t.throws(() => load.keyFor(), { instanceOf: error });
  }
  const python = cache({
    wire: 'python',
    namespace: 'n',
    key: () => 't:0123456789abcdef:k',
    backend: new MapBackend(),
  })(() => 1);
  t.is(python.keyFor(), 't:0123456789abcdef:k', "Python's keys are Python's");
});

test('what tenant returns must be a tenant id; there is no default', async (t) => {
  let runs = 0;
  for (const [value, error] of [
    [undefined, TypeError],
    [null, TypeError],
    [7, TypeError],
    ['\ud800', TypeError],
    ['', RangeError],
    ['x'.repeat(1025), RangeError],
  ] as const) {
    const load = cache.secure({ masterKey, tenant: () => value as string })(() => ++runs);
    await t.throwsAsync(load(), { instanceOf: error });
  }
  const load = cache({
    tenant: (): string => {
      throw new Error('not signed in');
    },
  })(() => ++runs);
  await t.throwsAsync(load(), { message: 'not signed in' });
  t.is(runs, 0);
});

test('arguments outside the model are a TypeError that names key', async (t) => {
  const load = cache({})((..._args: unknown[]) => 1);
  class Custom {}
  for (const value of [() => 1, Symbol('s'), new Map(), new Custom(), Number.NaN, 2n ** 64n, '\ud800', /x/]) {
    const error = await t.throwsAsync(load(value), { instanceOf: TypeError });
    t.regex(error.message, /\bkey\b/);
  }
});

test('names that could be taken for others, or not be stored, are refused', (t) => {
  for (const bad of ['', ' ', 'a b', 'a\nb', 'a\rb', 'a\0b', 'a\u007f', 'a\u00a0b']) {
    t.throws(() => assertName('namespace', bad), { instanceOf: RangeError });
    t.throws(() => assertName('operation', bad), { instanceOf: RangeError });
  }
  t.throws(() => assertName('namespace', 'a:b'), { instanceOf: RangeError });
  t.notThrows(() => assertName('operation', 'a:b'));
  t.throws(() => assertName('namespace', '\ud800'), { instanceOf: TypeError });
  for (const bad of [null, 1, {}, []]) t.throws(() => assertName('operation', bad), { instanceOf: TypeError });
});

test('in a shared store a function must have a name', (t) => {
  const backend = new MapBackend();
  for (const options of [{}, { namespace: 'n' }, { operation: 'o' }, { key: () => 'k' }]) {
    t.throws(() => cache({ ...options, backend }), {
      instanceOf: ConfigurationError,
      message: /namespace.*operation.*key/,
    });
    t.notThrows(() => cache({ ...options }));
  }
  t.throws(() => cache({ ...named, wire: 'python', backend }), { instanceOf: ConfigurationError });
  for (const wire of ['interop', 'python'] as const) {
    t.throws(() => cache({ ...named, wire, tenant: () => 't', key: () => 'k', backend }), {
      instanceOf: ConfigurationError,
    });
    t.throws(() => createCache({ wire }).tenant('t'), { instanceOf: ConfigurationError });
    t.throws(() => createCache({ wire, tenantId: 't' }), { instanceOf: ConfigurationError });
    t.notThrows(() => createCache({ wire, tenantId: 't', masterKey }));
  }
});
