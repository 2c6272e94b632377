import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import {
  type CacheOptions,
  cache,
  createCache,
  EncryptionWrapper,
  InteropSerializer,
  Keyring,
  MemoryBackend,
  StandardSerializer,
} from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';
import { oracleAad, oracleDomainKey, oracleInteropV2, oracleOpen, oracleSeal } from '../support/oracle.js';
import { Random, testSeed } from '../support/random.js';

/*
 * No other SDK has interop/v2 yet: what is written is read by an oracle on node:crypto, and what the oracle seals is read here.
 */

const masterKey = '5e'.repeat(32);
const cacheKey = 'users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875';
const wire = 'interop-v2';
const context = { cacheKey };
const key = oracleDomainKey(Buffer.from(masterKey, 'hex'), 'encryption', 'default');
const aad = (compressed: boolean) => oracleAad({ tenantId: 'default', cacheKey, format: 'msgpack', compressed });
const serializer = new InteropSerializer();
const random = new Random(testSeed());
const values: Record<string, unknown> = {
  null: null,
  'a small object': { id: 42, name: 'alice' },
  'what repeats': { rows: Array.from({ length: 300 }, (_, i) => ({ id: i, country: 'NL', paid: true })) },
  'what does not': { token: random.bytes(5_000) },
  'more than a megabyte': { bytes: new Uint8Array(Buffer.alloc(1_500_000, 'abcdefgh-')) },
  'more than a megabyte that does not compress': { bytes: random.bytes(1_200_000) },
};

for (const [name, value] of Object.entries(values)) {
  test(`the container, the AAD and the payload are the protocol's: ${name}`, async (t) => {
    const payload = Buffer.from(serializer.serialize(value));
    for (const compress of [true, false]) {
      const wrapper = new EncryptionWrapper({ masterKey, wire, compress });
      const ways = [
        wrapper.serialize(value, context),
        await wrapper.serializeAsync(value, context),
        wrapper.serializeMany([{ value, cacheKey }])[0] as Buffer,
      ];
      for (const sealed of ways) {
        const { method, data } = oracleInteropV2(oracleOpen(key, sealed, aad(true)));
        t.true(data.equals(payload));
        const shorter = name === 'what repeats' || name === 'more than a megabyte';
        t.is(method, compress && shorter ? 1 : 0);
        t.true(isDeepStrictEqual(wrapper.deserialize(sealed, context), value));
        t.true(isDeepStrictEqual(await wrapper.deserializeAsync(sealed, context), value));
        const [many] = wrapper.deserializeMany([{ sealed, cacheKey }]);
        t.true(many?.ok && isDeepStrictEqual(many.value, value));
        t.throws(() => oracleOpen(key, sealed, aad(false)), undefined, 'the AAD says True');
      }
    }
  });
}

const contained = (body: string) => Buffer.from(`c102${body}`.replaceAll(' ', ''), 'hex');
const NONCE = Buffer.alloc(12, 9);
const sealedOf = (container: Buffer) => oracleSeal(key, NONCE, container, aad(true));
// {"id": 42} in the forms of other writers.
const VALUE = '81 a2 69 64 2a';
const BLOCK = '50 81 a2 69 64 2a';

test('what other writers may write is read, sealed and in plaintext', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, wire });
  const plain = new PlainCodec({ wire });
  for (const body of [
    `93 00 05 c4 05 ${VALUE}`,
    `93 01 05 c4 06 ${BLOCK}`,
    `dc 0003 cc00 cd0005 c5 0005 ${VALUE}`,
    `dd 00000003 cf0000000000000001 ce00000005 c6 00000006 ${BLOCK}`,
  ]) {
    t.deepEqual(wrapper.deserialize(sealedOf(contained(body)), context), { id: 42 }, body);
    t.deepEqual(plain.deserialize(contained(body)), { id: 42 }, body);
  }
});

test('what the draft refuses is refused, by what it is', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, wire });
  const plain = new PlainCodec({ wire });
  const refused: [Buffer, RegExp][] = [
    [contained(`93 00 d005 c4 05 ${VALUE}`), /malformed/],
    [contained('93 00 05 a5 81a269642a'), /malformed/],
    [contained(`93 00 05 c4 05 ${VALUE} 00`), /malformed/],
    [contained(`93 02 05 c4 05 ${VALUE}`), /malformed/],
    [contained(`93 01 04 c4 06 ${BLOCK}`), /malformed/],
    [Buffer.from('c103', 'hex'), /malformed/],
    [Buffer.from(VALUE.replaceAll(' ', ''), 'hex'), /possibly one of interop\/v1/],
    [Buffer.from('434b03', 'hex'), /Python-internal frame/],
  ];
  for (const [container, message] of refused) {
    const expectation = { code: 'ERR_ENVELOPE', message };
    t.throws(() => wrapper.deserialize(sealedOf(container), context), expectation, container.toString('hex'));
    t.throws(() => plain.deserialize(container), expectation, container.toString('hex'));
  }
  // One complete document inside, within the bounds.
  const payload = { code: 'ERR_SERIALIZATION' };
  t.throws(() => wrapper.deserialize(sealedOf(contained('93 00 03 c4 03 92dc00')), context), payload);
  t.throws(() => wrapper.deserialize(sealedOf(contained('93 00 02 c4 02 c0c0')), context), payload);
});

test('readers of interop/v1 and v2 do not open each other’s values, nor do those of other wires', (t) => {
  const value = { id: 42 };
  const wrappers = (['interop', wire, 'protocol'] as const).map(
    (name) => new EncryptionWrapper({ masterKey, wire: name }),
  );
  for (const writer of wrappers) {
    const sealed = writer.serialize(value, context);
    for (const reader of wrappers) {
      if (reader === writer) continue;
      // Wire `protocol` has v2's AAD too, but another container.
      const v2AndProtocol = [writer, reader].every((one) => one !== wrappers[0]);
      const code = v2AndProtocol ? 'ERR_ENVELOPE' : 'ERR_AUTHENTICATION';
      t.throws(() => reader.deserialize(sealed, context), { code });
    }
  }
});

test('keys, tenants, rotation and rewrap are those of interop/v1', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const options = { wire, namespace: 'users', backend, keyring } as const;
  const load = (name: 'interop' | typeof wire) =>
    cache.secure({ ...options, wire: name, operation: 'get_user', l1: false })(async (id: number) => ({ id }));
  t.is(load(wire).keyFor(42), cacheKey);
  t.is(load(wire).keyFor(42), load('interop').keyFor(42));
  await using users = createCache(options);
  const getUser = users.wrap({ operation: 'get_user' })(async (id: number) => ({ id }));
  await getUser(42);
  const stored = (await backend.get(cacheKey))?.bytes as Uint8Array;
  t.is(oracleInteropV2(oracleOpen(key, stored, aad(true))).data.toString('hex'), VALUE.replaceAll(' ', ''));
  keyring.startRotation('6f'.repeat(32));
  t.deepEqual((await getUser.entry(42)).status, 'hit');
  t.like(await users.rewrap(), { seen: 1, rewrapped: 1, unopened: 0 });
  keyring.completeRotation();
  t.is((await getUser.entry(42)).status, 'hit');
  t.not((await backend.get(cacheKey))?.bytes[0], 0xc1, 'no header, but a nonce that may be anything');
  t.throws(() => new EncryptionWrapper({ masterKey, wire, rotationHeader: 'always' }), { code: 'ERR_CONFIGURATION' });
  t.throws(() => new EncryptionWrapper({ masterKey, wire, serializer: new StandardSerializer() }), {
    code: 'ERR_CONFIGURATION',
    message: "wire 'interop-v2' carries the InteropSerializer only",
  });
  t.throws(() => createCache({ ...options, privateKeys: true } as CacheOptions), { code: 'ERR_CONFIGURATION' });
});

test('a cache without encryption stores the container as it is', async (t) => {
  const backend = new MemoryBackend();
  const getUser = cache({ wire, namespace: 'users', operation: 'get_user', backend, l1: false })(
    async (id: number) => ({
      id,
    }),
  );
  await getUser(42);
  t.is(
    Buffer.from((await backend.get(cacheKey))?.bytes ?? []).toString('hex'),
    `c102930005c405${VALUE.replaceAll(' ', '')}`,
  );
  t.is((await getUser.entry(42)).status, 'hit');
  await backend.set(cacheKey, Buffer.from('81a2696401', 'hex'));
  t.is((await getUser.entry(42)).status, 'miss', 'interop/v1');
});

test('altered values of interop/v2 do not open', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, wire });
  for (const value of [values['a small object'], values['what repeats']]) {
    const sealed = wrapper.serialize(value, context);
    for (let bit = 0; bit < Math.min(sealed.length, 600) * 8; bit++) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      t.throws(() => wrapper.deserialize(altered, context), { code: 'ERR_AUTHENTICATION' });
    }
  }
});
