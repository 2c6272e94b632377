import { Keyring } from '../../index.js';
import {
  awsKmsProvider,
  azureKeyVaultProvider,
  environmentProvider,
  fileProvider,
  gcpKmsProvider,
  unwrappingProvider,
  vaultTransitProvider,
} from '../../src/providers/index.js';
import { type Parameter, parameter, without } from './public-parameters.js';
import { notBoolean, notBytes, notObject, notText } from './wrong-values.js';

/* The parameters of the key providers, as those of the main entry are in public-parameters.ts. */

const keys = { masterKey: 'AAAA' };
const key = Buffer.alloc(32, 1);
const client = { decrypt: async () => ({}) } as never;
const optional = () => without(notText(), 'undefined');
const notKeys = () => without(notBytes(), 'a function');

export const providerParameters: Parameter[] = [
  parameter('awsKmsProvider(options)', notObject(), (v) => awsKmsProvider(v)),
  parameter('awsKmsProvider client', notBytes(), (v) => awsKmsProvider({ client: v, keys })),
  parameter('awsKmsProvider keys', notKeys(), (v) => awsKmsProvider({ client, keys: v })),
  parameter('awsKmsProvider keyId', optional(), (v) => awsKmsProvider({ client, keys, keyId: v })),
  parameter('gcpKmsProvider name', notText(), (v) => gcpKmsProvider({ client, keys, name: v })),
  parameter('gcpKmsProvider client', notBytes(), (v) => gcpKmsProvider({ client: v, keys, name: 'n' })),
  parameter('azureKeyVaultProvider client', notBytes(), (v) => azureKeyVaultProvider({ client: v, keys })),
  parameter('vaultTransitProvider address', notText(), (v) =>
    vaultTransitProvider({ address: v, token: 't', key: 'k', keys: { masterKey: 'vault:v1:AAAA' } }),
  ),
  parameter('vaultTransitProvider token', without(notText(), 'a function'), (v) =>
    vaultTransitProvider({ address: 'https://vault', token: v, key: 'k', keys: { masterKey: 'vault:v1:AAAA' } }),
  ),
  parameter('vaultTransitProvider keys', notKeys(), (v) =>
    vaultTransitProvider({ address: 'https://vault', token: 't', key: 'k', keys: v }),
  ),
  parameter('vaultTransitProvider a wrapped key', notBytes(), (v) =>
    vaultTransitProvider({ address: 'https://vault', token: 't', key: 'k', keys: { masterKey: v } }),
  ),
  parameter('fileProvider(options)', notObject(), (v) => fileProvider(v)),
  parameter('fileProvider masterKey', notText(), (v) => fileProvider({ masterKey: v })),
  parameter('environmentProvider clear', without(notBoolean(), 'undefined'), (v) => environmentProvider({ clear: v })),
  parameter('unwrappingProvider name', notText(), (v) => unwrappingProvider({ name: v, keys, unwrap: () => key })),
  parameter('unwrappingProvider unwrap', without(notBytes(), 'a function'), (v) =>
    unwrappingProvider({ name: 'n', keys, unwrap: v }),
  ),
  parameter(
    'Keyring clearEnvironment',
    without(notBoolean(), 'undefined'),
    (v) => new Keyring({ masterKey: key, clearEnvironment: v }),
  ),
  parameter('Keyring.fromProvider onError', without(notBytes(), 'undefined', 'a function'), (v) =>
    Keyring.fromProvider(() => ({ masterKey: key }), { onError: v }),
  ),
  parameter('Keyring.fromProvider signal', without(notBytes(), 'undefined'), (v) =>
    Keyring.fromProvider(() => ({ masterKey: key }), { signal: v }),
  ),
  parameter('Keyring.fromProvider refresh', without(notText(), 'undefined', 'a number'), (v) =>
    Keyring.fromProvider(() => ({ masterKey: key }), { refresh: v }),
  ),
];
