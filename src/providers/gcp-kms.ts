import { types } from 'node:util';
import { KeyProviderError } from '../errors.js';
import type { KeyProvider } from '../keys/provider.js';
import { assertBytes, copyOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { wrappedBytes } from './base64-keys.js';
import { crc32c } from './crc32c.js';
import { assertClient, assertText } from './options.js';
import { type Asked, unwrapping, type WrappedKeySource } from './unwrapping.js';

interface Checksum {
  value?: unknown;
}

/** What is used of `KeyManagementServiceClient` of `@google-cloud/kms`. */
export interface GcpKmsClient {
  decrypt(request: {
    name: string;
    ciphertext: Uint8Array;
    ciphertextCrc32c: { value: number };
    additionalAuthenticatedData?: Uint8Array;
    additionalAuthenticatedDataCrc32c?: { value: number };
  }): Promise<
    readonly [{ plaintext?: Uint8Array | string | null; plaintextCrc32c?: Checksum | null }, ...(readonly unknown[])]
  >;
}

export interface GcpKmsProviderOptions {
  client: GcpKmsClient;
  /** Ciphertexts of `encrypt`: bytes, or base64. */
  keys: WrappedKeySource;
  /** The CryptoKey: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. */
  name: string;
  /** As the keys were wrapped with. */
  additionalAuthenticatedData?: Uint8Array | undefined;
}

const OPTIONS = [
  'client',
  'keys',
  'name',
  'additionalAuthenticatedData',
] as const satisfies (keyof GcpKmsProviderOptions)[];

/**
 * Keys that Cloud KMS unwraps by `decrypt`, with CRC-32C of what is sent and of what comes back.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function gcpKmsProvider(options: GcpKmsProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const { client, keys, name, additionalAuthenticatedData: given } = ownOptions(options);
  assertClient(client, 'decrypt');
  assertText('name', name);
  if (given !== undefined) assertBytes('additionalAuthenticatedData', given);
  const aad = given && copyOf(given);
  const ofAad = aad && { additionalAuthenticatedData: aad, additionalAuthenticatedDataCrc32c: { value: crc32c(aad) } };
  return unwrapping(
    {
      ...wrappedBytes,
      name: 'Cloud KMS',
      async unwrap(wrapped: Uint8Array, asked) {
        const ciphertextCrc32c = { value: crc32c(wrapped) };
        const [answer] = await client.decrypt({ name, ciphertext: wrapped, ciphertextCrc32c, ...ofAad });
        const { plaintext } = answer;
        if (types.isUint8Array(plaintext)) assertIntact(plaintext, answer.plaintextCrc32c, asked);
        return plaintext as Uint8Array;
      },
    },
    keys,
  );
}

function assertIntact(plaintext: Uint8Array, checksum: Checksum | null | undefined, { provider, key }: Asked): void {
  // A number, a Long, or its digits, as the transport gives it.
  if (String(checksum?.value) === String(crc32c(plaintext))) return;
  plaintext.fill(0);
  throw new KeyProviderError(`${provider} gave a plaintext for ${key} that does not fit its checksum`, provider, key);
}
