import test from 'ava';
import { SealedFormatError } from '../../index.js';
import { encodeRotationHeader, parseRotationHeader, type RotationHeader } from '../../src/protocol/index.js';

const header: RotationHeader = {
  version: 1,
  algorithm: 0,
  keyFingerprint: Uint8Array.from({ length: 16 }, (_, i) => i),
  tenantIdHash: Uint8Array.from({ length: 8 }, (_, i) => 0xf0 + i),
  domain: 'ench',
  keyVersion: 1,
};

test('a header is 32 bytes in the documented places', (t) => {
  t.is(
    Buffer.from(encodeRotationHeader(header)).toString('hex'),
    '0100000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7656e63680100',
  );
});

test('parsing gives back what was encoded and ignores what follows', (t) => {
  const bytes = Buffer.concat([encodeRotationHeader(header), Buffer.from('anything')]);
  t.deepEqual(parseRotationHeader(bytes), header);
});

test('a flipped bit outside fingerprint, tenant hash and key version makes it no header', (t) => {
  const good = encodeRotationHeader(header);
  let refused = 0;
  for (let bit = 0; bit < 256; bit++) {
    const bytes = Uint8Array.from(good);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const byte = bit >> 3;
    const stillOne = (byte >= 2 && byte < 26) || (byte === 30 && (bit & 7) === 0);
    if (stillOne) t.notThrows(() => parseRotationHeader(bytes));
    else {
      t.throws(() => parseRotationHeader(bytes), { instanceOf: SealedFormatError, code: 'ERR_SEALED_FORMAT' });
      refused++;
    }
  }
  t.is(refused, 256 - 24 * 8 - 1);
});

test('fewer than 32 bytes are no header', (t) => {
  const good = encodeRotationHeader(header);
  for (let length = 0; length < 32; length++) {
    t.throws(() => parseRotationHeader(good.slice(0, length)), { instanceOf: SealedFormatError });
  }
});

test('wrong fields are TypeError or RangeError', (t) => {
  const wrong: [keyof RotationHeader, unknown, typeof TypeError | typeof RangeError][] = [
    ['version', 2, RangeError],
    ['version', '1', TypeError],
    ['algorithm', 1, RangeError],
    ['keyFingerprint', new Uint8Array(15), RangeError],
    ['keyFingerprint', 'ab', TypeError],
    ['tenantIdHash', new Uint8Array(9), RangeError],
    ['domain', 'enc', RangeError],
    ['domain', 7, TypeError],
    ['keyVersion', 2, RangeError],
    ['keyVersion', null, TypeError],
  ];
  for (const [name, value, instanceOf] of wrong) {
    t.throws(() => encodeRotationHeader({ ...header, [name]: value } as RotationHeader), { instanceOf }, `${name}`);
  }
});
