import { PlainDate, PlainTime, StandardSerializer } from '../../index.js';
import { nested, nestedObjects } from './values.js';

export const standard = new StandardSerializer();

export const again = (value: unknown, serializer = standard) => serializer.deserialize(serializer.serialize(value));

export const exact: Record<string, unknown> = {
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
