import * as arrow from 'apache-arrow';
import test from 'ava';
import {
  ArrowSerializer,
  createCache,
  EncryptionWrapper,
  type EncryptionWrapperOptions,
  Keyring,
  MemoryBackend,
  Sealer,
} from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { claimInPlaceBuffer, headroomLen, payloadWithin, TAG_LEN } from '../../src/codec/headroom.js';
import { CONTAINER, MODE_IN_PLACE, native } from '../../src/native/addon.js';
import { NATIVE_CODE, NEEDS } from '../../src/native/result.js';
import { createAad } from '../../src/protocol/index.js';

const masterKey = Buffer.alloc(32, 7);
const MiB = 1024 * 1024;
const context = { cacheKey: 'reports:42' };

function table(rows: number): arrow.Table {
  return arrow.tableFromArrays({
    id: Int32Array.from({ length: rows }, (_, i) => i),
    value: Float64Array.from({ length: rows }, (_, i) => Math.sin(i)),
    name: Array.from({ length: Math.min(rows, 100) }, (_, i) => `row ${i}`).concat(
      Array.from({ length: Math.max(0, rows - 100) }, () => ''),
    ),
  });
}

const file = (value: arrow.Table) => Buffer.from(arrow.tableToIPC(value, 'file'));

/** A table whose file is `length` bytes or up to 7 more. */
function tableOf(length: number): arrow.Table {
  const of = (bytes: number) => arrow.tableFromArrays({ bytes: new Uint8Array(bytes).fill(9) });
  return of(length - (file(of(8)).length - 8));
}

const SIZES: Record<string, arrow.Table> = {
  'no rows': table(0),
  'one row': table(1),
  'a slab': tableOf(4000),
  'beyond a slab': table(1000),
  'just below 1 MiB': tableOf(MiB - 8),
  '1 MiB': tableOf(MiB),
  'just above 1 MiB': tableOf(MiB + 8),
  'large pages': tableOf(9 * MiB),
};

const WIRES: Record<string, EncryptionWrapperOptions<arrow.Table>> = {
  protocol: {},
  'protocol with a header': { rotationHeader: 'always' },
  python: { wire: 'python' },
};

for (const [wire, options] of Object.entries(WIRES)) {
  test(`wire ${wire}: a table is sealed to the bytes of its Arrow file, by every way and at every size`, async (t) => {
    const wrapper = new EncryptionWrapper<arrow.Table>({
      ...options,
      masterKey,
      serializer: new ArrowSerializer({ arrow }),
    });
    const sealer = new Sealer(masterKey, 'default');
    const originalType = options.wire === 'python' ? { originalType: 'arrow' } : {};
    const aad = createAad({ ...context, tenantId: 'default', format: 'arrow', compressed: false, ...originalType });
    for (const [size, value] of Object.entries(SIZES)) {
      const expected = file(value);
      for (const sealed of [
        wrapper.serialize(value, context),
        await wrapper.serializeAsync(value, context),
        await codecOf(wrapper).serialize(value, context),
        ...wrapper.serializeMany([{ value, ...context }]),
      ]) {
        const headLen = sealed.length - (12 + 8 + expected.length + 16);
        const opened = sealer.open(sealed.subarray(headLen), aad);
        t.true(opened.subarray(8).equals(expected), size);
        t.true(file(wrapper.deserialize(sealed, context)).equals(expected), size);
      }
      t.true(file(value).equals(expected), `${size}: the table itself is as it was`);
    }
  });
}

test.serial('a large table and its sealed value take the memory of one of them', (t) => {
  const wrapper = new EncryptionWrapper<arrow.Table>({ masterKey, serializer: new ArrowSerializer({ arrow }) });
  const value = tableOf(32 * MiB);
  wrapper.serialize(table(1), context);
  const before = process.memoryUsage().arrayBuffers;
  const sealed = wrapper.serialize(value, context);
  const added = process.memoryUsage().arrayBuffers - before;
  t.true(added < 1.5 * sealed.length, `${added} bytes for ${sealed.length}`);
  t.is(sealed.buffer.byteLength, sealed.length, 'nothing is left over beside it');
});

test('a table that was sealed in place goes through a cache, and is overwritten by the next one', async (t) => {
  const cache = createCache({
    backend: new MemoryBackend({ maxBytes: 64 * MiB }),
    l1: false,
    serializer: new ArrowSerializer({ arrow }),
    masterKey,
  });
  for (const value of [tableOf(2 * MiB), table(3), tableOf(3 * MiB)]) {
    t.true(await cache.set('k', value));
    t.true(file((await cache.get('k')) as arrow.Table).equals(file(value)));
  }
});

test('a seal that is called off leaves the table as it was, and the next one is right', async (t) => {
  const wrapper = new EncryptionWrapper<arrow.Table>({ masterKey, serializer: new ArrowSerializer({ arrow }) });
  const value = tableOf(2 * MiB);
  const expected = file(value);
  const controller = new AbortController();
  const pending = Array.from({ length: 8 }, () =>
    wrapper.serializeAsync(value, { ...context, signal: controller.signal }),
  );
  controller.abort(new Error('enough'));
  for (const outcome of await Promise.allSettled(pending)) {
    if (outcome.status === 'rejected') t.is(outcome.reason.message, 'enough');
    else t.true(file(wrapper.deserialize(outcome.value, context)).equals(expected));
  }
  t.true(file(wrapper.deserialize(await wrapper.serializeAsync(value, context), context)).equals(expected));
});

test('room around a payload is given out once, to the container and header that it was made for', (t) => {
  const made = (lead: number) => payloadWithin(new Uint8Array(lead + 100 + TAG_LEN), lead);
  const payload = made(headroomLen(32, 'checksum'));
  t.is(payload.length, 100);
  t.is(claimInPlaceBuffer(payload, 32, 'checksum')?.length, 32 + 12 + 8 + 100 + 16);
  t.is(claimInPlaceBuffer(payload, 32, 'checksum'), undefined);
  t.is(claimInPlaceBuffer(made(headroomLen(0, 'checksum')), 32, 'checksum'), undefined);
  t.is(claimInPlaceBuffer(made(headroomLen(32, 'checksum')), 0, 'checksum'), undefined);
  t.is(claimInPlaceBuffer(made(headroomLen(0, 'none')), 0, 'none')?.length, 12 + 100 + 16);
  t.is(claimInPlaceBuffer(made(headroomLen(0, 'none')), 0, 'envelope'), undefined);
  t.is(claimInPlaceBuffer(new Uint8Array(128).subarray(12, 112), 0, 'none'), undefined);
});

test('the addon seals in place only what lies in its place', async (t) => {
  const { handle } = new native.MasterKey(masterKey).sealer(Buffer.from('t'), new native.NonceSequence(false));
  const aad = Buffer.from('aad');
  const memory = Buffer.alloc(12 + 8 + 100 + 16, 5);
  const seal = (payload: Uint8Array, mode: number, out = memory) =>
    Promise.all([
      native.sealValue(handle, out, 0, payload, aad, aad.length, mode),
      native.sealAsync(handle, out, 0, payload, aad, aad.length, mode),
    ]);
  const placed = memory.subarray(20, 120);
  const inPlace = CONTAINER.checksum | MODE_IN_PLACE;
  t.deepEqual(await seal(memory.subarray(19, 119), inPlace), [NATIVE_CODE.OVERLAP, NATIVE_CODE.OVERLAP]);
  t.deepEqual(await seal(memory.subarray(21, 120), inPlace), [NATIVE_CODE.OVERLAP, NATIVE_CODE.OVERLAP]);
  t.deepEqual(await seal(Buffer.alloc(100), inPlace), [NATIVE_CODE.OVERLAP, NATIVE_CODE.OVERLAP]);
  t.deepEqual(await seal(placed, CONTAINER.none | MODE_IN_PLACE), [NATIVE_CODE.OVERLAP, NATIVE_CODE.OVERLAP]);
  t.deepEqual(await seal(placed, CONTAINER.envelope | MODE_IN_PLACE), [
    NATIVE_CODE.INVALID_ARGUMENT,
    NATIVE_CODE.INVALID_ARGUMENT,
  ]);
  t.deepEqual(await seal(placed, CONTAINER.checksum), [NATIVE_CODE.OVERLAP, NATIVE_CODE.OVERLAP]);
  t.deepEqual(await seal(placed, inPlace, memory.subarray(0, 135)), [NEEDS - 136, NEEDS - 136]);
  t.true(memory.equals(Buffer.alloc(136, 5)), 'nothing was written');
  t.is(native.sealValue(handle, memory, 0, placed, aad, aad.length, inPlace), 136);
});

test('a value of a rotated keyring is sealed in place as well', (t) => {
  const keyring = new Keyring({ masterKey, previousMasterKeys: [Buffer.alloc(32, 8)] });
  const wrapper = new EncryptionWrapper<arrow.Table>({ keyring, serializer: new ArrowSerializer({ arrow }) });
  const value = tableOf(2 * MiB);
  t.true(file(wrapper.deserialize(wrapper.serialize(value, context), context)).equals(file(value)));
});
