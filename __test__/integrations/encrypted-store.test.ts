import { inspect } from 'node:util';
import test from 'ava';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Keyv, KeyvMemoryAdapter } from 'keyv';
import { type EncryptedStore, encryptedStore, type InnerStore, Keyring } from '../../index.js';
import { Keyv5 } from '../support/keyv5.js';

const MASTER_KEY = '5a'.repeat(32);
const SECRET = 'the secret of 123-45-6789';
const options = { masterKey: MASTER_KEY };

interface Face {
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  get(key: string): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

/** The libraries over a store, as their documentation says. */
const libraries: Record<string, (store: EncryptedStore) => Face> = {
  'Keyv 6': (store) => new Keyv({ store }),
  'Keyv 6 with a namespace': (store) => new Keyv({ store, namespace: 'ns' }),
  'Keyv 6 without serialization': (store) => new Keyv({ store, serialization: false }),
  'Keyv 5': (store) => new Keyv5({ store }),
  'Keyv 5 with a namespace': (store) => new Keyv5({ store, namespace: 'ns' }),
  'cacheable, both layers': (store) =>
    new Cacheable({
      primary: new Keyv5({ store: encryptedStore(new Map(), options) }) as never,
      secondary: new Keyv5({ store }) as never,
    }),
  'cacheable, one layer': (store) => new Cacheable({ primary: new Keyv5({ store }) as never }),
  'cache-manager': (store) => {
    const cache = createCache({ stores: [new Keyv5({ store }) as never] });
    return { set: cache.set, get: cache.get, delete: cache.del };
  },
};

/** All that a Map holds, as text; Keyv 5 keeps its own class of Buffers in none of them. */
const contents = (map: Map<string, unknown>) => inspect([...map], { depth: 9, maxStringLength: null });

for (const [name, make] of Object.entries(libraries)) {
  test(`${name}: values come back, and the inner store has no plaintext`, async (t) => {
    const map = new Map<string, unknown>();
    const cache = make(encryptedStore(map, options));
    for (const value of [SECRET, { ssn: SECRET, list: [1, 2] }, 42, [SECRET], true]) {
      await cache.set('a', value, 60_000);
      t.deepEqual(await cache.get('a'), value);
      t.true(map.size > 0);
      t.false(contents(map).includes('123-45'));
      for (const stored of map.values()) {
        t.false(Buffer.from(String(stored), 'base64').includes('123-45'));
      }
    }
    await cache.delete('a');
    t.is(await cache.get('a'), undefined);
    t.is(map.size, 0);
  });

  test(`${name}: a value under another key is a miss, as are plaintext and altered values`, async (t) => {
    const map = new Map<string, unknown>();
    const errors: unknown[] = [];
    const store = encryptedStore(map, { ...options, onError: (error) => errors.push(error) });
    const writer = make(store);
    await writer.set('a', 'value of a', 60_000);
    await writer.set('b', 'value of b', 60_000);
    const [[keyA, valueA], [keyB, valueB]] = [...map] as [[string, unknown], [string, unknown]];
    // A new one each time, whose own layers know nothing.
    const read = (key: string) => make(store).get(key);
    t.is(await read('a'), 'value of a');
    map.set(keyA, valueB);
    map.set(keyB, valueA);
    t.is(await read('a'), undefined);
    t.is(await read('b'), undefined);
    t.true(store.failures >= 2);
    t.is(errors.length, store.failures);
    t.is((errors[0] as { code: string }).code, 'ERR_AUTHENTICATION');
    for (const plain of [
      JSON.stringify({ value: 'plain', expires: Date.now() + 60_000 }),
      { value: 'plain', expires: Date.now() + 60_000 },
      'plain',
      42,
      '',
      `${valueA}AAAA`,
      String(valueA).slice(0, -8),
    ]) {
      map.set(keyA, plain);
      t.is(await read('a'), undefined, inspect(plain));
    }
    map.set(keyA, valueA);
    t.is(await read('a'), 'value of a');
  });

  test(`${name}: entries expire`, async (t) => {
    const cache = make(encryptedStore(new Map(), options));
    await cache.set('short', 'x', 30);
    await cache.set('long', 'x', 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 60));
    t.is(await cache.get('short'), undefined);
    t.is(await cache.get('long'), 'x');
  });
}

test('the TTL reaches the inner store, of either version', async (t) => {
  const times: (number | undefined)[] = [];
  class Legacy {
    readonly map = new Map<string, string>();
    readonly get = async (name: string) => this.map.get(name);
    readonly delete = async (name: string) => this.map.delete(name);
    readonly clear = async () => this.map.clear();
    async set(name: string, value: string, ttl?: number) {
      times.push(ttl);
      this.map.set(name, value);
    }
  }
  class Modern extends Legacy {
    readonly capabilities = { expires: true };
  }
  const before = Date.now();
  for (const keyv of [
    new Keyv({ store: encryptedStore(new Legacy(), options) }),
    new Keyv5({ store: encryptedStore(new Legacy(), options) }),
    new Keyv({ store: encryptedStore(new Modern(), options) }),
    new Keyv5({ store: encryptedStore(new Modern(), options) }),
  ]) {
    await keyv.set('a', 'x', 60_000);
    await keyv.set('b', 'x');
    t.is(await keyv.get('a'), 'x');
    t.is(await keyv.get('b'), 'x');
  }
  t.is(times.length, 8);
  for (const [i, time] of times.entries()) {
    if (i % 2) t.is(time, undefined);
    else if (i < 4) t.true((time ?? 0) > 50_000 && (time ?? 0) <= 60_000, `${time}`);
    else t.true((time ?? 0) >= before + 50_000 && (time ?? 0) <= Date.now() + 60_000, `${time}`);
  }
});

test('inner stores may be adapters and instances of both versions', async (t) => {
  const inners: InnerStore[] = [
    new KeyvMemoryAdapter(new Map()),
    new Keyv(),
    new Keyv5(),
    new Keyv({ store: new Map(), namespace: 'inner' }),
  ];
  for (const inner of inners) {
    const keyv = new Keyv({ store: encryptedStore(inner, options), namespace: 'outer' });
    await keyv.set('a', SECRET, 60_000);
    t.is(await keyv.get('a'), SECRET);
    t.deepEqual(await keyv.getMany(['a', 'missing']), [SECRET, undefined]);
    t.true(await keyv.has('a'));
    t.false(await keyv.has('missing'));
    await keyv.setMany([
      { key: 'b', value: 1 },
      { key: 'c', value: 2, ttl: 60_000 },
    ]);
    t.deepEqual(await keyv.getMany(['b', 'c']), [1, 2]);
    await keyv.deleteMany(['b', 'c']);
    t.deepEqual(await keyv.hasMany(['a', 'b', 'c']), [true, false, false]);
  }
});

test('entries can be walked through and cleared', async (t) => {
  const map = new Map<string, unknown>();
  const keyv = new Keyv({ store: encryptedStore(map, options), namespace: 'ns' });
  await keyv.set('a', 1);
  await keyv.set('b', 2);
  map.set('ns::plain', 'x');
  const found = new Map();
  for await (const [key, value] of keyv.iterator()) found.set(key, value);
  t.deepEqual(
    [...found],
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  await keyv.clear();
  t.deepEqual(await keyv.getMany(['a', 'b']), [undefined, undefined]);
});

test('tenants and keys are apart, and a keyring reads what its previous keys sealed', async (t) => {
  const map = new Map<string, unknown>();
  const one = new Keyv({ store: encryptedStore(map, { ...options, tenantId: 'one' }) });
  await one.set('a', SECRET);
  t.is(await new Keyv({ store: encryptedStore(map, { ...options, tenantId: 'two' }) }).get('a'), undefined);
  t.is(
    await new Keyv({ store: encryptedStore(map, { masterKey: '5b'.repeat(32), tenantId: 'one' }) }).get('a'),
    undefined,
  );
  const keyring = new Keyring({ masterKey: '5b'.repeat(32), previousMasterKeys: [MASTER_KEY] });
  t.teardown(() => keyring.destroy());
  t.is(await new Keyv({ store: encryptedStore(map, { keyring, tenantId: 'one' }) }).get('a'), SECRET);
  const interop = new Keyv({ store: encryptedStore(map, { ...options, wire: 'interop', nonces: 'random' }) });
  await interop.set('b', SECRET);
  t.is(await interop.get('b'), SECRET);
});

test('a value that cannot be sealed is not stored', async (t) => {
  const map = new Map<string, unknown>();
  const store = encryptedStore(map, options);
  await t.throwsAsync(
    store.set('a', () => SECRET),
    { code: 'ERR_SERIALIZATION' },
  );
  t.is(map.size, 0);
});

test('errors of the inner store reach the listeners of the outer one', async (t) => {
  const listeners: ((error: unknown) => void)[] = [];
  const inner = {
    get: async () => undefined,
    set: async () => undefined,
    delete: async () => true,
    clear: async () => undefined,
    on: (_: string, listener: (error: unknown) => void) => listeners.push(listener),
  };
  const seen: unknown[] = [];
  const keyv = new Keyv({ store: encryptedStore(inner, options) });
  keyv.on('error', (error) => seen.push(error));
  for (const listener of listeners) listener('lost');
  t.deepEqual(seen, ['lost']);
});

test('an option that there is not is refused by its name', (t) => {
  t.throws(() => encryptedStore(new Map(), { ...options, tenantID: 'a' } as never), {
    code: 'ERR_CONFIGURATION',
    message: "Unknown option 'tenantID'. Known options: masterKey, keyring, tenantId, nonces, wire, compress, onError",
  });
});

test('wrong arguments are refused', (t) => {
  for (const inner of [undefined, null, 'x', {}, [], { get() {}, set() {}, delete() {} }]) {
    t.throws(() => encryptedStore(inner as never, options), { instanceOf: TypeError }, inspect(inner));
  }
  for (const wrong of [null, 'x', { ...options, onError: 1 }, { ...options, tenantId: 1 }]) {
    t.throws(() => encryptedStore(new Map(), wrong as never), { instanceOf: TypeError }, inspect(wrong));
  }
  t.throws(() => encryptedStore(new Map(), { masterKey: MASTER_KEY, keyring: {} as never }), {
    code: 'ERR_CONFIGURATION',
  });
});

test('a value that is moved to another namespace does not open, whoever writes that', async (t) => {
  const over = {
    'Keyv 6': (map: Map<string, unknown>, namespace: string) =>
      new Keyv({ store: encryptedStore(map, { masterKey: MASTER_KEY }), namespace }),
    'Keyv 5': (map: Map<string, unknown>, namespace: string) =>
      new Keyv5({ store: encryptedStore(map, { masterKey: MASTER_KEY }), namespace }),
    'Keyv 6 inside': (map: Map<string, unknown>, namespace: string) =>
      encryptedStore(new Keyv({ store: map, namespace }), { masterKey: MASTER_KEY }),
    'Keyv 5 inside': (map: Map<string, unknown>, namespace: string) =>
      encryptedStore(new Keyv5({ store: map, namespace }) as never, { masterKey: MASTER_KEY }),
  };
  for (const [name, make] of Object.entries(over)) {
    const map = new Map<string, unknown>();
    const [a, b] = [make(map, 'a'), make(map, 'b')];
    await a.set('k', SECRET);
    t.is(await a.get('k'), SECRET, name);
    const [[at, stored] = ['', '']] = map;
    t.regex(at, /^a::?k$/, name);
    map.set(at.replace('a', 'b'), stored);
    t.is(await b.get('k'), undefined, name);
    t.is(await a.get('k'), SECRET, name);
  }
});
