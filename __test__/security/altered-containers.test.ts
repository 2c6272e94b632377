import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { EncryptionWrapper } from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';
import { ByteStorage } from '../../src/protocol/index.js';
import { Random, testSeed } from '../support/random.js';
import { bytesSerializer } from '../support/vectors/opening.js';

/*
 * What lies around a value without being authenticated by itself: the envelope, the checksum and Python's frame. An
 * altered one is refused, or gives exactly the value that was stored; never another one, and never a crash.
 */

const random = new Random(testSeed());
const masterKey = Buffer.alloc(32, 0x52);
const contents: Record<string, Uint8Array> = {
  'no bytes': new Uint8Array(0),
  '40 random bytes': random.bytes(40),
  '300 random bytes': random.bytes(300),
  '4,000 bytes that repeat': new Uint8Array(Buffer.alloc(4000, 'abcdefgh-')),
};

interface Tally {
  refused: number;
  same: number;
  wrong: string[];
}

/** Each flipped bit, each truncation and one byte more. */
function alter<T>(stored: Uint8Array, value: T, read: (bytes: Uint8Array) => T, codes: string[]): Tally {
  const tally: Tally = { refused: 0, same: 0, wrong: [] };
  const attempt = (bytes: Uint8Array, what: string) => {
    try {
      const got = read(bytes);
      if (isDeepStrictEqual(got, value)) tally.same++;
      else tally.wrong.push(`${what}: another value`);
    } catch (error) {
      if (codes.includes((error as { code: string }).code)) tally.refused++;
      else tally.wrong.push(`${what}: ${error}`);
    }
  };
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const altered = new Uint8Array(stored);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    attempt(altered, `bit ${bit}`);
  }
  for (let length = 0; length < stored.length; length++) attempt(stored.subarray(0, length), `cut to ${length}`);
  return tally;
}

function report(t: ExecutionContext, { refused, same, wrong }: Tally, stored: Uint8Array, mostSame: number): void {
  t.deepEqual(wrong, []);
  t.is(refused + same, stored.length * 9);
  t.true(same <= mostSame, `${same} alterations changed nothing`);
}

for (const [name, content] of Object.entries(contents)) {
  test(`an altered envelope of ${name} is refused or holds the same bytes`, (t) => {
    const stored = ByteStorage.store(content, 'msgpack');
    const tally = alter(stored, content, (bytes) => new Uint8Array(ByteStorage.retrieve(bytes).data), ['ERR_ENVELOPE']);
    // The format (8 bytes) is returned and not checked; how a match is found again may differ where bytes repeat.
    report(t, tally, stored, 8 * 8 + 24);
  });

  test(`altered bytes behind a checksum are refused: ${name}`, (t) => {
    const wrapper = new PlainCodec({ serializer: bytesSerializer({ format: 'f', compressed: false }, 'checksum') });
    const stored = wrapper.serialize(content);
    const tally = alter(stored, content, (bytes) => wrapper.deserialize(bytes), ['ERR_ENVELOPE']);
    report(t, tally, stored, 0);
  });

  test(`an altered frame around a sealed value is refused or opens to the same value: ${name}`, (t) => {
    const wrapper = new EncryptionWrapper<unknown>({ masterKey, wire: 'python' });
    const context = { cacheKey: 'k' };
    const stored = wrapper.serialize(content, context);
    const tally = alter<unknown>(stored, content, (bytes) => wrapper.deserialize(bytes, context), [
      'ERR_SEALED_FORMAT',
      'ERR_AUTHENTICATION',
      'ERR_UNKNOWN_KEY',
    ]);
    // White space, `encoding`, the algorithm's name, `v` and names of members that nobody reads may change.
    report(t, tally, stored, 8 * 120);
    t.true(tally.refused > (stored.length - 262) * 9);
  });
}

test('a frame that is altered to claim plaintext never has its ciphertext taken for a value', (t) => {
  const wrapper = new EncryptionWrapper<unknown>({ masterKey, wire: 'python' });
  const stored = wrapper.serialize('value', { cacheKey: 'k' }).toString('latin1');
  const claims = ['"encrypted": null', '"encrypted":    0', '"encrypted":  "1"', '"Encrypted": true'];
  for (const claim of claims) {
    const altered = Buffer.from(stored.replace('"encrypted": true', claim), 'latin1');
    t.is(altered.length, stored.length);
    t.throws(() => wrapper.deserialize(altered, { cacheKey: 'k' }), { code: 'ERR_SEALED_FORMAT' });
    const plain = new PlainCodec({ wire: 'python' });
    t.throws(() => plain.deserialize(altered), { code: 'ERR_ENVELOPE' });
  }
  t.throws(() => new PlainCodec({ wire: 'python' }).deserialize(Buffer.from(stored, 'latin1')), {
    code: 'ERR_SEALED_FORMAT',
  });
});

test('an altered document is refused or is another document, and ends nothing', (t) => {
  const wrapper = new PlainCodec({ wire: 'interop' }) as PlainCodec<unknown>;
  const stored = wrapper.serialize({ id: 1, text: 'x'.repeat(40), list: [1, 2.5, null, { a: new Uint8Array(9) }] });
  let [read, refused] = [0, 0];
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const altered = new Uint8Array(stored);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    try {
      wrapper.deserialize(altered);
      read++;
    } catch (error) {
      t.is((error as { code: string }).code, 'ERR_SERIALIZATION');
      refused++;
    }
  }
  t.is(read + refused, stored.length * 8);
  t.true(refused > 50);
});
