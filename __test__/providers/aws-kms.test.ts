import { DecryptCommand, EncryptCommand, KMS, KMSClient } from '@aws-sdk/client-kms';
import test from 'ava';
import { Keyring } from '../../index.js';
import { awsKmsProvider } from '../../src/providers/index.js';
import type { KeyService } from '../support/key-service.js';
import { KMS_KEY_ID, startKms } from '../support/kms-server.js';
import { A, B, failureOf, heldOf, keysIn, nameOf } from './outcomes.js';

/* The SDK of AWS itself, against a stand-in that speaks the protocol of KMS. */

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not a secret' };
const optionsFor = ({ url }: KeyService) => ({ endpoint: url, region: 'eu-central-1', credentials, maxAttempts: 1 });

let service: KeyService;
let client: KMS;
let wrapped: { a: Uint8Array; b: Uint8Array };
test.before(async () => {
  service = await startKms();
  client = new KMS(optionsFor(service));
  const wrap = async (Plaintext: Uint8Array, EncryptionContext?: Record<string, string>) => {
    const { CiphertextBlob } = await client.encrypt({ KeyId: KMS_KEY_ID, Plaintext, EncryptionContext });
    return CiphertextBlob as Uint8Array;
  };
  wrapped = { a: await wrap(A), b: await wrap(B) };
});
test.after.always(() => service?.stop());

test('keys that KMS has wrapped are held', async (t) => {
  const keys = { masterKey: wrapped.a, previousMasterKeys: [Buffer.from(wrapped.b).toString('base64')] };
  t.deepEqual(await heldOf(awsKmsProvider({ client, keys, keyId: KMS_KEY_ID })), [A, B].map(nameOf));
});

test('a KMSClient does it, too', async (t) => {
  const kms = new KMSClient(optionsFor(service));
  const provider = awsKmsProvider({
    client: { decrypt: (input, options) => kms.send(new DecryptCommand(input), options) },
    keys: { masterKey: wrapped.a },
  });
  t.deepEqual(await heldOf(provider), [nameOf(A)]);
});

test('the encryption context is sent, and a key does not unwrap under another one', async (t) => {
  const encryptionContext = { app: 'cache' };
  const blob = await client.send(
    new EncryptCommand({ KeyId: KMS_KEY_ID, Plaintext: B, EncryptionContext: encryptionContext }),
  );
  const keys = { masterKey: blob.CiphertextBlob as Uint8Array };
  t.deepEqual(await heldOf(awsKmsProvider({ client, keys, encryptionContext })), [nameOf(B)]);
  const { message } = await failureOf(awsKmsProvider({ client, keys, encryptionContext: { app: 'other' } }));
  t.is(message, 'AWS KMS did not unwrap masterKey: InvalidCiphertextException, status 400');
});

test('what KMS refuses is told by its name and status', async (t) => {
  const keys = { masterKey: wrapped.a, previousMasterKeys: [Buffer.from('not wrapped')] };
  const { code, message, shown } = await failureOf(awsKmsProvider({ client, keys }));
  t.is(code, 'ERR_KEY_PROVIDER');
  t.is(message, 'AWS KMS did not unwrap previousMasterKeys[0]: InvalidCiphertextException, status 400');
  t.deepEqual(keysIn(shown), []);
  const other = await failureOf(awsKmsProvider({ client, keys: { masterKey: wrapped.a }, keyId: 'alias/other' }));
  t.is(other.message, 'AWS KMS did not unwrap masterKey: IncorrectKeyException, status 400');
});

test('answers that are broken, empty or too short are errors that quote no key', async (t) => {
  const mine = await startKms();
  t.teardown(() => mine.stop());
  const provider = awsKmsProvider({ client: new KMS(optionsFor(mine)), keys: { masterKey: wrapped.a } });
  const plaintext = A.toString('base64');
  const broken: [unknown, RegExp][] = [
    [`{"KeyId":"k","Plaintext":"${plaintext}"`, /^AWS KMS did not unwrap masterKey/],
    [`{"Plaintext":"${plaintext}"} <html>`, /^AWS KMS did not unwrap masterKey/],
    [{ KeyId: 'k' }, /^AWS KMS gave no bytes for masterKey$/],
    [{ KeyId: 'k', Plaintext: '' }, /^AWS KMS gave (no bytes|an empty plaintext) for masterKey$/],
    [{ KeyId: 'k', Plaintext: A.subarray(8).toString('base64') }, /not 24 bytes/],
  ];
  for (const [body, pattern] of broken) {
    mine.instead = () => ({ status: 200, body });
    const { message, shown } = await failureOf(provider);
    t.regex(message, pattern);
    t.deepEqual(keysIn(shown), []);
  }
  mine.instead = () => ({ status: 500, body: 'oops' });
  t.regex((await failureOf(provider)).message, /status 500$/);
});

test.serial('a KMS that does not answer, and one that is not there', async (t) => {
  const mine = await startKms();
  const provider = awsKmsProvider({ client: new KMS(optionsFor(mine)), keys: { masterKey: wrapped.a } });
  mine.instead = () => 'never';
  await t.throwsAsync(Keyring.fromProvider(provider, { timeout: '100ms' }), { code: 'ERR_TIMEOUT' });
  await mine.stop();
  t.regex((await failureOf(provider)).message, /^AWS KMS did not unwrap masterKey: .*ECONNREFUSED/);
});

test('options that are none are refused', (t) => {
  const keys = { masterKey: 'AAAA' };
  t.throws(() => awsKmsProvider({ client, keys, keyID: 'x' } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => awsKmsProvider({ client: {} as never, keys }), { message: 'client must have a method decrypt()' });
  t.throws(() => awsKmsProvider({ client, keys, keyId: '' }), { code: 'ERR_CONFIGURATION' });
  t.throws(() => awsKmsProvider({ client, keys, encryptionContext: { a: 1 } as never }), { instanceOf: TypeError });
});
