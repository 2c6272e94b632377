import test from 'ava';
import fc from 'fast-check';
import {
  AuthenticationError,
  ByteStorage,
  createAad,
  EncryptionWrapper,
  encodeRotationHeader,
  parseRotationHeader,
  Sealer,
} from '../../index.js';
import { oracleEnvelope } from '../support/oracle.js';

/** fast-check prints the seed and the path of a counterexample. */
const check = (property: fc.IRawProperty<unknown>) =>
  fc.assert(property, { numRuns: Number(process.env.CACHEKIT_TEST_RUNS ?? 1000) });

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
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    text(),
    bytes(64),
    fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(fc.oneof(text(0, 12), fc.constantFrom('__proto__', 'constructor', 'toString')), tie('value'), {
      maxKeys: 6,
      noNullPrototype: true,
    }),
  ),
})).value;

test('whatever is sealed opens again, by every pair of entry points', async (t) => {
  using sealer = new Sealer(Buffer.alloc(32, 1), 'properties');
  await check(
    fc.asyncProperty(bytes(), bytes(100), async (plaintext, aad) => {
      const into = new Uint8Array(plaintext.length + 28);
      sealer.sealInto(into, plaintext, aad);
      const inPlace = new Uint8Array(plaintext.length + 28);
      inPlace.set(plaintext, 12);
      sealer.sealInPlace(inPlace, plaintext.length, aad);
      for (const sealed of [sealer.seal(plaintext, aad), await sealer.sealAsync(plaintext, aad), into, inPlace]) {
        t.deepEqual(new Uint8Array(sealer.open(sealed, aad)), plaintext);
        t.deepEqual(new Uint8Array(await sealer.openAsync(sealed, aad)), plaintext);
        const out = new Uint8Array(plaintext.length);
        t.is(sealer.openInto(out, sealed, aad), plaintext.length);
        t.deepEqual(out, plaintext);
        t.deepEqual(new Uint8Array(sealer.openInPlace(new Uint8Array(sealed), aad)), plaintext);
      }
    }),
  );
});

for (const wire of ['protocol', 'interop', 'python'] as const) {
  test(`every value comes back equal through the ${wire} wire, sync, async and in batches`, async (t) => {
    using wrapper = new EncryptionWrapper({ masterKey: Buffer.alloc(32, 2), wire });
    await check(
      fc.asyncProperty(values, cacheKeys, tenantIds, async (value, cacheKey, tenantId) => {
        const context = { cacheKey, tenantId };
        const sealed = wrapper.serialize(value, context);
        t.deepEqual(wrapper.deserialize(sealed, context), value);
        t.deepEqual(await wrapper.deserializeAsync(await wrapper.serializeAsync(value, context), context), value);
        const [first] = wrapper.serializeMany([{ value, ...context }]);
        t.deepEqual(wrapper.deserializeMany([{ sealed: first as Buffer, ...context }]), [{ ok: true, value }]);
      }),
    );
  });
}

test('a value of one tenant, cache key or master key never opens for another', (t) => {
  const serialize = (masterKey: Uint8Array, tenantId: string, cacheKey: string) =>
    new EncryptionWrapper({ masterKey, tenantId }).serialize('value', { cacheKey });
  return check(
    fc.property(
      fc.tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), tenantIds, cacheKeys),
      fc.tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), tenantIds, cacheKeys),
      fc.nat(7),
      ([keyA, tenantA, cacheKeyA], [keyB, tenantB, cacheKeyB], mask) => {
        // Each bit of the mask takes one of the three from the second triple, so that single differences occur.
        const masterKey = mask & 1 ? keyB : keyA;
        const tenantId = mask & 2 ? tenantB : tenantA;
        const cacheKey = mask & 4 ? cacheKeyB : cacheKeyA;
        const sealed = serialize(keyA, tenantA, cacheKeyA);
        const open = () => new EncryptionWrapper({ masterKey, tenantId }).deserialize(sealed, { cacheKey });
        const same = Buffer.compare(masterKey, keyA) === 0 && tenantId === tenantA && cacheKey === cacheKeyA;
        if (same) t.is(open(), 'value');
        else t.throws(open, { instanceOf: AuthenticationError });
      },
    ),
  );
});

test('two AADs are equal only when all their parts are', (t) => {
  const identity = ({ originalType, ...rest }: { originalType: string | undefined }) =>
    JSON.stringify({ ...rest, originalType: originalType || null });
  return check(
    fc.property(parts, parts, (a, b) => {
      t.is(Buffer.compare(createAad(a), createAad(b)) === 0, identity(a) === identity(b));
    }),
  );
});

test('moving characters between neighbouring parts of an AAD always shows', (t) =>
  check(
    fc.property(text(1), text(1), text(1, 8), (tenantId, cacheKey, format) => {
      const whole = [...`${tenantId}${cacheKey}${format}`];
      const seen = new Map<string, string>();
      for (let i = 0; i <= Math.min(whole.length, 12); i++) {
        for (let j = i; j <= Math.min(whole.length, 12); j++) {
          const split = [whole.slice(0, i), whole.slice(i, j), whole.slice(j)].map((part) => part.join(''));
          const [tenant = '', key = '', kind = ''] = split;
          const aad = createAad({ tenantId: tenant, cacheKey: key, format: kind, compressed: true });
          seen.set(Buffer.from(aad).toString('hex'), split.join('|'));
        }
      }
      t.is(seen.size, new Set(seen.values()).size);
    }),
  ));

test('an envelope gives back its data and its format, also to the oracle', (t) =>
  check(
    fc.property(
      fc.oneof(bytes(), fc.array(fc.constantFrom(0, 1), { maxLength: 4096 })),
      text(0, 20),
      (content, format) => {
        const data = Uint8Array.from(content);
        const envelope = ByteStorage.store(data, format);
        const back = ByteStorage.retrieve(envelope);
        t.deepEqual(new Uint8Array(back.data), data);
        t.is(back.format, format);
        t.deepEqual(new Uint8Array(oracleEnvelope(envelope).data), data);
      },
    ),
  ));

test('32 bytes are a rotation header exactly when they encode to themselves', (t) =>
  check(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), fc.nat(255), fc.nat(31), (fields, byte, at) => {
      const header = { version: 1, algorithm: 0, domain: 'ench' } as const;
      const encoded = encodeRotationHeader({
        ...header,
        keyFingerprint: fields.subarray(0, 16),
        tenantIdHash: fields.subarray(16),
        keyVersion: 1,
      });
      t.deepEqual(encodeRotationHeader(parseRotationHeader(encoded)), encoded);
      encoded[at] = byte;
      try {
        t.deepEqual(encodeRotationHeader(parseRotationHeader(encoded)), encoded);
      } catch (error) {
        t.is((error as { code?: string }).code, 'ERR_SEALED_FORMAT');
      }
    }),
  ));
