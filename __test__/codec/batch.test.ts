import test from 'ava';
import { EncryptionWrapper, InteropSerializer, Keyring, StandardSerializer } from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';

const masterKey = Buffer.alloc(32, 8);

for (const Serializer of [StandardSerializer, InteropSerializer]) {
  for (const encrypted of [true, false]) {
    test(`a reviver that opens other values disturbs none: ${Serializer.name}, encrypted ${encrypted}`, (t) => {
      let level = 0;
      const revived: unknown[] = [];
      const serializer = new Serializer({
        reviver: (type, iso) => {
          if (level < 3) {
            level++;
            revived.push(wrapper.deserialize(other, { cacheKey: 'other' }), ...wrapper.deserializeMany(batch()));
            level--;
          }
          return `${type} ${iso}`;
        },
      });
      const wire = serializer instanceof InteropSerializer ? 'interop' : 'protocol';
      const wrapper = encrypted
        ? new EncryptionWrapper<unknown>({ masterKey, serializer, wire })
        : new PlainCodec<unknown>({ serializer, wire });
      const value = (i: number) => ({ at: new Date(i), behind: `${i}`.repeat(50), list: [i, i, i] });
      const read = (i: number) => ({ ...value(i), at: `datetime 1970-01-01T00:00:00.00${i}000+00:00` });
      const other = wrapper.serialize('other'.repeat(500), { cacheKey: 'other' });
      const sealed = wrapper.serializeMany([1, 2, 3].map((i) => ({ value: value(i), cacheKey: `k${i}` })));
      const batch = () => sealed.map((bytes, i) => ({ sealed: bytes, cacheKey: `k${i + 1}` }));
      t.deepEqual(wrapper.deserialize(sealed[0] as Buffer, { cacheKey: 'k1' }), read(1));
      t.deepEqual(
        wrapper.deserializeMany(batch()),
        [1, 2, 3].map((i) => ({ ok: true, value: read(i) })),
      );
      t.true(revived.length > 100);
      for (const [i, result] of revived.entries()) {
        if (i % 4 === 0) t.is(result, 'other'.repeat(500));
        else t.like(result, { ok: true, value: { behind: `${i % 4}`.repeat(50) } });
      }
    });
  }
}

test('a batch of any size, of values of any size and of several tenants is what one by one is', (t) => {
  using wrapper = new EncryptionWrapper<unknown>({ masterKey, rotationHeader: 'always' });
  // Around the sizes where memory is shared, lent or grown.
  for (const count of [1, 2, 15, 16, 17, 33, 200]) {
    for (const size of [0, 1, 200, 4000, 5000, 20_000]) {
      if (count * size > 1_000_000) continue;
      const items = Array.from({ length: count }, (_, i) => ({
        value: { i, text: `${i}-${'x'.repeat(size)}`, noise: Buffer.alloc(size >> 3, i * 31) },
        cacheKey: `${'key '.repeat(i % 90)}${i}`,
        tenantId: i % 5 === 3 ? `tenant ${i % 3}` : undefined,
      }));
      const sealed = wrapper.serializeMany(items);
      const held = sealed.map((bytes) => Buffer.from(bytes));
      const again = wrapper.serializeMany(items);
      const opened = wrapper.deserializeMany(items.map((item, i) => ({ ...item, sealed: sealed[i] as Buffer })));
      for (const [i, { value, cacheKey, tenantId }] of items.entries()) {
        const expected = { ...value, noise: new Uint8Array(value.noise) };
        t.deepEqual(opened[i], { ok: true, value: expected });
        t.deepEqual(wrapper.deserialize(again[i] as Buffer, { cacheKey, tenantId }), expected);
        t.deepEqual(sealed[i], held[i]);
      }
    }
  }
});

function altered(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}

test('an item that does not open leaves all others as they are, wherever it stands', (t) => {
  using wrapper = new EncryptionWrapper<unknown>({ masterKey });
  const sealed = wrapper.serializeMany(Array.from({ length: 20 }, (_, i) => ({ value: i, cacheKey: `k${i}` })));
  for (let broken = 0; broken < 20; broken++) {
    const items = sealed.map((bytes, i) => ({
      sealed: i === broken ? altered(bytes) : bytes,
      cacheKey: `k${i}`,
    }));
    const results = wrapper.deserializeMany(items);
    for (const [i, result] of results.entries()) {
      if (i === broken) t.like(result, { ok: false, error: { code: 'ERR_AUTHENTICATION' } });
      else t.deepEqual(result, { ok: true, value: i });
    }
  }
});

test('the items of a batch are counted one by one', (t) => {
  const keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper<unknown>({ keyring });
  const items = Array.from({ length: 7 }, (_, i) => ({
    value: i,
    cacheKey: `k${i}`,
    tenantId: i < 2 ? 'two' : undefined,
  }));
  const sealed = wrapper.serializeMany(items);
  const read = items.map((item, i) => ({ ...item, sealed: sealed[i] as Buffer }));
  (read[3] as { cacheKey: string }).cacheKey = 'another';
  wrapper.deserializeMany(read);
  const usage = keyring.usage()[0];
  t.like(usage, { seals: 7, opens: 6 });
  keyring.destroy();
});

test('what an item says of its own memory is not believed', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: Buffer.alloc(32, 1) });
  const values = [0, 1, 2].map((i) => ({ i }));
  const lies: [string, PropertyDescriptor][] = [
    ['byteOffset', { value: -5 }],
    ['byteOffset', { value: 1e9 }],
    ['byteLength', { value: 1e10 }],
    ['buffer', { value: {} }],
    ['buffer', { value: 7 }],
    ['buffer', { value: undefined }],
    ['length', { value: 3 }],
    [
      'buffer',
      {
        get() {
          throw new Error('of the user');
        },
      },
    ],
  ];
  for (const [name, lie] of lies) {
    for (const liar of [0, 1, 2]) {
      const sealed = values.map((value, i) => wrapper.serialize(value, { cacheKey: `k${i}` }));
      const all = new Uint8Array(Buffer.concat(sealed));
      let at = 0;
      const items = sealed.map(({ length }, i) => {
        const view = new Uint8Array(all.buffer, at, length);
        at += length;
        if (i === liar) Object.defineProperty(view, name, lie);
        return { sealed: view, cacheKey: `k${i}` };
      });
      t.deepEqual(
        wrapper.deserializeMany(items),
        values.map((value) => ({ ok: true, value })),
        `${name} of ${liar}`,
      );
    }
  }
});
