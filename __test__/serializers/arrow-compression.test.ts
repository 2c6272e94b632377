import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import zlib from 'node:zlib';
import * as arrow from 'apache-arrow';
import test from 'ava';
import { SerializationError } from '../../src/errors.js';
import { ArrowSerializer } from '../../src/serializers/arrow.js';
import { codecOf } from '../../src/serializers/arrow-compression.js';
import { compressionOf } from '../../src/serializers/arrow-file.js';
import { runPublished } from './arrow-published.js';

const compressions = ['zstd', 'lz4'] as const;
const rowsOf = (table: arrow.Table) => table.toArray().map((row) => row?.toJSON());
const withCompression = (compression: 'zstd' | 'lz4') => new ArrowSerializer({ arrow, compression });

const columns = () => ({
  id: Int32Array.from({ length: 1000 }, (_, i) => i),
  big: BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i) ** 3n),
  name: Array.from({ length: 1000 }, (_, i) => `name é${i % 17}`),
  noise: new Float64Array(randomBytes(8000).buffer.slice(0, 8000)),
});

/** Where the lengths of compressed buffers may stand that are not −1: all aligned 64-bit numbers of the bodies. */
function claims(payload: Uint8Array, length: number): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const found: number[] = [];
  for (let at = 8; at + 8 <= payload.length; at += 8) if (view.getBigInt64(at, true) === BigInt(length)) found.push(at);
  return found;
}

test('what is compressed says so in the AAD, unless the option says otherwise', (t) => {
  t.true(new ArrowSerializer({ arrow, compression: 'zstd' }).compressed);
  t.true(new ArrowSerializer({ arrow, compression: 'lz4' }).compressed);
  t.false(new ArrowSerializer({ arrow, compression: 'lz4', compressed: false }).compressed);
});

for (const compression of compressions) {
  test(`tables are written and read with ${compression}, by a serializer without the option too`, (t) => {
    const nested = arrow.tableFromJSON([
      { a: 1, list: [1, 2], deep: { x: 'y' } },
      { a: null, list: [], deep: { x: null } },
    ] as never);
    const made = arrow.tableFromArrays(columns());
    for (const table of [made, made.concat(made), nested, new arrow.Table(made.schema), made.slice(0, 1)]) {
      const payload = withCompression(compression).serialize(table);
      const batches = table.batches.filter(({ numRows }) => numRows > 0).length;
      t.is(compressionOf(payload), batches > 0 ? compression : 'none');
      for (const serializer of [withCompression(compression), new ArrowSerializer({ arrow })]) {
        const read = serializer.deserialize(payload);
        t.deepEqual(JSON.stringify(rowsOf(read), text), JSON.stringify(rowsOf(table), text));
        t.deepEqual(read.schema.fields.map(String), table.schema.fields.map(String));
      }
    }
  });

  test(`a buffer says its own length, and one that ${compression} does not shrink is stored as it is`, (t) => {
    const payload = withCompression(compression).serialize(arrow.tableFromArrays(columns()));
    t.is(claims(payload, 4000).length > 0, true, 'the Int32 column');
    t.true(claims(payload, -1).length > 0, 'the random column');
  });

  test(`altered ${compression} files are read or refused`, (t) => {
    const serializer = withCompression(compression);
    const payload = serializer.serialize(arrow.tableFromArrays(columns()));
    let refused = 0;
    for (let run = 0; run < 2000; run++) {
      const altered = payload.slice();
      for (let i = 0; i <= run % 4; i++) altered[randomInt(8, altered.length - 6)] = randomInt(256);
      try {
        serializer.deserialize(altered);
      } catch (error) {
        if (!(error instanceof SerializationError)) t.fail(String(error));
        refused++;
      }
    }
    t.true(refused > 200);
    t.is(serializer.deserialize(payload).numRows, 1000);
  });

  test(`a buffer that claims another length is refused, before ${compression} makes room for it`, (t) => {
    const serializer = withCompression(compression);
    const payload = serializer.serialize(arrow.tableFromArrays({ id: columns().id }));
    const [at] = claims(payload, 4000);
    for (const claimed of [0n, 1n, 3999n, 4001n, 2n ** 30n, 2n ** 40n, 2n ** 62n, -2n]) {
      const altered = payload.slice();
      new DataView(altered.buffer).setBigInt64(at ?? 0, claimed, true);
      t.throws(() => serializer.deserialize(altered), { instanceOf: SerializationError }, `${claimed}`);
    }
    t.is(compressionOf(payload), compression);
  });

  test(`megabytes go through ${compression}`, (t) => {
    const bytes = Buffer.concat([Buffer.alloc(3_000_000, 'abc'), randomBytes(1_000_000)]);
    const encoded = codecOf(compression).encode(bytes);
    const prefixed = new Uint8Array(8 + encoded.length);
    new DataView(prefixed.buffer).setBigInt64(0, BigInt(bytes.length), true);
    prefixed.set(encoded, 8);
    t.is(Buffer.compare(codecOf(compression).decode(prefixed.subarray(8)), bytes), 0);
  });
}

test('a file that Python compressed is read', (t) => {
  const { serializer: rows } = JSON.parse(
    readFileSync(new URL('../vectors/cachekit-peer.json', import.meta.url), 'utf8'),
  );
  const { data_b64 } = rows.find((row: { serializer: string }) => row.serializer === 'arrow');
  const payload = Buffer.from(data_b64, 'base64').subarray(8);
  t.is(compressionOf(payload), 'zstd');
  t.true(new ArrowSerializer({ arrow }).deserialize(payload).numRows > 0);
});

test('without a codec, writing fails at construction and reading as it happens, with the command that installs it', async (t) => {
  const file = (compression: 'zstd' | 'lz4') =>
    Buffer.from(withCompression(compression).serialize(arrow.tableFromArrays(columns()))).toString('base64');
  const missing = 'zstdCompressSync' in zlib ? (['lz4'] as const) : compressions;
  for (const compression of missing) {
    const printed = await runPublished(
      `import { ArrowSerializer } from './serializers/arrow.js';
       for (const attempt of [
         () => new ArrowSerializer({ compression: '${compression}' }),
         () => new ArrowSerializer().deserialize(Buffer.from('${file(compression)}', 'base64')),
       ]) try { attempt(); } catch (error) { console.log(error.code, error.message); }`,
      ['apache-arrow'],
    );
    const name = compression === 'lz4' ? 'lz4js' : '@bokuweb/zstd-wasm';
    const [written, read, ...others] = printed.split('\n');
    t.true(written?.startsWith('ERR_CONFIGURATION ') && written.includes(`npm install ${name}`), printed);
    t.true(read?.startsWith('ERR_SERIALIZATION ') && read.includes(`npm install ${name}`), printed);
    t.deepEqual(others, []);
  }
});

test("a codec that the user registered is used, and not replaced by the package's own", async (t) => {
  const printed = await runPublished(
    `import * as arrow from 'apache-arrow';
     import lz4 from 'lz4js';
     import { ArrowSerializer } from './serializers/arrow.js';
     let calls = 0;
     const own = { encode: (bytes) => (calls++, lz4.compress(bytes)), decode: (bytes) => (calls++, lz4.decompress(bytes)) };
     arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, own);
     const before = calls;
     const serializer = new ArrowSerializer({ compression: 'lz4' });
     const table = arrow.tableFromArrays({ a: new Int32Array(1000) });
     console.log(serializer.deserialize(serializer.serialize(table)).numRows, calls > before + 1);`,
    ['apache-arrow', 'lz4js'],
  );
  t.is(printed, '1000 true');
});

function text(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
