import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { AuthenticationError, EncryptionWrapper, Sealer } from '../../index.js';
import { encodeFramePrefix, parseFrame } from '../../src/protocol/frame.js';
import { ByteStorage, createAad, encodeRotationHeader, parseRotationHeader } from '../../src/protocol/index.js';
import { oracleEnvelope } from '../support/oracle.js';
import { holds } from '../support/properties.js';

const text = (minLength = 0, maxLength = 40) => fc.string({ unit: 'grapheme', minLength, maxLength });
const bytes = (maxLength = 2048) => fc.uint8Array({ maxLength });
const parts = fc.record({
  tenantId: text(),
  cacheKey: text(),
  format: text(0, 8),
  compressed: fc.boolean(),
  originalType: fc.option(text(0, 8), { nil: undefined }),
});
const tenantIds = text(1, 60);
const cacheKeys = text(1, 60);

/** What every profile carries: JSON's types, with exact integers, bytes and dates. */
const valuesWith = (double: fc.Arbitrary<number>) =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      double,
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      text(),
      bytes(64),
      fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(fc.oneof(text(0, 12), fc.constantFrom('__proto__', 'constructor', 'toString')), tie('value'), {
        maxKeys: 6,
        noNullPrototype: true,
      }),
    ),
  })).value;
const values = {
  protocol: valuesWith(fc.double()),
  python: valuesWith(fc.double()),
  // Interop has neither NaN nor infinities.
  interop: valuesWith(fc.double({ noNaN: true, noDefaultInfinity: true })),
};

test('whatever is sealed opens again, by every pair of entry points', async (t) => {
  using sealer = new Sealer(Buffer.alloc(32, 1), 'properties');
  await holds(
    t,
    fc.asyncProperty(bytes(), bytes(100), async (plaintext, aad) => {
      const into = new Uint8Array(plaintext.length + 28);
      sealer.sealInto(into, plaintext, aad);
      const inPlace = new Uint8Array(plaintext.length + 28);
      inPlace.set(plaintext, 12);
      sealer.sealInPlace(inPlace, plaintext.length, aad);
      for (const sealed of [sealer.seal(plaintext, aad), await sealer.sealAsync(plaintext, aad), into, inPlace]) {
        assert.deepEqual(new Uint8Array(sealer.open(sealed, aad)), plaintext);
        assert.deepEqual(new Uint8Array(await sealer.openAsync(sealed, aad)), plaintext);
        const out = new Uint8Array(plaintext.length);
        assert.equal(sealer.openInto(out, sealed, aad), plaintext.length);
        assert.deepEqual(out, plaintext);
        assert.deepEqual(new Uint8Array(sealer.openInPlace(new Uint8Array(sealed), aad)), plaintext);
      }
    }),
  );
});

for (const wire of ['protocol', 'interop', 'python'] as const) {
  test(`every value comes back equal through the ${wire} wire, sync, async and in batches`, async (t) => {
    using wrapper = new EncryptionWrapper({ masterKey: Buffer.alloc(32, 2), wire });
    await holds(
      t,
      fc.asyncProperty(values[wire], cacheKeys, tenantIds, async (value, cacheKey, tenantId) => {
        const context = { cacheKey, tenantId };
        const sealed = wrapper.serialize(value, context);
        assert.deepEqual(wrapper.deserialize(sealed, context), value);
        assert.deepEqual(await wrapper.deserializeAsync(await wrapper.serializeAsync(value, context), context), value);
        const [first] = wrapper.serializeMany([{ value, ...context }]);
        assert.deepEqual(wrapper.deserializeMany([{ sealed: first as Buffer, ...context }]), [{ ok: true, value }]);
      }),
    );
  });
}

test('a value of one tenant, cache key or master key never opens for another', async (t) => {
  const wrappers = Array.from({ length: 4 }, (_, i) => new EncryptionWrapper({ masterKey: Buffer.alloc(32, i) }));
  const binding = fc.record({ wrapper: fc.constantFrom(...wrappers), tenantId: tenantIds, cacheKey: cacheKeys });
  await holds(
    t,
    fc.property(binding, binding, fc.nat(7), (sealing, other, mask) => {
      // Each bit of the mask takes one of the three from the other binding, so that single differences occur.
      const wrapper = mask & 1 ? other.wrapper : sealing.wrapper;
      const tenantId = mask & 2 ? other.tenantId : sealing.tenantId;
      const cacheKey = mask & 4 ? other.cacheKey : sealing.cacheKey;
      const sealed = sealing.wrapper.serialize('value', sealing);
      const open = () => wrapper.deserialize(sealed, { tenantId, cacheKey });
      const same = wrapper === sealing.wrapper && tenantId === sealing.tenantId && cacheKey === sealing.cacheKey;
      if (same) assert.equal(open(), 'value');
      else assert.throws(open, AuthenticationError);
    }),
  );
});

test('two AADs are equal only when all their parts are', async (t) => {
  const identity = ({ originalType, ...rest }: { originalType: string | undefined }) =>
    JSON.stringify({ ...rest, originalType: originalType || null });
  await holds(
    t,
    fc.property(parts, parts, fc.nat(31), (a, other, mask) => {
      // Each bit of the mask takes one part from the other, so that single differences occur.
      const b = {
        tenantId: mask & 1 ? other.tenantId : a.tenantId,
        cacheKey: mask & 2 ? other.cacheKey : a.cacheKey,
        format: mask & 4 ? other.format : a.format,
        compressed: mask & 8 ? other.compressed : a.compressed,
        originalType: mask & 16 ? other.originalType : a.originalType,
      };
      assert.equal(Buffer.compare(createAad(a), createAad(b)) === 0, identity(a) === identity(b));
    }),
  );
});

test('moving characters between neighbouring parts of an AAD always shows', async (t) => {
  await holds(
    t,
    fc.property(text(1), text(1), text(1, 8), (tenantId, cacheKey, format) => {
      const whole = [...`${tenantId}${cacheKey}${format}`];
      const seen = new Map<string, string>();
      for (let i = 0; i <= Math.min(whole.length, 12); i++) {
        for (let j = i; j <= Math.min(whole.length, 12); j++) {
          const split = [whole.slice(0, i), whole.slice(i, j), whole.slice(j)].map((part) => part.join(''));
          const [tenant = '', key = '', kind = ''] = split;
          const aad = createAad({ tenantId: tenant, cacheKey: key, format: kind, compressed: true });
          seen.set(Buffer.from(aad).toString('hex'), JSON.stringify(split));
        }
      }
      assert.equal(seen.size, new Set(seen.values()).size);
    }),
  );
});

test('an envelope gives back its data and its format, also to the oracle', async (t) => {
  await holds(
    t,
    fc.property(
      fc.oneof(bytes(), fc.array(fc.constantFrom(0, 1), { maxLength: 4096 })),
      text(0, 20),
      (content, format) => {
        const data = Uint8Array.from(content);
        const envelope = ByteStorage.store(data, format);
        const back = ByteStorage.retrieve(envelope);
        assert.deepEqual(new Uint8Array(back.data), data);
        assert.equal(back.format, format);
        assert.deepEqual(new Uint8Array(oracleEnvelope(envelope).data), data);
      },
    ),
  );
});

test('32 bytes are a rotation header exactly when they encode to themselves', async (t) => {
  await holds(
    t,
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), fc.nat(255), fc.nat(31), (fields, byte, at) => {
      const header = { version: 1, algorithm: 0, domain: 'ench' } as const;
      const encoded = encodeRotationHeader({
        ...header,
        keyFingerprint: fields.subarray(0, 16),
        tenantIdHash: fields.subarray(16),
        keyVersion: 1,
      });
      assert.deepEqual(encodeRotationHeader(parseRotationHeader(encoded)), encoded);
      encoded[at] = byte;
      try {
        assert.deepEqual(encodeRotationHeader(parseRotationHeader(encoded)), encoded);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_SEALED_FORMAT');
      }
    }),
  );
});

test('a frame gives back what it says, and altered or cut off it says something else or is refused', async (t) => {
  const members = {
    format: fc.constantFrom('msgpack' as const, 'orjson' as const, 'arrow' as const),
    compressed: fc.boolean(),
    originalType: fc.option(text(0, 8)),
    encrypted: fc.constant(true),
    tenantId: text(1),
    keyFingerprint: fc.stringMatching(/^[0-9a-f]{32}$/),
  };
  const metadata = fc.record(members, { noNullPrototype: true });
  await holds(
    t,
    fc.property(
      text(1, 12),
      metadata,
      bytes(40),
      fc.nat(),
      fc.nat(255),
      (serializerName, fields, payload, at, byte) => {
        const prefix = encodeFramePrefix(serializerName, fields);
        const expected = { serializerName, metadata: fields, payloadOffset: prefix.length };
        const stored = Buffer.concat([prefix, payload]);
        assert.deepEqual(parseFrame(stored), expected);
        const place = at % prefix.length;
        assert.throws(() => parseFrame(stored.subarray(0, place)), { code: 'ERR_SEALED_FORMAT' });
        const same = stored[place] === byte;
        stored[place] = byte;
        try {
          // The header is JSON, in which much may stand that means nothing, but nothing that leads out of the stored bytes.
          const frame = parseFrame(stored);
          assert.ok(frame.payloadOffset <= stored.length && frame.serializerName !== '');
          assert.ok(['msgpack', 'orjson', 'arrow'].includes(frame.metadata.format));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_SEALED_FORMAT');
          assert.ok(!same);
        }
      },
    ),
  );
});
