import { ConfigurationError, KeyProviderError } from '../errors.js';
import type { KeyProvider } from '../keys/provider.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { assertOptionalText, assertText } from './options.js';
import { type Asked, unwrapping, type WrappedKeySource } from './unwrapping.js';
import { plaintextIn } from './vault-answer.js';

/** The part of `fetch` that is used. */
export type VaultFetch = (
  url: string,
  request: { method: 'POST'; headers: Record<string, string>; body: string; redirect: 'manual'; signal: AbortSignal },
) => Promise<Response>;

export interface VaultTransitProviderOptions {
  /** `https://vault.example:8200`; `http:` for this machine only, where an agent or a proxy of Vault listens. */
  address: string;
  /** A token that may `update` `transit/decrypt/<key>`, or a function that is asked for it before each call. */
  token: string | (() => string | Promise<string>);
  /** The name of the transit key. */
  key: string;
  /** Ciphertexts of transit: `vault:v1:…`. */
  keys: WrappedKeySource<string>;
  /** Where the engine is mounted. Default `'transit'`. */
  mount?: string | undefined;
  /** Of Vault Enterprise. */
  namespace?: string | undefined;
  /** Base64, for a key that is derived. */
  context?: string | undefined;
  /** Base64, as the keys were wrapped with. */
  associatedData?: string | undefined;
  /** In place of the global one, for certificates or proxies of your own. */
  fetch?: VaultFetch | undefined;
}

const OPTIONS = [
  'address',
  'token',
  'key',
  'keys',
  'mount',
  'namespace',
  'context',
  'associatedData',
  'fetch',
] as const satisfies (keyof VaultTransitProviderOptions)[];
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** An answer has some 500 bytes. */
const MAX_ANSWER_LEN = 65_536;

/**
 * Keys that the transit engine of HashiCorp Vault (or OpenBao) unwraps, by HTTP.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function vaultTransitProvider(options: VaultTransitProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const {
    address,
    token,
    key,
    keys,
    mount = 'transit',
    namespace,
    context,
    associatedData,
    fetch,
  } = ownOptions(options);
  const url = decryptUrl(address, mount, key);
  if (typeof token !== 'function') checkedToken(token);
  for (const [name, value] of Object.entries({ namespace, context, associatedData })) assertOptionalText(name, value);
  if (fetch !== undefined && typeof fetch !== 'function') throw new TypeError('fetch must be a function');
  const more = { ...(context && { context }), ...(associatedData && { associated_data: associatedData }) };
  return unwrapping(
    {
      name: 'Vault',
      form: "a ciphertext like 'vault:v1:…'",
      parse: (wrapped) => (typeof wrapped === 'string' ? ciphertextOf(wrapped) : undefined),
      async unwrap(ciphertext: string, asked) {
        const headers = {
          'content-type': 'application/json',
          'x-vault-request': 'true',
          'x-vault-token': checkedToken(typeof token === 'function' ? await token() : token),
          ...(namespace && { 'x-vault-namespace': namespace }),
        };
        const body = JSON.stringify({ ciphertext, ...more });
        // A redirection would take the token along, wherever it leads.
        const request = { method: 'POST', headers, body, redirect: 'manual', signal: asked.signal } as const;
        return plaintextOf(await (fetch ?? globalThis.fetch)(url, request), asked);
      },
    },
    keys,
  );
}

function ciphertextOf(text: string): string | undefined {
  const ciphertext = text.trim();
  return /^\w+:v\d+:[\w+/=:-]+$/.test(ciphertext) ? ciphertext : undefined;
}

function decryptUrl(address: string, mount: string, key: string): string {
  for (const [name, value] of Object.entries({ address, mount, key })) assertText(name, value);
  if (!URL.canParse(address)) throw new ConfigurationError('address must be a URL like https://vault.example:8200');
  const { protocol, hostname, origin, pathname, search, hash, username, password } = new URL(address);
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.test(hostname))) {
    throw new ConfigurationError(
      'address must be an https: URL, or http: for this machine: keys cross this connection',
    );
  }
  if (`${search}${hash}${username}${password}` !== '') {
    throw new ConfigurationError('address must be a URL without user, query and fragment');
  }
  const path = mount.split('/').filter((part) => part !== '');
  const steps = ['v1', ...path, 'decrypt', key].map(encodeURIComponent);
  // `..` is not encoded, and would lead elsewhere.
  if (steps.some((step) => step === '.' || step === '..')) throw new ConfigurationError('mount and key must be names');
  return `${origin}${pathname.replace(/\/+$/, '')}/${steps.join('/')}`;
}

/** @throws TypeError, ConfigurationError that do not repeat it. */
function checkedToken(token: unknown): string {
  if (typeof token !== 'string') throw new TypeError(`token must be a string or a function, not ${kindOf(token)}`);
  const text = token.trim();
  if (!/^[\x21-\x7e]+$/.test(text)) throw new ConfigurationError('The token for Vault is empty or no token');
  return text;
}

async function plaintextOf(response: Response, { provider, key }: Asked): Promise<Uint8Array> {
  const { status } = response;
  if (status !== 200) {
    await response.body?.cancel();
    throw new KeyProviderError(`${provider} did not unwrap ${key}: status ${status}`, provider, key, status);
  }
  const answer = await bodyOf(response);
  try {
    const plaintext = answer && plaintextIn(answer);
    if (plaintext !== undefined) return plaintext;
  } finally {
    answer?.fill(0);
  }
  throw new KeyProviderError(`${provider} gave no plaintext for ${key}`, provider, key, status);
}

/** undefined when it is too long. Its parts are overwritten. */
async function bodyOf(response: Response): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      parts.push(part);
      length += part.length;
      if (length > MAX_ANSWER_LEN) return undefined;
    }
    return Buffer.concat(parts);
  } finally {
    for (const part of parts) part.fill(0);
  }
}
