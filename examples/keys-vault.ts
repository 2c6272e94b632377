/**
 * Master keys that only the transit engine of HashiCorp Vault can unwrap, and a rotation that the running service follows. The
 * file of wrapped keys is no secret: it may lie in a ConfigMap, an image or a repository.
 *
 *   VAULT_ADDR=https://vault:8200 VAULT_TOKEN=… VAULT_TRANSIT_KEY=cachekit npx tsx examples/keys-vault.ts
 *
 * The service's token needs `update` on transit/decrypt/cachekit, that of who rotates on transit/datakey/wrapped/cachekit. With an
 * agent of Vault: `token: () => readFile('/vault/token', 'utf8')`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createCache, Keyring } from 'cachekit-native';
import { vaultTransitProvider } from 'cachekit-native/providers';

const { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_TRANSIT_KEY: key = 'cachekit' } = process.env;
if (!address || !token) throw new Error('VAULT_ADDR and VAULT_TOKEN must be set');
const folder = mkdtempSync(join(tmpdir(), 'keys-'));
const file = join(folder, 'wrapped-keys.json');

// Who rotates: no process but those that use the keys ever sees one in plaintext.
const [first, second] = [await wrappedKey(address, token), await wrappedKey(address, token)];
publish({ masterKey: first });

// The service.
const keyring = await Keyring.fromProvider(
  vaultTransitProvider({ address, token, key, keys: async () => JSON.parse(await readFile(file, 'utf8')) }),
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
rmSync(folder, { recursive: true });

/** A new master key, wrapped by Vault: `vault:v1:…`. */
async function wrappedKey(address: string, token: string): Promise<string> {
  const response = await fetch(`${address}/v1/transit/datakey/wrapped/${key}`, {
    method: 'POST',
    headers: { 'x-vault-token': token },
    body: JSON.stringify({ bits: 256 }),
  });
  assert.equal(response.status, 200);
  const { data } = (await response.json()) as { data: { ciphertext: string } };
  return data.ciphertext;
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
