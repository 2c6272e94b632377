/**
 * Master keys that only AWS KMS can unwrap, and a rotation that the running service follows. The file of wrapped keys is no
 * secret: it may lie in a ConfigMap, an image or a repository.
 *
 *   KMS_KEY_ID=alias/cachekit AWS_REGION=eu-central-1 npx tsx examples/keys-aws-kms.ts
 *
 * The service needs `kms:Decrypt` for that key, who rotates `kms:GenerateDataKeyWithoutPlaintext`. AWS_ENDPOINT_URL_KMS leads the
 * SDK to another endpoint.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KMS } from '@aws-sdk/client-kms';
import { createCache, Keyring } from 'cachekit-native';
import { awsKmsProvider } from 'cachekit-native/providers';

const keyId = process.env.KMS_KEY_ID;
if (!keyId) throw new Error('KMS_KEY_ID must name a key of KMS');
const encryptionContext = { app: 'cachekit-example' };
const client = new KMS({});
const folder = mkdtempSync(join(tmpdir(), 'keys-'));
const file = join(folder, 'wrapped-keys.json');

// Who rotates: no process but those that use the keys ever sees one in plaintext.
const [first, second] = [await wrappedKey(), await wrappedKey()];
publish({ masterKey: first });

// The service.
const keyring = await Keyring.fromProvider(
  awsKmsProvider({ client, keyId, encryptionContext, keys: async () => JSON.parse(await readFile(file, 'utf8')) }),
  // In a service '15m', and as long as it may take to start.
  { refresh: '500ms', startup: '30s', onError: (error) => console.warn(String(error)) },
);
const patients = createCache({ keyring, namespace: 'patients', ttl: '1h' });
await patients.set('7', { name: 'Ada Lovelace' });
console.log('sealed with', currentKey());

// 1. Every process can open with the new key, 2. every process seals with it. In between, as long as the longest refresh takes.
const before = currentKey();
publish({ masterKey: first, previousMasterKeys: [second] });
await until(() => keyring.usage().length === 2);
publish({ masterKey: second, previousMasterKeys: [first] });
await until(() => currentKey() !== before);
assert.deepEqual(await patients.get('7'), { name: 'Ada Lovelace' });
console.log('rotated to', currentKey(), 'and what was stored still opens');

// Afterwards the old key is taken from the file, too. A keyring ends its refresh when it is destroyed.
await patients.close();
keyring.destroy();
client.destroy();
rmSync(folder, { recursive: true });

/** A new master key, wrapped by KMS, as base64. */
async function wrappedKey(): Promise<string> {
  const { CiphertextBlob } = await client.generateDataKeyWithoutPlaintext({
    KeyId: keyId,
    KeySpec: 'AES_256',
    EncryptionContext: encryptionContext,
  });
  assert.ok(CiphertextBlob);
  return Buffer.from(CiphertextBlob).toString('base64');
}

function publish(keys: { masterKey: string; previousMasterKeys?: string[] }): void {
  writeFileSync(file, JSON.stringify(keys));
}

function currentKey(): string | undefined {
  return keyring.usage()[0]?.fingerprint;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(50);
}
