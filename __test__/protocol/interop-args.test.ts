import test from 'ava';
import fc from 'fast-check';
import { PlainDate } from '../../index.js';
import { encodeInteropArgs } from '../../src/protocol/index.js';
import { encodeInteropArgsShared } from '../../src/protocol/interop-args.js';
import { validateSegment } from '../../src/protocol/interop-key.js';
import { nested, nestedObjects, secret, withOtherPrototypes } from '../serializers/values.js';
import { holds } from '../support/properties.js';

const hexOf = (...args: unknown[]) => Buffer.from(encodeInteropArgs(args)).toString('hex');

const rows: [string, unknown[], string][] = [
  ['no arguments', [], '90'],
  ['an integer', [42], '912a'],
  ['an integer and a boolean', [42, true], '922ac3'],
  ['text', ['alice'], '91a5616c696365'],
  ['a float that is an integer', [2.0], '9102'],
  ['minus zero', [-0], '9100'],
  [
    '2^53 + 2, 2^63 and −2^63 as numbers',
    [2 ** 53 + 2, 2 ** 63, -(2 ** 63)],
    '93cf0020000000000002cf8000000000000000d38000000000000000',
  ],
  ['2^64 and 1e300, which no integer holds', [2 ** 64, 1e300], '92cb43f0000000000000cb7e37e43c8800759c'],
  [
    'negative numbers of every width',
    [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53)],
    '9affe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffd3ffe0000000000000',
  ],
  [
    'BigInts of every width',
    [1n, -1n, 300n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 64n - 1n, -(2n ** 63n)],
    '9701ffcd012ccf0020000000000001d3ffdfffffffffffffcfffffffffffffffffd38000000000000000',
  ],
  [
    'keys in the order of their code points',
    [{ b: 1, a: 2, A: 3, '\u{10000}': 4, '\uff61': 5 }],
    '9185a14103a16102a16201a3efbda105a4f090808004',
  ],
  ['a property that is undefined', [{ a: undefined, b: 1 }], '9181a16201'],
  [
    'a Set, sorted by its bytes and without doubles',
    [new Set<unknown>([-5, 'a', 1.5, 2, 2n])],
    '919402a161cb3ff8000000000000fb',
  ],
  ['an empty Set', [new Set()], '9190'],
  ['a Date of whole seconds', [new Date('2024-01-01T00:00:00Z')], '91ce65920080'],
  ['a Date of milliseconds', [new Date('2024-01-01T12:30:45.123Z')], '91cb41d964ac1d47df3b'],
  [
    'Dates far away, as Python divides',
    [new Date('9999-06-07T08:09:10.123Z'), new Date('5000-06-07T08:09:10.001Z'), new Date('0001-06-07T08:09:10.999Z')],
    '93cb424d7f713e130fbfcb4236440ff9a60041cbc22ced8511b20083',
  ],
  ['bytes', [Uint8Array.of(0xde, 0xad), Buffer.alloc(0)], '92c402deadc400'],
  ['null and objects without a prototype', [null, Object.assign(Object.create(null), { a: 1 })], '92c081a16101'],
  ['text of every width', ['é', '\ufeff', ''], '93a2c3a9a3efbbbfa0'],
  ['__proto__ as a name', [JSON.parse('{"__proto__":1}')], '9181a95f5f70726f746f5f5f01'],
];

for (const [name, args, hex] of rows) {
  test(`encodes ${name}`, (t) => t.is(hexOf(...args), hex));
}

test('headers are of the shortest form at each bound', (t) => {
  for (const [length, header] of [
    [31, 'bf'],
    [32, 'd920'],
    [95, 'd95f'],
    [96, 'd960'],
    [255, 'd9ff'],
    [256, 'da0100'],
    [65_535, 'daffff'],
    [65_536, 'db00010000'],
  ] as const) {
    t.is(hexOf('x'.repeat(length)).slice(2, 2 + header.length), header);
  }
  for (const [length, header] of [
    [255, 'c4ff'],
    [256, 'c50100'],
    [65_536, 'c600010000'],
  ] as const) {
    t.is(hexOf(new Uint8Array(length)).slice(2, 2 + header.length), header);
  }
  for (const [size, header] of [
    [15, '9f'],
    [16, 'dc0010'],
    [65_536, 'dd00010000'],
  ] as const) {
    t.is(hexOf(Array(size).fill(0)).slice(2, 2 + header.length), header);
    t.is(hexOf(...Array(size).fill(0)).slice(0, header.length), header);
  }
  const objectOf = (size: number) => Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]));
  for (const [size, header] of [
    [15, '8f'],
    [16, 'de0010'],
    [65_536, 'df00010000'],
  ] as const) {
    t.is(hexOf(objectOf(size)).slice(2, 2 + header.length), header);
    t.is(hexOf({ ...objectOf(size), gone: undefined }), hexOf(objectOf(size)));
  }
});

test('keys are sorted like their UTF-8 bytes, however many there are', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 6 });
  await holds(
    t,
    fc.property(
      fc.uniqueArray(fc.oneof(text, fc.constantFrom('\uffff', '\ue000', '\u{10000}', '\ud7ff', 'a', 'ab', '')), {
        maxLength: 40,
      }),
      (names) => {
        const args = [Object.fromEntries(names.map((name) => [`x${name}`, 1]))];
        const expected = names.map((name) => Buffer.from(`x${name}`)).sort(Buffer.compare);
        const encoded = Buffer.from(encodeInteropArgs(args));
        let at = -1;
        for (const name of expected) {
          const next = encoded.indexOf(
            Buffer.concat([Buffer.from([0xa0 | name.length]), name, Buffer.from([1])]),
            at + 1,
          );
          t.true(next > at);
          at = next;
        }
      },
    ),
  );
});

test('supplementary characters come last, also among many keys', (t) => {
  const names = ['\u{10000}', '\uffff', '\ue000', ...Array.from({ length: 20 }, (_, i) => `k${19 - i}`)];
  const encoded = Buffer.from(encodeInteropArgs([Object.fromEntries(names.map((name) => [name, 1]))]));
  const places = ['k0', 'k19', '\ue000', '\uffff', '\u{10000}'].map((name) => encoded.indexOf(name));
  t.true(places.every((place, i) => place > (places[i - 1] ?? 0)));
});

test('the same arguments give the same bytes, whatever the order of their properties', async (t) => {
  await holds(
    t,
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { noNullPrototype: true }), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse());
      t.deepEqual(encodeInteropArgs([reversed]), encodeInteropArgs([object]));
    }),
  );
});

class Point {
  x = secret;
}
const outside: Record<string, unknown> = {
  undefined: undefined,
  NaN: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  'minus infinity': Number.NEGATIVE_INFINITY,
  'a BigInt of 2^64': 2n ** 64n,
  'a BigInt below −2^63': -(2n ** 63n) - 1n,
  'a function': () => secret,
  'a symbol': Symbol(secret),
  'a Map': new Map([['a', secret]]),
  'an instance of a class': new Point(),
  'an instance of a class that extends Array': new (class extends Array {})(),
  'an instance of a class that extends Set': new (class extends Set {})(),
  'a RegExp': new RegExp(secret),
  'a Promise': Promise.resolve(secret),
  'an invalid Date': new Date(Number.NaN),
  'a PlainDate': new PlainDate('2025-01-01'),
  'a Uint16Array': new Uint16Array(1),
  'an ArrayBuffer': new ArrayBuffer(1),
  'a lone surrogate': `${secret}\ud800`,
  'a lone surrogate in a long text': `${secret.repeat(20)}\udc00`,
  'a lone surrogate in a name': { [`${secret}\ud800`]: 1 },
  'an array with a hole': Array(2),
  'too many levels': nested(1024),
  'too many levels of objects': nestedObjects(1024),
  'an endless value': nested(100_000),
  ...withOtherPrototypes(),
};

for (const [name, value] of Object.entries(outside)) {
  test(`${name} is a TypeError that names the option key, also inside other arguments`, (t) => {
    for (const args of [[value], [[value]], [new Set([value])], [1, { a: [value] }]]) {
      const error = t.throws(() => encodeInteropArgs(args), { instanceOf: TypeError, message: /`key`/ });
      t.false(error.message.includes(secret));
    }
  });
}

test('Sets in Sets are sorted by their bytes at every level', (t) => {
  const reference = (value: unknown): Buffer => {
    if (!(value instanceof Set)) return Buffer.from(encodeInteropArgs([value])).subarray(1);
    const parts = [...value].map(reference).sort(Buffer.compare);
    const distinct = parts.filter((part, i) => i === 0 || !part.equals(parts[i - 1] as Buffer));
    const header =
      distinct.length < 16 ? [0x90 | distinct.length] : [0xdc, distinct.length >> 8, distinct.length & 255];
    return Buffer.concat([Buffer.from(header), ...distinct]);
  };
  const twice = () => new Set<unknown>([3, new Set([2n, 2, 'b', 'a']), new Set(['a', 2, 'b'])]);
  const many = new Set<unknown>(Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? [i % 7] : `${300 - i}`)));
  const sets = [
    twice(),
    many,
    new Set([many, twice(), twice(), new Set()]),
    new Set([new Set([many]), 'x', 5, [many]]),
  ];
  for (const set of sets) {
    t.deepEqual(Buffer.from(encodeInteropArgs([set])).subarray(1), reference(set));
    t.deepEqual(
      encodeInteropArgs([1, set, 'after']),
      Uint8Array.of(0x93, 1, ...reference(set), 0xa5, ...Buffer.from('after')),
    );
  }
});

test('a Set that grows while it is read is what was read', (t) => {
  const set = new Set<unknown>([
    'z',
    {
      get x() {
        set.add('added');
        return 1;
      },
    },
  ]);
  t.is(hexOf(set), hexOf(new Set(['z', { x: 1 }, 'added'])));
});

test('1,023 levels below the arguments are encoded', (t) => t.notThrows(() => encodeInteropArgs([nested(1023)])));

test('a cyclic argument is a TypeError', (t) => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  t.throws(() => encodeInteropArgs([cyclic]), { instanceOf: TypeError, message: /cyclic/ });
});

test('arguments that are no array are a TypeError', (t) => {
  for (const args of [undefined, null, 'abc', 5, {}, new Set(), { length: 0 }]) {
    t.throws(() => encodeInteropArgs(args as unknown as unknown[]), { instanceOf: TypeError });
  }
});

test('the bytes of encodeInteropArgs are never overwritten, the shared ones are by the next call', (t) => {
  const first = encodeInteropArgs([1, 'a']);
  const shared = encodeInteropArgsShared([2, 'bb']);
  t.is(Buffer.from(shared.buffer.subarray(0, shared.length)).toString('hex'), '9202a26262');
  t.is(Buffer.from(first).toString('hex'), '9201a161');
  t.is(first.buffer.byteLength, first.byteLength);
});

test('a getter may encode arguments of its own, and a failure leaves nothing behind', (t) => {
  const args = [
    'x'.repeat(5000),
    {
      get inner() {
        return encodeInteropArgs(['y'.repeat(200)]).length;
      },
    },
  ];
  t.is(hexOf(...args), hexOf('x'.repeat(5000), { inner: 203 }));
  t.throws(() => encodeInteropArgs([1, undefined]));
  t.is(hexOf(1), '9101');
});

test('segments are checked in full, and reserved namespaces are refused', (t) => {
  for (const segment of ['a', '0', 'users', 'a.b-c_d', 'app.', 'x'.repeat(64)]) {
    t.notThrows(() => validateSegment('namespace', segment));
    t.notThrows(() => validateSegment('operation', segment));
  }
  for (const segment of [
    '',
    'A',
    '.a',
    '-a',
    '_a',
    'a b',
    'a:b',
    'a/b',
    'a..b',
    'a..',
    'a\n',
    'é',
    'a\u0663',
    'x'.repeat(65),
  ]) {
    t.throws(() => validateSegment('namespace', segment), { instanceOf: RangeError, message: /^namespace/ }, segment);
    t.throws(() => validateSegment('operation', segment), { instanceOf: RangeError, message: /^operation/ }, segment);
  }
  for (const segment of ['ns', 'nsapi']) {
    t.throws(() => validateSegment('namespace', segment), { instanceOf: RangeError });
    t.notThrows(() => validateSegment('operation', segment));
  }
  for (const segment of [undefined, null, 5, {}, ['a']]) {
    t.throws(() => validateSegment('operation', segment), { instanceOf: TypeError });
  }
});

test('an argument with more than its properties and elements is no other argument', (t) => {
  const symbol = Symbol('s');
  const extra = Object.assign([1, 2], { extra: 1 });
  for (const arg of [{ [symbol]: 'a' }, [{ [symbol]: 'b' }], extra]) {
    t.throws(() => encodeInteropArgs([arg]), { instanceOf: TypeError, message: /key/ });
  }
});
