import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runNode, supportFile } from '../support/child.js';
import { forms, shownIn } from '../support/secret-forms.js';
import { startVault, VAULT_KEY, VAULT_TOKEN } from '../support/vault-server.js';
import { nameOf } from './outcomes.js';

test('a heap snapshot of a process shows no key that it took from Vault or from a file', async (t) => {
  const [ofVault, ofFile] = [randomBytes(32), randomBytes(32)];
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  const vault = await startVault();
  t.teardown(async () => {
    rmSync(folder, { recursive: true });
    await vault.stop();
  });
  const file = join(folder, 'key');
  writeFileSync(file, `${ofFile.toString('hex')}\n`);
  const wrapped = await fetch(`${vault.url}/v1/transit/encrypt/${VAULT_KEY}`, {
    method: 'POST',
    headers: { 'x-vault-token': VAULT_TOKEN },
    body: JSON.stringify({ plaintext: ofVault.toString('base64') }),
  });
  const { data } = (await wrapped.json()) as { data: { ciphertext: string } };
  const env = { VAULT_ADDR: vault.url, VAULT_TOKEN, VAULT_KEY, CIPHERTEXT: data.ciphertext, KEY_FILE: file };
  const { code, stdout, stderr } = await runNode(supportFile('provider-heap.ts'), [], { env });
  t.is(code, 0, stderr);
  const snapshot = stdout.toString('latin1');
  t.true(snapshot.includes(`held: ${nameOf(ofVault)},${nameOf(ofFile)}`));
  // What is no secret shows: the search would find a key, too.
  t.true(snapshot.includes(data.ciphertext));
  t.deepEqual(shownIn(snapshot, [...forms(ofVault), ...forms(ofFile)]), []);
});
