import test from 'ava';
import { crc32c } from '../../src/providers/crc32c.js';
import { type GcpKmsClient, gcpKmsProvider } from '../../src/providers/index.js';
import { unwrap, wrap } from '../support/key-service.js';
import { A, B, C, failureOf, heldOf, keysIn, nameOf } from './outcomes.js';

const kek = Buffer.alloc(32, 7);
const name = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

/** Answers as the client of `@google-cloud/kms` does: a tuple, and the checksum as a `Long`, which only its text tells. */
function clientOf(change: (plaintext: Buffer) => object = () => ({})) {
  const given: Uint8Array[] = [];
  const client: GcpKmsClient = {
    async decrypt(request) {
      const { ciphertext, ciphertextCrc32c, additionalAuthenticatedData: aad } = request;
      if (request.name !== name) throw Object.assign(new Error('5 NOT_FOUND'), { code: 5 });
      if (ciphertextCrc32c.value !== crc32c(ciphertext)) throw new Error('damaged on its way');
      if (aad && request.additionalAuthenticatedDataCrc32c?.value !== crc32c(aad))
        throw new Error('damaged on its way');
      const plaintext = unwrap(kek, Buffer.from(ciphertext), aad && Buffer.from(aad).toString());
      if (plaintext === undefined) throw Object.assign(new Error('3 INVALID_ARGUMENT'), { code: 3 });
      given.push(plaintext);
      const checksum = { toString: () => String(crc32c(plaintext)) };
      return [{ plaintext, plaintextCrc32c: { value: checksum }, ...change(plaintext) }, undefined, undefined];
    },
  };
  return { client, given };
}

test('the checksum is CRC-32C', (t) => {
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  t.is(crc32c(new Uint8Array(0)), 0);
});

test('keys that Cloud KMS has wrapped are held, and the arrays of the client overwritten', async (t) => {
  const { client, given } = clientOf();
  const keys = { masterKey: wrap(kek, A), previousMasterKeys: [wrap(kek, B).toString('base64')] };
  t.deepEqual(await heldOf(gcpKmsProvider({ client, keys, name })), [A, B].map(nameOf));
  t.is(given.length, 2);
  t.true(given.every((bytes) => bytes.every((byte) => byte === 0)));
  const additionalAuthenticatedData = Buffer.from('cache');
  const bound = { masterKey: wrap(kek, C, 'cache') };
  t.deepEqual(await heldOf(gcpKmsProvider({ client, keys: bound, name, additionalAuthenticatedData })), [nameOf(C)]);
  t.is(
    (await failureOf(gcpKmsProvider({ client, keys: bound, name }))).message,
    'Cloud KMS did not unwrap masterKey: Error, code 3',
  );
});

test('a plaintext without its checksum, or with another one, is refused and overwritten', async (t) => {
  for (const plaintextCrc32c of [undefined, null, {}, { value: 0 }, { value: crc32c(B) }]) {
    const { client, given } = clientOf(() => ({ plaintextCrc32c }));
    const { code, message, shown } = await failureOf(
      gcpKmsProvider({ client, keys: { masterKey: wrap(kek, A) }, name }),
    );
    t.is(code, 'ERR_KEY_PROVIDER');
    t.is(message, 'Cloud KMS gave a plaintext for masterKey that does not fit its checksum');
    t.deepEqual(keysIn(shown), []);
    t.true(given[0]?.every((byte) => byte === 0));
  }
  for (const value of [crc32c(A), String(crc32c(A))]) {
    const { client } = clientOf(() => ({ plaintextCrc32c: { value } }));
    t.deepEqual(await heldOf(gcpKmsProvider({ client, keys: { masterKey: wrap(kek, A) }, name })), [nameOf(A)]);
  }
});

test('an answer without bytes and an unknown key are errors', async (t) => {
  const keys = { masterKey: wrap(kek, A) };
  for (const plaintext of [undefined, null, A.toString('base64')]) {
    const { client } = clientOf(() => ({ plaintext }));
    const { message, shown } = await failureOf(gcpKmsProvider({ client, keys, name }));
    t.is(message, 'Cloud KMS gave no bytes for masterKey');
    t.deepEqual(keysIn(shown), []);
  }
  const { message } = await failureOf(gcpKmsProvider({ client: clientOf().client, keys, name: 'projects/other' }));
  t.is(message, 'Cloud KMS did not unwrap masterKey: Error, code 5');
});

test('options that are none are refused', (t) => {
  const { client } = clientOf();
  const keys = { masterKey: 'AAAA' };
  t.throws(() => gcpKmsProvider({ client, keys, name, keyName: 'x' } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => gcpKmsProvider({ client, keys } as never), { instanceOf: TypeError });
  t.throws(() => gcpKmsProvider({ client: {} as never, keys, name }), {
    message: 'client must have a method decrypt()',
  });
  t.throws(() => gcpKmsProvider({ client, keys, name, additionalAuthenticatedData: 'x' as never }), {
    instanceOf: TypeError,
  });
});
