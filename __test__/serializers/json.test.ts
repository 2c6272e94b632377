import test from 'ava';
import fc from 'fast-check';
import { JsonSerializer, OrjsonSerializer, PlainDate, SerializationError, ValueTooLargeError } from '../../index.js';
import { type SharedMemory, sharedMemory } from '../../src/serializers/serializer.js';
import { holds } from '../support/properties.js';
import { notBytes } from '../support/wrong-values.js';
import { nested, nestedObjects, secret, unsupported } from './values.js';

const json = new JsonSerializer();
const memory = sharedMemory.get(json) as SharedMemory;
const textOf = (value: unknown) => Buffer.from(json.serialize(value)).toString();
const read = (text: string) => json.deserialize(Buffer.from(text));

test('describes itself as orjson behind a checksum, without compression', (t) => {
  const { format, container, compressed, originalType } = json;
  t.deepEqual(
    { format, container, compressed, originalType },
    { format: 'orjson', container: 'checksum', compressed: false, originalType: undefined },
  );
  t.is(OrjsonSerializer, JsonSerializer);
});

test('writes what JSON.stringify writes', (t) => {
  const values = [
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e21,
    1e-7,
    Number.MAX_SAFE_INTEGER,
    '',
    'plain',
    '"quoted" \\ back\b\f\n\r\t\u0000\u001f\u007f\u2028',
    'é日😀\ufeff',
    'x'.repeat(95),
    'x'.repeat(96),
    `${'x'.repeat(300)}"`,
    [],
    {},
    [[], {}, [1, 'a', null]],
    { a: { b: [1, { c: 'd' }] }, e: undefined, '"': 1 },
    JSON.parse('{"__proto__": {"a": 1}, "b": 2}'),
    Object.assign(Object.create(null), { a: 1 }),
  ];
  for (const value of values) t.is(textOf(value), JSON.stringify(value));
});

test('an own property named __proto__ is read back as an own property, also beside large integers', (t) => {
  for (const text of [
    '{"__proto__":{"polluted":true}}',
    '{"__proto__":{"polluted":true},"n":[12345678901234567890]}',
  ]) {
    const value = read(text) as Record<string, unknown>;
    t.true(Object.hasOwn(value, '__proto__'));
    t.is(Object.getPrototypeOf(value), Object.prototype);
    t.is(({} as Record<string, unknown>).polluted, undefined);
  }
});

test('an integer that is no safe one is written as a float, and read back as the same number', (t) => {
  for (const value of [
    2 ** 53,
    2 ** 60,
    -(2 ** 63),
    2 ** 64,
    1e20,
    -1e20,
    Number('123456789012345680000'),
    1e22,
    Number.MAX_VALUE,
  ]) {
    t.regex(textOf(value), /e\+/);
    t.is(read(textOf(value)), value);
  }
});

const integers: [string, unknown][] = [
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', 2n ** 53n],
  ['-9007199254740992', -(2n ** 53n)],
  ['[9223372036854775808]', [2n ** 63n]],
  ['{"a":18446744073709551615,"b":-9223372036854775808}', { a: 2n ** 64n - 1n, b: -(2n ** 63n) }],
  [
    '{ "a" : [ 1 , 12345678901234567890 , 2.5e3, -0.25, true, false, null, "x\\"\\\\" ] , "b" : { } }',
    { a: [1, 12345678901234567890n, 2500, -0.25, true, false, null, 'x"\\'], b: {} },
  ],
  [
    '{"card":"4111111111111111","other":"[4111111111111111, 5]"}',
    { card: '4111111111111111', other: '[4111111111111111, 5]' },
  ],
  ['{"x":"12345678901234567890,","y":12345678901234567890}', { x: '12345678901234567890,', y: 12345678901234567890n }],
  ['[0.12345678901234567890]', [Number('0.12345678901234567890')]],
  [
    '[1234567890123456.75, 12345678901234567890.0, 12345678901234567890e0]',
    [Number('1234567890123456.75'), Number('12345678901234567890'), Number('12345678901234567890')],
  ],
  ['-0', -0],
];

for (const [text, value] of integers) {
  test(`reads ${text} as every integer it is`, (t) => t.deepEqual(read(text), value));
}

test('a large integer is found wherever it stands', (t) => {
  for (let before = 0; before < 40; before++) {
    for (let after = 0; after < 3; after++) {
      const text = `["${'x'.repeat(before)}",${' '.repeat(after)}9007199254740993]`;
      t.deepEqual(read(text), ['x'.repeat(before), 9007199254740993n]);
      t.deepEqual(read(`[${'1,'.repeat(before)}-9007199254740993${' '.repeat(after)}]`), [
        ...Array(before).fill(1),
        -9007199254740993n,
      ]);
    }
  }
});

test('a number of a million digits behind its point, and text of as many, cost no more than their length', (t) => {
  t.is(read(`0.${'1'.repeat(1_000_000)}`), Number('0.1111111111111111111'));
  t.deepEqual(read(`["${'1'.repeat(1_000_000)}"]`), ['1'.repeat(1_000_000)]);
});

test('beside a large integer everything else is read as JSON.parse reads it', async (t) => {
  await holds(
    t,
    fc.property(fc.json({ maxDepth: 5 }), fc.boolean(), (text, spaced) => {
      const inner = spaced ? JSON.stringify(JSON.parse(text), undefined, ' \t') : text;
      // What JSON.stringify writes for 2^60 is an integer, and no number.
      fc.pre(!/(?<![.\d])\d{16}/.test(inner));
      const [value, large] = read(`[${inner}, 9007199254740993 ]`) as [unknown, bigint];
      t.deepEqual(value, JSON.parse(inner));
      t.is(large, 9007199254740993n);
    }),
  );
});

test('integers beyond 64 bits are refused, however many digits they have', (t) => {
  for (const text of ['18446744073709551616', '-9223372036854775809', '9'.repeat(100_000), `-${'1'.repeat(25)}`]) {
    t.throws(() => read(text), { instanceOf: SerializationError, message: /64 bits/ });
    t.throws(() => read(`{"a":[${text}]}`), { instanceOf: SerializationError, message: /64 bits/ });
  }
});

for (const { name, value } of unsupported()) {
  test(`${name} is refused, also inside other values, and without its content`, (t) => {
    for (const refused of [value, [value], { a: [value] }]) {
      const error = t.throws(() => json.serialize(refused), {
        instanceOf: SerializationError,
        code: 'ERR_SERIALIZATION',
      });
      t.false(error.message.includes(secret));
      t.is(error.cause, undefined);
    }
  });
}

const onlyJson: Record<string, unknown> = {
  'minus zero': -0,
  NaN: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  'minus infinity': Number.NEGATIVE_INFINITY,
  'a Date': new Date(0),
  'a PlainDate': new PlainDate('2025-01-01'),
  'a small BigInt': 1n,
  'a large BigInt': 2n ** 60n,
  bytes: new Uint8Array(1),
  '1,025 levels': nested(1025),
  '1,025 levels of objects': nestedObjects(1025),
  '100,000 levels': nested(100_000),
};

for (const [name, value] of Object.entries(onlyJson)) {
  test(`${name} is refused as JSON`, (t) => {
    t.throws(() => json.serialize(value), { instanceOf: SerializationError });
    t.throws(() => json.serialize({ a: [value] }), { instanceOf: SerializationError });
  });
}

test('a cyclic value is refused', (t) => {
  const cyclic: unknown[] = [];
  cyclic.push({ cyclic });
  t.throws(() => json.serialize(cyclic), { message: /cyclic/ });
});

test('1,024 levels are carried, and a deeper payload is refused without an overflow', (t) => {
  t.deepEqual(json.deserialize(json.serialize(nested(1024))), nested(1024));
  for (const levels of [1025, 10_000, 1_000_000]) {
    t.throws(() => read('['.repeat(levels) + ']'.repeat(levels)), { message: /nested deeper/ }, `${levels}`);
    t.throws(() => read(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`), { message: /nested deeper/ }, `${levels}`);
  }
});

test('brackets inside strings, and many beside each other, are not nesting', (t) => {
  const value = ['[{'.repeat(5000), '\\"['.repeat(3000), ...Array.from({ length: 3000 }, () => [{}])];
  t.deepEqual(json.deserialize(json.serialize(value)), value);
});

const malformed = [
  '',
  ' ',
  '{',
  '[1,]',
  '{"a":1,}',
  "{'a':1}",
  'NaN',
  'Infinity',
  'undefined',
  '01',
  '1 2',
  '\ufeff1',
  '"\\x"',
  '"\n"',
  `{"${secret}": ${secret}}`,
  'tru',
];
test('what is not JSON is refused without quoting it', (t) => {
  for (const text of malformed) {
    const error = t.throws(
      () => read(text),
      { instanceOf: SerializationError, message: 'The payload is not JSON' },
      text,
    );
    t.is(error.cause, undefined);
  }
  for (const hex of ['22ff22', '22c08022', '22eda08022', '5b22c3225d']) {
    t.throws(() => json.deserialize(Buffer.from(hex, 'hex')), { message: 'The payload is not JSON' }, hex);
  }
  t.is(read('"\ufffd"'), '\ufffd');
});

test('each property is read once, and a getter may serialize meanwhile', (t) => {
  let reads = 0;
  const value = {
    before: 'x'.repeat(5000),
    get fickle() {
      reads++;
      memory.encoder.shared({ other: 'value' });
      return reads === 1 ? 'fine' : undefined;
    },
    after: 'y',
  };
  t.is(textOf(value), `{"before":"${'x'.repeat(5000)}","fickle":"fine","after":"y"}`);
  t.is(reads, 1);
});

test('what serialize returns is never overwritten; shared bytes are until the next call', (t) => {
  const first = json.serialize({ a: 1 });
  const shared = memory.encoder.shared({ b: 2 });
  t.is(Buffer.from(shared).toString(), '{"b":2}');
  t.is(Buffer.from(first).toString(), '{"a":1}');
  t.is(first.buffer.byteLength, first.byteLength);
  t.deepEqual(memory.reader.read(Buffer.from('some{"b":2}garbage'), 4, 11), { b: 2 });
});

test('after an error the next value is whole', (t) => {
  t.throws(() => json.serialize(['x', undefined]));
  t.is(textOf({ a: 1 }), '{"a":1}');
});

test('wrong arguments are a TypeError', (t) => {
  for (const { name, value } of notBytes())
    t.throws(() => json.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
});

test('a string that is longer as JSON than a string can be is too large', (t) => {
  const value = { text: '\u0001'.repeat(100_000_000) };
  t.throws(() => json.serialize(value), { instanceOf: ValueTooLargeError });
});

test('a Buffer is named as the bytes that it is', (t) => {
  const message = 'A Uint8Array cannot be serialized as JSON (at .b)';
  t.throws(() => new JsonSerializer().serialize({ b: Buffer.from('x') }), { message });
});
