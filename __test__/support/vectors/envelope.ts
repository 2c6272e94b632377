import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Sealer, StandardSerializer } from '../../../index.js';
import { ByteStorage, createAad } from '../../../src/protocol/index.js';
import { oracleEnvelope } from '../oracle.js';
import { bytesSerializer, wrapperEntries } from './opening.js';
import { assertBytesEqual, assertRefused, hex, section, type Via } from './section.js';

interface StoredRow {
  format: string;
  original_size: number;
  checksum_hex: string;
  data_sha256: string;
  envelope_b64: string;
  data_hex?: string;
  data_b64?: string;
  data_repeat?: { utf8?: string; hex?: string; times?: number; truncate_to?: number };
}
interface EnvelopeRow {
  envelope_hex: string;
  data_hex?: string;
  input_hex?: string;
  format?: string;
  envelope_encoding?: string;
}
type Pieces = { hex: string; count: number }[];

const peer = 'cachekit-peer.json';
const wire = 'protocol/wire-format.json';
const masterKey = Buffer.alloc(32, 7);
const tenantId = 'vectors';
const cacheKey = 'envelope';

/** Opening and unpacking is one native call: an envelope sealed as it is must unpack, or fail, as it does alone. */
export function sealedEntries(envelope: Uint8Array) {
  using sealer = new Sealer(masterKey, tenantId);
  const aad = createAad({ tenantId, cacheKey, format: 'msgpack', compressed: true });
  const sealed = sealer.seal(envelope, aad);
  const parts = { format: 'msgpack', compressed: true };
  return wrapperEntries({ masterKey, tenantId, cacheKey, sealed }, bytesSerializer(parts, 'envelope'));
}

async function unpacks(envelope: Uint8Array, data: Uint8Array, format: string, via: Via): Promise<void> {
  await via('ByteStorage.retrieve', () => {
    const retrieved = ByteStorage.retrieve(envelope);
    assertBytesEqual(retrieved.data, data);
    assert.equal(retrieved.format, format);
  });
  for (const [name, open] of sealedEntries(envelope)) {
    await via(name, async () => assertBytesEqual(await open(), data));
  }
}

export async function refusesEnvelope(envelope: Uint8Array, via: Via): Promise<void> {
  await via('ByteStorage.retrieve', () => assertRefused(() => ByteStorage.retrieve(envelope), 'ERR_ENVELOPE'));
  for (const [name, open] of sealedEntries(envelope)) await via(name, () => assertRefused(open, 'ERR_ENVELOPE'));
}

async function stores(data: Uint8Array, format: string, checksum: Uint8Array | undefined, via: Via): Promise<void> {
  const envelope = ByteStorage.store(data, format);
  await via('ByteStorage.store, read back', () => {
    assertBytesEqual(ByteStorage.retrieve(envelope).data, data);
    assert.equal(ByteStorage.retrieve(envelope).format, format);
  });
  await via('ByteStorage.store, read by the oracle', () => {
    const read = oracleEnvelope(envelope);
    assertBytesEqual(read.data, data);
    assert.equal(read.format, format);
    if (checksum !== undefined) assertBytesEqual(read.checksum, checksum);
  });
}

function dataOf(row: StoredRow): Buffer {
  if (row.data_hex !== undefined) return hex(row.data_hex);
  if (row.data_b64 !== undefined) return Buffer.from(row.data_b64, 'base64');
  const { utf8, hex: unitHex = '', times, truncate_to: size } = row.data_repeat ?? {};
  const unit = utf8 === undefined ? hex(unitHex) : Buffer.from(utf8);
  return Buffer.alloc(size ?? unit.length * (times ?? 0), unit);
}

const build = (pieces: Pieces) =>
  Buffer.concat(pieces.map(({ hex: unit, count }) => Buffer.alloc((unit.length / 2) * count, unit, 'hex')));

export const envelopeSections = [
  section<StoredRow>(peer, 'envelope', 144, async (row, via) => {
    const data = dataOf(row);
    const envelope = Buffer.from(row.envelope_b64, 'base64');
    await via('the row itself', () => {
      assert.equal(createHash('sha256').update(data).digest('hex'), row.data_sha256);
      assert.equal(data.length, row.original_size);
    });
    await unpacks(envelope, data, row.format, via);
    await stores(data, row.format, hex(row.checksum_hex), via);
  }),

  section<EnvelopeRow>(peer, 'envelope_legacy', 24, (row, via) =>
    unpacks(hex(row.envelope_hex), hex(row.data_hex as string), 'msgpack', via),
  ),

  section<EnvelopeRow>(peer, 'envelope_accepted_variants', 42, (row, via) =>
    unpacks(hex(row.envelope_hex), hex(row.data_hex as string), 'msgpack', via),
  ),

  section<EnvelopeRow & { input_hex: string }>(wire, 'vectors', 153, async (row, via) => {
    await unpacks(hex(row.envelope_hex), hex(row.input_hex), row.format as string, via);
    await stores(hex(row.input_hex), row.format as string, undefined, via);
    if (row.envelope_encoding === 'bin') {
      await via('oracle', () => assertBytesEqual(oracleEnvelope(hex(row.envelope_hex)).data, hex(row.input_hex)));
    }
  }),

  section<{ envelope_construction: Pieces; input_construction: Pieces; envelope_size: number; format: string }>(
    wire,
    'constructed_vectors',
    28,
    async (row, via) => {
      const envelope = build(row.envelope_construction);
      await via('the row itself', () => assert.equal(envelope.length, row.envelope_size));
      await unpacks(envelope, build(row.input_construction), row.format, via);
    },
  ),

  section<EnvelopeRow>(wire, 'reject_vectors', 84, (row, via) => refusesEnvelope(hex(row.envelope_hex), via)),

  section<EnvelopeRow>(wire, 'payload_reject_vectors', 14, async (row, via) => {
    const envelope = hex(row.envelope_hex);
    await via('ByteStorage.retrieve', () => {
      assertBytesEqual(ByteStorage.retrieve(envelope).data, hex(row.input_hex as string));
    });
    const serializer = new StandardSerializer();
    await via('StandardSerializer', () =>
      assertRefused(() => serializer.deserialize(hex(row.input_hex as string)), 'ERR_SERIALIZATION'),
    );
    using sealer = new Sealer(masterKey, tenantId);
    const sealed = sealer.seal(envelope, createAad({ tenantId, cacheKey, format: 'msgpack', compressed: true }));
    for (const [name, open] of wrapperEntries({ masterKey, tenantId, cacheKey, sealed }, serializer)) {
      await via(name, () => assertRefused(open, 'ERR_SERIALIZATION'));
    }
  }),
];
