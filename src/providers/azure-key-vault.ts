import type { KeyProvider } from '../keys/provider.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { wrappedBytes } from './base64-keys.js';
import { assertClient, assertText } from './options.js';
import { unwrapping, type WrappedKeySource } from './unwrapping.js';

/** How Key Vault and Managed HSM wrap keys. */
export type AzureWrapAlgorithm = 'RSA-OAEP-256' | 'RSA-OAEP' | 'A256KW' | 'A192KW' | 'A128KW';

/** What is used of `CryptographyClient` of `@azure/keyvault-keys`. */
export interface AzureCryptographyClient {
  unwrapKey(
    algorithm: AzureWrapAlgorithm,
    encryptedKey: Uint8Array,
    options: { abortSignal: AbortSignal },
  ): Promise<{ result: Uint8Array }>;
}

export interface AzureKeyVaultProviderOptions {
  /** For one version of a key, which has wrapped all of `keys`. */
  client: AzureCryptographyClient;
  /** Results of `wrapKey`: bytes, or base64. */
  keys: WrappedKeySource;
  /** Default `'RSA-OAEP-256'`. */
  algorithm?: AzureWrapAlgorithm | undefined;
}

const OPTIONS = ['client', 'keys', 'algorithm'] as const satisfies (keyof AzureKeyVaultProviderOptions)[];

/**
 * Keys that Azure Key Vault unwraps by `unwrapKey`.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function azureKeyVaultProvider(options: AzureKeyVaultProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const { client, keys, algorithm = 'RSA-OAEP-256' } = ownOptions(options);
  assertClient(client, 'unwrapKey');
  assertText('algorithm', algorithm);
  return unwrapping(
    {
      ...wrappedBytes,
      name: 'Azure Key Vault',
      async unwrap(wrapped: Uint8Array, { signal }) {
        const { result } = await client.unwrapKey(algorithm, wrapped, { abortSignal: signal });
        return result;
      },
    },
    keys,
  );
}
