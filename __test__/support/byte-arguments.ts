import {
  EncryptionWrapper,
  InteropSerializer,
  JsonSerializer,
  MemoryBackend,
  Sealer,
  StandardSerializer,
} from '../../index.js';
import {
  ByteStorage,
  blake2b256,
  deriveDomainKey,
  encodeRotationHeader,
  keyFingerprint,
  parseRotationHeader,
} from '../../src/protocol/index.js';

/*
 * Every public entry that takes bytes, by the name of the argument: good bytes for it, a call with them, and what says that
 * the result is right.
 */

export interface ByteArgument {
  bytes: Uint8Array;
  call: (bytes: Uint8Array) => unknown;
  right: (result: never) => boolean;
}

export const masterKey = Buffer.alloc(32, 9);
export const aad = Buffer.from('aad');
export const plaintext = Buffer.from('plaintext of a value');
const context = { cacheKey: 'k' };

export const sealer = new Sealer(masterKey, 't');
const sealed = sealer.seal(plaintext, aad);
const inPlace = () => Buffer.concat([Buffer.alloc(12), plaintext, Buffer.alloc(16)]);
const wrappers = {
  standard: new EncryptionWrapper<unknown>({ masterKey }),
  json: new EncryptionWrapper<unknown>({ masterKey, serializer: new JsonSerializer() }),
  interop: new EncryptionWrapper<unknown>({ masterKey, wire: 'interop', serializer: new InteropSerializer() }),
  headed: new EncryptionWrapper<unknown>({ masterKey, rotationHeader: 'always' }),
  python: new EncryptionWrapper<unknown>({ masterKey, wire: 'python' }),
};
const text = 'a text of more than twenty-four bytes, \ufffd among them';
const longBytes = Buffer.alloc(200, 7);
const headerFields = {
  version: 1,
  algorithm: 0,
  keyFingerprint: Buffer.alloc(16, 1),
  tenantIdHash: Buffer.alloc(8, 2),
  domain: 'ench',
  keyVersion: 0,
} as const;
const header = encodeRotationHeader(headerFields);
/** A serializer of somebody's own, which hands bytes through. */
const ownMemory = new EncryptionWrapper<Uint8Array>({
  masterKey,
  serializer: { format: 'own', serialize: (bytes: Uint8Array) => bytes, deserialize: (bytes: Uint8Array) => bytes },
});

export const entries: Record<string, ByteArgument> = {
  'seal(plaintext)': { bytes: plaintext, call: (v) => sealer.seal(v, aad), right: opensTo(plaintext) },
  'seal(, aad)': { bytes: aad, call: (v) => sealer.seal(plaintext, v), right: opensTo(plaintext) },
  'open(sealed)': { bytes: sealed, call: (v) => sealer.open(v, aad), right: equals(plaintext) },
  'open(, aad)': { bytes: aad, call: (v) => sealer.open(sealed, v), right: equals(plaintext) },
  'sealInto(out)': { bytes: Buffer.alloc(48), call: (v) => sealer.sealInto(v, plaintext, aad), right: is(48) },
  'sealInto(, plaintext)': { bytes: plaintext, call: (v) => sealer.sealInto(Buffer.alloc(48), v, aad), right: is(48) },
  'sealInto(, , aad)': { bytes: aad, call: (v) => sealer.sealInto(Buffer.alloc(48), plaintext, v), right: is(48) },
  'openInto(out)': { bytes: Buffer.alloc(20), call: (v) => sealer.openInto(v, sealed, aad), right: is(20) },
  'openInto(, sealed)': { bytes: sealed, call: (v) => sealer.openInto(Buffer.alloc(20), v, aad), right: is(20) },
  'openInto(, , aad)': { bytes: aad, call: (v) => sealer.openInto(Buffer.alloc(20), sealed, v), right: is(20) },
  'sealInPlace(buffer)': { bytes: inPlace(), call: (v) => sealer.sealInPlace(v, 20, aad), right: opensTo(plaintext) },
  'sealInPlace(, , aad)': { bytes: aad, call: (v) => sealer.sealInPlace(inPlace(), 20, v), right: opensTo(plaintext) },
  'openInPlace(buffer)': { bytes: sealed, call: (v) => sealer.openInPlace(v, aad), right: equals(plaintext) },
  'openInPlace(, aad)': {
    bytes: aad,
    call: (v) => sealer.openInPlace(Buffer.from(sealed), v),
    right: equals(plaintext),
  },
  'sealAsync(plaintext)': { bytes: plaintext, call: (v) => sealer.sealAsync(v, aad), right: opensTo(plaintext) },
  'sealAsync(, aad)': { bytes: aad, call: (v) => sealer.sealAsync(plaintext, v), right: opensTo(plaintext) },
  'openAsync(sealed)': { bytes: sealed, call: (v) => sealer.openAsync(v, aad), right: equals(plaintext) },
  'openAsync(, aad)': { bytes: aad, call: (v) => sealer.openAsync(sealed, v), right: equals(plaintext) },
  'ByteStorage.store': {
    bytes: plaintext,
    call: (v) => ByteStorage.store(v),
    right: equals(ByteStorage.store(plaintext)),
  },
  'ByteStorage.retrieve': {
    bytes: ByteStorage.store(plaintext),
    call: (v) => ByteStorage.retrieve(v).data,
    right: equals(plaintext),
  },
  blake2b256: { bytes: plaintext, call: blake2b256, right: equals(blake2b256(plaintext)) },
  keyFingerprint: { bytes: masterKey, call: keyFingerprint, right: equals(keyFingerprint(masterKey)) },
  'deriveDomainKey(masterKey)': {
    bytes: masterKey,
    call: (v) => deriveDomainKey(v, 'd', 't'),
    right: equals(deriveDomainKey(masterKey, 'd', 't')),
  },
  'deriveDomainKey(, , salt)': {
    bytes: plaintext,
    call: (v) => deriveDomainKey(masterKey, 'd', v),
    right: equals(deriveDomainKey(masterKey, 'd', plaintext)),
  },
  'new Sealer(masterKey)': {
    bytes: masterKey,
    call: (v) => new Sealer(v, 't').fingerprint,
    right: is(sealer.fingerprint),
  },
  parseRotationHeader: {
    bytes: header,
    call: (v) => parseRotationHeader(v).tenantIdHash,
    right: equals(header.subarray(18, 26)),
  },
  'encodeRotationHeader(keyFingerprint)': {
    bytes: header.subarray(2, 18),
    call: (keyFingerprint) => encodeRotationHeader({ ...headerFields, keyFingerprint }),
    right: equals(header),
  },
  'StandardSerializer.deserialize': {
    bytes: new StandardSerializer().serialize({ text, binary: longBytes }),
    call: (v) => (new StandardSerializer().deserialize(v) as { text: string }).text,
    right: is(text),
  },
  'JsonSerializer.deserialize': {
    bytes: new JsonSerializer().serialize({ text }),
    call: (v) => (new JsonSerializer().deserialize(v) as { text: string }).text,
    right: is(text),
  },
  'MemoryBackend.set': {
    bytes: plaintext,
    call: async (v) => {
      const backend = new MemoryBackend();
      await backend.set('k', v, { owned: true });
      return (await backend.get('k'))?.bytes;
    },
    right: equals(plaintext),
  },
  'MemoryBackend.delete ifBytes': {
    bytes: plaintext,
    call: async (v) => {
      const backend = new MemoryBackend();
      await backend.set('k', plaintext);
      return backend.delete('k', { ifBytes: v });
    },
    right: is(true),
  },
  "a serializer's payload": {
    bytes: plaintext,
    call: (v) => ownMemory.deserialize(ownMemory.serialize(v, context), context),
    right: equals(plaintext),
  },
  "a serializer's payload, async": {
    bytes: plaintext,
    call: async (v) => ownMemory.deserialize(await ownMemory.serializeAsync(v, context), context),
    right: equals(plaintext),
  },
};
for (const [name, wrapper] of Object.entries(wrappers)) {
  const stored = wrapper.serialize('a value', context);
  entries[`${name} deserialize`] = {
    bytes: stored,
    call: (v) => wrapper.deserialize(v, context),
    right: is('a value'),
  };
  entries[`${name} deserializeAsync`] = {
    bytes: stored,
    call: (v) => wrapper.deserializeAsync(v, context),
    right: is('a value'),
  };
  entries[`${name} deserializeMany`] = {
    bytes: stored,
    call: (v) => wrapper.deserializeMany([{ sealed: v, ...context }])[0],
    right: (result: { ok: boolean; value: unknown }) => result.ok && result.value === 'a value',
  };
}

function is(expected: unknown) {
  return (result: unknown) => result === expected;
}
export function equals(expected: Uint8Array) {
  return (result: Uint8Array) => Buffer.compare(result, expected) === 0;
}
function opensTo(expected: Uint8Array) {
  return (result: Uint8Array) => equals(expected)(sealer.open(Uint8Array.from(result), aad));
}
