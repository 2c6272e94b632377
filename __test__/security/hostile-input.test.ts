import test from 'ava';
import { EncryptionWrapper, InteropSerializer, JsonSerializer, Sealer, StandardSerializer } from '../../index.js';
import { ByteStorage, createAad, encodeInteropArgs } from '../../src/protocol/index.js';
import { runNode, supportFile } from '../support/child.js';

const masterKey = Buffer.alloc(32, 4);
const cacheKey = 'k';

const nested = (depth: number) => {
  let value: unknown = null;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};
const nestedBytes = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);

const serializers = {
  standard: new StandardSerializer(),
  interop: new InteropSerializer(),
  json: new JsonSerializer(),
};

for (const [name, serializer] of Object.entries(serializers)) {
  test(`${name}: values nested 1,024 deep come back, deeper ones are refused and end nothing`, (t) => {
    t.deepEqual(serializer.deserialize(serializer.serialize(nested(1024))), nested(1024));
    for (const depth of [1025, 10_000, 1_000_000]) {
      t.throws(() => serializer.serialize(nested(depth)), { code: 'ERR_SERIALIZATION' }, `${depth}`);
    }
  });

  test(`${name}: lone surrogates, cycles and what the format cannot hold are refused`, (t) => {
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    const refused = [
      '\ud800',
      { '\udc00': 1 },
      ['a\udfff'],
      cycle,
      () => 0,
      Symbol('s'),
      [undefined],
      new (class A {})(),
    ];
    for (const value of refused) {
      t.throws(() => serializer.serialize(value), { code: 'ERR_SERIALIZATION' });
    }
  });

  test(`${name}: a member called __proto__ or constructor is data and changes no prototype`, (t) => {
    const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
    const back = serializer.deserialize(serializer.serialize(hostile)) as object;
    t.is(Object.getPrototypeOf(back), Object.prototype);
    t.deepEqual(Object.keys(back).sort(), ['__proto__', 'constructor']);
    t.is(({} as { polluted?: number }).polluted, undefined);
    t.is((back as { polluted?: number }).polluted, undefined);
  });
}

test('MessagePack from outside that is deep, incomplete or followed by more is refused and ends nothing', (t) => {
  const documents = {
    'deeper than 1,024': nestedBytes(1025),
    'a million deep': nestedBytes(1_000_000),
    'nothing at all': Buffer.alloc(0),
    'a string of 4 GiB': Buffer.from('dbffffffff41', 'hex'),
    'an array of 4 GiB': Buffer.from('ddffffffff', 'hex'),
    'an array that is short by one': Buffer.from('92c0', 'hex'),
    'two documents': Buffer.from('c0c0', 'hex'),
    'the reserved byte': Buffer.from('c1', 'hex'),
    'text that is not UTF-8': Buffer.from('a2c328', 'hex'),
    'a surrogate in UTF-8': Buffer.from('a3eda080', 'hex'),
    'an unterminated extension': Buffer.from('c7ff01', 'hex'),
  };
  for (const [name, bytes] of Object.entries(documents)) {
    for (const serializer of [serializers.standard, serializers.interop]) {
      t.throws(() => serializer.deserialize(bytes), { code: 'ERR_SERIALIZATION' }, name);
    }
  }
});

test('integers and doubles at every edge come back as they were, or are refused', (t) => {
  const exact = [
    0,
    -0,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
    2n ** 53n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    2 ** 53,
    2 ** 64,
    1e308,
    5e-324,
    NaN,
  ];
  for (const value of exact)
    t.deepEqual(serializers.standard.deserialize(serializers.standard.serialize(value)), value);
  for (const value of [2n ** 64n, -(2n ** 63n) - 1n, 7n, 2n ** 53n - 1n]) {
    t.throws(() => serializers.standard.serialize(value), { code: 'ERR_SERIALIZATION' });
  }
});

test('sizes over 512 MiB are refused before anything is allocated for them', (t) => {
  // Zeroed memory that nothing touches costs no real pages.
  const huge = new Uint8Array(536_870_913);
  const nothing = new Uint8Array(0);
  using sealer = new Sealer(masterKey, 't');
  t.throws(() => sealer.seal(huge, nothing), { code: 'ERR_VALUE_TOO_LARGE' });
  t.throws(() => sealer.sealInPlace(huge, 536_870_885 + 28 - 1, nothing), { instanceOf: RangeError });
  t.throws(() => ByteStorage.store(huge), { code: 'ERR_VALUE_TOO_LARGE' });
  t.throws(() => ByteStorage.retrieve(huge), { code: 'ERR_ENVELOPE' });
  const before = process.memoryUsage().rss;
  t.throws(() => sealer.open(huge, nothing));
  t.true(process.memoryUsage().rss - before < 1 << 20 || process.memoryUsage().rss < 2 ** 30);
});

test('a short envelope that claims gigabytes costs less than 1 MiB', async (t) => {
  const { code, stdout, stderr } = await runNode(supportFile('bomb-reader.ts'), []);
  t.is(code, 0, stderr);
  const { grownKiB, refused } = JSON.parse(String(stdout));
  t.is(refused, 120);
  t.true(grownKiB < 1024, `${grownKiB} KiB`);
});

test('text that UTF-8 cannot carry never reaches an AAD or a key', (t) => {
  const bad = ['\ud800', 'a\udc00', '\udfff\ud800'];
  using wrapper = new EncryptionWrapper({ masterKey });
  const parts = { tenantId: 't', cacheKey, format: 'f', compressed: true };
  for (const text of bad) {
    for (const name of ['tenantId', 'cacheKey', 'format']) {
      t.throws(() => createAad({ ...parts, [name]: text }), { instanceOf: TypeError });
    }
    t.throws(() => wrapper.serialize(1, { cacheKey: text }), { instanceOf: TypeError });
    t.throws(() => wrapper.serialize(1, { cacheKey, tenantId: text }), { instanceOf: TypeError });
    t.throws(() => encodeInteropArgs([text]), { instanceOf: TypeError });
    t.throws(() => encodeInteropArgs([{ [text]: 1 }]), { instanceOf: TypeError });
  }
  // What only looks alike stays apart: U+FFFD is what a lone surrogate would have become.
  t.notDeepEqual(createAad({ ...parts, cacheKey: '\ufffd' }), createAad({ ...parts, cacheKey: '\ufffd\ufffd' }));
});
