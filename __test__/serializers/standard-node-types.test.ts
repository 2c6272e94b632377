import test from 'ava';
import { SerializationError, StandardSerializer } from '../../index.js';
import { again, exact, standard } from './standard-values.js';

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
