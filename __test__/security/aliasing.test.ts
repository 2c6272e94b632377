import { createHash } from 'node:crypto';
import test from 'ava';
import { EncryptionWrapper, Sealer } from '../../index.js';
import { ByteStorage, blake2b256, createAad, encodeInteropArgs } from '../../src/protocol/index.js';
import { Random, testSeed } from '../support/random.js';

const masterKey = Buffer.alloc(32, 3);
const random = new Random(testSeed());
const sizes = [0, 1, 15, 16, 17, 100, 1000, 4000, 4068, 4069, 5000, 65_500, 65_536, 70_000, 200_000];
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Every buffer that the package hands out, with what it was worth at that moment. */
class HeldResults {
  readonly #held: { bytes: Uint8Array; digest: string }[] = [];
  readonly sealedMemory = new Set<ArrayBufferLike>();
  readonly plaintextMemory = new Set<ArrayBufferLike>();

  sealed<T extends Uint8Array>(bytes: T): T {
    this.sealedMemory.add(bytes.buffer);
    return this.#hold(bytes);
  }

  plaintext<T extends Uint8Array>(bytes: T): T {
    this.plaintextMemory.add(bytes.buffer);
    return this.#hold(bytes);
  }

  #hold<T extends Uint8Array>(bytes: T): T {
    this.#held.push({ bytes, digest: digest(bytes) });
    return bytes;
  }

  get count(): number {
    return this.#held.length;
  }

  changed(): number {
    return this.#held.filter(({ bytes, digest: before }) => digest(bytes) !== before).length;
  }

  overlapping(): number {
    const perBuffer = new Map<ArrayBufferLike, [start: number, end: number][]>();
    for (const { bytes } of this.#held) {
      if (!perBuffer.has(bytes.buffer)) perBuffer.set(bytes.buffer, []);
      if (bytes.length > 0) perBuffer.get(bytes.buffer)?.push([bytes.byteOffset, bytes.byteOffset + bytes.length]);
    }
    let overlaps = 0;
    for (const spans of perBuffer.values()) {
      spans.sort(([a], [b]) => a - b);
      for (let i = 1; i < spans.length; i++) if ((spans[i]?.[0] ?? 0) < (spans[i - 1]?.[1] ?? 0)) overlaps++;
    }
    return overlaps;
  }
}

test('no buffer handed out changes afterwards, overlaps another one or mixes plaintext with sealed bytes', async (t) => {
  const held = new HeldResults();
  using sealer = new Sealer(masterKey, 'aliasing');
  using wrapper = new EncryptionWrapper<unknown>({ masterKey });
  using interop = new EncryptionWrapper<unknown>({ masterKey, wire: 'interop' });
  using headed = new EncryptionWrapper<unknown>({ masterKey, rotationHeader: 'always' });
  for (let round = 0; round < 20; round++) {
    for (const size of sizes) {
      const plaintext = random.bytes(size);
      const cacheKey = `${round}:${random.text(30)}`;
      const aad = held.plaintext(createAad({ tenantId: 't', cacheKey, format: 'f', compressed: false }));
      const sealed = held.sealed(sealer.seal(plaintext, aad));
      held.plaintext(sealer.open(sealed, aad));
      held.plaintext(await sealer.openAsync(held.sealed(await sealer.sealAsync(plaintext, aad)), aad));
      held.plaintext(ByteStorage.retrieve(held.plaintext(ByteStorage.store(plaintext))).data);
      held.plaintext(blake2b256(plaintext));
      held.plaintext(encodeInteropArgs([plaintext, cacheKey]));
      for (const w of [wrapper, interop, headed]) {
        const value = { plaintext, half: plaintext.subarray(0, size >> 1) };
        const read = (back: unknown) => {
          for (const bytes of Object.values(back as typeof value)) held.plaintext(bytes);
        };
        read(w.deserialize(held.sealed(w.serialize(value, { cacheKey })), { cacheKey }));
        read(await w.deserializeAsync(held.sealed(await w.serializeAsync(value, { cacheKey })), { cacheKey }));
        const many = w.serializeMany([
          { value, cacheKey },
          { value, cacheKey },
        ]);
        for (const bytes of many) held.sealed(bytes);
        for (const result of w.deserializeMany(many.map((bytes) => ({ sealed: bytes, cacheKey })))) {
          if (result.ok) read(result.value);
          else throw result.error;
        }
      }
    }
  }
  t.log(`${held.count} results, seed ${random.seed}`);
  t.true(held.count > 10_000);
  t.is(held.changed(), 0);
  t.is(held.overlapping(), 0);
  t.is([...held.sealedMemory].filter((memory) => held.plaintextMemory.has(memory)).length, 0);
});

test('writing into one result changes no other one', (t) => {
  using sealer = new Sealer(masterKey, 'aliasing');
  const nothing = new Uint8Array(0);
  const plaintext = Buffer.alloc(64, 0x70);
  const first = sealer.seal(plaintext, nothing);
  const second = sealer.seal(plaintext, nothing);
  const opened = sealer.open(first, nothing);
  const again = sealer.open(first, nothing);
  first.fill(0);
  opened.fill(0);
  t.deepEqual(again, plaintext);
  t.deepEqual(sealer.open(second, nothing), plaintext);
});

test('an input that changes after an async call does not change the result', async (t) => {
  using sealer = new Sealer(masterKey, 'aliasing');
  using wrapper = new EncryptionWrapper<Uint8Array>({ masterKey });
  const aad = new Uint8Array([1, 2, 3]);
  const context = { cacheKey: 'k' };
  // More than the pool has threads, so that what follows waits while its input changes.
  const busy = Array.from({ length: 16 }, () => sealer.sealAsync(new Uint8Array(1 << 22), aad));
  for (const size of [1, 1000, 1 << 20]) {
    const original = random.bytes(size);
    const sealed = sealer.seal(original, aad);
    const stored = wrapper.serialize(original, context);
    const changing = <T>(bytes: Uint8Array, call: (copy: Uint8Array, aadCopy: Uint8Array) => T): T => {
      const [copy, aadCopy] = [new Uint8Array(bytes), new Uint8Array(aad)];
      const pending = call(copy, aadCopy);
      copy.fill(0xff);
      aadCopy.fill(0xff);
      return pending;
    };
    const [resealed, reserialized, opened, deserialized] = await Promise.all([
      changing(original, (copy, aadCopy) => sealer.sealAsync(copy, aadCopy)),
      changing(original, (copy) => wrapper.serializeAsync(copy, context)),
      changing(sealed, (copy, aadCopy) => sealer.openAsync(copy, aadCopy)),
      changing(stored, (copy) => wrapper.deserializeAsync(copy, context)),
    ]);
    t.true(equal(sealer.open(resealed, aad), original));
    t.true(equal(wrapper.deserialize(reserialized, context), original));
    t.true(equal(opened, original));
    t.true(equal(deserialized, original));
    busy.push(...Array.from({ length: 16 }, () => sealer.sealAsync(new Uint8Array(1 << 22), aad)));
  }
  t.is((await Promise.all(busy)).length, 64);
});

test('the output of sealInto and openInto may lie beside an input, but not on it', (t) => {
  using sealer = new Sealer(masterKey, 'aliasing');
  const memory = new ArrayBuffer(400);
  const view = (offset: number, length: number) => new Uint8Array(memory, offset, length);
  const aad = view(380, 20);
  for (let offset = 0; offset <= 300; offset++) {
    view(0, 400).fill(7);
    const overlapping = offset > 150 - 78 && offset < 150 + 50;
    const seal = () => sealer.sealInto(view(offset, 78), view(150, 50), aad);
    if (overlapping) t.throws(seal, { instanceOf: RangeError });
    else t.is(seal(), 78);
  }
  t.throws(() => sealer.sealInto(view(320, 78), view(0, 50), aad), { instanceOf: RangeError });
  const sealed = view(150, 78);
  for (let offset = 0; offset <= 300; offset++) {
    sealer.sealInto(sealed, view(0, 50), aad);
    const overlapping = offset > 150 - 50 && offset < 150 + 78;
    const open = () => sealer.openInto(view(offset, 50), sealed, aad);
    if (overlapping) t.throws(open, { instanceOf: RangeError });
    else t.is(open(), 50);
  }
});

test('a failed openInto or openInPlace leaves zeros and nothing of the plaintext', (t) => {
  using sealer = new Sealer(masterKey, 'aliasing');
  const nothing = new Uint8Array(0);
  for (const size of [1, 64, 5000]) {
    const sealed = sealer.seal(Buffer.alloc(size, 0x70), nothing);
    sealed[sealed.length - 1] = (sealed.at(-1) as number) ^ 1;
    const out = new Uint8Array(size).fill(0xee);
    t.throws(() => sealer.openInto(out, sealed, nothing), { code: 'ERR_AUTHENTICATION' });
    t.true(out.every((byte) => byte === 0));
    const buffer = new Uint8Array(sealed);
    t.throws(() => sealer.openInPlace(buffer, nothing), { code: 'ERR_AUTHENTICATION' });
    t.true(buffer.every((byte) => byte === 0));
  }
});
