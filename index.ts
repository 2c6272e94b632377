export type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendItem,
  BackendKeysOptions,
  BackendLock,
  BackendOptions,
  BackendSetOptions,
  BackendTagOptions,
  BackendUnchanged,
  L1Status,
} from './src/backends/backend.js';
export { FileBackend, type FileBackendOptions } from './src/backends/file.js';
export { HttpBackend, type HttpBackendOptions, type HttpHealth, type HttpMetrics } from './src/backends/http.js';
export type { InvalidationBus } from './src/backends/invalidation-bus.js';
export { KeyvBackend, type KeyvBackendOptions } from './src/backends/keyv.js';
export { LmdbBackend, type LmdbBackendOptions } from './src/backends/lmdb.js';
export { MemoryBackend, type MemoryBackendOptions } from './src/backends/memory.js';
export { RedisBackend, type RedisBackendOptions, type RedisBusOptions, redisBus } from './src/backends/redis.js';
export type {
  BatchFunction,
  BatchOptions,
  BatchRows,
  BatchSize,
  BatchWrap,
  CacheBatchOptions,
} from './src/cache/batch.js';
export { type CacheFunction, cache } from './src/cache/cache.js';
export { cachedMethod } from './src/cache/cached-method.js';
export type { CachedFunction, CachedMembers, Entry } from './src/cache/cached-types.js';
export type { GetOptions, LoadOptions, SetOptions } from './src/cache/call-options.js';
export type { ClearOptions } from './src/cache/clear-scopes.js';
export { createCache } from './src/cache/create.js';
export type { Cache, CreateCacheOptions, SecureFunctionOptions } from './src/cache/create-cache.js';
export type { CacheStats, LatencyStats } from './src/cache/engine/counters.js';
export type { CacheEvent, FailureKind } from './src/cache/engine/events.js';
export type { TenantStore } from './src/cache/key-builder.js';
export { type LoadedOptions, skip, withTtl } from './src/cache/load-result.js';
export type {
  BackoffOptions,
  BreakerOptions,
  L1Options,
  LockOptions,
  Span,
  TimeoutOptions,
} from './src/cache/option-groups.js';
export type { CacheOptions, FunctionOptions, StorageOptions, Ttl } from './src/cache/options.js';
export type { PolicyOptions } from './src/cache/policy-options.js';
export type { KeyReportOptions, RewrapOptions, RewrapProgress } from './src/cache/rewrap/options.js';
export type { CannotKnow, KeyReport, RewrapReport } from './src/cache/rewrap/report.js';
export type { SchemaResult, StandardSchema } from './src/cache/schema.js';
export type { TenantCache } from './src/cache/tenant-cache.js';
export type { ValidatedWrap } from './src/cache/validated-wrap.js';
export type { CacheWrap } from './src/cache/wrap-function.js';
export { EncryptionWrapper, type EncryptionWrapperOptions } from './src/codec/encryption-wrapper.js';
export type { InspectedValue } from './src/codec/inspect.js';
export type {
  AsyncValueContext,
  DeserializeResult,
  ValueContext,
  ValueToDeserialize,
  ValueToSerialize,
} from './src/codec/value-codec.js';
export {
  AuthenticationError,
  BackendError,
  type BackendErrorOptions,
  CacheKitError,
  type CacheKitErrorCode,
  ConfigurationError,
  EnvelopeError,
  IncompleteError,
  InternalError,
  KeyError,
  KeyProviderError,
  NativeLoadError,
  NonceExhaustedError,
  SealedFormatError,
  SerializationError,
  TimeoutError,
  UnknownKeyError,
  ValidationError,
  ValueTooLargeError,
} from './src/errors.js';
export type { EncryptedStoreClearOptions } from './src/integrations/clear-namespace.js';
export { type CacheDriver, type DriverFactory, encryptedDriver } from './src/integrations/encrypted-driver.js';
export { type EncryptedStore, encryptedStore, type InnerStore } from './src/integrations/encrypted-store.js';
export type { EncryptedStoreOptions } from './src/integrations/sealed-text.js';
export type { KeyEvent } from './src/keys/key-events.js';
export type { KeyProviderOptions } from './src/keys/key-source.js';
export {
  type KeyFingerprints,
  Keyring,
  type KeyringOptions,
  type KeyUsage,
  type NonceMode,
} from './src/keys/keyring.js';
export type { KeyProvider, ProvidedKeys } from './src/keys/provider.js';
export { Sealer } from './src/keys/sealer.js';
export { hardwareAcceleration } from './src/native/hash.js';
export type { MasterKeyInput } from './src/protocol/master-key.js';
export type { ErrorPaths } from './src/protocol/refusal.js';
export { PlainDate, PlainTime, type TemporalReviver, type TemporalType } from './src/protocol/temporal.js';
export type { Wire } from './src/protocol/wire.js';
export {
  type ArrowModule,
  ArrowSerializer,
  type ArrowSerializerOptions,
  type ArrowTable,
} from './src/serializers/arrow.js';
export { InteropSerializer, type InteropSerializerOptions } from './src/serializers/interop.js';
export { JsonSerializer, type JsonSerializerOptions, OrjsonSerializer } from './src/serializers/json.js';
export type { Serializer } from './src/serializers/serializer.js';
export { StandardSerializer, type StandardSerializerOptions } from './src/serializers/standard.js';
export type { ValueType } from './src/serializers/value-types.js';
export type { Duration } from './src/util/options-object.js';
export { parseDuration, parseTtl } from './src/util/parse-duration.js';
