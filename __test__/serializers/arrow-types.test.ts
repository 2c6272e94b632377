import { createRequire } from 'node:module';
import * as arrow from 'apache-arrow';
import test, { type ExecutionContext } from 'ava';
import { ArrowSerializer, EncryptionWrapper, SerializationError } from '../../index.js';

const serializer = new ArrowSerializer({ arrow });
const again = (table: arrow.Table) => serializer.deserialize(serializer.serialize(table));
const field = (type: arrow.DataType, name = 'item') => new arrow.Field(name, type, true);
const numbers = (...values: number[]) => arrow.vectorFromArray(values, new arrow.Int32());
/** One for all: columns that share an id have the same values to `apache-arrow`. */
const words = new arrow.Utf8();
const dictionary = (indices: arrow.DataType = new arrow.Int8(), isOrdered = false, id = 5) =>
  new arrow.Dictionary(words, indices as arrow.Int8, id, isOrdered);

function refuses(t: ExecutionContext, table: arrow.Table, why: RegExp): void {
  const wrapper = new EncryptionWrapper({ masterKey: new Uint8Array(32).fill(7), serializer });
  for (const write of [() => serializer.serialize(table), () => wrapper.serialize(table, { cacheKey: 'k' })]) {
    t.throws(write, { instanceOf: SerializationError, message: why });
  }
}

/** A table whose schema says one type and whose data has another. */
function claiming(type: arrow.DataType, vector: arrow.Vector): arrow.Table {
  return new arrow.Table(new arrow.Schema([field(new arrow.Int32(), 'n'), field(type, 'a')]), {
    n: numbers(...Array.from({ length: vector.length }, (_, i) => i)),
    a: vector,
  } as never);
}

const ANOTHER = /index 1 \(a\) has data of another type than its field in the schema/;

test('what puts data of another type under a schema is refused', (t) => {
  const floats = arrow.vectorFromArray([1.5, 2.5], new arrow.Float64());
  const whole = new arrow.Table({ n: numbers(1, 2), a: numbers(3, 4) });
  const half = new arrow.Table({ n: numbers(1, 2), a: floats });
  const made = [
    whole.concat(half as never),
    half.concat(whole as never),
    whole.setChild('a', floats as never),
    whole.setChildAt(1, floats as never),
    new arrow.Table({ n: numbers(1, 2, 3, 4), a: numbers(3, 4).concat(floats as never) }),
    new arrow.Table(whole.schema, { n: numbers(1, 2), a: arrow.vectorFromArray([3, 4]) } as never),
  ];
  for (const table of made) refuses(t, table as arrow.Table, ANOTHER);
  const extra = new arrow.Table({ n: numbers(1), a: numbers(2), b: numbers(3) });
  refuses(t, whole.concat(extra as never) as arrow.Table, /index 2 is not in the schema/);
});

const { Utf8, Int32, Float64, List, Struct, Decimal } = arrow;
const decimal = (scale: number) =>
  arrow.makeVector({ type: new Decimal(scale, 20, 128), data: Uint32Array.of(1, 0, 0, 0) } as never);
const seconds = arrow.vectorFromArray([5000], new arrow.TimestampSecond());
const pairs: [string, arrow.DataType, arrow.Vector][] = [
  ['Uint32 for Int32', new arrow.Uint32(), numbers(-1)],
  ['Int32 for Int64', new Int32(), arrow.vectorFromArray([1n, 2n], new arrow.Int64())],
  ['Float32 for Float64', new arrow.Float32(), arrow.vectorFromArray([1.5], new Float64())],
  ['milliseconds for seconds', new arrow.TimestampMillisecond(), seconds],
  ['one time zone for another', new arrow.TimestampSecond('UTC'), seconds],
  ['Binary for Utf8', new arrow.Binary(), arrow.vectorFromArray(['x'], new Utf8())],
  ['LargeUtf8 for Utf8', new arrow.LargeUtf8(), arrow.vectorFromArray(['x'], new Utf8())],
  ['Utf8View for Utf8', new arrow.Utf8View(), arrow.vectorFromArray(['x'], new Utf8())],
  ['Utf8 for a dictionary', new Utf8(), arrow.vectorFromArray(['x'], dictionary())],
  ['a dictionary for Utf8', dictionary(), arrow.vectorFromArray(['x'], new Utf8())],
  ['ordered for unordered', dictionary(new arrow.Int8(), true), arrow.vectorFromArray(['x'], dictionary())],
  ['Int8 for Bool', new arrow.Int8(), arrow.vectorFromArray([true], new arrow.Bool())],
  ['another scale', new Decimal(3, 20, 128), decimal(2)],
  ['Null for Int32', new arrow.Null(), numbers(1)],
  ['other lists', new List(field(new Float64())), arrow.vectorFromArray([[1]], new List(field(new Int32())))],
  [
    'other names',
    new Struct([field(new Int32(), 'z')]),
    arrow.vectorFromArray([{ q: 1 }], new Struct([field(new Int32(), 'q')])),
  ],
  [
    'other children',
    new Struct([field(new Int32(), 'q')]),
    arrow.vectorFromArray([{ q: 1 }], new Struct([field(new Float64(), 'q')])),
  ],
  [
    'other sizes of lists',
    new arrow.FixedSizeList(1, field(new Int32())),
    arrow.vectorFromArray([[1, 2]], new arrow.FixedSizeList(2, field(new Int32()))),
  ],
];
for (const [name, type, vector] of pairs) {
  test(`data is not read as of another type: ${name}`, (t) => refuses(t, claiming(type, vector), ANOTHER));
}

test('arrays and children that are not of the type of their data are refused', (t) => {
  const raw = (type: arrow.DataType, buffers: unknown[], children: arrow.Data[] = []) =>
    new arrow.Table({ a: new arrow.Vector([new arrow.Data(type, 0, 1, 0, buffers as never, children)]) });
  const arrays = /index 0 \(a\) has arrays of another type than its data/;
  refuses(t, raw(new Int32(), [undefined, Float64Array.of(1.5)]), arrays);
  refuses(t, raw(new Utf8(), [BigInt64Array.of(0n, 1n), Uint8Array.of(65)]), arrays);
  refuses(t, raw(new arrow.LargeUtf8(), [Int32Array.of(0, 1), Uint8Array.of(65)]), arrays);
  const child = arrow.vectorFromArray([1.5], new Float64()).data[0] as arrow.Data;
  const another = /index 0 \(a\) has data of another type/;
  refuses(t, raw(new Struct([field(new Int32(), 'q')]), [], [child]), another);
  refuses(t, raw(new List(field(new Int32())), [Int32Array.of(0, 1)], [child]), another);
  refuses(t, raw(new Struct([field(new Float64(), 'q')]), [], [child, child]), /has more children than its type/);
  t.is(
    again(raw(new Utf8(), [Int32Array.of(0, 1), Buffer.from('A')]))
      .getChildAt(0)
      ?.get(0),
    'A',
  );
});

test('types that are equal need not be the same, nor have the same names where none is seen', (t) => {
  const table = claiming(
    new List(field(new Struct([field(new arrow.TimestampSecond(null), 'q')]), 'element')),
    arrow.vectorFromArray([[{ q: 7000 }]], new List(field(new Struct([field(new arrow.TimestampSecond(), 'q')])))),
  );
  t.deepEqual(again(table).getChildAt(1)?.get(0).toJSON(), table.getChildAt(1)?.get(0).toJSON());
});

test('indices of dictionaries become those of the schema', (t) => {
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `w${i % 150}`);
  const [narrow, wide] = [dictionary(new arrow.Uint8()), dictionary(new Int32())];
  const column = (type: arrow.DataType, items: (string | null)[]) =>
    new arrow.Table({ c: arrow.vectorFromArray(items, type) });
  for (const [one, other] of [
    [narrow, wide],
    [wide, narrow],
  ] as const) {
    const table = column(one, ['w3', null, 'x']).concat(column(other, numbered(200)) as never) as arrow.Table;
    t.deepEqual([...(again(table).getChildAt(0) ?? [])], ['w3', null, 'x', ...numbered(200)]);
    t.is(String(again(table).schema.fields[0]?.type), String(one));
  }
  const tooNarrow = column(dictionary(), ['x']).concat(column(wide, numbered(200)) as never) as arrow.Table;
  refuses(t, tooNarrow, /index 0 \(c\) has dictionaries with more values together than its indices can count/);
});

test('columns that share the id of a dictionary have indices, and an order, of their own', (t) => {
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);
  const column = (type: arrow.Dictionary, items: string[], ...data: number[]) =>
    new arrow.Vector([
      arrow.makeData({
        type,
        length: data.length,
        nullCount: 0,
        data: new (type.indices.ArrayType as Int8ArrayConstructor)(data),
        dictionary: arrow.vectorFromArray(items, new Utf8()),
      } as never),
    ]);
  const few = column(dictionary(new arrow.Int8()), ['p', 'q'], 0, 1, 1);
  const many = column(dictionary(new arrow.Int16()), numbered(200), 0, 199, 1);
  const read = again(new arrow.Table({ few, many }));
  t.deepEqual([...(read.getChildAt(0) ?? [])], ['p', 'q', 'q']);
  t.deepEqual([...(read.getChildAt(1) ?? [])], ['w0', 'w199', 'w1']);
  refuses(t, new arrow.Table({ many, few }), /index 1 \(few\) has dictionaries with more values/);

  const ordered = column(dictionary(new arrow.Int8(), true), ['q', 'p'], 0, 1, 1);
  refuses(t, new arrow.Table({ few, ordered }), /index 1 \(ordered\) has ordered dictionaries whose orders differ/);
  t.deepEqual([...(again(new arrow.Table({ ordered, few })).getChildAt(1) ?? [])], ['p', 'q', 'q']);
});

test('indices outside of a dictionary are refused, unless they are null', (t) => {
  const column = (valid: number, ...data: number[]) =>
    new arrow.Table({
      c: new arrow.Vector([
        arrow.makeData({
          type: dictionary(),
          length: data.length,
          nullBitmap: Uint8Array.of(valid),
          data: Int8Array.from(data),
          dictionary: arrow.vectorFromArray(['x', 'y'], new Utf8()),
        } as never),
      ]),
    });
  for (const index of [2, 127, -1]) {
    refuses(t, column(0b111, 0, 1, index), /index 0 \(c\) has indices outside its dictionary/);
    t.deepEqual([...(again(column(0b011, 0, 1, index)).getChildAt(0) ?? [])], ['x', 'y', null]);
  }
});

// Short columns are looked at here, long ones in the addon.
for (const rows of [3, 511, 512, 5000]) {
  test(`offsets and indices that are wrong in the middle are refused, in ${rows} rows`, (t) => {
    const offsets = Int32Array.from({ length: rows + 1 }, (_, i) => i);
    const text = Buffer.alloc(rows, 'x');
    const values = arrow.makeData({ type: new arrow.Int8(), length: rows, nullCount: 0, data: new Int8Array(text) });
    const table = (type: arrow.DataType, valueOffsets: Int32Array | BigInt64Array) =>
      new arrow.Table({
        a: new arrow.Vector([
          arrow.makeData({ type, length: rows, nullCount: 0, valueOffsets, data: text, child: values } as never),
        ]),
      });
    const large = (of: Int32Array) => BigInt64Array.from(of, BigInt);
    const list = new List(field(new arrow.Int8()));
    const types: [arrow.DataType, (of: Int32Array) => Int32Array | BigInt64Array][] = [
      [new Utf8(), (of) => of],
      [new arrow.Binary(), (of) => of],
      [new arrow.LargeUtf8(), large],
      [new arrow.LargeBinary(), large],
      [list, (of) => of],
      [new arrow.LargeList(field(new arrow.Int8())), large],
    ];
    for (const [type, of] of types) {
      t.is(again(table(type, of(offsets))).numRows, rows);
      for (const [at, offset] of [
        [1, 30_000],
        [rows - 1, 0],
        [rows >> 1, -1],
      ] as const) {
        const wrong = offsets.slice();
        wrong[at] = offset;
        refuses(t, table(type, of(wrong)), /index 0 \(a\) has offsets that are negative or fall/);
      }
    }
    const indices = [Int8Array, Int16Array, Int32Array, Uint8Array, Uint16Array, Uint32Array] as const;
    const indexTypes = [arrow.Int8, arrow.Int16, arrow.Int32, arrow.Uint8, arrow.Uint16, arrow.Uint32] as const;
    for (const [i, Indices] of indices.entries()) {
      const IndexType = indexTypes[i] as typeof arrow.Int8;
      const column = (data: ArrayLike<number>, count: number) =>
        new arrow.Table({
          a: new arrow.Vector([
            arrow.makeData({
              type: dictionary(new IndexType()),
              length: rows,
              nullCount: 0,
              data,
              dictionary: arrow.vectorFromArray(Array(count).fill('x'), words),
            } as never),
          ]),
        });
      const good = new Indices(rows).fill(99);
      for (const count of [100, 300]) t.is(again(column(good, count)).numRows, rows);
      // Longer dictionaries than indices count to have no place for −1 either.
      for (const [index, count] of [[100, 100], ...(i < 3 ? [[-1, 300]] : [])] as [number, number][]) {
        const wrong = good.slice();
        wrong[rows >> 1] = index;
        refuses(t, column(wrong, count), /index 0 \(a\) has indices outside its dictionary/);
      }
    }
  });
}

test('rows of unions that refer to what is not there are refused', (t) => {
  const fields = [field(new Int32(), 'i'), field(new Utf8(), 's')];
  const ints = arrow.makeData({ type: new Int32(), length: 1, nullCount: 0, data: Int32Array.of(7) });
  const texts = arrow.vectorFromArray(['a', 'b', 'c'], new Utf8()).data[0] as arrow.Data;
  const union = (type: arrow.DataType, typeIds: number[], valueOffsets?: number[]) =>
    new arrow.Table({
      u: new arrow.Vector([
        arrow.makeData({
          type,
          length: typeIds.length,
          typeIds: Int8Array.from(typeIds),
          valueOffsets: valueOffsets && Int32Array.from(valueOffsets),
          children: [ints, texts],
        } as never),
      ]),
    });
  const sparse = new arrow.SparseUnion([0, 1], fields);
  const dense = new arrow.DenseUnion([0, 1], fields);
  const why = /index 0 \(u\) refers to rows or children that its union has not/;
  t.deepEqual([...(again(union(sparse, [0, 1, 1])).getChildAt(0) ?? [])], [7, 'b', 'c']);
  for (const table of [union(sparse, [0, 0, 1]), union(sparse, [0, 1, 9])]) {
    refuses(t, table, why);
    refuses(t, table.slice(1), why);
  }
  t.deepEqual([...(again(union(dense, [1, 0, 1], [2, 0, 0])).getChildAt(0) ?? [])], ['c', 7, 'a']);
  for (const [typeIds, offsets] of [
    [
      [0, 1],
      [1, 0],
    ],
    [
      [0, 1],
      [0, 3],
    ],
    [
      [0, 1],
      [-1, 0],
    ],
    [
      [0, 9],
      [0, 0],
    ],
  ] as const) {
    refuses(t, union(dense, [...typeIds], [...offsets]), why);
  }
});

test('a dictionary whose indices are of another copy of the package is refused', (t) => {
  const other = createRequire(import.meta.url)('apache-arrow') as typeof arrow;
  const type = new arrow.Dictionary(new Utf8(), new other.Int8() as never);
  const data = arrow.makeData({
    type,
    length: 1,
    nullCount: 0,
    data: Int8Array.of(0),
    dictionary: arrow.vectorFromArray(['x'], new Utf8()),
  } as never);
  refuses(t, new arrow.Table({ d: new arrow.Vector([data]) }), /index 0 \(d\) is of another copy of apache-arrow/);
});

function unionInStruct(mode: 'dense' | 'sparse'): arrow.Vector {
  const fields = [field(new Int32(), 'i'), field(new Utf8(), 's')];
  const type = mode === 'dense' ? new arrow.DenseUnion([3, 1], fields) : new arrow.SparseUnion([3, 1], fields);
  const children = [numbers(5).data[0], arrow.vectorFromArray(['x'], new Utf8()).data[0]];
  const valueOffsets = mode === 'dense' ? Int32Array.of(0) : undefined;
  const union = arrow.makeData({ type, length: 1, typeIds: Int8Array.of(1), valueOffsets, children } as never);
  const struct = { type: new Struct([field(type, 'u')]), length: 1, nullCount: 0, children: [union] };
  return new arrow.Vector([arrow.makeData(struct as never)]);
}

const record = new Struct([field(new Int32(), 'q')]);
const inStruct = (type: arrow.DataType, value: unknown) =>
  arrow.vectorFromArray([{ a: value }], new Struct([field(type, 'a')]));
const inList = (type: arrow.DataType, values: unknown[]) =>
  arrow.vectorFromArray([values], new arrow.FixedSizeList(2, field(type)) as never) as arrow.Vector;
const short: [string, arrow.Vector][] = [
  ['dictionary', arrow.vectorFromArray(['x'], dictionary())],
  ['dictionary in a struct', inStruct(dictionary(), 'x')],
  ['struct in a struct', inStruct(record, { q: 1 })],
  ['view in a struct', inStruct(new arrow.Utf8View(), 'x')],
  ['list in a struct', inStruct(new List(field(new Int32())), [1])],
  ['dense union in a struct', unionInStruct('dense')],
  ['sparse union in a struct', unionInStruct('sparse')],
  ['fixed list of booleans', inList(new arrow.Bool(), [true, false])],
  ['fixed list of structs', inList(record, [{ q: 1 }, { q: 2 }])],
];
for (const [name, vector] of short) {
  test(`a column of one row beside longer ones is null behind it: ${name}`, (t) => {
    for (const rows of [2, 4, 9, 30]) {
      const table = new arrow.Table({ n: numbers(...Array(rows).keys()), c: vector }) as arrow.Table;
      const tables = [
        table,
        table.concat(table),
        table.slice(0, rows - 1),
        table.slice(1),
        table.concat(table).slice(1),
      ];
      for (const each of tables) {
        const expected = JSON.stringify([...(each.getChildAt(1) ?? [])]);
        t.is(JSON.stringify([...(again(each).getChildAt(1) ?? [])]), expected);
      }
    }
  });
}
