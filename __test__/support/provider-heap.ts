import { getHeapSnapshot } from 'node:v8';
import { Keyring } from '../../index.js';
import { fileProvider, vaultTransitProvider } from '../../src/providers/index.js';

/* Takes keys of Vault and of a file that this process does not know otherwise, and writes a snapshot of its heap. */
const { VAULT_ADDR = '', VAULT_TOKEN = '', VAULT_KEY = '', CIPHERTEXT = '', KEY_FILE = '' } = process.env;
const keys = { masterKey: CIPHERTEXT };
const held = await Promise.all([
  Keyring.fromProvider(vaultTransitProvider({ address: VAULT_ADDR, token: VAULT_TOKEN, key: VAULT_KEY, keys })),
  Keyring.fromProvider(fileProvider({ masterKey: KEY_FILE })),
]);
for await (const chunk of getHeapSnapshot()) process.stdout.write(chunk as Buffer);
console.log(`\nheld: ${held.map((keyring) => keyring.usage()[0]?.fingerprint).join()}`);
