import assert from 'node:assert/strict';
import { EncryptionWrapper, InteropSerializer, Sealer, StandardSerializer } from '../../../index.js';
import { ByteStorage, createAad } from '../../../src/protocol/index.js';
import { wrapperEntries } from './opening.js';
import { assertBytesEqual, assertRefused, hex, section } from './section.js';

interface BoundsRow {
  construction: { repeat_hex: string; count: number; suffix_hex: string };
  input_hex: string;
  input_len: number;
  nesting_depth: number;
}

const file = 'protocol/decode-bounds.json';
const masterKey = Buffer.alloc(32, 9);
const tenantId = 'bounds';
const cacheKey = 'ns:op:0';

function inputOf(row: BoundsRow): Buffer {
  const { repeat_hex, count, suffix_hex } = row.construction;
  const input = Buffer.concat([hex(repeat_hex.repeat(count)), hex(suffix_hex)]);
  assert.equal(input.length, row.input_len);
  assertBytesEqual(input, hex(row.input_hex));
  return input;
}

/** Every reader of untrusted MessagePack values. */
function readers(input: Uint8Array): [string, () => unknown][] {
  using sealer = new Sealer(masterKey, tenantId);
  const seal = (bytes: Uint8Array, compressed: boolean) =>
    sealer.seal(bytes, createAad({ tenantId, cacheKey, format: 'msgpack', compressed }));
  const standard = { masterKey, tenantId, cacheKey, sealed: seal(ByteStorage.store(input), true) };
  const interop = seal(input, false);
  return [
    ['StandardSerializer', () => new StandardSerializer().deserialize(input)],
    ['InteropSerializer', () => new InteropSerializer().deserialize(input)],
    ...wrapperEntries(standard, new StandardSerializer()).map(
      ([name, open]) => [`standard ${name}`, open] as [string, () => unknown],
    ),
    [
      'interop',
      () => new EncryptionWrapper({ masterKey, tenantId, wire: 'interop' }).deserialize(interop, { cacheKey }),
    ],
    [
      'interop, async',
      () => new EncryptionWrapper({ masterKey, tenantId, wire: 'interop' }).deserializeAsync(interop, { cacheKey }),
    ],
  ];
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

export const boundsSections = [
  section<BoundsRow>(file, 'reject_vectors', 190, async (row, via) => {
    const input = inputOf(row);
    for (const [name, read] of readers(input)) await via(name, () => assertRefused(read, 'ERR_SERIALIZATION'));
    await via('ByteStorage.retrieve', () => assertRefused(() => ByteStorage.retrieve(input), 'ERR_ENVELOPE'));
  }),

  section<BoundsRow>(file, 'accept_vectors', 27, async (row, via) => {
    for (const [name, read] of readers(inputOf(row))) {
      await via(name, async () => assert.equal(depthOf(await read()), row.nesting_depth));
    }
  }),
];
