import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  ArrowSerializer,
  EncryptionWrapper,
  InteropSerializer,
  JsonSerializer,
  Sealer,
  type Serializer,
  StandardSerializer,
} from '../../../index.js';
import { PlainCodec } from '../../../src/codec/plain-codec.js';
import { parseFrame } from '../../../src/protocol/frame.js';
import { ByteStorage, createAad } from '../../../src/protocol/index.js';
import { fromTagged, type Tagged } from '../tagged.js';
import { frameOf, readings } from './frames.js';
import { valueReaders } from './interop.js';
import { assertBytesEqual, assertRefused, hex, section, type Via } from './section.js';

type Name = 'std' | 'orjson' | 'arrow' | 'interop';
interface Metadata {
  compressed: boolean;
  original_type: string | null;
}
interface SerializerRow {
  serializer: Name;
  integrity: boolean;
  value: Tagged;
  data_b64: string;
}
interface WrapperRow {
  serializer: Name;
  master_key_hex: string;
  tenant_id: string;
  cache_key: string;
  value: Tagged;
  metadata: Metadata & { format: string };
  plaintext_sha256: string;
  data_b64: string;
}
interface StoredRow {
  name: string;
  options: {
    master_key_hex?: string;
    deployment_uuid?: string;
    serializer?: Name;
    integrity?: boolean;
    interop?: boolean;
  };
  aad_cache_key: string;
  value: Tagged;
  stored_hex: string;
}
interface LegacyRow {
  options: { master_key_hex?: string; deployment_uuid?: string };
  cache_key: string;
  value: Tagged;
  stored_utf8: string;
}
interface TemporalRow {
  payload_hex: string;
  revives_to: { type: 'datetime' | 'date' | 'time'; iso: string };
}

const peer = 'cachekit-peer.json';
const frameNames = { std: 'default', orjson: 'orjson', arrow: 'arrow', interop: '' };

const serializerOf = (name: Name): Serializer =>
  ({
    std: () => new StandardSerializer(),
    orjson: () => new JsonSerializer(),
    arrow: () => new ArrowSerializer() as Serializer,
    interop: () => new InteropSerializer(),
  })[name]();

/** A DataFrame is an Arrow table here: the same columns with the same values. */
function assertValue(actual: unknown, tagged: Tagged): void {
  const frame = (tagged as { $df?: Record<string, Tagged[]> } | null)?.$df;
  if (frame === undefined) assert.deepStrictEqual(actual, fromTagged(tagged, valueReaders));
  const table = actual as { getChild(name: string): { toArray(): Iterable<number | bigint> } | null };
  for (const [name, column] of Object.entries(frame ?? {})) {
    assert.deepEqual([...(table.getChild(name)?.toArray() ?? [])].map(Number), column, name);
  }
}

/** Whether a value is written byte for byte: not so with `2.0`, which is 2 here, and with microseconds. */
const isExact = (value: Tagged) => !JSON.stringify(value).includes('"f2"') && !JSON.stringify(value).includes('$df');

async function readsAs(value: Tagged, list: [string, () => unknown][], via: Via): Promise<void> {
  for (const [name, read] of list) {
    await via(name, async () => assertValue(await read(), value));
  }
}

export const valueSections = [
  section<SerializerRow>(peer, 'serializer', 23, async (row, via) => {
    const data = Buffer.from(row.data_b64, 'base64');
    const serializer = serializerOf(row.serializer);
    const payload = () => {
      if (!row.integrity || row.serializer === 'interop') return data;
      return row.serializer === 'std' ? ByteStorage.retrieve(data).data : data.subarray(8);
    };
    await readsAs(row.value, [['serializer', () => serializer.deserialize(payload())]], via);
    const wire = row.serializer === 'interop' ? 'interop' : 'protocol';
    if (row.integrity) {
      const plain = new PlainCodec({ serializer, wire });
      await readsAs(row.value, [['plain wrapper', () => plain.deserialize(data)]], via);
    }
    if (!isExact(row.value)) return;
    const value = fromTagged(row.value, valueReaders);
    await via('serializer, writing', () => assertBytesEqual(serializer.serialize(value), payload()));
    if (row.integrity && row.serializer !== 'std') {
      await via('plain wrapper, writing', () => {
        assertBytesEqual(new PlainCodec({ serializer, wire }).serialize(value), data);
      });
    }
  }),

  section<WrapperRow>(peer, 'wrapper', 36, async (row, via) => {
    const sealed = Buffer.from(row.data_b64, 'base64');
    const { master_key_hex: masterKey, tenant_id: tenantId, cache_key: cacheKey, metadata } = row;
    await via('Sealer', () => {
      using sealer = new Sealer(masterKey, tenantId);
      const { format, compressed, original_type: originalType } = metadata;
      const plaintext = sealer.open(sealed, createAad({ tenantId, cacheKey, format, compressed, originalType }));
      assert.equal(createHash('sha256').update(plaintext).digest('hex'), row.plaintext_sha256);
    });
    const interop = row.serializer === 'interop';
    const stored = interop ? sealed : frameOf({ s: frameNames[row.serializer], m: metadata, v: '2.0' }, sealed);
    const wire = interop ? 'interop' : 'python';
    const serializer = serializerOf(row.serializer);
    await readsAs(row.value, readings({ masterKey, tenantId, cacheKey, wire, serializer }, stored), via);
  }),

  section<StoredRow>(peer, 'stored', 30, async (row, via) => {
    const { master_key_hex: masterKey, deployment_uuid: tenantId = 'default', interop, integrity = true } = row.options;
    const stored = hex(row.stored_hex);
    const wire = interop ? 'interop' : 'python';
    const serializer = serializerOf(interop ? 'interop' : (row.options.serializer ?? 'std'));
    if (!interop && integrity) {
      // Header and all, up to the payload, a frame is written byte for byte as Python writes it.
      const wrapper = masterKey ? new EncryptionWrapper({ masterKey, tenantId, wire, serializer }) : undefined;
      const write = () =>
        (wrapper ?? new PlainCodec({ wire, serializer })).serialize({ id: 42 }, { cacheKey: row.aad_cache_key });
      await via('the frame written', () => {
        const { payloadOffset } = parseFrame(stored);
        assertBytesEqual(write().subarray(0, payloadOffset), stored.subarray(0, payloadOffset));
      });
    }
    if (masterKey !== undefined) {
      const reader = { masterKey, tenantId, cacheKey: row.aad_cache_key, wire, serializer } as const;
      return readsAs(row.value, readings(reader, stored), via);
    }
    const read = () => new PlainCodec({ wire, serializer }).deserialize(stored);
    if (integrity) return readsAs(row.value, [['plain wrapper', read]], via);
    // The reader's container is configuration: without an envelope it is no value of this reader's.
    await via('plain wrapper', () => assertRefused(read, 'ERR_ENVELOPE'));
    await via('serializer', () => {
      assertValue(serializer.deserialize(stored.subarray(parseFrame(stored).payloadOffset)), row.value);
    });
  }),

  section<LegacyRow>(peer, 'stored_legacy', 8, async (row, via) => {
    // The first versions stored JSON. No wire reads that container, but all that is in it.
    const { master_key_hex: masterKey, deployment_uuid: tenantId = 'default' } = row.options;
    const stored = Buffer.from(row.stored_utf8);
    const { data, metadata } = JSON.parse(row.stored_utf8);
    const payload = Buffer.from(data, 'base64');
    if (masterKey === undefined) {
      const plain = new PlainCodec({ wire: 'python' });
      await via('plain wrapper, container', () => assertRefused(() => plain.deserialize(stored), 'ERR_SEALED_FORMAT'));
      const frame = frameOf({ s: 'default', m: metadata }, payload);
      return readsAs(row.value, [['plain wrapper', () => plain.deserialize(frame)]], via);
    }
    const reader = { masterKey, tenantId, cacheKey: row.cache_key, wire: 'python' } as const;
    for (const [name, read] of readings(reader, stored)) {
      await via(`${name}, container`, () => assertRefused(read, 'ERR_SEALED_FORMAT'));
    }
    await readsAs(row.value, readings(reader, frameOf({ s: 'default', m: metadata }, payload)), via);
  }),

  section<TemporalRow>('protocol/wire-format.json', 'temporal_sentinel_vectors', 6, async (row, via) => {
    const { type, iso } = row.revives_to;
    const serializer = new StandardSerializer();
    const value = fromTagged({ [`$${type}`]: iso }, valueReaders);
    await via('StandardSerializer', () => assert.deepStrictEqual(serializer.deserialize(hex(row.payload_hex)), value));
    await via('StandardSerializer, writing', () => assertBytesEqual(serializer.serialize(value), hex(row.payload_hex)));
  }),
];
