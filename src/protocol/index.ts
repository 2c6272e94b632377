/*
 * The entry `cachekit-native/protocol`: the protocol's primitives, as pure functions of bytes.
 */
export { blake2b256 } from '../native/hash.js';
export { type AadParts, createAad } from './aad.js';
export { ByteStorage } from './byte-storage.js';
export { type DerivedTenantKeys, deriveDomainKey, deriveTenantKeys, keyFingerprint } from './derive.js';
export { encodeInteropArgs } from './interop-args.js';
export { interopKey } from './interop-key.js';
export { encodeRotationHeader, parseRotationHeader, type RotationHeader } from './rotation-header.js';
