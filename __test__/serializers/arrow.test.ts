import { randomInt } from 'node:crypto';
import * as arrow from 'apache-arrow';
import test from 'ava';
import {
  type ArrowModule,
  ArrowSerializer,
  ConfigurationError,
  EncryptionWrapper,
  SerializationError,
} from '../../index.js';
import { parseFile } from '../../src/serializers/arrow/file.js';
import { notBytes, notObject } from '../support/wrong-values.js';
import { runPublished } from './arrow-published.js';
import { secret } from './values.js';

function isArrowFile(bytes: Uint8Array): boolean {
  try {
    return parseFile(bytes).compression === 'none';
  } catch (error) {
    if (error instanceof SerializationError) return false;
    throw error;
  }
}

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

test('what a getter or a proxy of a table throws is not kept, even if it is an error of this package', async (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: new Uint8Array(32).fill(7), serializer });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  for (const thrown of [
    new Error(secret),
    new SerializationError(secret),
    new ConfigurationError(secret),
    revoked.proxy,
  ]) {
    const fail = () => {
      throw thrown;
    };
    const table = (properties: PropertyDescriptorMap) =>
      Object.create(arrow.Table.prototype, {
        schema: { value: { fields: [] } },
        batches: { value: [] },
        numRows: { value: 1 },
        ...properties,
      });
    const whole = arrow.tableFromArrays(columns());
    const late = (name: string) => {
      let reads = 0;
      const get = (target: object, key: string) => (key === name && reads++ > 0 ? fail() : Reflect.get(target, key));
      return new Proxy(whole, { get });
    };
    const values = [
      revoked.proxy,
      new Proxy({}, { get: fail }),
      new Proxy(whole, { getPrototypeOf: fail }),
      table({ schema: { get: fail } }),
      table({ batches: { get: fail } }),
      table({ numRows: { get: fail } }),
      table({
        schema: {
          value: {
            fields: [
              {
                name: 'a',
                get type() {
                  return fail();
                },
              },
            ],
          },
        },
      }),
      table({
        schema: {
          value: {
            fields: [
              {
                type: new arrow.Int32(),
                get name() {
                  return fail();
                },
              },
            ],
          },
        },
        batches: { value: [{ data: { children: [{}] }, numRows: 1 }] },
      }),
      late('schema'),
      late('batches'),
    ];
    for (const [i, value] of values.entries()) {
      const writes = [
        () => serializer.serialize(value),
        () => wrapper.serialize(value, { cacheKey: 'k' }),
        () => wrapper.serializeMany([{ value, cacheKey: 'k' }]),
      ];
      for (const write of writes) {
        const error = t.throws(
          write,
          { instanceOf: SerializationError, message: /^(ArrowSerializer|The Table) [^:]*$/ },
          `${i}`,
        );
        t.is(error?.cause, undefined);
      }
      await t.throwsAsync(async () => wrapper.serializeAsync(value, { cacheKey: 'k' }), {
        message: /^(ArrowSerializer|The Table) [^:]*$/,
      });
    }
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

test('altered files are read or refused, and never read for ever', (t) => {
  const rows = [
    { a: 1, list: [1, 2], deep: { x: 'y' } },
    { a: null, list: [], deep: { x: null } },
  ];
  const nested = arrow.tableFromJSON(rows as never);
  for (const table of [
    nested,
    nested.concat(nested),
    arrow.tableFromArrays({ id: Int32Array.of(1, 2), name: ['a', 'b'] }),
  ]) {
    const payload = serializer.serialize(table);
    let refused = 0;
    for (let run = 0; run < 3000; run++) {
      const altered = payload.slice();
      for (let i = 0; i <= run % 4; i++) {
        altered[randomInt(8, altered.length - 6)] =
          run % 2 === 0 ? randomInt(256) : ([0, 1, 127, 128, 255][randomInt(5)] as number);
      }
      try {
        serializer.deserialize(altered);
      } catch (error) {
        if (!(error instanceof SerializationError)) t.fail(String(error));
        refused++;
      }
    }
    t.true(refused > 1000);
  }
});

test('a file with an altered continuation mark, block, vector or row count is refused before it is read', (t) => {
  const payload = serializer.serialize(arrow.tableFromArrays({ id: Int32Array.of(1, 2, 3), name: ['a', 'b', 'c'] }));
  const view = new DataView(payload.buffer);
  t.true(isArrowFile(payload));
  const marks = [];
  for (let at = 8; at < payload.length - 10; at += 8)
    if (view.getInt32(at, true) === -1 && view.getInt32(at + 4, true) > 0) marks.push(at);
  t.true(marks.length >= 2);
  // The first message repeats the schema, which is read from the footer.
  for (const mark of marks.slice(1)) {
    for (const [at, value] of [
      [mark, 0],
      [mark + 4, 0],
      [mark + 4, -1],
      [mark + 8, 0x7fffffff],
    ] as const) {
      const altered = new DataView(payload.slice().buffer);
      altered.setInt32(at, value, true);
      t.false(isArrowFile(new Uint8Array(altered.buffer)), `${at}`);
    }
  }
  for (const footerLen of [0, -1, 0x7fffffff, payload.length]) {
    const altered = new DataView(payload.slice().buffer);
    altered.setInt32(payload.length - 10, footerLen, true);
    t.false(isArrowFile(new Uint8Array(altered.buffer)));
  }
  for (let length = 0; length < payload.length - 6; length++) {
    t.false(isArrowFile(Buffer.concat([payload.subarray(0, length), Buffer.from('ARROW1')])));
  }
});

test('wrong arguments are a TypeError', (t) => {
  for (const { name, value } of notBytes())
    t.throws(() => serializer.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
  for (const { name, value } of notObject())
    t.throws(() => new ArrowSerializer(value as object), { instanceOf: TypeError }, name);
  for (const module of [null, 1, 'apache-arrow', {}, { Table: arrow.Table }]) {
    t.throws(() => new ArrowSerializer({ arrow: module as never }), { instanceOf: TypeError });
  }
  for (const compression of [null, 1, true]) {
    t.throws(() => new ArrowSerializer({ compression: compression as never }), { instanceOf: TypeError });
  }
  t.throws(() => new ArrowSerializer({ compression: 'gzip' as never }), { instanceOf: RangeError });
  for (const compressed of [null, 1, 'true']) {
    t.throws(() => new ArrowSerializer({ compressed: compressed as never }), { instanceOf: TypeError });
  }
});

test('without an option, tables of `import` and of `require` are written, and tables read are of the same copy', async (t) => {
  const printed = await runPublished(
    `import { createRequire } from 'node:module';
     import * as imported from 'apache-arrow';
     import { ArrowSerializer } from './serializers/arrow.js';
     const required = createRequire(import.meta.url)('apache-arrow');
     const again = (serializer, table) => serializer.deserialize(serializer.serialize(table));
     const one = new ArrowSerializer();
     const first = again(one, imported.tableFromArrays({ a: [1, 2] }));
     const second = again(new ArrowSerializer(), required.tableFromArrays({ a: [3] }));
     const both = [required, imported].map((arrow) => again(one, arrow.tableFromArrays({ a: [1] })).numRows);
     console.log(first.constructor === imported.Table, second.constructor === required.Table, first.numRows, second.numRows, ...both);`,
    ['apache-arrow'],
  );
  t.is(printed, 'true true 2 1 1 1');
});

test('without the package, construction fails with the command that installs it', async (t) => {
  const printed = await runPublished(
    `import { ArrowSerializer } from './serializers/arrow.js';
     try { new ArrowSerializer(); } catch (error) { console.log(error.code, error.message); }`,
    [],
  );
  t.is(printed, 'ERR_CONFIGURATION ArrowSerializer needs the package apache-arrow: npm install apache-arrow');
});
