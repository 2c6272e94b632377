import assert from 'node:assert/strict';
import {
  ArrowSerializer,
  InteropSerializer,
  JsonSerializer,
  type Serializer,
  StandardSerializer,
} from '../../../index.js';
import { opensFor, wrapperEntries } from './opening.js';
import { assertRefused, hex, section, vectorFile } from './section.js';

interface ContainerRow {
  reader: 'plain_msgpack' | 'interop' | 'bytestorage_envelope' | 'arrow_checksummed' | 'orjson_checksummed';
  cache_key: string;
  format: string;
  compressed: boolean;
  original_type?: string;
  plaintext_hex: string;
  ciphertext_hex: string;
  outcome: 'not_unwrapped' | 'error';
}

const file = 'protocol/encryption.json';
const { master_key_hex, tenant_id: tenantId } = vectorFile<{ master_key_hex: string; tenant_id: string }>(file);

/** The serializer of each kind of reader, as an own serializer, so that its AAD is the row's. */
const readers: Record<ContainerRow['reader'], { serializer: Serializer; container: 'none' | 'envelope' | 'checksum' }> =
  {
    plain_msgpack: { serializer: new StandardSerializer(), container: 'none' },
    interop: { serializer: new InteropSerializer(), container: 'none' },
    bytestorage_envelope: { serializer: new StandardSerializer(), container: 'envelope' },
    arrow_checksummed: { serializer: new ArrowSerializer() as Serializer, container: 'checksum' },
    orjson_checksummed: { serializer: new JsonSerializer(), container: 'checksum' },
  };

export const containerSections = [
  section<ContainerRow>(file, 'decrypted_container.vectors', 96, async (row, via) => {
    const { format, compressed, original_type: originalType } = row;
    const { serializer, container } = readers[row.reader];
    const opening = {
      masterKey: hex(master_key_hex),
      tenantId,
      cacheKey: row.cache_key,
      sealed: hex(row.ciphertext_hex),
    };
    await opensFor(opening, { format, compressed, originalType }, hex(row.plaintext_hex), via);
    const reader: Serializer = {
      format,
      compressed,
      container,
      ...(originalType ? { originalType } : {}),
      serialize: (value) => serializer.serialize(value),
      deserialize: (payload) => serializer.deserialize(payload),
    };
    for (const [name, open] of wrapperEntries(opening, reader)) {
      if (row.outcome === 'error') {
        const code = container === 'none' ? 'ERR_SERIALIZATION' : 'ERR_ENVELOPE';
        await via(`${row.reader} ${name}`, () => assertRefused(open, code));
      } else {
        // The envelope is the value: an array of four, not the map that is inside it.
        await via(`${row.reader} ${name}`, async () => assert.equal(((await open()) as unknown[]).length, 4));
      }
    }
  }),
];
