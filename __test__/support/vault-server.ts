import { randomBytes } from 'node:crypto';
import { type KeyService, type ServiceAnswer, startKeyService, unwrap, wrap } from './key-service.js';

/** Of the stand-in for Vault. */
export const VAULT_TOKEN = 'hvs.token-of-the-stand-in';
export const VAULT_KEY = 'cachekit';

/** A stand-in for Vault: `encrypt`, `decrypt` and wrapped data keys of the transit engine. */
export function startVault(): Promise<KeyService> {
  const kek = randomBytes(32);
  return startKeyService('application/json', ({ path, headers, body }) => {
    if (headers['x-vault-token'] !== VAULT_TOKEN) return refusal(403, 'permission denied');
    const { ciphertext, plaintext, associated_data: aad = '' } = body as Record<string, string | undefined>;
    const wrapped = (key: Buffer) => {
      return answer({ ciphertext: `vault:v1:${wrap(kek, key, aad).toString('base64')}`, key_version: 1 });
    };
    if (path === `/v1/transit/encrypt/${VAULT_KEY}`) return wrapped(Buffer.from(plaintext ?? '', 'base64'));
    if (path === `/v1/transit/datakey/wrapped/${VAULT_KEY}`) return wrapped(randomBytes(32));
    if (path !== `/v1/transit/decrypt/${VAULT_KEY}`) return refusal(404, 'no handler for route');
    const [prefix, version, text = ''] = (ciphertext ?? '').split(':');
    if (prefix !== 'vault' || version !== 'v1') return refusal(400, 'invalid ciphertext: no prefix');
    const opened = unwrap(kek, Buffer.from(text, 'base64'), aad);
    return opened ? answer({ plaintext: opened.toString('base64') }) : refusal(400, 'message authentication failed');
  });
}

function answer(data: Record<string, unknown>): ServiceAnswer {
  const more = { request_id: '0e7d', lease_id: '', renewable: false, lease_duration: 0, wrap_info: null };
  return { status: 200, body: `${JSON.stringify({ ...more, data, warnings: null, auth: null })}\n` };
}

function refusal(status: number, error: string): ServiceAnswer {
  return { status, body: { errors: [error] } };
}
