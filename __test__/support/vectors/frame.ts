import assert from 'node:assert/strict';
import { ArrowSerializer, InteropSerializer } from '../../../index.js';
import { PlainCodec } from '../../../src/codec/plain-codec.js';
import { parseFrame } from '../../../src/protocol/frame.js';
import { readings } from './frames.js';
import { assertBytesEqual, assertRefused, hex, section, vectorFile } from './section.js';

interface Header {
  s: string;
  m: { format: string; compressed: boolean; original_type?: string };
}
interface FrameRow {
  name: string;
  frame_hex: string;
  expected_header: Header;
  expected_payload_hex: string;
  value_json?: unknown;
  arrow_detection?: { checksum_hex: string; ipc_magic: string };
}
interface ErrorRow {
  frame_hex: string;
  rejected_by?: string;
}
interface ReadRow extends FrameRow {
  outcome: string;
}

const file = 'protocol/python-frame.json';
const { encrypted_reader: reader } = vectorFile<{
  encrypted_reader: { master_key_hex: string; tenant_id: string; cache_key: string };
}>(file);

/** What each of the rows that an encrypted reader must not read is refused as. */
const refusals: Record<string, string> = {
  forged_plaintext_encrypted_false: 'ERR_SEALED_FORMAT',
  forged_plaintext_orjson: 'ERR_SEALED_FORMAT',
  ciphertext_key_not_in_keyring: 'ERR_UNKNOWN_KEY',
  ciphertext_other_tenant: 'ERR_AUTHENTICATION',
  ciphertext_plain_msgpack_not_envelope: 'ERR_ENVELOPE',
  ciphertext_plain_msgpack_claims_uncompressed: 'ERR_ENVELOPE',
  ciphertext_serializer_name_auto: 'ERR_SEALED_FORMAT',
  ciphertext_serializer_name_missing: 'ERR_SEALED_FORMAT',
};

const secureReadings = (frame: Uint8Array) =>
  readings(
    { masterKey: reader.master_key_hex, tenantId: reader.tenant_id, cacheKey: reader.cache_key, wire: 'python' },
    frame,
  );

export const frameSections = [
  section<FrameRow>(file, 'frame_vectors', 56, async (row, via) => {
    const frame = hex(row.frame_hex);
    const { s, m } = row.expected_header;
    await via('parseFrame', () => {
      const { serializerName, metadata, payloadOffset } = parseFrame(frame);
      assert.equal(serializerName, s);
      assert.equal(metadata.format, m.format);
      assert.equal(metadata.compressed, m.compressed);
      assert.equal(metadata.originalType, m.original_type ?? null);
      assert.equal(metadata.encrypted, false);
      const payload = frame.subarray(payloadOffset);
      if (row.arrow_detection === undefined) return assertBytesEqual(payload, hex(row.expected_payload_hex));
      assertBytesEqual(payload.subarray(0, 8), hex(row.arrow_detection.checksum_hex));
      assert.equal(payload.toString('latin1', 8, 14), row.arrow_detection.ipc_magic);
    });
    for (const [name, read] of secureReadings(frame)) {
      await via(name, () => assertRefused(read, 'ERR_SEALED_FORMAT'));
    }
    const read = () => new PlainCodec({ wire: 'python' }).deserialize(frame);
    if (s !== 'default') await via('plain reader', () => assertRefused(read, 'ERR_SEALED_FORMAT'));
    else if (m.compressed) await via('plain reader', () => assert.deepStrictEqual(read(), row.value_json));
    else await via('plain reader', () => assertRefused(read, 'ERR_ENVELOPE'));
    if (s === 'arrow') {
      const readTable = () => new PlainCodec({ wire: 'python', serializer: new ArrowSerializer() }).deserialize(frame);
      await via('plain Arrow reader', () => assert.ok(readTable().numRows > 0));
    }
  }),

  section<ErrorRow>(file, 'error_vectors', 56, async (row, via) => {
    const frame = hex(row.frame_hex);
    if (row.rejected_by === undefined) {
      // A frame at an interop reader: one small integer, followed by more.
      return via('InteropSerializer', () =>
        assertRefused(() => new InteropSerializer().deserialize(frame), 'ERR_SERIALIZATION'),
      );
    }
    await via('parseFrame', () => assertRefused(() => parseFrame(frame), 'ERR_SEALED_FORMAT'));
    await via('plain reader', () =>
      assertRefused(() => new PlainCodec({ wire: 'python' }).deserialize(frame), 'ERR_SEALED_FORMAT'),
    );
    for (const [name, read] of secureReadings(frame)) {
      await via(name, () => assertRefused(read, 'ERR_SEALED_FORMAT'));
    }
  }),

  section<ReadRow>(file, 'encrypted_read_vectors', 24, async (row, via) => {
    assert.equal(row.outcome, 'fail_closed');
    for (const [name, read] of secureReadings(hex(row.frame_hex))) {
      await via(name, () => assertRefused(read, refusals[row.name] as string));
    }
  }),
];
