import test from 'ava';
import { type BoundedCodec, lz4, nodeZstd, wasmZstd } from '../../src/serializers/arrow/codecs.js';

/** Frames of "abc" that `zstandard` 0.25 for Python made. */
const frames = {
  'with its size': '28b52ffd602c0055000018616263010026aa6e08',
  'with its size and a checksum': '28b52ffd642c0055000018616263010026aa6e082bac9d8f',
  'with a checksum': '28b52ffd040055000018616263010026aa6e082bac9d8f',
  'of two blocks': '28b52ffd00585400001861626301001029370445000008610100120a0801',
};
const halves = { bare: '28b52ffd000055000018616263010010293704', sized: '28b52ffd209655000018616263010010293704' };
const abc = Buffer.alloc(300, 'abc');
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

function holds(codec: BoundedCodec, frame: Uint8Array, length = abc.length): boolean {
  const out = new Uint8Array(length);
  try {
    codec.decodeInto(out, frame);
    return Buffer.compare(out, abc.subarray(0, length)) === 0;
  } catch {
    return false;
  }
}

// The newer versions of Node have one of their own, and answer the same.
const codecs = { node: nodeZstd(), WebAssembly: wasmZstd() };
for (const [name, codec] of Object.entries(codecs)) {
  if (codec === undefined) continue;
  for (const [kind, hex] of Object.entries(frames)) {
    test(`a zstd frame ${kind} is read whole or not at all (${name})`, (t) => {
      const frame = bytesOf(hex);
      t.true(holds(codec, frame));
      for (let length = 0; length < frame.length; length++)
        t.false(holds(codec, frame.subarray(0, length)), `${length}`);
      for (const behind of ['00', '67', '502a4d180400000061626364', halves.sized, halves.bare]) {
        t.false(holds(codec, bytesOf(hex + behind)), behind);
      }
      t.false(holds(codec, bytesOf(`502a4d180400000061626364${hex}`)), 'a skippable frame in front');
      for (const length of [0, 1, 299, 301]) t.false(holds(codec, frame, length), `${length}`);
      if (kind.includes('checksum')) {
        for (let i = 1; i <= 4; i++) {
          const altered = frame.slice();
          altered[frame.length - i] = (altered[frame.length - i] as number) ^ 1;
          t.false(holds(codec, altered), `a byte of the checksum: ${i}`);
        }
      }
    });
  }

  test(`two zstd frames are not one (${name})`, (t) => {
    for (const half of Object.values(halves)) {
      t.true(holds(codec, bytesOf(half), 150));
      t.false(holds(codec, bytesOf(half + half)));
    }
  });

  test(`what is compressed is one whole zstd frame, of any length (${name})`, (t) => {
    for (const length of [0, 1, 255, 256, 65_791, 65_792, 300_000]) {
      const bytes = new Uint8Array(Buffer.alloc(length, 'abcdefghij'));
      const out = new Uint8Array(length);
      codec.decodeInto(out, codec.encode(bytes));
      t.deepEqual(out, bytes);
    }
  });
}

test('an LZ4 frame is read whole or not at all', (t) => {
  const frame = lz4.encode(abc);
  t.true(holds(lz4, frame));
  for (let length = 0; length < frame.length; length++) t.false(holds(lz4, frame.subarray(0, length)), `${length}`);
  t.false(holds(lz4, Buffer.concat([frame, Uint8Array.of(0)])));
  t.false(holds(lz4, Buffer.concat([frame, frame]), 600));
});
