import test from 'ava';
import * as main from '../../index.js';
import * as protocol from '../../src/protocol/index.js';

/*
 * What the entries export at run time. A new name is a promise: add it here with the change that makes it, and to the README.
 */

test('the main entry has what applications use', (t) => {
  t.deepEqual(Object.keys(main).sort(), [
    'ArrowSerializer',
    'AuthenticationError',
    'BackendError',
    'CacheKitError',
    'ConfigurationError',
    'EncryptionWrapper',
    'EnvelopeError',
    'FileBackend',
    'HttpBackend',
    'IncompleteError',
    'InternalError',
    'InteropSerializer',
    'JsonSerializer',
    'KeyError',
    'Keyring',
    'KeyvBackend',
    'LmdbBackend',
    'MemoryBackend',
    'NativeLoadError',
    'NonceExhaustedError',
    'OrjsonSerializer',
    'PlainDate',
    'PlainTime',
    'RedisBackend',
    'SealedFormatError',
    'Sealer',
    'SerializationError',
    'StandardSerializer',
    'TimeoutError',
    'UnknownKeyError',
    'ValueTooLargeError',
    'cache',
    'createCache',
    'encryptedDriver',
    'encryptedStore',
    'hardwareAcceleration',
    'skip',
    'withTtl',
  ]);
});

test('cachekit-native/protocol has the primitives of the protocol, and none of them is in the main entry', (t) => {
  t.deepEqual(Object.keys(protocol).sort(), [
    'ByteStorage',
    'blake2b256',
    'createAad',
    'deriveDomainKey',
    'deriveTenantKeys',
    'encodeInteropArgs',
    'encodeRotationHeader',
    'interopKey',
    'keyFingerprint',
    'parseRotationHeader',
  ]);
  t.deepEqual(
    Object.keys(protocol).filter((name) => name in main),
    [],
  );
});
