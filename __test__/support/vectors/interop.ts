import assert from 'node:assert/strict';
import { EncryptionWrapper, InteropSerializer, PlainDate, PlainTime, Sealer } from '../../../index.js';
import { blake2b256, createAad, encodeInteropArgs, interopKey } from '../../../src/protocol/index.js';
import { fromTagged, type Tagged, type TagReaders } from '../tagged.js';
import { opensFor } from './opening.js';
import { assertBytesEqual, assertRefused, hex, section, type Via } from './section.js';

interface KeyRow {
  namespace: string;
  operation: string;
  args: Tagged[];
  canonical_args_hex: string;
  args_hash: string;
  expected_key?: string;
  key?: string;
}
interface ErrorRow {
  namespace?: string;
  operation?: string;
  args: Tagged[];
}
interface ValueRow {
  value: Tagged;
  canonical_msgpack_hex?: string;
  data_hex?: string;
}
interface ReaderRow {
  input_hex: string;
  value?: Tagged;
}
interface RoundTripRow {
  master_key_hex: string;
  tenant_id: string;
  cache_key: string;
  format: string;
  compressed: boolean;
  plaintext_hex: string;
  nonce_hex: string;
  ciphertext_hex: string;
}

const file = 'protocol/interop-mode.json';
const peer = 'cachekit-peer.json';
const masterKey = Buffer.alloc(32, 6);
const cacheKey = 'users:get_user:0';

/** As a JavaScript caller writes arguments: a UUID is its lower-case text, an integer with a tag is a BigInt. */
export const argumentReaders: TagReaders = {
  int: (decimal) => BigInt(decimal),
  set: (items) => new Set(items),
  uuid: (text) => text.toLowerCase(),
  datetime: instant,
  date: (iso) => new PlainDate(iso),
  time: (iso) => new PlainTime(iso),
};

/** A Date holds whole milliseconds; for a finer instant a caller writes what a Date would become: its seconds. */
function instant(iso: string): unknown {
  const micros = /\.(\d{6})/.exec(iso)?.[1];
  if (!/[+-]\d\d:\d\d$|Z$/.test(iso)) throw new Error('JavaScript has no date without a zone');
  if (micros === undefined || micros.endsWith('000')) return new Date(iso);
  const seconds = new Date(iso.replace(/\.\d+/, '')).getTime() / 1000;
  return (seconds * 1_000_000 + Number(micros)) / 1_000_000;
}

export const valueReaders: TagReaders = {
  datetime: (iso) => new Date(iso),
  date: (iso) => new PlainDate(iso),
  time: (iso) => new PlainTime(iso),
};

async function keyMatches(row: KeyRow, via: Via): Promise<void> {
  const args = row.args.map((arg) => fromTagged(arg, argumentReaders));
  const canonical = hex(row.canonical_args_hex);
  await via('encodeInteropArgs', () => assertBytesEqual(encodeInteropArgs(args), canonical));
  await via('blake2b256', () => assertBytesEqual(blake2b256(canonical), hex(row.args_hash)));
  await via('interopKey', () => {
    assert.equal(interopKey(row.namespace, row.operation, args), row.expected_key ?? row.key);
  });
}

/** Every way to read an interop value: alone, and sealed as another SDK seals it. */
function readings(document: Uint8Array): [string, () => unknown][] {
  using sealer = new Sealer(masterKey, 'default');
  const sealed = sealer.seal(
    document,
    createAad({ tenantId: 'default', cacheKey, format: 'msgpack', compressed: false }),
  );
  const wrapper = new EncryptionWrapper({ masterKey, wire: 'interop' });
  return [
    ['InteropSerializer', () => new InteropSerializer().deserialize(document)],
    ['wrapper', () => wrapper.deserialize(sealed, { cacheKey })],
    ['wrapper, async', () => wrapper.deserializeAsync(sealed, { cacheKey })],
    [
      'wrapper, batch',
      () => {
        const [result] = wrapper.deserializeMany([{ sealed, cacheKey }]);
        if (result?.ok) return result.value;
        throw result?.error;
      },
    ],
  ];
}

async function valueMatches(row: ValueRow, via: Via): Promise<void> {
  const bytes = hex((row.canonical_msgpack_hex ?? row.data_hex) as string);
  const value = fromTagged(row.value, valueReaders);
  const sentinel = (row.value as { __datetime__?: true } | null)?.__datetime__ === true;
  // A sentinel written out as a map is what a Date is on the wire; microseconds are cut on reading.
  const read = sentinel ? new Date((row.value as { value: string }).value) : value;
  for (const [name, reading] of readings(bytes)) {
    await via(name, async () => assert.deepStrictEqual(await reading(), read));
  }
  await via('InteropSerializer, writing', () => assertBytesEqual(new InteropSerializer().serialize(value), bytes));
}

async function documentRefused(document: Uint8Array, via: Via): Promise<void> {
  for (const [name, reading] of readings(document)) {
    await via(name, () => assertRefused(reading, 'ERR_SERIALIZATION'));
  }
}

export const interopSections = [
  section<KeyRow>(file, 'key_vectors', 132, keyMatches),
  section<KeyRow>(peer, 'interop_key', 54, keyMatches),
  section<ValueRow>(file, 'value_vectors', 29, valueMatches),
  section<ValueRow>(peer, 'interop_value', 64, valueMatches),

  section<ErrorRow>(file, 'error_vectors', 42, async (row, via) => {
    const { namespace = 'ok', operation = 'ok' } = row;
    const make = () => row.args.map((arg) => fromTagged(arg, argumentReaders));
    await via('interopKey', () => assertRefused(() => interopKey(namespace, operation, make()), TypeError, RangeError));
    if (row.namespace === undefined) {
      await via('encodeInteropArgs', () => assertRefused(() => encodeInteropArgs(make()), TypeError, RangeError));
    }
  }),

  section<ReaderRow>(file, 'reader_accept_vectors', 24, async (row, via) => {
    for (const [name, reading] of readings(hex(row.input_hex))) {
      await via(name, async () => {
        const value = await reading();
        if (row.value !== undefined) assert.deepStrictEqual(value, fromTagged(row.value, valueReaders));
      });
    }
  }),

  section<ReaderRow>(file, 'reader_reject_vectors', 4, (row, via) => documentRefused(hex(row.input_hex), via)),

  section<RoundTripRow>(file, 'encryption_vectors', 13, async (row, via) => {
    const opening = {
      masterKey: hex(row.master_key_hex),
      tenantId: row.tenant_id,
      cacheKey: row.cache_key,
      sealed: hex(row.ciphertext_hex),
    };
    await opensFor(opening, row, hex(row.plaintext_hex), via);
    await via('wire interop', () => {
      const { masterKey, tenantId } = opening;
      using wrapper = new EncryptionWrapper({ masterKey, tenantId, wire: 'interop' });
      const value = wrapper.deserialize(opening.sealed, { cacheKey: row.cache_key });
      assertBytesEqual(new InteropSerializer().serialize(value), hex(row.plaintext_hex));
    });
    await via('the nonce stands in front', () => assertBytesEqual(opening.sealed.subarray(0, 12), hex(row.nonce_hex)));
  }),
];
