import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import test from 'ava';
import { ArrowSerializer, SerializationError } from '../../index.js';
import { FlatBuffer } from '../../src/serializers/arrow/flatbuffer.js';
import { exactColumns } from '../support/arrow-tables.js';

/* Files that pyarrow, polars and pandas wrote, made by vectors/arrow/generate.py, which also says what they hold. */

const folder = new URL('../vectors/arrow/', import.meta.url);
const file = (name: string) => new Uint8Array(readFileSync(new URL(`${name}.arrow`, folder)));
const expected: Record<string, unknown[][] | string | { sha256: string }> = JSON.parse(
  readFileSync(new URL('expected.json', folder), 'utf8'),
);
const serializers = [
  new ArrowSerializer({ arrow }),
  new ArrowSerializer({ arrow, compression: 'lz4' }),
  new ArrowSerializer({ arrow, compression: 'zstd' }),
];
const [serializer] = serializers as [ArrowSerializer<arrow.Table>];

test('there is what is expected of each file', (t) => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.arrow'))
    .map((name) => name.slice(0, -6));
  t.deepEqual(names.sort(), Object.keys(expected).sort());
  t.is(names.length, 20);
});

for (const [name, value] of Object.entries(expected)) {
  if (typeof value === 'string') {
    test(`${name} is refused by the name of what is not supported`, (t) => {
      const error = t.throws(() => serializer.deserialize(file(name)), { instanceOf: SerializationError });
      t.true(error.message.includes(value), error.message);
      if (name !== 'refused-legacy') t.regex(error.message, /the column at index [01] \(refused\)$/);
    });
    continue;
  }
  test(`${name} is read value by value, and again after it was written here`, (t) => {
    const table = serializer.deserialize(file(name));
    for (const read of [table, ...serializers.map((other) => serializer.deserialize(other.serialize(table)))]) {
      const columns = exactColumns(read);
      if (Array.isArray(value)) t.deepEqual(columns, value);
      else t.is(createHash('sha256').update(JSON.stringify(columns)).digest('hex'), value.sha256);
      t.is(read.numRows, table.numRows);
      t.deepEqual(read.schema.fields.map(String), table.schema.fields.map(String));
    }
  });
}

test('rows of a table without columns are counted', (t) => {
  t.is(serializer.deserialize(file('pyarrow-no-columns')).numRows, 3);
  t.is(serializer.deserialize(file('pyarrow-empty')).numRows, 0);
});

test('columns of the same name keep their types, and an empty name stays empty', (t) => {
  const read = serializer.deserialize(file('pyarrow-same-names'));
  t.deepEqual(read.schema.fields.map(String), ['x: Int32', 'x: Utf8', ': Int64']);
  t.is(read.getChildAt(1)?.get(1), 'b');
  const unnamed = new arrow.Table({ '': arrow.vectorFromArray([1]), null: arrow.vectorFromArray(['x', 'y'].slice(1)) });
  const again = serializer.deserialize(serializer.serialize(unnamed));
  t.deepEqual(again.schema.names, ['', 'null']);
  t.is(again.getChild('')?.get(0), 1);
});

/** The footer of a file, or the message of one of its batches. */
function flat(bytes: Uint8Array, block?: { slot: number; index: number }): FlatBuffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 10;
  const footer = new FlatBuffer(view, end - view.getUint32(end, true), end, { tables: 1, bytes: 0 });
  if (block === undefined) return footer;
  const at = footer.vector(footer.root, block.slot).at + block.index * 24;
  const offset = view.getInt32(at, true);
  return new FlatBuffer(view, offset + 8, offset + view.getInt32(at + 8, true), { tables: 1, bytes: 0 });
}

test('dictionaries that replace others, and big-endian data, are refused by name', (t) => {
  const replaced = file('pyarrow-delta');
  const message = flat(replaced, { slot: 2, index: 1 });
  const header = message.table(message.root, 2);
  t.is(replaced[message.slot(header, 2)], 1);
  replaced[message.slot(header, 2)] = 0;
  t.throws(() => serializer.deserialize(replaced), {
    instanceOf: SerializationError,
    message: /replacement dictionaries/,
  });

  const swapped = file('pyarrow-delta');
  const footer = flat(swapped);
  const schema = footer.table(footer.root, 1);
  // The number that says so is left out where it is 0: here it is read where another one is.
  new DataView(swapped.buffer).setUint16(footer.entry(schema, 0), footer.slot(schema, 1) - schema, true);
  t.throws(() => serializer.deserialize(swapped), { instanceOf: SerializationError, message: /big-endian/ });
});

test('a frame of which the magic, a flag, the data or the length in front is altered is refused', (t) => {
  const bytes = file('polars-lz4-rows');
  const magic = Buffer.from(bytes).indexOf(Uint8Array.of(0x04, 0x22, 0x4d, 0x18));
  for (const [at, xor] of [
    [magic, 1],
    [magic + 4, 0x10],
    [magic + 20, 1],
    [magic - 8, 1],
    [magic - 8, 0x80],
    [magic - 2, 0x7f],
  ] as const) {
    const altered = bytes.slice();
    altered[at] = (altered[at] as number) ^ xor;
    t.throws(() => serializer.deserialize(altered), { instanceOf: SerializationError }, `byte ${at}`);
  }
});

/** A file whose footer lists its first block again and again. */
function repeating(times: number): Uint8Array {
  const table = arrow.tableFromArrays({ a: Int32Array.of(1, 2) });
  const writer = new arrow.RecordBatchFileWriter();
  writer.write(table.batches[0] as never);
  const blocks = (writer as unknown as { _recordBatchBlocks: unknown[] })._recordBatchBlocks;
  for (let i = 1; i < times; i++) blocks.push(blocks[0]);
  writer.finish();
  return writer.toUint8Array(true);
}

test('blocks that overlap are refused, and those of a file in any order are read', (t) => {
  t.is(serializer.deserialize(repeating(1)).numRows, 2);
  for (const times of [2, 100_000]) {
    t.throws(() => serializer.deserialize(repeating(times)), { instanceOf: SerializationError }, `${times}`);
  }
  const both = serializer.serialize(
    arrow.tableFromArrays({ a: Int32Array.of(1, 2) }).concat(arrow.tableFromArrays({ a: Int32Array.of(3) })),
  );
  const footer = flat(both);
  const { at, length } = footer.vector(footer.root, 3);
  t.is(length, 2);
  const [first, second] = [both.slice(at, at + 24), both.slice(at + 24, at + 48)];
  both.set(second, at);
  both.set(first, at + 24);
  t.deepEqual([...(serializer.deserialize(both).getChildAt(0) ?? [])], [3, 1, 2]);
  // The last block of a dictionary and the first one of records.
  const words = serializer.serialize(arrow.tableFromArrays({ a: ['x', 'y'] }));
  const [dictionaries, records] = [2, 3].map((slot) => flat(words).vector(flat(words).root, slot).at) as [
    number,
    number,
  ];
  words.copyWithin(dictionaries, records, records + 24);
  t.throws(() => serializer.deserialize(words), { instanceOf: SerializationError });
});

test('a string that thousands of tables refer to is refused', (t) => {
  const count = 5000;
  const metadata = new Map(Array.from({ length: count }, (_, i) => [`k${i}`, i === 0 ? 'v'.repeat(100_000) : 'v']));
  const schema = new arrow.Schema([new arrow.Field('a', new arrow.Int32())], metadata);
  const bytes = serializer.serialize(
    new arrow.Table(schema, { a: arrow.vectorFromArray([1], new arrow.Int32()) } as never),
  );
  t.is(serializer.deserialize(bytes).schema.metadata.size, count);
  const footer = flat(bytes);
  const { at, length } = footer.vector(footer.table(footer.root, 1), 2);
  t.is(length, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = footer
    .tables(footer.table(footer.root, 1), 2)
    .find((entry) => footer.vector(entry, 1).length === 100_000) as number;
  for (let i = 0; i < count; i++) view.setUint32(at + i * 4, long - (at + i * 4), true);
  t.throws(() => serializer.deserialize(bytes), { instanceOf: SerializationError });
});
