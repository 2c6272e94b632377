import test from 'ava';
import { EncryptionWrapper, InteropSerializer, StandardSerializer } from '../../index.js';
import { encodeInteropArgs } from '../../src/protocol/index.js';
import { aad, entries, masterKey, plaintext, sealer } from '../support/byte-arguments.js';

/*
 * The properties and methods of an array may say anything. The bytes that the engine knows of are taken, or the array is
 * refused; no other memory is read or written.
 */

const lies: Record<string, (bytes: Uint8Array) => Uint8Array> = {};
for (const length of [0, 1, 5, 1000, 100_000, -1, 3.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40, '7', {}]) {
  lies[`a length of ${typeof length} ${length}`] = (bytes) => Object.defineProperty(bytes, 'length', { value: length });
}
lies['a length that changes'] = (bytes) => {
  let asked = 0;
  return Object.defineProperty(bytes, 'length', { get: () => (asked++ % 2 === 0 ? bytes.byteLength : 4_000) });
};
lies['other byteLength, byteOffset and buffer'] = (bytes) =>
  Object.defineProperties(bytes, {
    byteLength: { value: 4_000 },
    byteOffset: { value: 8 },
    buffer: { value: new ArrayBuffer(64) },
  });
const wrong = () => new Uint8Array(3);
lies['other methods'] = (bytes) =>
  Object.defineProperties(
    bytes,
    Object.fromEntries(
      ['subarray', 'slice', 'set', 'copy', 'fill', 'every', 'equals'].map((name) => [name, { value: wrong }]),
    ),
  );
lies['a class with all of it'] = (bytes) => {
  class Lying extends Uint8Array {
    static get [Symbol.species]() {
      return Uint16Array as never;
    }
    override get length() {
      return 2_000;
    }
    override subarray() {
      return new Uint8Array(3) as never;
    }
  }
  return new Lying(bytes);
};

const attempt = async (call: () => unknown) => {
  try {
    return await call();
  } catch (error) {
    return error;
  }
};
const isRefusal = (result: unknown) => result instanceof TypeError || result instanceof RangeError;

for (const [name, { bytes, call, right }] of Object.entries(entries)) {
  test.serial(`${name}: the true bytes are taken, whatever the array says of itself`, async (t) => {
    const kept = sealer.seal(plaintext, aad);
    const faults: string[] = [];
    for (const [kind, lie] of Object.entries(lies)) {
      const result = await attempt(() => call(lie(Uint8Array.from(bytes))));
      if (!isRefusal(result) && !right(result as never)) faults.push(`${kind}: ${result}`);
    }
    t.deepEqual(faults, []);
    // The memory of small results goes on where it was.
    for (let i = 0; i < 200; i++) sealer.seal(Buffer.alloc(100), aad);
    t.deepEqual(sealer.open(kept, aad), plaintext);
  });
}

test('bytes in a value or an argument are written as the engine knows them', (t) => {
  const value = () => Uint8Array.from(plaintext);
  for (const serializer of [
    new StandardSerializer(),
    new StandardSerializer({ types: 'node' }),
    new InteropSerializer(),
  ]) {
    serializer.serialize({ secret: 'of an earlier value, much longer than the bytes are'.repeat(9) });
    const right = serializer.serialize({ value: value() });
    for (const [kind, lie] of Object.entries(lies)) {
      // An instance of a class is refused as such.
      if (kind.startsWith('a class')) continue;
      t.deepEqual(serializer.serialize({ value: lie(value()) }), right, kind);
    }
  }
  const args = encodeInteropArgs([value()]);
  for (const [kind, lie] of Object.entries(lies)) {
    if (!kind.startsWith('a class')) t.deepEqual(encodeInteropArgs([lie(value())]), args, kind);
  }
  const float = Object.defineProperties(Float64Array.of(1, 2), { byteLength: { value: 800 }, length: { value: 100 } });
  const node = new StandardSerializer({ types: 'node' });
  t.deepEqual(node.deserialize(node.serialize(float)), Float64Array.of(1, 2));
});

test('a detached array is refused even where it says that it has bytes', async (t) => {
  const detached = () => {
    const bytes = Uint8Array.from(plaintext);
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
    return Object.defineProperty(bytes, 'length', { value: plaintext.length });
  };
  const used = sealer.sealsRemaining;
  t.throws(() => sealer.seal(detached(), aad), { instanceOf: TypeError, message: /detached/ });
  t.throws(() => sealer.seal(plaintext, detached()), { instanceOf: TypeError, message: /detached/ });
  t.throws(() => sealer.open(sealer.seal(plaintext, aad), detached()), { instanceOf: TypeError, message: /detached/ });
  t.throws(() => sealer.sealInto(Buffer.alloc(100), plaintext, detached()), { message: /detached/ });
  await t.throwsAsync(sealer.sealAsync(plaintext, detached()), { message: /detached/ });
  t.is(used - sealer.sealsRemaining, 2, 'the seal that is opened, and the one of which the plaintext is detached');
  const wrapper = new EncryptionWrapper({ masterKey });
  t.throws(() => wrapper.deserialize(detached(), { cacheKey: 'k' }), { instanceOf: TypeError, message: /detached/ });
  for (const serializer of [new StandardSerializer(), new InteropSerializer()]) {
    t.throws(() => serializer.serialize(detached()), { message: /detached/ });
  }
});

test('a signal with methods of its own cannot take the arguments away', async (t) => {
  const [bytes, own] = [Uint8Array.from(plaintext), Uint8Array.from(aad)];
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    for (const array of [bytes, own]) structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
  };
  const sealed = await sealer.sealAsync(bytes, own, { signal });
  t.is(bytes.length, 0);
  t.deepEqual(sealer.open(sealed, aad), plaintext);
  const options = {
    get signal(): undefined {
      structuredClone(sealed, { transfer: [sealed.buffer as ArrayBuffer] });
      return undefined;
    },
  };
  await t.throwsAsync(sealer.openAsync(sealed, aad, options), { instanceOf: TypeError, message: /detached/ });
});
