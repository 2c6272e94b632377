import { createCache, EncryptionWrapper, JsonSerializer, Sealer } from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';
import { ByteStorage } from '../../src/protocol/index.js';
import { Random } from './random.js';

/*
 * Looks at the memory around every kind of result, and prints, as JSON, in how many of them something lies there that is
 * neither zero nor part of another result. With MALLOC_PERTURB_ glibc fills memory that was not asked for as zeros.
 */

const random = new Random(1);
const masterKey = Buffer.alloc(32, 3);
const results: { kind: string; bytes: Uint8Array }[] = [];
const add = <B extends Uint8Array>(kind: string, bytes: B): B => {
  results.push({ kind, bytes });
  return bytes;
};
const text = (length: number) => Buffer.from(random.bytes(length)).toString('base64').slice(0, length);
/** Of every way that results are made: by slab, by scratch buffer, alone, and cut to size or not. */
const sizes = [0, 1, 50, 500, 3_000, 3_800, 4_100, 20_000, 60_000, 66_000, 200_000, 1_500_000];

const sealer = new Sealer(masterKey, 't');
const aad = Buffer.from('aad');
for (const size of sizes) {
  for (const bytes of [random.bytes(size), Buffer.alloc(size, 'a')]) {
    const sealed = add('Sealer.seal', sealer.seal(bytes, aad));
    add('Sealer.open', sealer.open(sealed, aad));
    add('Sealer.openAsync', await sealer.openAsync(add('Sealer.sealAsync', await sealer.sealAsync(bytes, aad)), aad));
    add('ByteStorage.retrieve', ByteStorage.retrieve(add('ByteStorage.store', ByteStorage.store(bytes))).data);
  }
}
const own = {
  format: 'own',
  serialize: (value: unknown) => Buffer.from(String(value)),
  deserialize: (bytes: Uint8Array) => add("a user's deserialize", bytes).length,
};
const wrappers = {
  protocol: new EncryptionWrapper<unknown>({ masterKey }),
  headed: new EncryptionWrapper<unknown>({ masterKey, rotationHeader: 'always' }),
  json: new EncryptionWrapper<unknown>({ masterKey, serializer: new JsonSerializer() }),
  interop: new EncryptionWrapper<unknown>({ masterKey, wire: 'interop' }),
  python: new EncryptionWrapper<unknown>({ masterKey, wire: 'python' }),
  own: new EncryptionWrapper<unknown>({ masterKey, serializer: own }),
  'own, checksum': new EncryptionWrapper<unknown>({ masterKey, serializer: { ...own, container: 'checksum' } }),
  plain: new PlainCodec<unknown>(),
};
const context = { cacheKey: 'k' };
for (const [kind, wrapper] of Object.entries(wrappers)) {
  for (const size of sizes) {
    for (const value of [text(size), 'a'.repeat(size)]) {
      const sealed = add(`${kind} serialize`, wrapper.serialize(value, context));
      wrapper.deserialize(sealed, context);
      if (wrapper instanceof PlainCodec) continue;
      add(`${kind} serializeAsync`, await wrapper.serializeAsync(value, context));
      await wrapper.deserializeAsync(sealed, context);
    }
  }
  for (const count of [1, 3, 20, 200]) {
    const items = Array.from({ length: count }, (_, i) => ({
      value: i % 2 ? text(i * 17) : 'a'.repeat(i * 31),
      ...context,
    }));
    const sealed = wrapper.serializeMany(items);
    for (const bytes of sealed) add(`${kind} serializeMany`, bytes);
    wrapper.deserializeMany(sealed.map((bytes) => ({ sealed: bytes, ...context })));
  }
}
/** What is left of the memory when all results in it are taken out. */
const around = new Map<ArrayBufferLike, Buffer>();
for (const { bytes } of results) {
  const rest = around.get(bytes.buffer) ?? Buffer.from(Buffer.from(bytes.buffer));
  around.set(bytes.buffer, rest.fill(0, bytes.byteOffset, bytes.byteOffset + bytes.length));
}
const dirty: Record<string, number> = {};
for (const { kind, bytes } of results) {
  dirty[kind] ??= 0;
  if (around.get(bytes.buffer)?.some((byte) => byte !== 0)) dirty[kind]++;
}
// A backend gets memory that nothing else lies in.
const shared: number[] = [];
const given = createCache({
  masterKey,
  namespace: 'n',
  backend: {
    get: async () => undefined,
    set: async (_cacheKey: string, bytes: Uint8Array) => {
      if (bytes.length !== bytes.buffer.byteLength) shared.push(bytes.length);
    },
    delete: async () => false,
  },
});
for (const size of sizes) await given.set('k', text(size));

const slabs = [...around.values()].filter((rest) => rest.length === 16_384).length;
console.log(JSON.stringify({ dirty, shared, slabs, results: results.length }));
