import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decode, ExtData, encode as encodeWithLibrary } from '@msgpack/msgpack';
import test from 'ava';
import fc from 'fast-check';
import { InteropSerializer, PlainDate, PlainTime, SerializationError, StandardSerializer } from '../../index.js';
import { assertEqual, holds } from '../support/properties.js';

const standard = new StandardSerializer();
const node = new StandardSerializer({ types: 'node' });
const interop = new InteropSerializer();
const readers = { standard, node, interop };

const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const read = (hex: string) => standard.deserialize(bytesOf(hex));
const iso = (text: string) => Buffer.concat([Buffer.from([0xd9, text.length]), Buffer.from(text)]).toString('hex');
const sentinelOf = (name: string, text: string) => `82 ${iso(name)} c3 a576616c7565 ${iso(text)}`;

const documents: [string, string, unknown][] = [
  ['uint8 that a shorter form would hold', 'cc05', 5],
  ['uint16 below 256', 'cd002a', 42],
  ['uint32 with its highest bit', 'ce80000000', 2 ** 31],
  ['uint64 within the safe integers', 'cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['uint64 of 2^53', 'cf0020000000000000', 2n ** 53n],
  ['uint64 of 2^64 − 1', 'cfffffffffffffffff', 2n ** 64n - 1n],
  ['int8', 'd080', -128],
  ['int16', 'd18000', -32_768],
  ['int32', 'd280000000', -(2 ** 31)],
  ['a positive int64', 'd3000000000000002a', 42],
  ['int64 of −1', 'd3ffffffffffffffff', -1],
  ['int64 of −(2^53 − 1)', 'd3ffe0000000000001', Number.MIN_SAFE_INTEGER],
  ['int64 of −2^53', 'd3ffe0000000000000', -(2n ** 53n)],
  ['int64 of 2^53', 'd30020000000000000', 2n ** 53n],
  ['int64 of −2^63', 'd38000000000000000', -(2n ** 63n)],
  ['float32', 'ca3fc00000', 1.5],
  ['float32 of −0', 'ca80000000', -0],
  ['float64 of −0', 'cb8000000000000000', -0],
  ['float64 of an integer', 'cb4000000000000000', 2],
  ['NaN', 'cb7ff8000000000001', Number.NaN],
  ['headers that are wider than needed', 'dc0002 d903616263 c50001aa', ['abc', Uint8Array.of(0xaa)]],
  ['array32 and map32', 'dd00000001 df00000001 db00000001 61 c6000000017f', [{ a: Uint8Array.of(0x7f) }]],
  ['a byte order mark in a short string', 'a4efbbbf61', '\ufeff1'.replace('1', 'a')],
  ['U+FFFD itself', 'a3efbfbd', '\ufffd'],
  ['a name twice, of which the last counts', '82 a161 01 a161 02', { a: 2 }],
  ['a name in a wide string', '81 d90161 01', { a: 1 }],
  ['an integer as a key', '81 01 2a', new Map([[1, 42]])],
  [
    'keys of several kinds',
    '84 a162 01 05 02 a161 03 c0 04',
    new Map<unknown, unknown>([
      ['b', 1],
      [5, 2],
      ['a', 3],
      [null, 4],
    ]),
  ],
  ['bytes as a key', '81 c40101 01', new Map([[Uint8Array.of(1), 1]])],
  [
    '__proto__ among other keys',
    '82 a95f5f70726f746f5f5f 01 05 02',
    new Map<unknown, unknown>([
      ['__proto__', 1],
      [5, 2],
    ]),
  ],
  ['a datetime', sentinelOf('__datetime__', '2025-01-02T03:04:05+00:00'), new Date('2025-01-02T03:04:05Z')],
  [
    'a datetime with an offset',
    sentinelOf('__datetime__', '2025-01-02T03:04:05+05:30'),
    new Date('2025-01-01T21:34:05Z'),
  ],
  ['a naive datetime, as UTC', sentinelOf('__datetime__', '2025-01-02T03:04:05'), new Date('2025-01-02T03:04:05Z')],
  [
    'a datetime of which microseconds are cut',
    sentinelOf('__datetime__', '2025-01-02T03:04:05.678901+00:00'),
    new Date('2025-01-02T03:04:05.678Z'),
  ],
  ['a date', sentinelOf('__date__', '2025-11-14'), new PlainDate('2025-11-14')],
  ['a time', sentinelOf('__time__', '10:30:00'), new PlainTime('10:30:00')],
  [
    'a datetime in the other order',
    `82 a576616c7565 ${iso('2025-01-02T03:04:05Z')} ${iso('__datetime__')} c3`,
    new Date('2025-01-02T03:04:05Z'),
  ],
  [
    'a marker that is not true',
    `82 ${iso('__date__')} 01 a576616c7565 ${iso('2025-11-14')}`,
    { __date__: 1, value: '2025-11-14' },
  ],
  [
    'a marker beside something else',
    `82 ${iso('__date__')} c3 a176 ${iso('2025-11-14')}`,
    { __date__: true, v: '2025-11-14' },
  ],
  ['a marker beside no string', `82 ${iso('__date__')} c3 a576616c7565 05`, { __date__: true, value: 5 }],
];

for (const [name, hex, value] of documents) {
  test(`reads ${name}`, (t) => {
    for (const [reader, serializer] of Object.entries(readers))
      t.deepEqual(serializer.deserialize(bytesOf(hex)), value, reader);
  });
}

test('reads strings of every length up to 300 bytes, in one, two, three and four bytes a character', (t) => {
  for (const character of ['a', 'é', '日', '😀']) {
    for (let length = 0; length <= 300; length++) {
      const text = character.repeat(length);
      t.is(standard.deserialize(encodeWithLibrary(text)), text);
      t.deepEqual(Object.keys(standard.deserialize(encodeWithLibrary({ [text]: 1 })) as object), [text]);
    }
  }
});

const notUtf8 = ['ff', 'c3', 'c080', 'eda080', 'edbfbf', 'f4908080', 'e282', 'f0808080', '80', 'c328'];
test('refuses strings that are not UTF-8, short and long, as values and as names', (t) => {
  for (const hex of notUtf8) {
    for (const padding of [0, 20, 60, 400]) {
      const text = Buffer.concat([Buffer.alloc(padding, 0x61), bytesOf(hex)]);
      const header = Buffer.from([0xda, text.length >> 8, text.length & 0xff]);
      for (const document of [
        Buffer.concat([header, text]),
        Buffer.concat([Buffer.from([0x81]), header, text, Buffer.from([1])]),
      ]) {
        t.throws(() => standard.deserialize(document), { instanceOf: SerializationError, message: /UTF-8/ }, hex);
      }
    }
  }
});

const refusals: [string, string][] = [
  ['nothing', ''],
  ['the reserved marker', 'c1'],
  ['the reserved marker inside', '92c1c0'],
  ['a second document', '0102'],
  ['a byte too many', '82a161c0a162c000'],
  ['an array that is one short', '93c0c0'],
  ['a map without its last value', '81a161'],
  ['a string that is one short', 'a3efbb'],
  ['an integer that is cut', 'cf00000000000000'],
  ['a float that is cut', 'cb3ff0'],
  ['a header that is cut', 'dd0000'],
  ['a map with a key −0', '81cb800000000000000001'],
  ['a datetime that is none', sentinelOf('__datetime__', '2025-13-02T03:04:05Z')],
  ['a datetime with text behind it', sentinelOf('__datetime__', '2025-01-02T03:04:05Z and more')],
  ['a date that does not exist', sentinelOf('__date__', '2025-02-29')],
  ['a time that does not exist', sentinelOf('__time__', '24:00:00')],
];

for (const [name, hex] of refusals) {
  test(`refuses ${name}`, (t) => {
    for (const [reader, serializer] of Object.entries(readers)) {
      t.throws(
        () => serializer.deserialize(bytesOf(hex)),
        { instanceOf: SerializationError, code: 'ERR_SERIALIZATION' },
        reader,
      );
    }
  });
}

test('the guard itself refuses what declares more than the input holds, before anything else does', (t) => {
  const declaresMore = /declares more than/;
  const claims = [
    'ddffffffff',
    'dfffffffff',
    'df80000000',
    'c6ffffffff41',
    'dbffffffff41',
    'ddffffffffdd00000001',
    '91ddffffffff',
  ];
  for (const hex of claims) t.throws(() => read(hex), { message: declaresMore }, hex);
  // 30 arrays of 2,000 elements, each of which fits what follows it.
  t.throws(() => read(`${'dc07d0'.repeat(30)}${'c0'.repeat(2000)}`), { message: declaresMore });
  t.throws(() => interop.deserialize(bytesOf('c9ffffffff0541')), { message: declaresMore });
});

test('a date as peers write it is held to the same bounds as any map', (t) => {
  const date = Buffer.from(standard.serialize(new Date('2025-01-02T03:04:05.678Z'))).toString('hex');
  const whole = bytesOf(date);
  t.deepEqual(standard.deserialize(whole), new Date('2025-01-02T03:04:05.678Z'));
  for (let length = 0; length < whole.length; length++) {
    // What lies behind the end is part of the same memory, as in a buffer that is reused.
    t.throws(() => standard.deserialize(whole.subarray(0, length)), { instanceOf: SerializationError }, `${length}`);
  }
  // Its names and its text count: four more elements are more than the bytes can hold.
  const counted = `92 ${date} dc0004`;
  for (const serializer of Object.values(readers)) {
    t.throws(() => serializer.deserialize(bytesOf(counted)), { message: /declares more than/ });
    t.throws(() => serializer.deserialize(bytesOf(counted.replace('dc0004', 'dc0003'))), { message: /ends before/ });
    t.deepEqual(serializer.deserialize(bytesOf(`92 ${date} ${date}`)), [
      new Date(1735787045678),
      new Date(1735787045678),
    ]);
  }
  t.notThrows(() => read(`${'91'.repeat(1023)}${date}`));
  t.throws(() => read(`${'91'.repeat(1024)}${date}`), { message: /nested deeper/ });
  // The level of a date is left again.
  t.is((read(`dc0800${date.repeat(2048)}`) as Date[]).length, 2048);
});

test('an extension is read as ExtData in interop mode, and refused elsewhere', (t) => {
  t.deepEqual(interop.deserialize(bytesOf('d4012a')), new ExtData(1, Uint8Array.of(42)));
  t.deepEqual(interop.deserialize(bytesOf('d6ff00000001')), new ExtData(-1, Uint8Array.of(0, 0, 0, 1)));
  t.deepEqual(interop.deserialize(bytesOf('92c70305010203c0')), [new ExtData(5, Uint8Array.of(1, 2, 3)), null]);
  t.throws(() => read('d4012a'), { instanceOf: SerializationError });
  t.throws(() => node.deserialize(bytesOf('d6ff00000001')), { instanceOf: SerializationError });
});

test('nesting up to 1,024 levels is read, and any deeper is refused without an overflow', (t) => {
  const forms: [string, string][] = [
    ['91', 'c0'],
    ['81a0', 'c0'],
    ['dd00000001', 'c0'],
    ['8101', 'c0'],
    ['8191', 'c0'],
  ];
  for (const [level, core] of forms) {
    const deep = (levels: number) => bytesOf(level.repeat(levels) + core);
    for (const [name, serializer] of Object.entries(readers)) {
      if (level !== '8191') t.notThrows(() => serializer.deserialize(deep(1024)), `${name} ${level}`);
      for (const levels of [1025, 10_000, 100_000, 1_000_000]) {
        t.throws(
          () => serializer.deserialize(deep(levels)),
          { instanceOf: SerializationError, message: /nested deeper/ },
          `${name} ${level} ${levels}`,
        );
      }
    }
  }
});

test('a binary value is a copy with memory of its own', (t) => {
  for (const length of [0, 1, 47, 48, 1000]) {
    const payload = Buffer.concat([Buffer.from([0xc5, length >> 8, length & 0xff]), Buffer.alloc(length, 7)]);
    const bytes = standard.deserialize(payload) as Uint8Array;
    payload.fill(0);
    t.deepEqual(bytes, new Uint8Array(length).fill(7));
    t.is(bytes.buffer.byteLength, length);
  }
});

test('names from one payload never show up in another', (t) => {
  // Names that fall into the same place of the cache: same length, first, middle and last byte.
  const names = Array.from({ length: 2000 }, (_, i) => `n${String(i).padStart(4, '0')}x${String(i).padStart(4, '0')}n`);
  for (let round = 0; round < 2; round++) {
    for (const name of names) t.deepEqual(standard.deserialize(encodeWithLibrary({ [name]: 1 })), { [name]: 1 });
  }
});

test('maps of known names are read as any others, whatever comes instead', (t) => {
  const names = ['id', '__proto__', 'name', 'constructor', 'note'];
  const make = (list: readonly string[]) => Object.fromEntries(list.map((name, i) => [name, i]));
  const read = (value: unknown) => standard.deserialize(standard.serialize(value));
  for (let i = 0; i < 40; i++) {
    // Known by then; and then others that begin alike, of as many names, alone and inside.
    const known = make(names);
    for (let n = 0; n < 20; n++) t.deepEqual(Object.entries(read(known) as object), Object.entries(known));
    for (let at = 1; at < names.length; at++) {
      const other = { ...make(names.with(at, `other${at}`)), id: known };
      t.deepEqual(Object.entries(read(other) as object), Object.entries(other));
    }
  }
  const numbers = { 1: 'a', 2: 'b', name: 'c' };
  const swapped = Uint8Array.from([0x83, 0xa4, ...Buffer.from('name'), 0x01, 0xa1, 0x32, 0x02, 0xa1, 0x31, 0x03]);
  for (let i = 0; i < 40; i++) {
    t.deepEqual(read(numbers), numbers);
    t.deepEqual(standard.deserialize(swapped), { 1: 3, 2: 2, name: 1 });
  }
  // A name twice: the last value counts.
  const twice = Uint8Array.from([0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02]);
  for (let i = 0; i < 40; i++) t.deepEqual(standard.deserialize(twice), { a: 2 });
});

test('a map of known names that ends early is refused, and the bytes behind it are not read', (t) => {
  const bytes = standard.serialize({ alpha: 1, beta: 2, gamma: 3 });
  for (let i = 0; i < 20; i++) standard.deserialize(bytes);
  for (let end = 0; end < bytes.length; end++) {
    // The whole document stands in the memory; what is given ends before.
    t.throws(() => standard.deserialize(bytes.subarray(0, end)), { code: 'ERR_SERIALIZATION' });
  }
});

test('a setter that comes to Object.prototype later is not called for names that are known', (t) => {
  const value = { known: 1, later: 2, third: 3 };
  const bytes = standard.serialize(value);
  for (let i = 0; i < 20; i++) standard.deserialize(bytes);
  const set = () => t.fail('the setter was called');
  Object.defineProperty(Object.prototype, 'later', { set, configurable: true });
  try {
    const read = standard.deserialize(bytes) as typeof value;
    t.deepEqual(Object.getOwnPropertyDescriptor(read, 'later'), {
      value: 2,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    t.deepEqual(Object.keys(read), ['known', 'later', 'third']);
  } finally {
    delete (Object.prototype as { later?: unknown }).later;
  }
});

test('names that are longer than those that are remembered are not kept', (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const before = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const start = before();
  for (let i = 0; i < 50; i++) {
    const long = `${i} `.repeat(300_000);
    for (let n = 0; n < 3; n++) standard.deserialize(standard.serialize({ [`first ${i}`]: 1, [long]: 2 }));
  }
  t.true(before() - start < 10_000_000, `${before() - start} bytes more`);
});

test('on what both can read, the reader agrees with the library', async (t) => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constant(null),
      fc.boolean(),
      fc.string({ unit: 'binary' }),
      fc.maxSafeInteger(),
      fc.double(),
      fc.uint8Array(),
      fc.array(tie('value')),
      fc.dictionary(
        fc.string().filter((name) => !name.startsWith('__')),
        tie('value'),
        { noNullPrototype: true },
      ),
    ),
  })).value;
  await holds(
    t,
    fc.property(value, (sample) => {
      const payload = encodeWithLibrary(sample);
      assertEqual(standard.deserialize(payload), decode(payload));
    }),
  );
});

test('random bytes are a value or a refusal, and leave no trace on Object.prototype', (t) => {
  let values = 0;
  for (let run = 0; run < 10_000; run++) {
    const length = run % 64;
    const input = randomBytes(length);
    // Most first bytes are small integers; containers go deeper.
    if (run % 2 === 0 && length > 0) input[0] = [0x81, 0x82, 0x92, 0x93, 0xdc, 0xde, 0xc7, 0xc9][run % 8] as number;
    for (const [name, serializer] of Object.entries(readers)) {
      try {
        serializer.deserialize(input);
        values++;
      } catch (error) {
        if (!(error instanceof SerializationError)) t.fail(`${name}: ${error} for ${input.toString('hex')}`);
      }
    }
  }
  t.true(values > 0);
  t.deepEqual(Object.keys(Object.prototype), []);
  t.is(({} as { x?: unknown }).x, undefined);
});

test('altered payloads are a value or a refusal', (t) => {
  const payload = node.serialize({
    a: [1, 'text', new Map([['k', 2n ** 70n]])],
    when: new Date(0),
    bytes: new Uint8Array(3),
    set: new Set([Float64Array.of(1)]),
  });
  for (let at = 0; at < payload.length; at++) {
    for (let value = 0; value < 256; value += 5) {
      const altered = payload.slice();
      altered[at] = value;
      try {
        node.deserialize(altered);
      } catch (error) {
        if (!(error instanceof SerializationError)) t.fail(`${error} for byte ${at} = ${value}`);
      }
    }
    t.throws(() => node.deserialize(payload.subarray(0, at)), { instanceOf: SerializationError });
  }
});
