import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import test from 'ava';
import { ArrowSerializer, EncryptionWrapper } from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';
import { peerTests } from '../support/peer.js';

/* Tables in frames of the Python SDK, written and read by its own pyarrow, with and without compression. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const python = join(root, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const masterKey = '5f'.repeat(32);
const cacheKey = 'ns:t:func:m.table:args::1w';

type Columns = Record<string, (string | number | null)[]>;

async function ask<T>(request: object): Promise<T> {
  const child = spawn(python, [join(root, '__test__/peer/arrow.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(request));
  return JSON.parse(await text(child.stdout)) as T;
}

/** As the peer writes them: integers and times as text. */
function columnsOf(table: arrow.Table): Columns {
  return Object.fromEntries(
    table.schema.fields.map(({ name, type }) => [
      name,
      [...(table.getChild(name) ?? [])].map((value) =>
        typeof value === 'bigint' || (arrow.DataType.isTimestamp(type) && value !== null) ? String(value) : value,
      ),
    ]),
  );
}

/** Two record batches with one dictionary. */
function tableHere(): arrow.Table {
  const numbers = Array.from({ length: 2000 }, (_, i) => i);
  const column = <T>(skip: number, make: (n: number) => T) => numbers.map((n) => (n % skip === 0 ? null : make(n)));
  const table = new arrow.Table({
    id: arrow.vectorFromArray(
      column(7, (n) => 2n ** 53n + BigInt(n)),
      new arrow.Int64(),
    ),
    name: arrow.vectorFromArray(
      column(11, (n) => `é${n % 13} 😀`),
      new arrow.Utf8(),
    ),
    at: arrow.vectorFromArray(
      column(4, (n) => 1_767_225_600_000 + n * 1000),
      new arrow.TimestampMillisecond('UTC'),
    ),
    noise: arrow.vectorFromArray(
      numbers.map((n) => ((n * 2654435761) % 2 ** 32) / 7),
      new arrow.Float64(),
    ),
    kind: arrow.vectorFromArray(
      column(5, (n) => ['rot', 'grün', 'blau'][n % 3] ?? null),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
    ),
    empty: arrow.vectorFromArray(
      numbers.map(() => null),
      new arrow.Int32(),
    ),
  });
  return table.slice(0, 1500).concat(table.slice(1500));
}

/** Secure and plain frames with a serializer. */
function codecs(serializer: ArrowSerializer<arrow.Table>) {
  const secure = new EncryptionWrapper({ wire: 'python', masterKey, serializer });
  const plain = new PlainCodec({ wire: 'python', serializer });
  return [
    {
      options: { cache_key: cacheKey, master_key_hex: masterKey },
      write: (table: arrow.Table) => secure.serialize(table, { cacheKey }),
      read: (frame: Uint8Array) => secure.deserialize(frame, { cacheKey }),
    },
    {
      options: { cache_key: cacheKey },
      write: (table: arrow.Table) => plain.serialize(table),
      read: (frame: Uint8Array) => plain.deserialize(frame),
    },
  ];
}

const peerSuite = peerTests();

for (const compression of ['zstd', 'lz4', 'none'] as const) {
  peerSuite.test(`a table that Python wrote (${compression}) has its columns here`, async (t) => {
    for (const { options, read } of codecs(new ArrowSerializer({ arrow }))) {
      const { frame_b64, columns } = await ask<{ frame_b64: string; columns: Columns }>({
        op: 'write',
        compression,
        ...options,
      });
      const table = read(Buffer.from(frame_b64, 'base64'));
      t.is(table.batches.length, 3);
      t.deepEqual(
        table.schema.fields.map(({ type }) => String(type)),
        ['Int64', 'Utf8', 'Timestamp<MILLISECOND, UTC>', 'Float64', 'Dictionary<Int32, Utf8>', 'Int32'],
      );
      t.deepEqual(columnsOf(table), columns);
    }
  });

  peerSuite.test(`a table written here (${compression}) has its columns in Python`, async (t) => {
    const serializer = new ArrowSerializer({ arrow, ...(compression !== 'none' && { compression }) });
    const table = tableHere();
    for (const { options, write, read } of codecs(serializer)) {
      const frame = write(table);
      const there = await ask<{ types: string[]; batches: number; columns: Columns }>({
        op: 'read',
        frame_b64: Buffer.from(frame).toString('base64'),
        ...options,
      });
      t.deepEqual(there, {
        types: [
          'int64',
          'string',
          'timestamp[ms, tz=UTC]',
          'double',
          'dictionary<values=string, indices=int32, ordered=0>',
          'int32',
        ],
        batches: 2,
        columns: columnsOf(table),
      });
      t.deepEqual(columnsOf(read(frame)), there.columns);
    }
  });
}

peerSuite.test('dictionaries that became one, slices of views and shared memory are right in Python', async (t) => {
  const text = new arrow.Table({
    text: arrow.vectorFromArray(
      Array.from({ length: 40 }, (_, i) => (i % 7 === 0 ? null : `value number ${i}`)),
      new arrow.Utf8View(),
    ),
  }).slice(5, 20);
  const kind = (...items: string[]) =>
    arrow.tableFromArrays({ kind: items, again: Float64Array.from(items, (_, i) => i / 2) });
  const memory = Float64Array.of(1, 2, 3, 4);
  const pair = new arrow.Table({
    prev: arrow.makeVector(memory.subarray(0, 3)),
    next: arrow.makeVector(memory.subarray(1)),
  });
  const tables = [text, kind('a', 'b', 'a').concat(kind('c', 'b'), kind('a')), pair];
  for (const compression of [undefined, 'lz4', 'zstd'] as const) {
    const wrapper = new PlainCodec({
      wire: 'python',
      serializer: new ArrowSerializer({ arrow, ...(compression && { compression }) }),
    });
    for (const table of tables) {
      const frame_b64 = Buffer.from(wrapper.serialize(table)).toString('base64');
      const there = await ask<{ columns: Columns }>({ op: 'read', frame_b64, cache_key: cacheKey });
      t.deepEqual(there.columns, columnsOf(table));
    }
  }
});

test('a compressed table is smaller', (t) => {
  const sizeWith = (compression?: 'zstd' | 'lz4') =>
    new ArrowSerializer({ arrow, ...(compression && { compression }) }).serialize(tableHere()).length;
  t.true(sizeWith('zstd') < sizeWith() * 0.8);
  t.true(sizeWith('lz4') < sizeWith() * 0.9);
});
