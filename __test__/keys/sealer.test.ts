import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { AuthenticationError, KeyError, Sealer } from '../../index.js';
import { native } from '../../src/native/addon.js';
import { NATIVE_CODE } from '../../src/native/result.js';

const masterKey = Buffer.alloc(32, 6);
const aad = Buffer.from('aad');
const plaintext = Buffer.from('plaintext of a value');

const inPlace = (tail: number) => {
  const buffer = Buffer.alloc(plaintext.length + 28 + tail);
  plaintext.copy(buffer, 12);
  return buffer;
};

test('sealInPlace returns the buffer itself when it is full, and a view of what was sealed when it is not', (t) => {
  using sealer = new Sealer(masterKey, 't');
  const full = inPlace(0);
  t.is(sealer.sealInPlace(full, plaintext.length, aad), full);
  const longer = inPlace(5);
  const view = sealer.sealInPlace(longer, plaintext.length, aad);
  t.is(view.length, plaintext.length + 28);
  t.is(view.buffer, longer.buffer);
  t.deepEqual(sealer.open(full, aad), plaintext);
  t.deepEqual(sealer.open(view, aad), plaintext);
});

test('every entry seals and opens with an empty plaintext and an empty AAD', async (t) => {
  using sealer = new Sealer(masterKey, 't');
  const nothing = new Uint8Array(0);
  const sealed = sealer.seal(nothing, nothing);
  const out = new Uint8Array(28);
  t.is(sealer.sealInto(out, nothing, nothing), 28);
  t.is(sealer.openInto(nothing, out, nothing), 0);
  t.is(sealer.open(sealed, nothing).length, 0);
  t.is(sealer.openInPlace(sealer.sealInPlace(new Uint8Array(28), 0, nothing), nothing).length, 0);
  t.is((await sealer.openAsync(await sealer.sealAsync(nothing, nothing), nothing)).length, 0);
});

test('many sealers have one key each, and a destroyed one takes no other along', (t) => {
  const sealers = Array.from({ length: 50 }, (_, i) => new Sealer(masterKey, `tenant ${i}`));
  const sealed = sealers.map((sealer) => sealer.seal(plaintext, aad));
  for (const [i, sealer] of sealers.entries()) {
    t.deepEqual(sealer.open(sealed[i]!, aad), plaintext);
    t.throws(() => sealer.open(sealed[(i + 1) % 50]!, aad), { instanceOf: AuthenticationError });
    if (i % 2 === 0) sealer.destroy();
  }
  for (const [i, sealer] of sealers.entries()) {
    if (i % 2 === 0) t.throws(() => sealer.open(sealed[i]!, aad), { instanceOf: KeyError });
    else t.deepEqual(sealer.open(sealed[i]!, aad), plaintext);
  }
});

test('the handle of a sealer that is gone names no other one', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const make = () => new native.MasterKey(masterKey).sealer(Buffer.from('t'), new native.NonceSequence(false));
  // None begins on a page: such ones have to be validated before the handle is looked at.
  const [out, text, bound] = [28, 0, 0].map((more) => Buffer.alloc(8 + plaintext.length + more).subarray(8)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const seal = (handle: number) => native.sealInto(handle, out, text, bound);
  const gone = Array.from({ length: 20 }, () => make().handle);
  for (let round = 0; round < 10 && gone.some((handle) => seal(handle) !== NATIVE_CODE.INVALID_ARGUMENT); round++) {
    gc();
    await turn();
  }
  // Their places are taken again, under other numbers: a handle has room for 128.
  const turns = new Set<number>();
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 500; i++) turns.add(make().handle >>> 24);
    gc();
    await turn();
    t.deepEqual(new Set(gone.map(seal)), new Set([NATIVE_CODE.INVALID_ARGUMENT]), `${round}`);
  }
  t.true(turns.size > 10, 'no place was taken again and again');
  const kept = Array.from({ length: 20 }, make);
  t.deepEqual(new Set(kept.map(({ handle }) => seal(handle))), new Set([out.length]));
  for (const handle of [2 ** 24 - 4, 2 ** 31 - 4, 2 ** 32 - 4, -4, Number.NaN])
    t.is(seal(handle), NATIVE_CODE.INVALID_ARGUMENT);
});
