import test from 'ava';
import { native, TRUSTED, TRUSTED_INPUTS, TRUSTED_OUT } from '../../src/native/addon.js';
import { NATIVE_CODE } from '../../src/native/result.js';
import { aad, entries, equals, masterKey, plaintext, sealer } from '../support/byte-arguments.js';

/*
 * Memory that another thread may change, or that may shrink, is refused in every argument. The fast entries leave it to
 * the native addon to notice; it knows a resizable buffer by its address, which an ordinary one may happen to have.
 */

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

test('the addon asks for a closer look before it does anything, and takes a trusted array as it is', (t) => {
  const sequence = new native.NonceSequence(false);
  const held = new native.MasterKey(masterKey).sealer(Buffer.from('t'), sequence);
  const { handle } = held;
  const out = Buffer.alloc(48, 0xee);
  const foreign = pageAligned(plaintext);
  t.is(native.sealInto(handle, out, foreign, aad), NATIVE_CODE.NEEDS_VALIDATION);
  t.is(native.sealInto(handle | TRUSTED_OUT, out, foreign, aad), NATIVE_CODE.NEEDS_VALIDATION);
  t.is(native.sealInto(handle | TRUSTED_INPUTS, pageAligned(out), plaintext, aad), NATIVE_CODE.NEEDS_VALIDATION);
  t.is(native.sealInPlace(handle, pageAligned(out), 20, aad), NATIVE_CODE.NEEDS_VALIDATION);
  t.is(sequence.used, 0);
  t.true(out.every((byte) => byte === 0xee));
  t.is(native.sealInto(handle | TRUSTED_INPUTS, out, foreign, aad), 48);
  t.is(native.sealInto(handle | TRUSTED, pageAligned(out), foreign, aad), 48);
  t.is(sequence.used, 2);
});
