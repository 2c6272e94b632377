export type { KeyProvider, ProvidedKeys } from '../keys/provider.js';
export { type AwsKmsClient, type AwsKmsProviderOptions, awsKmsProvider } from './aws-kms.js';
export {
  type AzureCryptographyClient,
  type AzureKeyVaultProviderOptions,
  type AzureWrapAlgorithm,
  azureKeyVaultProvider,
} from './azure-key-vault.js';
export { type EnvironmentProviderOptions, environmentProvider } from './environment.js';
export { type FileProviderOptions, fileProvider } from './file.js';
export { type GcpKmsClient, type GcpKmsProviderOptions, gcpKmsProvider } from './gcp-kms.js';
export type { WrappedKeySource, WrappedKeys } from './unwrapping.js';
export { type UnwrappingProviderOptions, unwrappingProvider } from './unwrapping-provider.js';
export { type VaultFetch, type VaultTransitProviderOptions, vaultTransitProvider } from './vault-transit.js';
