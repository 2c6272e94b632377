import test from 'ava';
import {
  createCache,
  EncryptionWrapper,
  encryptedStore,
  HttpBackend,
  InteropSerializer,
  JsonSerializer,
  Keyring,
  StandardSerializer,
} from '../../index.js';
import { parseFrame } from '../../src/protocol/frame.js';

/*
 * Somebody has put something on Object.prototype or Array.prototype. What is decoded is what was encoded, no foreign code
 * sees any of it, and no option comes from there.
 */

const masterKey = Buffer.alloc(32, 5);
const context = { cacheKey: 'k' };

/** Runs `work` while a prototype has these properties, which may be setters. */
function polluted<T>(prototype: object, properties: PropertyDescriptorMap, work: () => T): T {
  const before = Object.fromEntries(
    Object.keys(properties).map((name) => [name, Object.getOwnPropertyDescriptor(prototype, name)]),
  );
  const all = Object.entries(properties).map(([name, what]) => [name, { configurable: true, ...what }] as const);
  for (const [name, descriptor] of all)
    Object.defineProperty(prototype, name, { __proto__: null, ...descriptor } as object);
  try {
    return work();
  } finally {
    for (const [name] of all) {
      const was = before[name];
      if (was === undefined) delete (prototype as Record<string, unknown>)[name];
      else Object.defineProperty(prototype, name, { __proto__: null, ...was } as object);
    }
  }
}

const LONG_NAME = 'a name of more than thirty-one bytes that no cache of names holds';
const names = ['zz', 'é', LONG_NAME, 'toString', 'constructor', '0', 'get', 'value', '__proto__'];
const nested = JSON.parse(`{${names.map((name, i) => `${JSON.stringify(name)}: [${i}, 2.5, "x"]`).join(', ')}}`);
const big = 2n ** 60n;
const values: Record<string, unknown> = {
  'a small object': { a: 1, zz: 2 },
  'every kind of name': nested,
  'many rows': Array.from({ length: 100 }, (_, i) => ({ id: i, zz: `row ${i}`, deep: { zz: [i, 1.5] } })),
  lists: [[1, 2.5, 'x'], [[[]]], [1.5]],
};
const encrypting = {
  protocol: new EncryptionWrapper<unknown>({ masterKey }),
  json: new EncryptionWrapper<unknown>({ masterKey, serializer: new JsonSerializer() }),
  interop: new EncryptionWrapper<unknown>({ masterKey, wire: 'interop' }),
  python: new EncryptionWrapper<unknown>({ masterKey, wire: 'python' }),
  'python, json': new EncryptionWrapper<unknown>({ masterKey, wire: 'python', serializer: new JsonSerializer() }),
};
const kept = (_type: string, iso: string) => iso;
const plain = {
  standard: new StandardSerializer(),
  node: new StandardSerializer({ types: 'node' }),
  reviving: new StandardSerializer({ reviver: kept }),
  interop: new InteropSerializer(),
  json: new JsonSerializer(),
};

/** Reads a value in every way while prototypes are changed; what came out wrong. */
function wrongOnes(value: unknown, change: (work: () => void) => void, writing = true): string[] {
  const ways: [string, () => unknown][] = [];
  for (const [name, wrapper] of Object.entries(encrypting)) {
    const sealed = wrapper.serialize(value, context);
    ways.push([name, () => wrapper.deserialize(sealed, context)]);
    const items = [1, 2].map(() => ({ sealed, ...context }));
    ways.push([`${name}, many`, () => (wrapper.deserializeMany(items)[1] as { value: unknown }).value]);
    if (!writing) continue;
    ways.push([`${name}, both`, () => wrapper.deserialize(wrapper.serialize(value, context), context)]);
    const batch = () => wrapper.serializeMany([1, 2].map(() => ({ value, ...context })))[0] as Buffer;
    ways.push([`${name}, sealed as one of many`, () => wrapper.deserialize(batch(), context)]);
  }
  for (const [name, serializer] of Object.entries(plain)) {
    const payload = serializer.serialize(value);
    ways.push([`${name} serializer`, () => serializer.deserialize(payload)]);
  }
  const exact = Buffer.from(JSON.stringify([value, 'big']).replace('"big"', String(big)));
  ways.push(['JSON with a large integer', () => (plain.json.deserialize(exact) as unknown[])[0]]);
  // Interop sorts the names.
  const right = ways.map(([, read]) => JSON.stringify(read()));
  const results: [string, unknown][] = [];
  change(() => {
    for (const [name, read] of ways) {
      let result: unknown;
      try {
        result = read();
      } catch (error) {
        result = String(error);
      }
      const descriptor = { __proto__: null, value: [name, result], enumerable: true };
      Object.defineProperty(results, results.length, descriptor as PropertyDescriptor);
    }
  });
  return Array.from(results)
    .filter(([, result], i) => JSON.stringify(result) !== right[i])
    .map(([name]) => name);
}

for (const [kind, value] of Object.entries(values)) {
  test.serial(`${kind}: a setter or a read-only property of Object.prototype changes nothing`, (t) => {
    let seen = 0;
    const setter = { set: () => void seen++ };
    const own = names.filter((name) => name !== '__proto__' && name !== 'constructor' && name !== 'toString');
    for (const what of [setter, { get: () => 'inherited' }, { value: 'read-only', writable: false }]) {
      for (const name of own) {
        // An index is one of every array's too: some values are then refused, which is not what is tested here.
        const writing = name !== '0';
        const wrong = wrongOnes(value, (work) => polluted(Object.prototype, { [name]: what }, work), writing);
        t.deepEqual(wrong, [], `${name} ${Object.keys(what)[0]}`);
      }
    }
    const frozen = { toString: { writable: false }, constructor: { writable: false } };
    t.deepEqual(
      wrongOnes(value, (work) => polluted(Object.prototype, frozen, work)),
      [],
    );
    t.is(seen, 0);
  });

  test.serial(`${kind}: a setter at an index of Array.prototype changes nothing`, (t) => {
    let seen = 0;
    const setter = { set: () => void seen++ };
    const at = (what: PropertyDescriptor, ...indexes: number[]) => Object.fromEntries(indexes.map((i) => [i, what]));
    for (const properties of [at(setter, 0), at(setter, 1, 3, 60), at({ value: 1, writable: false }, 0)]) {
      t.deepEqual(
        wrongOnes(value, (work) => polluted(Array.prototype, properties, work), false),
        [],
      );
    }
    t.is(seen, 0);
  });
}

test.serial('what a reviver puts on Object.prototype does not touch the value that is being read', (t) => {
  let seen = 0;
  const serializer = new StandardSerializer({
    reviver: (_type, iso) => {
      Object.defineProperty(Object.prototype, 'zz', { configurable: true, set: () => void seen++ });
      return iso;
    },
  });
  const payload = plain.standard.serialize({ zz: new Date(0), list: [{ zz: 1 }] });
  try {
    t.is(JSON.stringify(serializer.deserialize(payload)), '{"zz":"1970-01-01T00:00:00+00:00","list":[{"zz":1}]}');
  } finally {
    delete (Object.prototype as Record<string, unknown>).zz;
  }
  t.is(seen, 0);
});

test.serial('a map is a date only by properties of its own', (t) => {
  const payload = plain.json.serialize({ __date__: true, other: 1 });
  const map = new Map<string, unknown>(Object.entries(plain.json.deserialize(payload) as object));
  t.is(map.size, 2);
  const written = Buffer.from('82a85f5f646174655f5fc3a56f7468657201', 'hex');
  const read = polluted(Object.prototype, { value: { value: '2026-01-01' } }, () =>
    plain.standard.deserialize(written),
  );
  t.deepEqual(read, { __date__: true, other: 1 });
});

test.serial('the header of a frame has only what it has itself', (t) => {
  const frame = (header: string) => {
    const head = Buffer.from([0x43, 0x4b, 3, 0, 0, 0, header.length]);
    return Buffer.concat([head, Buffer.from(header)]);
  };
  const bytes = frame('{"s": "default", "m": {"format": "msgpack"}, "v": "2.0"}');
  const properties = { encrypted: { value: true }, tenant_id: { value: 'evil' }, compressed: { value: true } };
  const { metadata } = polluted(Object.prototype, properties, () => parseFrame(bytes));
  t.is(metadata.encrypted, false);
  t.is(metadata.compressed, false);
  t.is(metadata.tenantId, undefined);
});

test.serial('no option comes from Object.prototype', async (t) => {
  const text = 'a'.repeat(10_000);
  const properties = {
    compress: { value: false },
    masterKey: { value: Buffer.alloc(32, 6) },
    tenantId: { value: 'evil' },
    rotationHeader: { value: 'always' },
    onError: { value: 1 },
    keyring: { value: 1 },
    previousMasterKeys: { value: 1 },
  };
  const made = polluted(Object.prototype, properties, () => ({
    wrapper: new EncryptionWrapper<unknown>({ masterKey }),
    keyring: new Keyring({ masterKey }),
    cache: createCache({ masterKey }),
    store: encryptedStore(new Map(), { masterKey }),
  }));
  const sealed = made.wrapper.serialize(text, context);
  t.true(sealed.length < 1_000, 'it is compressed');
  t.is(new EncryptionWrapper<unknown>({ masterKey }).deserialize(sealed, context), text);
  t.is(made.keyring.usage()[0]?.fingerprint, new Keyring({ masterKey }).usage()[0]?.fingerprint);
  t.true(await made.cache.set('k', text));
  t.is(await made.cache.get('k'), text);

  const environment = process.env.CACHEKIT_MASTER_KEY;
  delete process.env.CACHEKIT_MASTER_KEY;
  try {
    for (const make of [() => new EncryptionWrapper(), () => new Keyring(), () => encryptedStore(new Map())]) {
      const error = polluted(Object.prototype, properties, () => t.throws(make));
      t.is((error as { code?: string } | undefined)?.code, 'ERR_CONFIGURATION');
    }
  } finally {
    if (environment !== undefined) process.env.CACHEKIT_MASTER_KEY = environment;
  }
  const options = { url: 'https://127.0.0.1:1', apiKey: 'ck_test_x' };
  const allowed = { allowPrivateHosts: { value: true } };
  t.throws(() => polluted(Object.prototype, allowed, () => new HttpBackend(options)));
});

test.serial('options may come from a class of their own', (t) => {
  class Options {
    get masterKey() {
      return masterKey;
    }
  }
  const wrapper = new EncryptionWrapper<unknown>(new Options());
  t.is(wrapper.deserialize(encrypting.protocol.serialize(1, context), context), 1);
});

test.serial('refusals, Maps and Sets are the same, and no setter sees them, whatever prototypes have', async (t) => {
  const seen: unknown[] = [];
  const spy = { set: (value: unknown) => void seen.push(value) };
  const own = (value: object) => Object.defineProperty(value, 'tz', { value: 'UTC', enumerable: true });
  const node = new StandardSerializer({ types: 'node' });
  const loaded = createCache({ namespace: 'n', masterKey });
  const keyFor = loaded.wrap({ operation: 'o' })(async () => 1).keyFor as (...args: unknown[]) => string;
  const calls: Record<string, () => unknown> = {
    map: () => node.serialize(new Map([['SECRET', 1]])),
    set: () => node.serialize(new Set(['SECRET'])),
    'set argument': () => keyFor(new Set(['b', 'a'])),
    ...Object.fromEntries(
      [node, new JsonSerializer(), new InteropSerializer()].map((serializer, i) => [
        `refusal ${i}`,
        () => serializer.serialize({ list: [{ x: () => 1 }] }),
      ]),
    ),
    argument: () => keyFor({ list: [() => 1] }),
    date: () => node.serialize(own(new Date(0))),
    'date argument': () => keyFor(own(new Date(0))),
    'properties of a Map': () => node.serialize(own(new Map())),
    'properties of a Set': () => node.serialize(own(new Set())),
    'properties of floats': () => node.serialize(own(new Float64Array(0))),
  };
  const outcomes = () =>
    Object.entries(calls).map(([name, call]) => {
      try {
        return [name, call()];
      } catch (error) {
        return [name, String(error)];
      }
    });
  const expected = outcomes();
  t.deepEqual(
    polluted(Array.prototype, { 0: spy, 1: spy }, () => polluted(Object.prototype, { tz: spy }, outcomes)),
    expected,
  );
  t.deepEqual(polluted(Array.prototype, { 0: { value: 'x', writable: false } }, outcomes), expected);
  t.deepEqual(seen, []);
});

test.serial('entry() tells an age and an end whatever Object.prototype has', async (t) => {
  const seen: unknown[] = [];
  const spy = { set: (value: unknown) => void seen.push(value) };
  const load = createCache({ namespace: 'n', masterKey }).wrap({ operation: 'o', ttl: '1m' })(async () => 1);
  await load();
  // Undone by hand: the call goes on after a polluted function would have returned.
  for (const name of ['ageMs', 'expiresInMs'])
    Object.defineProperty(Object.prototype, name, { configurable: true, ...spy });
  const entry = await load.entry();
  for (const name of ['ageMs', 'expiresInMs']) delete (Object.prototype as Record<string, unknown>)[name];
  t.true(Object.hasOwn(entry, 'ageMs') && Object.hasOwn(entry, 'expiresInMs'));
  t.deepEqual(seen, []);
});
