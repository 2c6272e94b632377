import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto';
import test from 'ava';
import { type AzureCryptographyClient, azureKeyVaultProvider } from '../../src/providers/index.js';
import { A, B, failureOf, heldOf, keysIn, nameOf } from './outcomes.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const hashes: Record<string, string> = { 'RSA-OAEP': 'sha1', 'RSA-OAEP-256': 'sha256' };
const padding = constants.RSA_PKCS1_OAEP_PADDING;
const wrap = (key: Uint8Array, oaepHash = 'sha256') => publicEncrypt({ key: publicKey, padding, oaepHash }, key);

/** Unwraps as a `CryptographyClient` of `@azure/keyvault-keys` has it done. */
function clientOf(change: object = {}) {
  const given: Uint8Array[] = [];
  const client: AzureCryptographyClient = {
    async unwrapKey(algorithm, encryptedKey, { abortSignal }) {
      abortSignal.throwIfAborted();
      try {
        const result = privateDecrypt({ key: privateKey, padding, oaepHash: hashes[algorithm] ?? '' }, encryptedKey);
        given.push(result);
        return { result, algorithm, ...change };
      } catch {
        throw Object.assign(new Error('(BadParameter)'), { name: 'RestError', code: 'BadParameter', statusCode: 400 });
      }
    },
  };
  return { client, given };
}

test('keys that Key Vault has wrapped are held, and the arrays of the client overwritten', async (t) => {
  const { client, given } = clientOf();
  const keys = { masterKey: wrap(A), previousMasterKeys: [wrap(B).toString('base64')] };
  t.deepEqual(await heldOf(azureKeyVaultProvider({ client, keys })), [A, B].map(nameOf));
  t.is(given.length, 2);
  t.true(given.every((bytes) => bytes.every((byte) => byte === 0)));
  const sha1 = { masterKey: wrap(A, 'sha1') };
  t.deepEqual(await heldOf(azureKeyVaultProvider({ client, keys: sha1, algorithm: 'RSA-OAEP' })), [nameOf(A)]);
});

test('what Key Vault refuses is told by its code and status', async (t) => {
  const keys = { masterKey: wrap(A), previousMasterKeys: [wrap(B), Buffer.from('not wrapped')] };
  const { code, message, shown } = await failureOf(azureKeyVaultProvider({ client: clientOf().client, keys }));
  t.is(code, 'ERR_KEY_PROVIDER');
  t.is(message, 'Azure Key Vault did not unwrap previousMasterKeys[1]: RestError, BadParameter, status 400');
  t.deepEqual(keysIn(shown), []);
});

test('an answer without a result is an error', async (t) => {
  for (const result of [undefined, new Uint8Array(0), A.toString('hex')]) {
    const { client } = clientOf({ result });
    const { message, shown } = await failureOf(azureKeyVaultProvider({ client, keys: { masterKey: wrap(A) } }));
    t.regex(message, /^Azure Key Vault gave (no bytes|an empty plaintext) for masterKey$/);
    t.deepEqual(keysIn(shown), []);
  }
});

test('options that are none are refused', (t) => {
  const { client } = clientOf();
  const keys = { masterKey: 'AAAA' };
  t.throws(() => azureKeyVaultProvider({ client, keys, alg: 'x' } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => azureKeyVaultProvider({ client, keys, algorithm: 7 as never }), { instanceOf: TypeError });
  t.throws(() => azureKeyVaultProvider({ client: {} as never, keys }), { message: /unwrapKey\(\)/ });
});
