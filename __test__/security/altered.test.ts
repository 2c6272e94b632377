import test, { type ExecutionContext } from 'ava';
import { AuthenticationError, EncryptionWrapper, Sealer, UnknownKeyError } from '../../index.js';
import { createAad } from '../../src/protocol/index.js';
import { Random, testSeed } from '../support/random.js';
import { bytesSerializer } from '../support/vectors/opening.js';

/*
 * Every single-bit change, every truncation and every swap of what is stored, at four sizes. Whatever was done,
 * the answer is one class with one message, so that it tells nothing about where the change was.
 */

const masterKey = Buffer.alloc(32, 0x51);
const tenantId = 'tenant';
const cacheKey = 'users:1';
const sizes = [0, 16, 250, 1024];
const headerLen = 32;

const random = new Random(testSeed());
const { message } = new AuthenticationError();
let total = 0;

/** Tries alterations of one kind; at the end all must have been refused alike, and as many tried as expected. */
class Alterations {
  readonly #wrong: string[] = [];
  #tried = 0;

  refuses(open: () => unknown, what: string | number): void {
    this.expect(
      open,
      what,
      (error) => error instanceof AuthenticationError && error.message === message && !error.cause,
    );
  }

  expect(open: () => unknown, what: string | number, isRight: (error: unknown) => boolean): void {
    this.#tried++;
    total++;
    try {
      open();
      if (isRight(undefined)) return;
      this.#wrong.push(`${what}: it opened`);
    } catch (error) {
      if (!isRight(error)) this.#wrong.push(`${what}: ${error}`);
    }
  }

  done(t: ExecutionContext, expected: number): void {
    t.deepEqual(this.#wrong, []);
    t.is(this.#tried, expected);
  }
}

function* bitFlips(bytes: Uint8Array, from = 0): Generator<[Uint8Array, number]> {
  const altered = new Uint8Array(bytes);
  for (let bit = from * 8; bit < bytes.length * 8; bit++) {
    const mask = 0x80 >> (bit & 7);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ mask;
    yield [altered, bit];
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ mask;
  }
}

function sample(size: number) {
  const sealer = new Sealer(masterKey, tenantId);
  const plaintext = random.bytes(size);
  const aad = createAad({ tenantId, cacheKey, format: 'msgpack', compressed: true });
  return { sealer, plaintext, aad, sealed: sealer.seal(plaintext, aad) };
}

for (const size of sizes) {
  test.serial(`no changed bit of ${size} sealed bytes opens`, (t) => {
    const { sealer, aad, sealed, plaintext } = sample(size);
    const alterations = new Alterations();
    for (const [altered, bit] of bitFlips(sealed)) alterations.refuses(() => sealer.open(altered, aad), bit);
    alterations.done(t, (size + 28) * 8);
    t.deepEqual(new Uint8Array(sealer.open(sealed, aad)), plaintext);
  });

  test.serial(`no truncation and no addition to ${size} sealed bytes opens`, (t) => {
    const { sealer, aad, sealed } = sample(size);
    const alterations = new Alterations();
    for (let length = 0; length < sealed.length; length++) {
      alterations.refuses(() => sealer.open(sealed.subarray(0, length), aad), `cut to ${length}`);
      alterations.refuses(() => sealer.open(sealed.subarray(sealed.length - length), aad), `cut to the last ${length}`);
    }
    for (const more of [1, 16, 32]) {
      alterations.refuses(() => sealer.open(Buffer.concat([sealed, Buffer.alloc(more)]), aad), `${more} more`);
      alterations.refuses(() => sealer.open(Buffer.concat([Buffer.alloc(more), sealed]), aad), `${more} before`);
    }
    alterations.done(t, (size + 28) * 2 + 6);
  });

  test.serial(`no changed bit and no truncation of the AAD opens ${size} bytes`, (t) => {
    const { sealer, aad, sealed } = sample(size);
    const alterations = new Alterations();
    for (const [altered, bit] of bitFlips(aad)) alterations.refuses(() => sealer.open(sealed, altered), bit);
    for (let length = 0; length < aad.length; length++) {
      alterations.refuses(() => sealer.open(sealed, aad.subarray(0, length)), `cut to ${length}`);
    }
    alterations.refuses(() => sealer.open(sealed, Buffer.concat([aad, Buffer.alloc(1)])), 'one more');
    alterations.done(t, aad.length * 9 + 1);
  });

  test.serial(`no two neighbouring bytes of ${size} sealed bytes can be exchanged`, (t) => {
    const { sealer, aad, sealed } = sample(size);
    const alterations = new Alterations();
    let same = 0;
    for (let at = 0; at + 1 < sealed.length; at++) {
      const altered = new Uint8Array(sealed);
      altered.set([sealed[at + 1] as number, sealed[at] as number], at);
      if (sealed[at] === sealed[at + 1]) same++;
      else alterations.refuses(() => sealer.open(altered, aad), `${at} with ${at + 1}`);
    }
    alterations.done(t, size + 27 - same);
  });

  test.serial(`no part of one sealed value of ${size} bytes fits another one`, (t) => {
    const { sealer, aad, sealed } = sample(size);
    const other = sealer.seal(random.bytes(size + 1).subarray(1), aad);
    const alterations = new Alterations();
    const parts = (bytes: Buffer) => [bytes.subarray(0, 12), bytes.subarray(12, -16), bytes.subarray(-16)];
    for (let mixture = 1; mixture < 7; mixture++) {
      const mixed = Buffer.concat(parts(sealed).map((p, i) => ((mixture >> i) & 1 ? (parts(other)[i] as Buffer) : p)));
      // Without content, nonce and tag of one value are all of it.
      if (!mixed.equals(sealed) && !mixed.equals(other)) alterations.refuses(() => sealer.open(mixed, aad), mixture);
    }
    alterations.done(t, size === 0 ? 4 : 6);
  });

  test.serial(`every changed bit of a value of ${size} bytes with a rotation header fails as its field says`, (t) => {
    const serializer = bytesSerializer({ format: 'msgpack', compressed: true }, 'envelope');
    const wrapper = new EncryptionWrapper({ masterKey, tenantId, serializer, rotationHeader: 'always' });
    const value = random.bytes(size);
    const stored = wrapper.serialize(value, { cacheKey });
    const alterations = new Alterations();
    for (const [altered, bit] of bitFlips(stored)) {
      const byte = bit >> 3;
      const open = () => wrapper.deserialize(altered, { cacheKey });
      if (byte >= 2 && byte < 18) alterations.expect(open, bit, (error) => error instanceof UnknownKeyError);
      else if (byte === 30 && (bit & 7) === 7) alterations.expect(open, bit, (error) => error === undefined);
      else alterations.refuses(open, bit);
    }
    for (let length = 0; length < stored.length; length++) {
      alterations.refuses(() => wrapper.deserialize(stored.subarray(0, length), { cacheKey }), `cut to ${length}`);
    }
    alterations.done(t, stored.length * 9);
    t.deepEqual(wrapper.deserialize(stored.subarray(headerLen), { cacheKey }), value, 'the rest is a bare value');
  });

  test.serial(`a value of ${size} bytes opens under no other tenant, cache key, format, type or key`, (t) => {
    const parts = { format: 'msgpack', compressed: true, originalType: 'msgpack' };
    const make = (options: object, p = parts) =>
      new EncryptionWrapper({ masterKey, tenantId, serializer: bytesSerializer(p, 'none'), ...options });
    const stored = make({}).serialize(random.bytes(size), { cacheKey });
    const others = [
      make({ tenantId: 'tenanT' }),
      make({ tenantId: 'tenant ' }),
      make({ masterKey: Buffer.alloc(32, 0x50) }),
      make({}, { ...parts, format: 'orjson' }),
      make({}, { ...parts, compressed: false }),
      make({}, { ...parts, originalType: 'orjson' }),
      make({}, { ...parts, originalType: '' }),
    ];
    const alterations = new Alterations();
    for (const [index, other] of others.entries())
      alterations.refuses(() => other.deserialize(stored, { cacheKey }), index);
    for (const wrongKey of ['users:2', 'users:1 ', ' users:1', 'Users:1', 'users:1\0']) {
      alterations.refuses(() => make({}).deserialize(stored, { cacheKey: wrongKey }), wrongKey);
    }
    alterations.done(t, 12);
  });
}

test.serial('at least 20,000 alterations were tried', (t) => {
  t.log(`${total} alterations, seed ${random.seed}`);
  t.true(total >= 20_000);
});
