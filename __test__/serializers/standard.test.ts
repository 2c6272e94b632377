import { runInNewContext } from 'node:vm';
import { Encoder } from '@msgpack/msgpack';
import test from 'ava';
import { PlainDate, PlainTime, SerializationError, StandardSerializer } from '../../index.js';
import { Payloads } from '../../src/codec/payloads.js';
import { notBytes, notObject, sentinel } from '../support/wrong-values.js';
import { nested, nestedObjects, secret, symbolKeyed, unsupported } from './values.js';

const standard = new StandardSerializer();
const hexOf = (value: unknown) => Buffer.from(standard.serialize(value)).toString('hex');
const again = (value: unknown, serializer = standard) => serializer.deserialize(serializer.serialize(value));

test('describes itself as compressed MessagePack in an envelope, with no original type', (t) => {
  const { format, container, compressed, originalType } = standard;
  t.deepEqual(
    { format, container, compressed, originalType },
    { format: 'msgpack', container: 'envelope', compressed: true, originalType: undefined },
  );
});

const exact: Record<string, unknown> = {
  null: null,
  booleans: [true, false],
  integers: [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 33, Number.MAX_SAFE_INTEGER],
  'negative integers': [
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
    -(2 ** 31),
    -(2 ** 31) - 1,
    Number.MIN_SAFE_INTEGER,
  ],
  'numbers beyond the safe integers': [2 ** 53, 2 ** 60, -(2 ** 63), 2 ** 64, 1e300, Number.MAX_VALUE],
  'special numbers': [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, 0.1],
  'large BigInts': [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)],
  strings: [
    '',
    'a',
    'é',
    '日本😀',
    '\u0000',
    '\ufeff',
    `\ufeff${'x'.repeat(300)}`,
    '\ufffd',
    `${'a'.repeat(60)}\ufffd`,
  ],
  'strings at the bounds of their headers': [31, 32, 95, 96, 255, 256, 65_535, 65_536].map((n) => 'x'.repeat(n)),
  'strings of wide characters at those bounds': [15, 16, 47, 48, 127, 128, 32_768].map((n) => 'é'.repeat(n)),
  bytes: [new Uint8Array(0), Uint8Array.of(0, 255), new Uint8Array(255).fill(1), new Uint8Array(65_536).fill(2)],
  arrays: [[], [[]], Array.from({ length: 15 }), Array.from({ length: 16 }), Array.from({ length: 65_536 })].map((a) =>
    a.map((_, i) => i),
  ),
  objects: {
    '': '',
    a: { b: {} },
    'a b': 1,
    é: 2,
    ['x'.repeat(300)]: 3,
    constructor: 4,
    hasOwnProperty: 5,
    toString: 6,
  },
  'an object with 16 properties': Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, i])),
  'an object with 70,000 properties': Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i])),
  'names at the bounds of the name cache': { ['n'.repeat(31)]: 1, ['n'.repeat(32)]: 2, ['n'.repeat(33)]: 3 },
  dates: [
    new Date(0),
    new Date('2025-01-02T03:04:05.678Z'),
    new Date('0001-01-01T00:00:00Z'),
    new Date('9999-12-31T23:59:59.999Z'),
    new Date(-1),
  ],
  'plain dates and times': [
    new PlainDate('2024-02-29'),
    new PlainTime('10:30:00'),
    new PlainTime('23:59:59.999999+05:30'),
  ],
  'what is almost a date': [
    { __datetime__: true },
    { __datetime__: true, value: '2025-01-02T03:04:05Z', more: 1 },
    { __datetime__: false, value: 'x' },
    { value: 1, other: 2 },
    { _: 1, value: 'x' },
  ],
  '1,024 levels': nested(1024),
  '1,024 levels of objects': nestedObjects(1024),
};

for (const [name, value] of Object.entries(exact)) {
  test(`${name} are read back exactly`, (t) => t.deepEqual(again(value), value));
}

test('the sign of zero survives, as a member and as a value', (t) => {
  t.true(Object.is(again(-0), -0));
  t.true(Object.is((again([0]) as number[])[0], 0));
});

test('an own property named __proto__ is read back as an own property', (t) => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
  const read = again(value) as Record<string, unknown>;
  t.deepEqual(Object.keys(read), ['__proto__', 'a']);
  t.is(Object.getPrototypeOf(read), Object.prototype);
  t.is(({} as Record<string, unknown>).polluted, undefined);
});

test('a property that is undefined is left out, whatever that does to the header', (t) => {
  t.deepEqual(again({ a: undefined, b: 1 }), { b: 1 });
  for (const kept of [0, 15, 16, 65_535, 65_536]) {
    const value: Record<string, unknown> = { first: undefined };
    for (let i = 0; i < kept; i++) value[`k${i}`] = i;
    value.last = undefined;
    const { first: _first, last: _last, ...rest } = value;
    t.deepEqual(standard.serialize(value), standard.serialize(rest));
    t.deepEqual(again(value), rest);
  }
});

test('Buffers are read back as Uint8Arrays, and objects without a prototype as plain ones', (t) => {
  const read = again([Buffer.from('ab'), Object.assign(Object.create(null), { a: 1 })]) as [Uint8Array, object];
  t.deepEqual(read[0], Uint8Array.of(97, 98));
  t.false(Buffer.isBuffer(read[0]));
  t.is(Object.getPrototypeOf(read[1]), Object.prototype);
});

test('values from another realm are what they are here', (t) => {
  const foreign = runInNewContext("({ list: [1, { a: 'b' }], when: new Date(5), bytes: Uint8Array.of(7) })");
  t.deepEqual(again(foreign), { list: [1, { a: 'b' }], when: new Date(5), bytes: Uint8Array.of(7) });
  t.throws(() => again(runInNewContext('new (class { a = 1 })')), { instanceOf: SerializationError });
  t.throws(() => again(runInNewContext('new (class extends Array {})')), { instanceOf: SerializationError });
});

const bytes: [string, unknown, string][] = [
  [
    'a Date of whole seconds',
    new Date('2025-11-14T10:30:00Z'),
    '82ac5f5f6461746574696d655f5fc3a576616c7565b9323032352d31312d31345431303a33303a30302b30303a3030',
  ],
  [
    'a Date of milliseconds',
    new Date('2025-01-02T03:04:05.006Z'),
    '82ac5f5f6461746574696d655f5fc3a576616c7565d920323032352d30312d30325430333a30343a30352e3030363030302b30303a3030',
  ],
  ['a number that is an integer', 2, '02'],
  ['a number that is none', 1.5, 'cb3ff8000000000000'],
  ['minus zero', -0, 'cb8000000000000000'],
  ['2^33', 2 ** 33, 'cf0000000200000000'],
  ['2^60 as a number', 2 ** 60, 'cb43b0000000000000'],
  ['2^60 as a BigInt', 2n ** 60n, 'cf1000000000000000'],
  ['-2^63', -(2n ** 63n), 'd38000000000000000'],
  ['NaN', Number.NaN, 'cb7ff8000000000000'],
  ['properties in their order', { b: 1, a: [null, true] }, '82a16201a16192c0c3'],
];

for (const [name, value, expected] of bytes) {
  test(`${name} has the bytes that a peer writes`, (t) => t.is(hexOf(value), expected));
}

for (const { name, value } of unsupported()) {
  test(`${name} is refused, also inside other values, and without its content`, (t) => {
    for (const make of [
      () => value,
      () => [value],
      () => ({ a: [value] }),
      () => ({ a: value === undefined ? [value] : value }),
    ]) {
      const error = t.throws(() => standard.serialize(make()), {
        instanceOf: SerializationError,
        code: 'ERR_SERIALIZATION',
      });
      t.false(error.message.includes(secret) || String(error.stack).includes(secret));
      t.is(error.cause, undefined);
    }
  });
}

const onlyStandard: Record<string, unknown> = {
  'a small BigInt': 1n,
  'a BigInt of 2^53 − 1': 2n ** 53n - 1n,
  'a BigInt of −(2^53 − 1)': -(2n ** 53n) + 1n,
  'a BigInt of 2^64': 2n ** 64n,
  'a BigInt below −2^63': -(2n ** 63n) - 1n,
  'an invalid Date': new Date(Number.NaN),
  'a Date in the year 0': new Date('0000-12-31T23:59:59.999Z'),
  'a Date in the year 10000': new Date('+010000-01-01T00:00:00Z'),
  'a map that looks like a date': { __datetime__: true, value: '2025-01-02T03:04:05Z' },
  'a map that a peer would try to read as a date': { value: 1, __date__: 'yes' },
  'a map that looks like a time once undefined is left out': { __time__: true, x: undefined, value: '10:30:00' },
  '1,025 levels': nested(1025),
  '1,025 levels of objects': nestedObjects(1025),
};

for (const [name, value] of Object.entries(onlyStandard)) {
  test(`${name} is refused`, (t) => {
    t.throws(() => standard.serialize(value), { instanceOf: SerializationError });
    t.throws(() => standard.serialize([value]), { instanceOf: SerializationError });
  });
}

test('what looks like a cyclic or endless value is refused, not followed to the end of the stack', (t) => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = [cyclic, cyclic];
  t.throws(() => standard.serialize(cyclic), { message: 'A cyclic value cannot be serialized (at .self[0])' });
  t.throws(() => standard.serialize(nested(100_000)), { message: /nested deeper than 1024 levels/ });
});

test('a caller that is deep in its own stack is refused, rather than failing with an error of the engine', (t) => {
  const value = nested(1000);
  const payload = standard.serialize(value);
  for (const call of [() => standard.serialize(value), () => standard.deserialize(payload)]) {
    const seen = new Set<string>();
    // Calls itself to the end of the stack, and from there back until there is enough of it.
    const descend = (): unknown => {
      try {
        return descend();
      } catch {
        try {
          return call();
        } catch (error) {
          seen.add((error as Error).name);
          throw error;
        }
      }
    };
    t.truthy(descend());
    t.true(seen.has('SerializationError'), [...seen].join());
  }
  t.deepEqual(standard.deserialize(payload), value);
});

test('a symbol as a property is refused, and one that is not enumerable is not part of the value', (t) => {
  t.throws(() => standard.serialize(symbolKeyed()), { instanceOf: SerializationError });
  const hidden = Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 2 });
  t.deepEqual(again(hidden), { a: 1 });
});

test('each property is read once, so that what was checked is what is written', (t) => {
  let reads = 0;
  const value = {
    get fickle() {
      reads++;
      return reads === 1 ? 'fine' : () => 'not fine';
    },
  };
  t.deepEqual(standard.deserialize(standard.serialize(value)), { fickle: 'fine' });
  t.is(reads, 1);
});

test('toJSON is not called', (t) => {
  let called = false;
  const value = {
    toJSON: () => {
      called = true;
      return 'json';
    },
  };
  t.throws(() => standard.serialize(value), { instanceOf: SerializationError });
  t.false(called);
});

test('what serialize returns is never overwritten, and what deserialize returns shares nothing with the payload', (t) => {
  const first = standard.serialize({ a: 'x'.repeat(100) });
  const copy = first.slice();
  for (let i = 0; i < 10; i++) standard.serialize({ b: 'y'.repeat(100) });
  t.deepEqual(first, copy);
  t.is(first.buffer.byteLength, first.byteLength);

  const payload = standard.serialize({
    bytes: new Uint8Array(64).fill(7),
    text: 'a rather long text, longer than others',
  });
  const read = standard.deserialize(payload) as { bytes: Uint8Array; text: string };
  t.not(read.bytes.buffer, payload.buffer);
  payload.fill(0);
  t.deepEqual(read.bytes, new Uint8Array(64).fill(7));
  t.is(read.text, 'a rather long text, longer than others');
});

test('a getter may serialize with the same serializer, and both values are whole', (t) => {
  const large = 'z'.repeat(3_000_000);
  let inner: Uint8Array | undefined;
  const value = {
    before: large,
    get middle() {
      inner = standard.serializeShared({ inner: new Date(7), zero: -0 });
      return 1;
    },
    after: large,
  };
  t.deepEqual(again(value), { before: large, middle: 1, after: large });
  t.deepEqual(standard.deserialize(inner as Uint8Array), { inner: new Date(7), zero: -0 });
});

test('after an error in the middle of a value the next one is whole', (t) => {
  const fails = {
    a: 1,
    get b(): unknown {
      throw new Error('from the getter');
    },
  };
  t.throws(() => standard.serialize(fails), { instanceOf: SerializationError });
  t.throws(() => standard.serialize([1, 2, undefined]));
  t.deepEqual(again({ fine: true }), { fine: true });
});

test('shared bytes are those of serialize, until the next call', (t) => {
  const value = { a: [1, 'two'] };
  t.deepEqual(standard.serializeShared(value).slice(), standard.serialize(value));
  const buffer = Buffer.concat([standard.serialize(value), Buffer.from('81a161', 'hex')]);
  t.deepEqual(standard.deserializeShared(buffer, buffer.length - 3), value);
});

test('a value of several megabytes is written, read back, and its buffer is not kept', (t) => {
  const value = { text: 'x'.repeat(5_000_000), bytes: new Uint8Array(1_000_000).fill(3) };
  const shared = standard.serializeShared(value);
  const next = standard.serializeShared({ a: 1 });
  t.not(next.buffer, shared.buffer);
  t.true(next.buffer.byteLength < 1_000_000);
  t.deepEqual(standard.deserialize(shared), value);
});

test('a class that extends the serializer is asked for its own bytes', (t) => {
  class Upper extends StandardSerializer {
    override serialize(value: unknown): Uint8Array {
      return super.serialize(String(value).toUpperCase());
    }
    override deserialize(payload: Uint8Array): unknown {
      return `read ${super.deserialize(payload)}`;
    }
  }
  const upper = new Upper();
  const payloads = new Payloads(upper);
  const shared = payloads.encodeBorrowed('abc');
  t.is(payloads.decodeBorrowed(Buffer.from(shared), shared.length), 'read ABC');
});

test('a reviver makes what stands for dates and times, and may use the serializer meanwhile', (t) => {
  const seen: [string, string][] = [];
  const serializer: StandardSerializer = new StandardSerializer({
    reviver: (type, iso) => {
      seen.push([type, iso]);
      return serializer.deserialize(serializer.serialize({ type }));
    },
  });
  const value = {
    a: [new Date('2025-01-02T03:04:05.678Z'), new PlainDate('2025-01-02')],
    b: new PlainTime('10:30:00'),
  };
  t.deepEqual(again(value, serializer), { a: [{ type: 'datetime' }, { type: 'date' }], b: { type: 'time' } });
  t.deepEqual(seen, [
    ['datetime', '2025-01-02T03:04:05.678000+00:00'],
    ['date', '2025-01-02'],
    ['time', '10:30:00'],
  ]);
});

const nodeValues: Record<string, unknown> = {
  'small BigInts': [0n, 1n, -1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n],
  'huge BigInts': [2n ** 64n, -(2n ** 63n) - 1n, 10n ** 1000n, -(10n ** 1000n)],
  Maps: [
    new Map(),
    new Map<unknown, unknown>([
      [1, 'a'],
      ['1', new Map([[{ a: 1 }, null]])],
      [null, [new Set([1])]],
    ]),
  ],
  Sets: [new Set(), new Set(['a', 1, 1n, null, Number.NaN])],
  'typed arrays': [
    Int8Array.of(-1, 1),
    Uint8ClampedArray.of(0, 255),
    Int16Array.of(-32_768),
    Uint16Array.of(65_535),
    Int32Array.of(-(2 ** 31)),
    Uint32Array.of(2 ** 32 - 1),
    Float32Array.of(1.5, -0, Number.NaN),
    Float64Array.of(0.1, Number.POSITIVE_INFINITY),
    BigInt64Array.of(-(2n ** 63n)),
    BigUint64Array.of(2n ** 64n - 1n),
    new Float64Array(0),
    new Uint16Array(Uint16Array.of(1, 2, 3).buffer, 2, 1),
  ],
  'portable values': exact.objects,
};

const node = new StandardSerializer({ types: 'node' });
for (const [name, value] of Object.entries(nodeValues)) {
  test(`types 'node' carries ${name}`, (t) => t.deepEqual(again(value, node), value));
}

test("types 'node' still refuses what is no built-in value", (t) => {
  class Special extends Map {}
  for (const value of [
    undefined,
    Array(1),
    new Special(),
    new WeakMap(),
    /x/,
    new Error('x'),
    () => 1,
    new Date(Number.NaN),
    new ArrayBuffer(1),
    new DataView(new ArrayBuffer(1)),
  ]) {
    t.throws(() => node.serialize(value), { instanceOf: SerializationError });
  }
  let maps: unknown = 1;
  for (let i = 0; i < 1025; i++) maps = new Map([[1, maps]]);
  t.throws(() => node.serialize(maps), { message: /nested/ });
});

test('without types node, its payloads are refused with a word on how to read them', (t) => {
  t.throws(() => standard.deserialize(node.serialize(new Map())), {
    instanceOf: SerializationError,
    message: /types: 'node'/,
  });
  t.throws(() => standard.serialize(new Map()), { message: /types: 'node'/ });
});

test('malformed extensions are refused', (t) => {
  const refusals = [
    'c70201020000',
    'c70101',
    'c7030102ff00',
    'c7010200',
    'c702029101',
    'c70302910101',
    'c7020191c0',
    'c70204ff00',
    'c702040200',
    '92c7020290c0',
    'c70104',
    'd40100',
    'd40291',
    'c70163',
    'c9ffffffff02',
    'c701020091',
  ];
  for (const hex of refusals)
    t.throws(() => node.deserialize(Buffer.from(hex, 'hex')), { instanceOf: SerializationError }, hex);
});

test('the parts of the library that are overridden are there', (t) => {
  const parts = new Encoder() as unknown as Record<string, unknown>;
  const methods = [
    'encodeSharedRef',
    'clone',
    'doEncode',
    'encodeNil',
    'encodeBoolean',
    'encodeNumber',
    'encodeNumberAsFloat',
    'encodeBigInt64',
    'encodeString',
    'encodeBinary',
    'writeStringHeader',
    'writeU8',
    'writeU16',
    'writeU32',
    'ensureBufferSizeToWrite',
    'resizeBuffer',
  ];
  for (const method of methods) t.is(typeof parts[method], 'function', method);
  t.is(parts.pos, 0);
  t.false(parts.entered as boolean);
  t.true(parts.bytes instanceof Uint8Array && parts.view instanceof DataView);
});

test('wrong arguments are a TypeError or a RangeError, without their content', (t) => {
  for (const { name, value } of notBytes()) {
    const error = t.throws(() => standard.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
    t.false(error.message.includes(sentinel));
  }
  for (const { name, value } of notObject()) {
    t.throws(() => new StandardSerializer(value as object), { instanceOf: TypeError }, name);
  }
  for (const types of ['Node', '', sentinel]) {
    const error = t.throws(() => new StandardSerializer({ types: types as 'node' }), { instanceOf: RangeError });
    t.false(error.message.includes(sentinel));
  }
  for (const types of [null, 1, {}, ['node']]) {
    t.throws(() => new StandardSerializer({ types: types as unknown as 'node' }), { instanceOf: TypeError });
  }
  for (const reviver of [null, 'iso', {}]) {
    t.throws(() => new StandardSerializer({ reviver: reviver as never }), { instanceOf: TypeError });
  }
});
