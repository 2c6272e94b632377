import test from 'ava';
import { InteropSerializer, PlainDate, PlainTime, SerializationError } from '../../index.js';
import { type SharedMemory, sharedMemory } from '../../src/serializers/serializer.js';
import { notBytes, notObject } from '../support/wrong-values.js';
import { nested, nestedObjects, secret, unsupported } from './values.js';

const interop = new InteropSerializer();
const memory = sharedMemory.get(interop) as SharedMemory;
const hexOf = (value: unknown) => Buffer.from(interop.serialize(value)).toString('hex');

test('describes itself as MessagePack without a container', (t) => {
  const { format, container, compressed, originalType } = interop;
  t.deepEqual(
    { format, container, compressed, originalType },
    { format: 'msgpack', container: 'none', compressed: false, originalType: undefined },
  );
});

const canonical: [string, unknown, string][] = [
  [
    'keys by code point',
    { b: 1, ab: 2, '\u{10000}': 3, '\uff61': 4, B: 5 },
    '85a14205a2616202a16201a3efbda104a4f090808003',
  ],
  [
    'keys by code point at every level, and among many',
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${19 - i}`, i % 2 ? { z: 1, a: 2 } : 0])),
    '',
  ],
  [
    'integers in their shortest form',
    [0, 127, 128, 256, 65_536, 2 ** 32, -32, -33, -129, -32_769, -(2 ** 31) - 1],
    '9b007fcc80cd0100ce00010000cf0000000100000000e0d0dfd1ff7fd2ffff7fffd3ffffffff7fffffff',
  ],
  ['safe integers', [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER], '92cf001fffffffffffffd3ffe0000000000001'],
  ['floats as float64', [1.5, -0, 2 ** 60], '93cb3ff8000000000000cb8000000000000000cb43b0000000000000'],
  [
    '64-bit integers',
    [2n ** 63n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)],
    '94cf8000000000000000d38000000000000000cf0020000000000000d3ffe0000000000000',
  ],
  [
    'a Date',
    new Date('2025-01-02T03:04:05Z'),
    '82ac5f5f6461746574696d655f5fc3a576616c7565b9323032352d30312d30325430333a30343a30352b30303a3030',
  ],
  ['a PlainDate', new PlainDate('2025-01-02'), '82a85f5f646174655f5fc3a576616c7565aa323032352d30312d3032'],
  ['a PlainTime', new PlainTime('10:30:00'), '82a85f5f74696d655f5fc3a576616c7565a831303a33303a3030'],
  ['properties that are undefined left out', { a: undefined, b: 1, c: undefined }, '81a16201'],
];

for (const [name, value, hex] of canonical) {
  test(`writes ${name}`, (t) => {
    if (hex !== '') t.is(hexOf(value), hex);
    const read = interop.deserialize(interop.serialize(value));
    t.is(hexOf(read), hexOf(value));
    if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype && hex === '') {
      t.deepEqual(Object.keys(read as object), Object.keys(value as object).sort());
    }
  });
}

test('a map of a date or time of the protocol is written as it is, and read back as one', (t) => {
  const datetime = { __datetime__: true, value: '2024-01-01T12:30:45.123456+00:00' };
  t.is(
    hexOf(datetime),
    '82ac5f5f6461746574696d655f5fc3a576616c7565d920323032342d30312d30315431323a33303a34352e3132333435362b30303a3030',
  );
  t.deepEqual(interop.deserialize(interop.serialize(datetime)), new Date('2024-01-01T12:30:45.123Z'));
  const keeps = new InteropSerializer({ reviver: (_type, iso) => iso });
  t.is(keeps.deserialize(keeps.serialize(datetime)), datetime.value);
});

const misleading: Record<string, unknown> = {
  'a datetime that is none': { __datetime__: true, value: 'now' },
  'a date that does not exist': { __date__: true, value: '2025-02-30' },
  'a datetime with something else, which other SDKs drop': {
    __datetime__: true,
    value: '2025-01-02T03:04:05Z',
    more: 1,
  },
};

for (const [name, value] of Object.entries(misleading)) {
  test(`${name} is refused`, (t) => {
    t.throws(() => interop.serialize(value), { instanceOf: SerializationError, message: /date or a time/ });
  });
}

test('a marker beside no string is an ordinary map for every SDK', (t) => {
  for (const value of [{ __datetime__: true, value: 5 }, { __date__: true }, { __time__: 1, value: '10:30:00' }]) {
    t.deepEqual(interop.deserialize(interop.serialize(value)), value);
  }
});

for (const { name, value } of unsupported()) {
  test(`${name} is refused, also inside other values, and without its content`, (t) => {
    for (const refused of [value, [value], { a: [value] }]) {
      const error = t.throws(() => interop.serialize(refused), { instanceOf: SerializationError });
      t.false(error.message.includes(secret));
    }
  });
}

const onlyInterop: Record<string, unknown> = {
  NaN: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  'minus infinity': Number.NEGATIVE_INFINITY,
  'a small BigInt': 1n,
  'a BigInt of 2^64': 2n ** 64n,
  'a BigInt below −2^63': -(2n ** 63n) - 1n,
  'an invalid Date': new Date(Number.NaN),
  'a Date in the year 10000': new Date('+010000-01-01T00:00:00Z'),
  '1,025 levels': nested(1025),
  '1,025 levels of objects': nestedObjects(1025),
  '100,000 levels': nested(100_000),
};

for (const [name, value] of Object.entries(onlyInterop)) {
  test(`${name} is refused in interop mode`, (t) => {
    t.throws(() => interop.serialize(value), { instanceOf: SerializationError });
    t.throws(() => interop.serialize({ a: value }), { instanceOf: SerializationError });
  });
}

test('1,024 levels are carried', (t) =>
  t.deepEqual(interop.deserialize(interop.serialize(nested(1024))), nested(1024)));

test('a CK frame of a Python cache is named as what it is', (t) => {
  t.throws(() => interop.deserialize(Buffer.from('434b030000007d7b', 'hex')), {
    instanceOf: SerializationError,
    message: /CK frame/,
  });
  t.is(interop.deserialize(Buffer.from('43', 'hex')), 0x43);
});

test('what serialize returns is never overwritten; shared bytes are until the next call', (t) => {
  const first = interop.serialize({ a: 1 });
  const shared = memory.encoder.shared({ b: 2 });
  t.is(Buffer.from(shared).toString('hex'), '81a16202');
  t.is(Buffer.from(first).toString('hex'), '81a16101');
  t.is(first.buffer.byteLength, first.byteLength);
  t.deepEqual(memory.reader.read(Buffer.from('ff81a16202ffff', 'hex'), 1, 5), { b: 2 });
});

test('a getter may serialize with the same serializer, and each property is read once', (t) => {
  let reads = 0;
  const value = {
    a: 'x'.repeat(5000),
    get b() {
      reads++;
      memory.encoder.shared(['something', 'else']);
      return 1;
    },
    c: 'y',
  };
  t.deepEqual(interop.deserialize(interop.serialize(value)), { a: 'x'.repeat(5000), b: 1, c: 'y' });
  t.is(reads, 1);
});

test('wrong arguments are a TypeError', (t) => {
  for (const { name, value } of notBytes())
    t.throws(() => interop.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
  for (const { name, value } of notObject())
    t.throws(() => new InteropSerializer(value as object), { instanceOf: TypeError }, name);
  t.throws(() => new InteropSerializer({ reviver: 'iso' as never }), { instanceOf: TypeError });
});
