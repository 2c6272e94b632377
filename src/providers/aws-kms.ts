import type { KeyProvider } from '../keys/provider.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { wrappedBytes } from './base64-keys.js';
import { assertClient, assertOptionalText } from './options.js';
import { unwrapping, type WrappedKeySource } from './unwrapping.js';

/**
 * What is used of `KMS` of `@aws-sdk/client-kms`. With a `KMSClient`:
 * `{ decrypt: (input, options) => kms.send(new DecryptCommand(input), options) }`.
 */
export interface AwsKmsClient {
  decrypt(
    input: { CiphertextBlob: Uint8Array; KeyId?: string; EncryptionContext?: Record<string, string> },
    options: { abortSignal: AbortSignal },
  ): Promise<{ Plaintext?: Uint8Array | undefined }>;
}

export interface AwsKmsProviderOptions {
  client: AwsKmsClient;
  /** Ciphertext blobs of `GenerateDataKey` (`AES_256`) or `Encrypt`: bytes, or base64. */
  keys: WrappedKeySource;
  /** The KMS key that must have wrapped them: an id, ARN or alias. Without it, KMS takes the one that the blob names. */
  keyId?: string | undefined;
  /** As the keys were wrapped with. */
  encryptionContext?: Record<string, string> | undefined;
}

const OPTIONS = ['client', 'keys', 'keyId', 'encryptionContext'] as const satisfies (keyof AwsKmsProviderOptions)[];

/**
 * Keys that AWS KMS unwraps by `Decrypt`.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function awsKmsProvider(options: AwsKmsProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const { client, keys, keyId, encryptionContext } = ownOptions(options);
  assertClient(client, 'decrypt');
  assertOptionalText('keyId', keyId);
  const context = encryptionContext === undefined ? undefined : checkedContext(encryptionContext);
  return unwrapping(
    {
      ...wrappedBytes,
      name: 'AWS KMS',
      async unwrap(wrapped: Uint8Array, { signal }) {
        const input = {
          CiphertextBlob: wrapped,
          ...(keyId === undefined ? {} : { KeyId: keyId }),
          ...(context === undefined ? {} : { EncryptionContext: { ...context } }),
        };
        const answer = await client.decrypt(input, { abortSignal: signal });
        return answer.Plaintext as Uint8Array;
      },
    },
    keys,
  );
}

function checkedContext(context: unknown): Record<string, string> {
  if (typeof context !== 'object' || context === null) {
    throw new TypeError(`encryptionContext must be an object, not ${kindOf(context)}`);
  }
  const entries = Object.entries(context);
  if (entries.some(([, value]) => typeof value !== 'string')) {
    throw new TypeError('encryptionContext must be an object of strings');
  }
  return Object.fromEntries(entries);
}
