import test from 'ava';
import {
  ConfigurationError,
  cache,
  createCache,
  EncryptionWrapper,
  JsonSerializer,
  KeyError,
  Keyring,
} from '../../index.js';
import { withEnvironment } from '../support/environment.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };
const notFunctions: unknown[] = [null, 1, 'f', {}, []];
const wrong: [
  option: string,
  values: unknown[],
  error: typeof TypeError | typeof RangeError | typeof ConfigurationError,
][] = [
  ['ttl', [null, {}, [], true, 5n, '5', '5 s', 's', '', '-5s', '1y', 'Never', '1e3s'], TypeError],
  ['ttl', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, '0s'], RangeError],
  ['namespace', [null, 1, {}, '\ud800'], TypeError],
  ['namespace', ['', 'a b', 'a:b', 'a\n'], RangeError],
  ['operation', [null, 1, {}, '\ud800'], TypeError],
  ['operation', ['', 'a b', '\t'], RangeError],
  ['key', notFunctions, TypeError],
  ['tenant', notFunctions, TypeError],
  ['onError', notFunctions, TypeError],
  ['tenantId', [null, 1, {}, '\ud800'], TypeError],
  ['tenantId', ['', 'x'.repeat(1025)], RangeError],
  ['backend', [1, true, {}, new Map(), Symbol('b'), { get() {}, set() {} }], TypeError],
  ['backend', ['', 'memcached://host', 'nonsense'], ConfigurationError],
  ['serializer', [null, 1, 'json', {}, () => {}, { format: 'f' }, JsonSerializer], TypeError],
  ['wire', [null, 1, {}], TypeError],
  ['wire', ['', 'Protocol', 'rust'], RangeError],
  ['signal', [null, 1, {}, new AbortController()], TypeError],
  ['onAuthenticationFailure', ['ignore', true, null, 1], RangeError],
  ['errorTtl', [null, true, {}, [], '5', 'never'], TypeError],
  ['errorTtl', [0, -1, Number.NaN, '0s'], RangeError],
  ['backoff', [null, 1, '1s', [], () => {}, { first: 1 }, { max: 60 }, { first: '1' }], TypeError],
  ['backoff', [{ first: '0s' }, { max: '26d' }, { first: '2s', max: '1s' }], RangeError],
  ['backoff', [{ maks: '1s' }], ConfigurationError],
  ['timeout', [{ load: '1s', signal: 1 }, { load: '1s', signal: null }, { signal: 'on' }], TypeError],
  ['timeout', [{ signal: true }, { backend: '1s', signal: true }], ConfigurationError],
  ['l1', [null, 1, 'on', [], () => {}], TypeError],
  ['l1', [{ size: 1 }, { maxbytes: 1 }], ConfigurationError],
  ['l1', [{ maxBytes: '1' }, { values: 1 }, { ttl: '1' }, { ttl: 'never' }], TypeError],
  ['l1', [{ maxBytes: 0 }, { maxBytes: 1.5 }, { maxBytes: Number.NaN }, { ttl: 0 }], RangeError],
];

for (const [option, values, error] of wrong) {
  test(`${option}: ${values.length} wrong values are each a ${error.name} when the cache is made`, (t) => {
    const refused = (make: () => unknown) => {
      const thrown = t.throws(make);
      t.true(thrown instanceof error, thrown?.message);
    };
    for (const value of values) {
      refused(() => cache({ ...named, [option]: value } as never));
      refused(() => cache.secure({ ...named, masterKey, [option]: value } as never));
      const ofFunction = ['operation', 'key', 'tenant'].includes(option);
      refused(() =>
        ofFunction ? createCache().wrap({ [option]: value } as never) : createCache({ [option]: value } as never),
      );
    }
  });
}

test('no values of wrong options are repeated in messages', (t) => {
  for (const [option] of wrong) {
    for (const value of ['rosebud rosebud', { rosebud: 'rosebud' }, ['rosebud']]) {
      try {
        cache({ ...named, [option]: value } as never);
      } catch (error) {
        t.false(!['l1', 'backoff', 'timeout'].includes(option) && String(error).includes('rosebud'), option);
      }
    }
  }
  t.pass();
});

test('an option that there is not is refused with the ones that there are', (t) => {
  for (const make of [
    () => cache({ ...named, tll: 5 } as never),
    () => cache.secure({ ...named, masterKey, Backend: null } as never),
    () => createCache({ operation: 'o' } as never),
    () => createCache().wrap({ backend: null } as never),
    () => createCache().secure({ wire: 'protocol' } as never),
  ]) {
    const error = t.throws(make, { instanceOf: ConfigurationError });
    t.regex(error.message, /Unknown option '\w+'\. Known options: .*ttl/);
  }
});

test('options must be an object, and a function is not one', (t) => {
  for (const options of [null, 1, 'redis://localhost', [], () => 1]) {
    t.throws(() => cache(options as never), { instanceOf: TypeError });
    t.throws(() => cache.secure(options as never), { instanceOf: TypeError });
    t.throws(() => createCache(options as never), { instanceOf: TypeError });
    t.throws(() => createCache().wrap(options as never), { instanceOf: TypeError });
  }
  t.throws(() => cache((() => 1) as never), { message: /cache\(options\)\(fn\)/ });
  for (const fn of [undefined, null, 1, 'f', {}]) {
    t.throws(() => cache({})(fn as never), { instanceOf: TypeError });
    t.throws(() => createCache().wrap()(fn as never), { instanceOf: TypeError });
  }
});

test('secure without a key complains when it is made, and says what may be wrong', (t) => {
  withEnvironment({ CACHEKIT_MASTER_KEY: undefined }, () => {
    const error = t.throws(() => cache.secure({}), { instanceOf: ConfigurationError, code: 'ERR_CONFIGURATION' });
    t.regex(error.message, /environment file must be loaded before/i);
    t.throws(() => cache.secure({ ...named, backend: new MapBackend() }), { instanceOf: ConfigurationError });
  });
  withEnvironment({ CACHEKIT_MASTER_KEY: 'zz' }, () => {
    t.throws(() => cache.secure({}), { instanceOf: KeyError });
  });
});

test('a key in the environment encrypts nothing by itself', async (t) => {
  const backend = new MapBackend();
  const [plain, entries, secure] = withEnvironment(
    { CACHEKIT_MASTER_KEY: masterKey },
    () =>
      [
        cache({ ...named, backend })(() => 'rosebud-plain'),
        createCache({ backend }),
        cache.secure({ namespace: 'n', operation: 'p', backend })(() => 'rosebud-sealed'),
      ] as const,
  );
  await plain();
  await entries.set('k', 'rosebud-entry');
  await secure();
  t.true(backend.text.includes('rosebud-plain'));
  t.true(backend.text.includes('rosebud-entry'));
  t.false(backend.text.includes('rosebud-sealed'));
});

test('a key or a wrapper encrypts without the word secure', async (t) => {
  for (const options of [
    { masterKey },
    { keyring: new Keyring({ masterKey }) },
    { serializer: new EncryptionWrapper({ masterKey }) },
  ]) {
    const backend = new MapBackend();
    await cache({ ...named, ...options, backend })(() => 'rosebud-rosebud')();
    t.false(backend.text.includes('rosebud'));
    t.is(await cache.secure({ ...named, masterKey, backend })((): string => t.fail() as never)(), 'rosebud-rosebud');
  }
});

test('secure wraps a serializer that is given, and takes a wrapper as it is', async (t) => {
  const backend = new MapBackend();
  const json = cache.secure({ ...named, masterKey, serializer: new JsonSerializer(), backend })(() => ({
    a: 'rosebud',
  }));
  await json();
  const wrapper = new EncryptionWrapper({ masterKey, serializer: new JsonSerializer() });
  t.deepEqual(wrapper.deserialize(backend.stored.get(backend.only) as Uint8Array, { cacheKey: backend.only }), {
    a: 'rosebud',
  });
  t.deepEqual(
    await cache.secure({ ...named, serializer: wrapper, backend })((): { a: string } => t.fail() as never)(),
    { a: 'rosebud' },
  );
});

test('options that contradict each other are refused', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const keyring = new Keyring({ masterKey });
  for (const options of [
    { masterKey, keyring },
    { serializer: wrapper, masterKey: otherKey },
    { serializer: wrapper, keyring },
    { serializer: wrapper, nonces: 'random' as const },
    { serializer: wrapper, wire: 'python' as const },
    { serializer: new JsonSerializer(), wire: 'interop' as const, masterKey },
    { l1: false },
    { l1: false, backend: null },
  ]) {
    t.throws(() => cache(options), { instanceOf: ConfigurationError });
    t.throws(() => cache.secure(options), { instanceOf: ConfigurationError });
  }
  t.throws(() => cache({ nonces: 'random' }), { instanceOf: ConfigurationError });
  t.notThrows(() => cache.secure({ nonces: 'random', masterKey }));
  t.notThrows(() => cache({ serializer: new EncryptionWrapper({ masterKey, wire: 'interop' }), wire: 'interop' }));
});

test('options are read once', async (t) => {
  const options = { ...named, backend: new MapBackend(), ttl: 60 as number };
  const load = cache(options)((id: number) => id);
  const key = load.keyFor(1);
  const { backend } = options;
  Object.assign(options, { namespace: 'x', operation: 'y', ttl: 1, backend: null });
  await load(1);
  t.is(load.keyFor(1), key);
  t.is(backend.ttls.get(backend.only), 60_000);
});

for (const [option, short] of [
  ['l1', 'a boolean'],
  ['lock', 'a boolean'],
  ['breaker', 'a boolean'],
  ['backoff', 'a boolean'],
  ['timeout', "a string like '250ms'"],
] as const) {
  test(`what is wrong about ${option} is said with its name`, (t) => {
    const given = (value: unknown) => () => cache({ ...named, backend: new MapBackend(), [option]: value } as never);
    t.throws(given(null), { instanceOf: TypeError, message: `${option} must be ${short} or an object, not null` });
    t.throws(given({ maks: 1 }), { instanceOf: ConfigurationError, message: new RegExp(`'${option}\\.maks'`) });
  });
}

test('options that cannot be read are a TypeError of ours', (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const makers: ((options: never) => unknown)[] = [
    (options) => cache(options)(async () => 1),
    (options) => createCache(options),
    (options) => new EncryptionWrapper(options),
    (options) => new Keyring(options),
  ];
  for (const make of makers) {
    t.throws(() => make(proxy as never), { instanceOf: TypeError, message: /^(The )?options must be an object/ });
  }
});
