import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import zlib from 'node:zlib';
import * as arrow from 'apache-arrow';
import test from 'ava';
import { ArrowSerializer, SerializationError } from '../../index.js';
import { codecOf } from '../../src/serializers/arrow/compression.js';
import { parseFile } from '../../src/serializers/arrow/file.js';
import { runPublished } from './arrow-published.js';

const compressions = ['zstd', 'lz4'] as const;
const rowsOf = (table: arrow.Table) => table.toArray().map((row) => row?.toJSON());
const withCompression = (compression: 'zstd' | 'lz4') => new ArrowSerializer({ arrow, compression });

const compressionOf = (bytes: Uint8Array) => parseFile(bytes).compression;

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
    t.true(encoded.length < 1_100_000);
    const out = new Uint8Array(bytes.length);
    codecOf(compression).decodeInto(out, encoded);
    t.is(Buffer.compare(out, bytes), 0);
    for (const length of [0, 1, bytes.length - 1, bytes.length + 1]) {
      t.throws(() => codecOf(compression).decodeInto(new Uint8Array(length), encoded), undefined, `${length}`);
    }
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
  const file = Buffer.from(withCompression('zstd').serialize(arrow.tableFromArrays(columns()))).toString('base64');
  if ('zstdCompressSync' in zlib) return t.pass();
  const printed = await runPublished(
    `import { ArrowSerializer } from './serializers/arrow.js';
     for (const attempt of [
       () => new ArrowSerializer({ compression: 'zstd' }),
       () => new ArrowSerializer().deserialize(Buffer.from('${file}', 'base64')),
     ]) try { attempt(); } catch (error) { console.log(error.code, error.message); }`,
    ['apache-arrow'],
  );
  const [written, read, ...others] = printed.split('\n');
  const command = 'npm install @bokuweb/zstd-wasm';
  t.true(written?.startsWith('ERR_CONFIGURATION ') && written.includes(command), printed);
  t.true(read?.startsWith('ERR_SERIALIZATION ') && read.includes(command), printed);
  t.deepEqual(others, []);
});

test('LZ4 needs no package', async (t) => {
  const printed = await runPublished(
    `import * as arrow from 'apache-arrow';
     import { ArrowSerializer } from './serializers/arrow.js';
     const serializer = new ArrowSerializer({ compression: 'lz4' });
     const payload = serializer.serialize(arrow.tableFromArrays({ a: new Int32Array(1000) }));
     console.log(serializer.deserialize(payload).numRows, payload.length < 1500);`,
    ['apache-arrow'],
  );
  t.is(printed, '1000 true');
});

test('a codec that the user registered in apache-arrow is theirs: it does not come between', (t) => {
  const { compressionRegistry, CompressionType } = arrow;
  const own = { encode: () => Uint8Array.of(4, 34, 77, 24, 0x40, 0, 0), decode: () => new Uint8Array(0) };
  compressionRegistry.set(CompressionType.LZ4_FRAME, own);
  const table = arrow.tableFromArrays({ a: new Int32Array(1000).fill(7) });
  const read = withCompression('lz4').deserialize(withCompression('lz4').serialize(table));
  t.deepEqual(read.getChild('a')?.toArray(), table.getChild('a')?.toArray());
  t.is(compressionRegistry.get(CompressionType.LZ4_FRAME), own);
});

test('a file that claims more than 512 MiB in all is refused, and a little of it is no reason to make room', (t) => {
  const payload = withCompression('lz4').serialize(
    arrow.tableFromArrays({ a: new Int32Array(1000), b: new Int32Array(1000) }),
  );
  const places = claims(payload, 4000);
  t.is(places.length, 2);
  for (const at of places) new DataView(payload.buffer).setBigInt64(at, 300n << 20n, true);
  t.throws(() => withCompression('lz4').deserialize(payload), {
    instanceOf: SerializationError,
    message: /more than 512 MiB/,
  });
});

function text(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
