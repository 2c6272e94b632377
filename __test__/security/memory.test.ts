import test from 'ava';
import { ByteStorage, blake2b256, EncryptionWrapper, InteropSerializer, JsonSerializer, Sealer } from '../../index.js';
import { native, UNVETTED, VETTED, VETTED_INPUTS, VETTED_OUT } from '../../src/native.js';

/*
 * Memory that another thread may change, or that may shrink, is refused in every argument. The fast entries leave it to
 * the native addon to notice; it knows a resizable buffer by its address, which an ordinary one may happen to have.
 */

const masterKey = Buffer.alloc(32, 9);
const aad = Buffer.from('aad');
const plaintext = Buffer.from('plaintext of a value');
const context = { cacheKey: 'k' };
const PAGE_LEN = 4096;

/** `bytes` at `offset` in memory that starts a page and is an ordinary ArrayBuffer all the same. */
function pageAligned(bytes: Uint8Array, offset = 0): Uint8Array {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (options: { initial: number }) => { buffer: ArrayBuffer } };
  };
  const { buffer } = new WebAssembly.Memory({ initial: 2 });
  const view = new Uint8Array(buffer, offset, bytes.length);
  view.set(bytes);
  return view;
}

type Growing<B> = new (length: number, options: { maxByteLength: number }) => B;
const ResizableBuffer = ArrayBuffer as Growing<ArrayBuffer>;
const GrowableBuffer = SharedArrayBuffer as Growing<SharedArrayBuffer>;

/** The same bytes in every kind of memory that must be refused, at several sizes and offsets. */
function refused(bytes: Uint8Array): { name: string; view: Uint8Array }[] {
  const views: { name: string; view: Uint8Array }[] = [];
  for (const offset of [0, 1, 8, 100, PAGE_LEN, PAGE_LEN + 8, 3 * PAGE_LEN]) {
    for (const spare of [0, 1, 64, PAGE_LEN, 100_000]) {
      const length = offset + bytes.length + spare;
      for (const [kind, buffer] of [
        ['resizable', new ResizableBuffer(length, { maxByteLength: length })],
        ['growable to more', new ResizableBuffer(length, { maxByteLength: length + 70_000 })],
        ['shared', new SharedArrayBuffer(length)],
        ['shared and growable', new GrowableBuffer(length, { maxByteLength: length + 70_000 })],
      ] as const) {
        const view = new Uint8Array(buffer as ArrayBuffer, offset, bytes.length);
        view.set(bytes);
        views.push({ name: `${kind}, offset ${offset}, spare ${spare}`, view });
      }
    }
    // Its length is what is left of the buffer.
    const tracking = new ResizableBuffer(offset + bytes.length, { maxByteLength: 1 << 20 });
    const view = new Uint8Array(tracking, offset);
    view.set(bytes);
    views.push({ name: `tracking, offset ${offset}`, view });
  }
  return views;
}

const sealer = new Sealer(masterKey, 't');
const sealed = sealer.seal(plaintext, aad);
const inPlace = () => Buffer.concat([Buffer.alloc(12), plaintext, Buffer.alloc(16)]);
const wrappers = {
  standard: new EncryptionWrapper<unknown>({ masterKey }),
  json: new EncryptionWrapper<unknown>({ masterKey, serializer: new JsonSerializer() }),
  interop: new EncryptionWrapper<unknown>({ masterKey, wire: 'interop', serializer: new InteropSerializer() }),
  headed: new EncryptionWrapper<unknown>({ masterKey, rotationHeader: 'always' }),
  python: new EncryptionWrapper<unknown>({ masterKey, wire: 'python' }),
};
/** A serializer of somebody's own, which hands bytes through. */
const ownMemory = new EncryptionWrapper<Uint8Array>({
  masterKey,
  serializer: { format: 'own', serialize: (bytes: Uint8Array) => bytes, deserialize: (bytes: Uint8Array) => bytes },
});

/** Every entry that takes bytes, by the name of the argument: the good bytes for it, and what says that the result is right. */
const entries: Record<
  string,
  { bytes: Uint8Array; call: (bytes: Uint8Array) => unknown; right: (result: never) => boolean }
> = {
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
function equals(expected: Uint8Array) {
  return (result: Uint8Array) => Buffer.compare(result, expected) === 0;
}
function opensTo(expected: Uint8Array) {
  return (result: Uint8Array) => equals(expected)(sealer.open(Uint8Array.from(result), aad));
}

const attempt = async (call: () => unknown) => {
  try {
    return await call();
  } catch (error) {
    return error;
  }
};

for (const [name, { bytes, call, right }] of Object.entries(entries)) {
  test.serial(`${name}: ordinary memory at the start of a page is taken, at every offset`, async (t) => {
    for (const offset of [0, 1, 8, 100, PAGE_LEN]) {
      const result = await attempt(() => call(pageAligned(bytes, offset)));
      t.true(right(result as never), `offset ${offset}: ${result}`);
    }
  });

  test.serial(`${name}: shared and resizable memory is a TypeError and stays as it was`, async (t) => {
    const remaining = sealer.sealsRemaining;
    // What cannot be read must not be told apart from what can.
    const views = [...refused(bytes), ...refused(new Uint8Array(bytes.length))];
    t.true(views.length > 100);
    const accepted: string[] = [];
    for (const { name: kind, view } of views) {
      const before = Uint8Array.from(view);
      const error = await attempt(() => call(view));
      const said = error instanceof TypeError && /shared|Shared|resizable/.test(error.message);
      if (!said || !equals(before)(view)) accepted.push(`${kind}: ${error}`);
    }
    t.deepEqual(accepted, []);
    t.is(sealer.sealsRemaining, remaining, 'a nonce was taken');
  });
}

test('the addon asks for a closer look before it does anything, and takes a vetted array as it is', (t) => {
  const sequence = new native.NonceSequence(false);
  const held = new native.MasterKey(masterKey).sealer(Buffer.from('t'), sequence);
  const { handle } = held;
  const out = Buffer.alloc(48, 0xee);
  const foreign = pageAligned(plaintext);
  t.is(native.sealInto(handle, out, foreign, aad), UNVETTED);
  t.is(native.sealInto(handle | VETTED_OUT, out, foreign, aad), UNVETTED);
  t.is(native.sealInto(handle | VETTED_INPUTS, pageAligned(out), plaintext, aad), UNVETTED);
  t.is(native.sealInPlace(handle, pageAligned(out), 20, aad), UNVETTED);
  t.is(sequence.used, 0);
  t.true(out.every((byte) => byte === 0xee));
  t.is(native.sealInto(handle | VETTED_INPUTS, out, foreign, aad), 48);
  t.is(native.sealInto(handle | VETTED, pageAligned(out), foreign, aad), 48);
  t.is(sequence.used, 2);
});
