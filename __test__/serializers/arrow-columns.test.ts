import { createRequire } from 'node:module';
import * as arrow from 'apache-arrow';
import test, { type ExecutionContext } from 'ava';
import { ArrowSerializer, EncryptionWrapper, SerializationError } from '../../index.js';
import { writableBatches } from '../../src/serializers/arrow/columns.js';
import { exactColumns } from '../support/arrow-tables.js';

const serializers = [new ArrowSerializer({ arrow }), new ArrowSerializer({ arrow, compression: 'lz4' })];
const [serializer] = serializers as [ArrowSerializer<arrow.Table>];
const again = (table: arrow.Table) => serializer.deserialize(serializer.serialize(table));
const listOf = (table: arrow.Table, i = 0) => JSON.parse(JSON.stringify([...(table.getChildAt(i) as arrow.Vector)]));
const field = (type: arrow.DataType, name = 'item') => new arrow.Field(name, type, true);
const views = (count: number) => arrow.vectorFromArray(numbered(count), new arrow.Utf8View());
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `value number ${from + i}`);

/** Written and read by both serializers and through a wrapper, which seals the file in place. */
function returns(t: ExecutionContext, table: arrow.Table): void {
  const wrapper = new EncryptionWrapper({ masterKey: new Uint8Array(32).fill(7), serializer });
  const context = { cacheKey: 'k' };
  const reads = [
    ...serializers.map((each) => each.deserialize(each.serialize(table))),
    wrapper.deserialize(wrapper.serialize(table, context), context),
  ];
  for (const read of reads) t.deepEqual(exactColumns(read), exactColumns(table));
}

function refusal(t: ExecutionContext, table: unknown): string {
  const error = t.throws(() => serializer.serialize(table as arrow.Table));
  if (!(error instanceof SerializationError)) throw new Error(`not a refusal: ${error}`);
  return error.message;
}

test('tables that are written as they are are not made anew', (t) => {
  const table = arrow.tableFromArrays({ id: Int32Array.of(1, 2, 3), name: ['a', 'b', 'a'] });
  const nested = arrow.tableFromJSON([
    { list: [1, 2], deep: { x: 'y' } },
    { list: [], deep: { x: 'z' } },
  ] as never);
  for (const each of [table, table.slice(1), table.concat(table), nested, new arrow.Table({ v: views(3) })]) {
    t.true(writableBatches(arrow as never, each as never).every((batch, i) => (batch as unknown) === each.batches[i]));
  }
});

test('a page of a table with views has its own rows, and is not as large as the table', (t) => {
  const all = new arrow.Table({ x: views(5000) });
  for (const [from, to] of [
    [1, 4],
    [10, 13],
    [0, 3],
    [4999, 5000],
  ] as const) {
    const page = all.slice(from, to);
    t.deepEqual(listOf(again(page)), numbered(to - from, from));
    t.true(serializer.serialize(page).length < 1500);
    returns(t, page);
  }
  returns(t, all.slice(1000, 3000).slice(500, 700));
});

test('slices of views inside of structs, lists and unions', (t) => {
  const text = views(12).data[0] as arrow.Data;
  const struct = arrow.makeData({
    type: new arrow.Struct([field(text.type, 'a')]),
    length: 12,
    nullCount: 0,
    children: [text],
  } as never);
  const offsets = Int32Array.of(0, 2, 2, 7, 12);
  const list = arrow.makeData({
    type: new arrow.List(field(text.type)),
    length: 4,
    nullCount: 0,
    valueOffsets: offsets,
    child: text,
  } as never);
  const pairs = arrow.makeData({
    type: new arrow.FixedSizeList(2, field(text.type)),
    length: 6,
    nullCount: 0,
    child: text,
  } as never);
  for (const data of [struct, list, pairs] as arrow.Data[]) {
    const table = new arrow.Table({ c: new arrow.Vector([data]) });
    for (let from = 0; from < data.length; from++) returns(t, table.slice(from).slice(0, 2));
  }
});

test('unions as their builders make them, and slices of them', (t) => {
  for (const Union of [arrow.SparseUnion, arrow.DenseUnion]) {
    const type = new Union(Int32Array.of(0, 1), [field(new arrow.Int32(), '0'), field(new arrow.Utf8(), '1')] as never);
    const valueToChildTypeId = (_: unknown, value: unknown) => (typeof value === 'number' ? 0 : 1);
    const builder = arrow.makeBuilder({ type, nullValues: [null], valueToChildTypeId } as never);
    const values = ['s0', 1, 's2', 3, 's4', 5];
    for (const value of values) builder.append(value as never);
    const table = new arrow.Table({ x: builder.finish().toVector() });
    for (let from = 0; from < 6; from++) {
      t.deepEqual(listOf(again(table.slice(from))), values.slice(from));
      t.deepEqual(listOf(again(table.slice(from, from + 1))), values.slice(from, from + 1));
    }
  }
});

test('slices of a dense union whose rows refer to its children in any order', (t) => {
  const type = new arrow.DenseUnion(Int32Array.of(0, 5), [
    field(new arrow.Int32(), '0'),
    field(new arrow.Utf8View(), '1'),
  ] as never);
  const data = arrow.makeData({
    type,
    length: 6,
    typeIds: Int8Array.of(0, 0, 5, 0, 5, 5),
    valueOffsets: Int32Array.of(2, 0, 1, 2, 0, 1),
    children: [arrow.vectorFromArray([10, 11, 12], new arrow.Int32()).data[0], views(2).data[0]],
  } as never);
  const table = new arrow.Table({ c: new arrow.Vector([data]) });
  const all = [12, 10, 'value number 1', 12, 'value number 0', 'value number 1'];
  for (let from = 0; from < 6; from++) {
    t.deepEqual(listOf(again(table.slice(from))), all.slice(from));
    t.deepEqual(listOf(again(table.slice(from, from + 2))), all.slice(from, from + 2));
    returns(t, table.slice(from));
  }
});

test('columns that share memory', (t) => {
  const kind = arrow.vectorFromArray(['x', 'y']);
  const all = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const pair = new arrow.Table({ prev: arrow.makeVector(all.subarray(0, 8)), next: arrow.makeVector(all.subarray(1)) });
  t.deepEqual(listOf(again(pair), 1), [2, 3, 4, 5, 6, 7, 8, 9]);
  for (const table of [new arrow.Table({ kind, kind2: kind }), pair, new arrow.Table({ a: views(3), b: views(3) })])
    returns(t, table);
});

test('dictionaries that differ between batches become one', (t) => {
  const one = arrow.tableFromArrays({ ward: ['A', 'B', null], other: ['q', 'r', 'q'] });
  const two = arrow.tableFromArrays({ ward: ['C', 'B', 'D'], other: ['s', 'q', 'q'] });
  const read = again(one.concat(two, one.slice(1)));
  t.deepEqual(listOf(read), ['A', 'B', null, 'C', 'B', 'D', 'B', null]);
  t.deepEqual(listOf(read, 1), ['q', 'r', 'q', 's', 'q', 'q', 'r', 'q']);
  const dictionary = (read.getChild('ward') as arrow.Vector).data[0]?.dictionary as arrow.Vector;
  // In one piece, since other readers know no dictionaries in parts, and each value once, as pandas wants them.
  t.deepEqual([dictionary.data.length, ...dictionary], [1, 'A', 'B', 'C', 'D']);
  returns(t, one.concat(two));
});

const values: [arrow.DataType, unknown[], unknown[]][] = [
  [new arrow.Utf8(), ['a', 'b', null], ['b', 'c', null]],
  [new arrow.LargeUtf8(), ['a', 'b'], ['', 'a']],
  [new arrow.Utf8View(), numbered(3), ['short', ...numbered(4, 1)]],
  [new arrow.Binary(), [Uint8Array.of(1), Uint8Array.of()], [Uint8Array.of(2), Uint8Array.of(1)]],
  [new arrow.Float64(), [0, -0, Number.NaN], [-0, Number.NaN, 1]],
  [new arrow.Int64(), [1n, 2n], [2n, 3n]],
  [new arrow.TimestampNanosecond(), [1, 2], [2, 3]],
  [new arrow.Bool(), [true, false], [false, true]],
  [new arrow.List(field(new arrow.Int8())), [[1], []], [[2], [1]]],
];
for (const [type, first, second] of values) {
  test(`dictionaries of ${type} become one, with every type of indices`, (t) => {
    for (const Index of [arrow.Int8, arrow.Int16, arrow.Int32, arrow.Uint8, arrow.Uint16, arrow.Uint32]) {
      const dictionaryType = new arrow.Dictionary(type, new Index() as never);
      const part = (items: unknown[]) => {
        const dictionary = arrow.vectorFromArray(items, type as never);
        const { ArrayType } = dictionaryType.indices as unknown as { ArrayType: new (values: number[]) => Int32Array };
        const data = new ArrayType([items.length - 1, ...items.keys()]);
        return arrow.makeData({ type: dictionaryType, length: data.length, data, dictionary } as never) as arrow.Data;
      };
      const [a, b] = [part(first), part(second)];
      returns(t, new arrow.Table({ c: new arrow.Vector([a, b, a.slice(1, 1)]) }));
      const list = (data: arrow.Data) =>
        arrow.makeData({
          type: new arrow.List(field(dictionaryType)),
          length: 1,
          nullCount: 0,
          valueOffsets: Int32Array.of(1, data.length),
          child: data,
        } as never);
      returns(t, new arrow.Table({ c: new arrow.Vector([list(a), list(b)] as never) }));
      const struct = (data: arrow.Data) =>
        arrow.makeData({
          type: new arrow.Struct([field(dictionaryType, 'd')]),
          length: data.length,
          nullCount: 0,
          children: [data],
        } as never);
      returns(t, new arrow.Table({ c: new arrow.Vector([struct(a), struct(b).slice(1, 1)] as never) }));
    }
  });
}

function enumerated(items: string[], isOrdered = false, id = 7): arrow.Data {
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), id, isOrdered);
  const dictionary = arrow.vectorFromArray(items, new arrow.Utf8());
  return arrow.makeData({
    type,
    length: items.length,
    nullCount: 0,
    data: Int8Array.from(items.keys()),
    dictionary,
  } as never);
}

test('dictionaries that cannot become one are refused', (t) => {
  const table = (...parts: arrow.Data[]) => new arrow.Table({ size: new arrow.Vector(parts) });
  const many = (from: number) => enumerated(Array.from({ length: 100 }, (_, i) => String(from + i)));
  returns(t, table(many(0), many(28)));
  t.regex(
    refusal(t, table(many(0), many(29))),
    /index 0 \(size\) has dictionaries with more values together than its indices can count/,
  );
  returns(t, table(enumerated(['s', 'm'], true), enumerated(['s', 'm', 'l'], true)));
  t.regex(refusal(t, table(enumerated(['s', 'l'], true), enumerated(['s', 'm', 'l'], true))), /ordered dictionaries/);
  t.regex(refusal(t, table(enumerated(['s', 'm'], true), enumerated(['m', 's'], true))), /ordered dictionaries/);
  const inner = enumerated(['a']);
  const outer = arrow.makeData({
    type: new arrow.Dictionary(inner.type, new arrow.Int8()),
    length: 1,
    data: Int8Array.of(0),
    dictionary: new arrow.Vector([inner]),
  } as never);
  t.regex(refusal(t, new arrow.Table({ c: new arrow.Vector([outer]) })), /dictionary of dictionaries/);
  const wide = arrow.makeData({
    type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Int64() as never),
    length: 1,
    data: BigInt64Array.of(0n),
    dictionary: arrow.vectorFromArray(['a'], new arrow.Utf8()),
  } as never);
  t.regex(refusal(t, new arrow.Table({ c: new arrow.Vector([wide]) })), /64 bits/);
});

test('a dictionary that grows from batch to batch, and is shorter in the last one', (t) => {
  const [a, b, c] = [['x'], ['y'], ['z']].map(
    (items) => arrow.vectorFromArray(items, new arrow.Utf8()).data[0] as arrow.Data,
  ) as [arrow.Data, arrow.Data, arrow.Data];
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
  const part = (chunks: arrow.Data[], ...data: number[]) =>
    arrow.makeData({
      type,
      length: data.length,
      nullCount: 0,
      data: Int32Array.from(data),
      dictionary: new arrow.Vector(chunks),
    } as never) as arrow.Data;
  const table = new arrow.Table({
    d: new arrow.Vector([part([a], 0), part([a, b], 1, 0), part([a], 0), part([a, c], 1)]),
  });
  t.deepEqual(listOf(again(table)), ['x', 'y', 'x', 'x', 'z']);
});

test('columns of another copy of the package are refused with their position, wherever they are', (t) => {
  const other = createRequire(import.meta.url)('apache-arrow') as typeof arrow;
  t.not(other.Table as unknown, arrow.Table as unknown);
  const mine = arrow.vectorFromArray([1, 2, 3]);
  const theirs = other.vectorFromArray([1, 2, 3]) as never as arrow.Vector;
  t.regex(refusal(t, new arrow.Table({ mine, theirs })), /index 1 \(theirs\) is of another copy of apache-arrow/);
  const struct = arrow.makeData({
    type: new arrow.Struct([field(theirs.type)]),
    length: 3,
    nullCount: 0,
    children: [theirs.data[0]],
  } as never);
  t.regex(
    refusal(t, new arrow.Table({ mine, struct: new arrow.Vector([struct]) })),
    /index 1 \(struct\) is of another copy/,
  );
});

test('a table is nested 60 levels deep at most', (t) => {
  const nested = (
    levels: number,
    inner: arrow.DataType = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
  ) => {
    let type = inner;
    for (let i = 0; i < levels; i++) type = new arrow.List(field(type));
    return new arrow.Table({ a: arrow.vectorFromArray([null], type as never) });
  };
  t.is(again(nested(60)).numRows, 1);
  t.regex(refusal(t, nested(61)), /index 0 \(a\) is nested deeper than 60 levels/);
  for (const [inner, levels] of [
    [new arrow.Int8(), 61],
    [new arrow.Int8(), 62],
    [new arrow.Int8(), 100],
    [new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()), 61],
  ] as const) {
    const file = (count: number) => arrow.tableToIPC(nested(count, inner), 'file');
    t.is(serializer.deserialize(file(60)).numRows, 1);
    t.throws(() => serializer.deserialize(file(levels)), {
      instanceOf: SerializationError,
      message: /nested deeper than 60 levels/,
    });
  }
});

test('columns with fewer values than rows are refused, unless those are null', (t) => {
  const type = new arrow.Struct([field(new arrow.Int32(), 'a')]);
  const short = arrow.makeData({ type: new arrow.Float64(), length: 3, nullCount: 0, data: Float64Array.of(1) });
  t.regex(
    refusal(t, new arrow.Table({ short: new arrow.Vector([short]) })),
    /index 0 \(short\) has fewer values than rows/,
  );
  const bytes = arrow.makeData({
    type: new arrow.Utf8(),
    length: 1,
    nullCount: 0,
    valueOffsets: Int32Array.of(0, 9),
    data: Uint8Array.of(65),
  });
  t.regex(refusal(t, new arrow.Table({ bytes: new arrow.Vector([bytes]) })), /index 0 \(bytes\) has fewer bytes/);

  const uneven = new arrow.Table({
    long: arrow.vectorFromArray([1, 2, 3], new arrow.Int32()),
    text: arrow.vectorFromArray(['x'], new arrow.Utf8()),
    view: arrow.vectorFromArray(['y'], new arrow.Utf8View()),
    list: arrow.vectorFromArray([[1]], new arrow.List(field(new arrow.Int8()))),
    struct: arrow.vectorFromArray([{ a: 1 }], type),
  });
  const read = again(uneven);
  t.is(read.numRows, 3);
  for (let i = 1; i < 5; i++) t.deepEqual(listOf(read, i).slice(1), [null, null]);
  t.deepEqual(
    [1, 2, 3, 4].map((i) => listOf(read, i)[0]),
    ['x', 'y', [1], { a: 1 }],
  );
});

test('a name is in a message only if it looks like one', (t) => {
  const wide = () =>
    new arrow.Vector([
      arrow.makeData({ type: new arrow.Float64(), length: 3, nullCount: 0, data: Float64Array.of(1) }),
    ]);
  const of = (name: string) => refusal(t, new arrow.Table({ [name]: wide() }));
  t.true(of('price_2').endsWith('the column at index 0 (price_2) has fewer values than rows'));
  for (const name of ['', 'a b', 'ada@example.com', '4711', 'x'.repeat(41)]) {
    t.true(of(name).endsWith('the column at index 0 has fewer values than rows'), name);
  }
});
