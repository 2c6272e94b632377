import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import test from 'ava';
import { buildSync } from 'esbuild';
import { ConfigurationError, SerializationError } from '../../src/errors.js';
import { type ArrowModule, ArrowSerializer } from '../../src/serializers/arrow.js';
import { notBytes, notObject } from '../support/wrong-values.js';
import { secret } from './values.js';

const serializer = new ArrowSerializer({ arrow });
const rowsOf = (table: arrow.Table) => table.toArray().map((row) => row?.toJSON());

const columns = () => ({
  id: Int32Array.from({ length: 1000 }, (_, i) => i),
  big: BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i) ** 3n),
  price: Float64Array.from({ length: 1000 }, (_, i) => i / 7),
  name: Array.from({ length: 1000 }, (_, i) => `name é${i % 17}`),
});

test('describes itself as arrow behind a checksum, compressed as configured', (t) => {
  const { format, container, compressed, originalType } = new ArrowSerializer();
  t.deepEqual(
    { format, container, compressed, originalType },
    { format: 'arrow', container: 'checksum', compressed: false, originalType: undefined },
  );
  t.true(new ArrowSerializer({ compressed: true }).compressed);
});

test('a table is written as an Arrow file and read back with its rows, types and metadata', (t) => {
  const made = arrow.tableFromArrays(columns());
  const table = new arrow.Table(new arrow.Schema(made.schema.fields, new Map([['pandas', '{}']])), made.batches);
  const payload = serializer.serialize(table);
  t.is(Buffer.from(payload.subarray(0, 6)).toString(), 'ARROW1');
  t.is(Buffer.from(payload.subarray(-6)).toString(), 'ARROW1');
  const read = serializer.deserialize(payload);
  t.true(read instanceof arrow.Table);
  t.deepEqual(rowsOf(read), rowsOf(table));
  t.deepEqual(read.schema.fields.map(String), table.schema.fields.map(String));
  t.is(read.schema.metadata.get('pandas'), '{}');
});

test('empty tables, nulls, nested columns and several batches are carried', (t) => {
  const rows = [
    { a: 1, list: [1, 2], at: new Date(5), deep: { x: 'y' } },
    { a: null, list: [], at: null, deep: { x: null } },
  ];
  const nested = arrow.tableFromJSON(rows as never);
  const tables = [new arrow.Table(arrow.tableFromArrays({ a: [1] }).schema), nested, nested.concat(nested)];
  for (const table of tables) {
    const read = serializer.deserialize(serializer.serialize(table));
    t.deepEqual(JSON.stringify(rowsOf(read)), JSON.stringify(rowsOf(table)));
    t.is(read.numRows, table.numRows);
    t.is(read.numCols, table.numCols);
  }
});

test('what was written is not overwritten by the next table', (t) => {
  const first = serializer.serialize(arrow.tableFromArrays({ a: [1, 2] }));
  const copy = first.slice();
  serializer.serialize(arrow.tableFromArrays({ a: [3, 4] }));
  t.deepEqual(first, copy);
});

test('columns are views of the payload, and a payload that is not aligned is copied', (t) => {
  const payload = serializer.serialize(arrow.tableFromArrays(columns()));
  const values = (table: arrow.Table) => table.getChild('price')?.data[0]?.values as Float64Array;
  t.is(values(serializer.deserialize(payload)).buffer, payload.buffer);
  for (let offset = 1; offset < 8; offset++) {
    const shifted = new Uint8Array(payload.length + offset);
    shifted.set(payload, offset);
    const read = serializer.deserialize(shifted.subarray(offset));
    shifted.fill(0);
    t.deepEqual(values(read), columns().price);
  }
});

test('anything but a table is refused, without its content', (t) => {
  for (const value of [
    undefined,
    null,
    1,
    secret,
    { secret },
    [secret],
    new Map(),
    columns(),
    arrow.tableFromArrays(columns()).schema,
    arrow.tableFromArrays(columns()).batches[0],
  ]) {
    const error = t.throws(() => serializer.serialize(value as never), {
      instanceOf: SerializationError,
      code: 'ERR_SERIALIZATION',
    });
    t.false(error.message.includes(secret));
    t.is(error.cause, undefined);
  }
});

test('a table of another copy of the package is refused by name when one copy was given', (t) => {
  class Foreign extends (arrow.Table as unknown as new (...args: unknown[]) => arrow.Table) {}
  const other = { ...arrow, Table: Foreign } as unknown as ArrowModule<arrow.Table>;
  t.throws(() => new ArrowSerializer({ arrow: other }).serialize(arrow.tableFromArrays({ a: [1] })), {
    instanceOf: SerializationError,
    message: /another copy of apache-arrow/,
  });
});

test('bytes that are no Arrow file are refused', (t) => {
  const payload = serializer.serialize(arrow.tableFromArrays(columns()));
  const stream = arrow.tableToIPC(arrow.tableFromArrays({ a: [1] }), 'stream');
  const refused = [
    new Uint8Array(0),
    new Uint8Array(18),
    Buffer.from('ARROW1'),
    Buffer.from('ARROW1\0\0\0\0\0\0ARROW1'),
    payload.subarray(0, -1),
    payload.subarray(1),
    payload.subarray(0, 100),
    stream,
    Buffer.from('{"schema":{}}'),
  ];
  for (const bytes of refused) t.throws(() => serializer.deserialize(bytes), { instanceOf: SerializationError });
});

test('altered files are read or refused, and never anything else', (t) => {
  const payload = serializer.serialize(arrow.tableFromArrays({ id: Int32Array.of(1, 2, 3), name: ['a', 'b', 'c'] }));
  for (let run = 0; run < 2000; run++) {
    const altered = payload.slice();
    for (let i = 0; i <= run % 3; i++) altered[randomInt(8, altered.length - 6)] = randomInt(256);
    try {
      serializer.deserialize(altered);
    } catch (error) {
      t.true(error instanceof SerializationError, String(error));
    }
  }
});

test('a compressed file without its codec is refused with what to do', (t) => {
  const compressed = Buffer.from(
    'QVJST1cxAAD/////eAAAABAAAAAAAAoADAAGAAUACAAKAAAAAAEEAAwAAAAIAAgAAAAEAAgAAAAEAAAAAQAAABQAAAAQABQACAAGAAcADAAAABAAEAAAAAAAAQIQAAAAHAAAAAQAAAAAAAAAAQAAAGEAAAAIAAwACAAHAAgAAAAAAAABQAAAAP////+YAAAAFAAAAAAAAAAMABgABgAFAAgADAAMAAAAAAMEABwAAAAgAAAAAAAAAAAADAAcABAABAAIAAwADAAAAEgAAAAcAAAAFAAAAAMAAAAAAAAAAAAAAAQABAAEAAAACAAAAAAAAAAAAAAA',
    'base64',
  );
  t.throws(() => serializer.deserialize(compressed), { instanceOf: SerializationError });
  const error = t.throws(() =>
    new ArrowSerializer({
      arrow: {
        ...arrow,
        tableFromIPC: () => {
          throw new Error('Record batch is compressed but codec not found');
        },
      } as unknown as ArrowModule<arrow.Table>,
    }).deserialize(serializer.serialize(arrow.tableFromArrays({ a: [1] }))),
  );
  t.true(error instanceof SerializationError);
  t.regex(error.message, /compressionRegistry/);
});

test('wrong arguments are a TypeError', (t) => {
  for (const { name, value } of notBytes())
    t.throws(() => serializer.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
  for (const { name, value } of notObject())
    t.throws(() => new ArrowSerializer(value as object), { instanceOf: TypeError }, name);
  for (const module of [null, 1, 'apache-arrow', {}, { Table: arrow.Table }]) {
    t.throws(() => new ArrowSerializer({ arrow: module as never }), { instanceOf: TypeError });
  }
  for (const compressed of [null, 1, 'true']) {
    t.throws(() => new ArrowSerializer({ compressed: compressed as never }), { instanceOf: TypeError });
  }
});

/** Runs a module, bundled as it is published, in a Node process without a loader of TypeScript. */
async function runPublished(folder: string, source: string): Promise<string> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const outfile = join(folder, 'published.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../src/serializers/arrow.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    external: ['apache-arrow'],
    outfile,
  });
  const file = join(folder, 'main.mjs');
  writeFileSync(file, source);
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', file]);
  return stdout.trim();
}

const inFolder = async (parent: string, work: (folder: string) => Promise<void>) => {
  const folder = mkdtempSync(join(parent, 'arrow-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test('without an option, tables of `import` and of `require` are written, and tables read are those of `import`', async (t) => {
  // Within the package's own folder, so that the peer is found.
  await inFolder(fileURLToPath(new URL('../../node_modules', import.meta.url)), async (folder) => {
    const printed = await runPublished(
      folder,
      `import { createRequire } from 'node:module';
       import { ArrowSerializer } from './published.mjs';
       import * as imported from 'apache-arrow';
       const required = createRequire(import.meta.url)('apache-arrow');
       const serializer = new ArrowSerializer();
       const first = serializer.deserialize(serializer.serialize(imported.tableFromArrays({ a: [1, 2] })));
       const fresh = new ArrowSerializer();
       const second = fresh.deserialize(fresh.serialize(required.tableFromArrays({ a: [3] })));
       const both = serializer.serialize(required.tableFromArrays({ a: [1] })).length > 0 && serializer.serialize(imported.tableFromArrays({ a: [1] })).length > 0;
       console.log(first.constructor === imported.Table, second.constructor === required.Table, first.numRows, second.numRows, both);`,
    );
    t.is(printed, 'true true 2 1 true');
  });
});

test('without the package, construction fails with the command that installs it', async (t) => {
  await inFolder(tmpdir(), async (folder) => {
    const printed = await runPublished(
      folder,
      `import { ArrowSerializer } from './published.mjs';
       try { new ArrowSerializer(); } catch (error) { console.log(error.code, error.message); }`,
    );
    t.is(printed, 'ERR_CONFIGURATION ArrowSerializer needs the package apache-arrow: npm install apache-arrow');
  });
  t.is(new ConfigurationError('').code, 'ERR_CONFIGURATION');
});
