import test from 'ava';
import * as main from '../../index.js';
import * as protocol from '../../src/protocol/index.js';
import * as providers from '../../src/providers/index.js';

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

test('cachekit-native/providers has the key providers, and none of them is in the main entry', (t) => {
  t.deepEqual(Object.keys(providers).sort(), [
    'awsKmsProvider',
    'azureKeyVaultProvider',
    'environmentProvider',
    'fileProvider',
    'gcpKmsProvider',
    'unwrappingProvider',
    'vaultTransitProvider',
  ]);
  t.deepEqual(
    Object.keys(providers).filter((name) => name in main),
    [],
  );
});
