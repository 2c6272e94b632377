export { blake2b256, ByteStorage, hardwareAcceleration } from './src/byte-storage.js';
export type { Duration } from './src/duration.js';
export { EncryptionWrapper, type EncryptionWrapperOptions } from './src/encryption-wrapper.js';
export {
  AuthenticationError,
  BackendError,
  CacheKitError,
  type CacheKitErrorCode,
  ConfigurationError,
  EnvelopeError,
  InternalError,
  KeyError,
  NativeLoadError,
  NonceExhaustedError,
  SealedFormatError,
  SerializationError,
  TimeoutError,
  UnknownKeyError,
  ValueTooLargeError,
} from './src/errors.js';
export type { InspectedValue } from './src/inspect-stored.js';
export { type DerivedTenantKeys, deriveDomainKey, deriveTenantKeys, keyFingerprint } from './src/keys/derive.js';
export { Keyring, type KeyringOptions, type KeyUsage, type NonceMode } from './src/keys/keyring.js';
export type { MasterKeyInput } from './src/keys/master-key.js';
export type { KeyProvider, KeyProviderOptions, ProvidedKeys } from './src/keys/provider.js';
export { Sealer } from './src/keys/sealer.js';
export { type AadParts, createAad } from './src/protocol/aad.js';
export { encodeInteropArgs } from './src/protocol/interop-args.js';
export { interopKey } from './src/protocol/interop-key.js';
export { encodeRotationHeader, parseRotationHeader, type RotationHeader } from './src/protocol/rotation-header.js';
export type {
  AsyncValueContext,
  DeserializeResult,
  ValueContext,
  ValueToDeserialize,
  ValueToSerialize,
} from './src/value-codec.js';
export type { Wire } from './src/wire.js';
