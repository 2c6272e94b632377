import test from 'ava';
import { Keyring } from '../../index.js';
import { type VaultTransitProviderOptions, vaultTransitProvider } from '../../src/providers/index.js';
import type { KeyService } from '../support/key-service.js';
import { startVault, VAULT_KEY, VAULT_TOKEN } from '../support/vault-server.js';
import { A, B, failureOf, heldOf, keysIn, nameOf } from './outcomes.js';

let vault: KeyService;
let keys: { masterKey: string; previousMasterKeys: string[] };
test.before(async () => {
  vault = await startVault();
  keys = { masterKey: await wrap(A), previousMasterKeys: [await wrap(B)] };
});
test.after.always(() => vault?.stop());

async function wrap(key: Uint8Array, more: object = {}): Promise<string> {
  const response = await fetch(`${vault.url}/v1/transit/encrypt/${VAULT_KEY}`, {
    method: 'POST',
    headers: { 'x-vault-token': VAULT_TOKEN },
    body: JSON.stringify({ plaintext: Buffer.from(key).toString('base64'), ...more }),
  });
  return ((await response.json()) as { data: { ciphertext: string } }).data.ciphertext;
}

const optionsFor = (service: KeyService, change: object = {}): VaultTransitProviderOptions => ({
  address: service.url,
  token: VAULT_TOKEN,
  key: VAULT_KEY,
  keys,
  ...change,
});

test('keys that Vault has wrapped are held', async (t) => {
  t.deepEqual(await heldOf(vaultTransitProvider(optionsFor(vault))), [A, B].map(nameOf));
  const token = async () => `${VAULT_TOKEN}\n`;
  t.deepEqual(await heldOf(vaultTransitProvider(optionsFor(vault, { token }))), [A, B].map(nameOf));
  const hex = { masterKey: await wrap(Buffer.from(A.toString('hex'))) };
  t.deepEqual(await heldOf(vaultTransitProvider(optionsFor(vault, { keys: hex }))), [nameOf(A)]);
});

test('associated data, mount, namespace and context are sent where Vault expects them', async (t) => {
  const associatedData = Buffer.from('cache').toString('base64');
  const bound = { masterKey: await wrap(A, { associated_data: associatedData }) };
  t.deepEqual(await heldOf(vaultTransitProvider(optionsFor(vault, { keys: bound, associatedData }))), [nameOf(A)]);
  t.is((await failureOf(vaultTransitProvider(optionsFor(vault, { keys: bound })))).message, message(400));

  const mine = await startVault();
  t.teardown(() => mine.stop());
  const change = {
    address: `${mine.url}/proxy/`,
    mount: 'a/b',
    key: 'k 1',
    namespace: 'team',
    context: 'Y29udGV4dA==',
  };
  t.is((await failureOf(vaultTransitProvider(optionsFor(mine, change)))).message, message(404));
  const [request] = mine.seen;
  t.is(request?.path, '/proxy/v1/a/b/decrypt/k%201');
  t.is(request?.headers['x-vault-namespace'], 'team');
  t.deepEqual(request?.body, { ciphertext: keys.masterKey, context: 'Y29udGV4dA==' });
});

test('what Vault refuses is told by its status, without the token', async (t) => {
  const forbidden = await failureOf(vaultTransitProvider(optionsFor(vault, { token: 'hvs.another-token' })));
  t.is(forbidden.code, 'ERR_KEY_PROVIDER');
  t.is(forbidden.message, message(403));
  t.false(forbidden.shown.includes('another-token'));
  const altered = { masterKey: keys.masterKey, previousMasterKeys: ['vault:v1:AAAA'] };
  t.is(
    (await failureOf(vaultTransitProvider(optionsFor(vault, { keys: altered })))).message,
    'Vault did not unwrap previousMasterKeys[0]: status 400',
  );
});

test('answers that are broken, hostile or too short are errors that quote no key', async (t) => {
  const mine = await startVault();
  t.teardown(() => mine.stop());
  const provider = vaultTransitProvider(optionsFor(mine));
  const text = A.toString('base64');
  const none = 'Vault gave no plaintext for masterKey';
  const broken: [unknown, string][] = [
    [`{"data":{"plaintext":"${text}"}`, none],
    [`{"data":{"plaintext":"${text}`, none],
    [`{"data":{"plaintext":"${text}"}} <html>`, none],
    [`{"auth":{"plaintext":"${text}"},"data":{"plaintext":"${text}"}}`, none],
    [`{"plaintext":"${text}","data":{}}`, none],
    [`{"data":{"plaintext":"${text.slice(0, -1)}*"}}`, none],
    [`{"data":{"plaintext":"${text.slice(0, -1)}"}}`, none],
    [{ data: { plaintext: 7 } }, none],
    [{ data: null }, none],
    ['', none],
    ['<html>', none],
    [{ data: { plaintext: text }, warnings: ['x'.repeat(70_000)] }, none],
    [{ data: { plaintext: '' } }, 'Vault gave an empty plaintext for masterKey'],
    [
      { data: { plaintext: A.subarray(1).toString('base64') } },
      'masterKey of Vault must be 32 bytes, or 64 hex digits, not 31 bytes of another form',
    ],
  ];
  for (const [body, expected] of broken) {
    mine.instead = () => ({ status: 200, body });
    const { message, shown } = await failureOf(provider);
    t.is(message, expected, String(body).slice(0, 100));
    t.deepEqual(keysIn(shown), []);
  }
});

test('white space in an answer, and each length of base64, are read as JSON says', async (t) => {
  const mine = await startVault();
  t.teardown(() => mine.stop());
  mine.instead = () => ({ status: 200, body: `{ "data" : { "plaintext" : "${A.toString('base64')}" } }` });
  const single = optionsFor(mine, { keys: { masterKey: keys.masterKey } });
  t.deepEqual(await heldOf(vaultTransitProvider(single)), [nameOf(A)]);
  for (const length of [1, 2, 3, 31, 33, 34]) {
    mine.instead = () => ({
      status: 200,
      body: { data: { plaintext: Buffer.alloc(length, 0xfb).toString('base64') } },
    });
    t.regex((await failureOf(vaultTransitProvider(single))).message, new RegExp(`not ${length} bytes`));
  }
});

test('the token is not taken along to where Vault redirects', async (t) => {
  const mine = await startVault();
  const other = await startVault();
  t.teardown(async () => void (await Promise.all([mine.stop(), other.stop()])));
  const redirecting = vaultTransitProvider(
    optionsFor(mine, {
      fetch: async (url: string, request: RequestInit) => {
        await fetch(url, request);
        return new Response(null, { status: 307, headers: { location: other.url } });
      },
    }),
  );
  t.is((await failureOf(redirecting)).message, message(307));
  t.is(other.seen.length, 0);
});

test.serial('a Vault that does not answer, and one that is not there', async (t) => {
  const mine = await startVault();
  mine.instead = () => 'never';
  const provider = vaultTransitProvider(optionsFor(mine));
  await t.throwsAsync(Keyring.fromProvider(provider, { timeout: '100ms' }), { code: 'ERR_TIMEOUT' });
  await mine.stop();
  t.is((await failureOf(provider)).message, 'Vault did not unwrap masterKey: TypeError, ECONNREFUSED');
});

test('options that are none are refused, and a token is not repeated', (t) => {
  const make = (change: object) => () => vaultTransitProvider(optionsFor(vault, change));
  const code = 'ERR_CONFIGURATION';
  t.throws(make({ url: 'x' }), { code });
  t.throws(make({ key: '' }), { code });
  t.throws(make({ key: '..' }), { code });
  t.throws(make({ mount: 'a/../b' }), { code });
  for (const address of [
    'vault:8200',
    'nowhere',
    'http://vault.example',
    'ftp://127.0.0.1',
    'https://user:pw@vault',
    'https://vault/?a=b',
  ])
    t.throws(make({ address }), { code }, address);
  t.notThrows(make({ address: 'https://vault.example:8200' }));
  t.notThrows(make({ address: 'http://[::1]:8200' }));
  const error = t.throws(make({ token: 'two words of a token' }), { code });
  t.false(error?.message.includes('words'));
  t.throws(make({ token: undefined }), { instanceOf: TypeError });
  t.throws(make({ fetch: 'x' }), { instanceOf: TypeError });
  t.throws(make({ keys: { masterKey: A.toString('base64') } }), {
    message: "keys.masterKey for Vault must be a ciphertext like 'vault:v1:…'",
  });
});

function message(status: number): string {
  return `Vault did not unwrap masterKey: status ${status}`;
}
