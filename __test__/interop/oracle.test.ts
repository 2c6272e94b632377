import { hkdfSync } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { EncryptionWrapper, Keyring, Sealer } from '../../index.js';
import {
  ByteStorage,
  createAad,
  deriveDomainKey,
  deriveTenantKeys,
  encodeRotationHeader,
  keyFingerprint,
  parseRotationHeader,
} from '../../src/protocol/index.js';
import {
  oracleAad,
  oracleDomainKey,
  oracleEnvelope,
  oracleFingerprint,
  oracleHeader,
  oracleOpen,
  oracleSeal,
} from '../support/oracle.js';
import { Random, randomValue, testSeed } from '../support/random.js';
import { bytesSerializer } from '../support/vectors/opening.js';

/* A second implementation on node:crypto, written from the protocol text, against this package. */

const random = new Random(testSeed());
const rounds = 2000;

/** As `t.deepEqual`, which takes a millisecond for what is compared here ten thousand times. */
function equal(t: ExecutionContext, actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) t.pass();
  else t.is(Buffer.from(actual).toString('hex'), Buffer.from(expected).toString('hex'));
}

interface Case {
  masterKey: Uint8Array;
  tenantId: string;
  cacheKey: string;
  format: string;
  compressed: boolean;
  originalType: string | undefined;
  plaintext: Uint8Array;
}

function* cases(t: { log(message: string): void }): Generator<Case> {
  t.log(`${rounds} cases, seed ${random.seed}`);
  const masterKeys = Array.from({ length: 20 }, () => random.bytes(random.pick([32, 32, 33, 48, 64, 100])));
  for (let i = 0; i < rounds; i++) {
    yield {
      masterKey: random.pick(masterKeys),
      tenantId: random.text(40, 1),
      cacheKey: random.text(80, 1),
      format: random.pick(['msgpack', 'orjson', 'arrow', random.text(9)]),
      compressed: random.below(2) === 0,
      originalType: random.pick([undefined, '', 'msgpack', random.text(9)]),
      plaintext: random.bytes(random.pick([0, 1, 15, 16, 17, 100, 1000])),
    };
  }
}

test('keys and fingerprints are those of HKDF and SHA-256', (t) => {
  for (const { masterKey, tenantId, format } of cases(t)) {
    const domain = format || 'd';
    equal(t, deriveDomainKey(masterKey, domain, tenantId), oracleDomainKey(masterKey, domain, tenantId));
  }
  const masterKey = random.bytes(32);
  const { encryption, authentication, cacheKeys } = deriveTenantKeys(masterKey, 'Mieter Ø');
  equal(t, encryption, oracleDomainKey(masterKey, 'encryption', 'Mieter Ø'));
  equal(t, authentication, oracleDomainKey(masterKey, 'authentication', 'Mieter Ø'));
  equal(t, cacheKeys, oracleDomainKey(masterKey, 'cache_keys', 'Mieter Ø'));
  equal(t, keyFingerprint(encryption), oracleFingerprint(encryption));
  using sealer = new Sealer(masterKey, 'Mieter Ø');
  t.is(sealer.fingerprint, oracleFingerprint(encryption).toString('hex'));
});

test("the protocol text's salt example is the salt that is used", (t) => {
  const masterKey = Buffer.alloc(32, 1);
  const salt = Buffer.from('63616368656b69745f76315f056361636865000a74656e616e742d313233', 'hex');
  const expected = Buffer.from(hkdfSync('sha256', masterKey, salt, 'cache', 32));
  equal(t, deriveDomainKey(masterKey, 'cache', 'tenant-123'), expected);
});

test('AADs are equal', (t) => {
  for (const parts of cases(t)) equal(t, createAad(parts), oracleAad(parts));
});

test('each opens what the other sealed, and given the nonce the bytes are equal', async (t) => {
  for (const { masterKey, tenantId, plaintext, ...parts } of cases(t)) {
    using sealer = new Sealer(masterKey, tenantId);
    const key = oracleDomainKey(masterKey, 'encryption', tenantId);
    const aad = oracleAad({ tenantId, ...parts });
    const sealed = sealer.seal(plaintext, aad);
    equal(t, oracleOpen(key, sealed, aad), plaintext);
    equal(t, oracleSeal(key, sealed.subarray(0, 12), plaintext, aad), sealed);
    const theirs = oracleSeal(key, random.bytes(12), plaintext, aad);
    equal(t, sealer.open(theirs, aad), plaintext);
    equal(t, await sealer.openAsync(theirs, aad), plaintext);
  }
});

test("a wrapper's bytes are an oracle's: header, AAD, AES-GCM, envelope, MessagePack", (t) => {
  for (const { masterKey, tenantId, cacheKey } of cases(t)) {
    const value = randomValue(random);
    using wrapper = new EncryptionWrapper({ masterKey, tenantId, rotationHeader: 'always' });
    using reader = new EncryptionWrapper<Uint8Array>({
      masterKey,
      tenantId,
      serializer: bytesSerializer({ format: 'msgpack', compressed: true }, 'envelope'),
    });
    const key = oracleDomainKey(masterKey, 'encryption', tenantId);
    const stored = wrapper.serialize(value, { cacheKey });
    equal(t, stored.subarray(0, 32), oracleHeader(key, tenantId, 0));
    const aad = oracleAad({ tenantId, cacheKey, format: 'msgpack', compressed: true });
    const envelope = oracleEnvelope(oracleOpen(key, stored.subarray(32), aad));
    t.is(envelope.format, 'msgpack');
    equal(t, envelope.data, reader.deserialize(stored, { cacheKey }));
    // The oracle seals it again, bare, with a nonce of its own.
    const again = oracleSeal(key, random.bytes(12), ByteStorage.store(envelope.data), aad);
    t.deepEqual(wrapper.deserialize(again, { cacheKey }), value);
  }
});

test('rotation headers are equal, also after a rotation', (t) => {
  const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  using keyring = new Keyring({ masterKey: first });
  const wrapper = new EncryptionWrapper({ keyring, tenantId: 'ten' });
  const headerOf = () => wrapper.serialize(1, { cacheKey: 'k' }).subarray(0, 32);
  const headerFor = (masterKey: Uint8Array, keyVersion: 0 | 1) =>
    oracleHeader(oracleDomainKey(masterKey, 'encryption', 'ten'), 'ten', keyVersion);
  keyring.stage(second);
  equal(t, headerOf(), headerFor(first, 0));
  keyring.startRotation(second);
  equal(t, headerOf(), headerFor(second, 1));
  keyring.rollback();
  equal(t, headerOf(), headerFor(first, 1));
  keyring.startRotation(second);
  keyring.completeRotation();
  equal(t, headerOf(), headerFor(second, 1));
  equal(t, encodeRotationHeader(parseRotationHeader(headerOf())), headerOf());
});
