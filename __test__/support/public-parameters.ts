import { EncryptionWrapper, Keyring, Sealer } from '../../index.js';
import {
  ByteStorage,
  blake2b256,
  createAad,
  deriveDomainKey,
  deriveTenantKeys,
  encodeInteropArgs,
  encodeRotationHeader,
  interopKey,
  keyFingerprint,
  parseRotationHeader,
} from '../../src/protocol/index.js';
import {
  notBoolean,
  notBytes,
  notMasterKey,
  notObject,
  notSmallNumber,
  notText,
  sentinel,
  type WrongValue,
} from './wrong-values.js';

/** One parameter of the public API: a call with a value in its place, and the values that it must refuse. */
export interface Parameter {
  name: string;
  call: (value: never) => unknown;
  wrong: WrongValue[];
}

const masterKey = Buffer.alloc(32, 0x31);
const bytes = () => new Uint8Array(64);
const sealer = new Sealer(masterKey, 't');
const wrapper = new EncryptionWrapper<unknown>({ masterKey });
const sealed = sealer.seal(bytes(), bytes());
const stored = wrapper.serialize(1, { cacheKey: 'k' });
const parts = { tenantId: 't', cacheKey: 'k', format: 'f', compressed: true };
const header = {
  version: 1,
  algorithm: 0,
  keyFingerprint: new Uint8Array(16),
  tenantIdHash: new Uint8Array(8),
  domain: 'ench',
  keyVersion: 0,
} as const;

export const without = (values: WrongValue[], ...names: string[]) => values.filter(({ name }) => !names.includes(name));
const optional = (values: WrongValue[]) => without(values, 'undefined', 'null');
export const parameter = (name: string, wrong: WrongValue[], call: (value: never) => unknown): Parameter => ({
  name,
  call,
  wrong,
});
/** A number or a string that is no choice. */
const notChoice = () => [...notText(), { name: 'another text', value: sentinel }];
const notSignal = () => without(optional(notBytes()), 'shared memory');
const notItems = () =>
  without(notBytes(), 'an array', 'undefined').concat([{ name: 'items of no use', value: [sentinel] }]);

const primitives: Parameter[] = [
  parameter('createAad(parts)', notObject(), (v) => createAad(v)),
  ...(['tenantId', 'cacheKey', 'format'] as const).map((name) =>
    parameter(`createAad ${name}`, notText(), (v) => createAad({ ...parts, [name]: v })),
  ),
  parameter('createAad compressed', notBoolean(), (v) => createAad({ ...parts, compressed: v })),
  parameter('createAad originalType', optional(notText()), (v) => createAad({ ...parts, originalType: v })),
  parameter('encodeRotationHeader(header)', notObject(), (v) => encodeRotationHeader(v)),
  ...(['version', 'algorithm', 'keyVersion'] as const).map((name) =>
    parameter(`encodeRotationHeader ${name}`, notSmallNumber(), (v) => encodeRotationHeader({ ...header, [name]: v })),
  ),
  ...(['keyFingerprint', 'tenantIdHash'] as const).map((name) =>
    parameter(`encodeRotationHeader ${name}`, notBytes(), (v) => encodeRotationHeader({ ...header, [name]: v })),
  ),
  parameter('encodeRotationHeader domain', notChoice(), (v) => encodeRotationHeader({ ...header, domain: v })),
  parameter('parseRotationHeader(bytes)', notBytes(), (v) => parseRotationHeader(v)),
  parameter('deriveDomainKey(masterKey)', notMasterKey(), (v) => deriveDomainKey(v, 'd', 't')),
  parameter('deriveDomainKey(, domain)', notText(), (v) => deriveDomainKey(masterKey, v, 't')),
  parameter('deriveDomainKey(, , tenantSalt)', without(notBytes(), 'a string'), (v) =>
    deriveDomainKey(masterKey, 'd', v),
  ),
  parameter('deriveTenantKeys(masterKey)', notMasterKey(), (v) => deriveTenantKeys(v, 't')),
  parameter('deriveTenantKeys(, tenantId)', notText(), (v) => deriveTenantKeys(masterKey, v)),
  parameter('keyFingerprint(key)', notBytes(), (v) => keyFingerprint(v)),
  parameter('blake2b256(data)', notBytes(), (v) => blake2b256(v)),
  parameter('ByteStorage.store(data)', notBytes(), (v) => ByteStorage.store(v)),
  parameter('ByteStorage.store(, format)', notText(), (v) => ByteStorage.store(bytes(), v)),
  parameter('ByteStorage.retrieve(envelope)', notBytes(), (v) => ByteStorage.retrieve(v)),
  parameter('interopKey(namespace)', notText(), (v) => interopKey(v, 'op', [])),
  parameter('interopKey(, operation)', notText(), (v) => interopKey('ns1', v, [])),
  parameter('interopKey(, , args)', without(notBytes(), 'an array'), (v) => interopKey('ns1', 'op', v)),
  parameter('encodeInteropArgs(args)', without(notBytes(), 'an array'), (v) => encodeInteropArgs(v)),
];

const sealing: Parameter[] = [
  parameter('new Sealer(masterKey)', notMasterKey(), (v) => new Sealer(v, 't')),
  parameter('new Sealer(, tenantId)', notText(), (v) => new Sealer(masterKey, v)),
  ...(['seal', 'open', 'sealAsync', 'openAsync'] as const).flatMap((name) => [
    parameter(`${name}(bytes)`, notBytes(), (v) => sealer[name](v, bytes())),
    parameter(`${name}(, aad)`, notBytes(), (v) => sealer[name](sealed, v)),
  ]),
  ...(['sealAsync', 'openAsync'] as const).map((name) =>
    parameter(`${name} signal`, notSignal(), (v) => sealer[name](sealed, bytes(), { signal: v })),
  ),
  ...(['sealInto', 'openInto'] as const).flatMap((name) => [
    parameter(`${name}(out)`, notBytes(), (v) => sealer[name](v, sealed, bytes())),
    parameter(`${name}(, bytes)`, notBytes(), (v) => sealer[name](new Uint8Array(128), v, bytes())),
    parameter(`${name}(, , aad)`, notBytes(), (v) => sealer[name](new Uint8Array(128), sealed, v)),
  ]),
  parameter('sealInPlace(buffer)', notBytes(), (v) => sealer.sealInPlace(v, 0, bytes())),
  parameter('sealInPlace(, plaintextLen)', notSmallNumber(), (v) => sealer.sealInPlace(bytes(), v, bytes())),
  parameter('sealInPlace(, , aad)', notBytes(), (v) => sealer.sealInPlace(bytes(), 0, v)),
  parameter('openInPlace(buffer)', notBytes(), (v) => sealer.openInPlace(v, bytes())),
  parameter('openInPlace(, aad)', notBytes(), (v) => sealer.openInPlace(new Uint8Array(sealed), v)),
];

const options: Parameter[] = [
  parameter('new Keyring(options)', notObject(), (v) => new Keyring(v)),
  parameter('Keyring masterKey', notMasterKey(), (v) => new Keyring({ masterKey: v })),
  parameter(
    'Keyring previousMasterKeys',
    optional(without(notBytes(), 'an array')),
    (v) => new Keyring({ masterKey, previousMasterKeys: v }),
  ),
  parameter('Keyring a previous key', notMasterKey(), (v) => new Keyring({ masterKey, previousMasterKeys: [v] })),
  parameter('Keyring.stage(key)', notMasterKey(), (v) => new Keyring({ masterKey }).stage(v)),
  parameter('Keyring.unstage(key)', notMasterKey(), (v) => new Keyring({ masterKey }).unstage(v)),
  parameter('Keyring.startRotation(key)', notMasterKey(), (v) => new Keyring({ masterKey }).startRotation(v)),
  parameter(
    'completeRotation ifUnusedFor',
    notChoice().filter(({ value }) => value !== 7),
    (v) => new Keyring({ masterKey, previousMasterKeys: [Buffer.alloc(32)] }).completeRotation({ ifUnusedFor: v }),
  ),
  parameter('Keyring.fromProvider(provider)', without(notBytes(), 'a function'), (v) => Keyring.fromProvider(v)),
  parameter('what a key provider returns', without(notBytes(), 'a promise'), (v) => Keyring.fromProvider(() => v)),
  parameter('new EncryptionWrapper(options)', notObject(), (v) => new EncryptionWrapper(v)),
  parameter('EncryptionWrapper masterKey', notMasterKey(), (v) => new EncryptionWrapper({ masterKey: v })),
  parameter('EncryptionWrapper keyring', optional(notBytes()), (v) => new EncryptionWrapper({ keyring: v })),
  parameter('EncryptionWrapper tenantId', notText(), (v) => new EncryptionWrapper({ masterKey, tenantId: v })),
  parameter(
    'EncryptionWrapper serializer',
    optional(notBytes()),
    (v) => new EncryptionWrapper({ masterKey, serializer: v }),
  ),
  ...(['wire', 'rotationHeader', 'nonces'] as const).map((name) =>
    parameter(`EncryptionWrapper ${name}`, notChoice(), (v) => new EncryptionWrapper({ masterKey, [name]: v })),
  ),
  parameter('EncryptionWrapper compress', notBoolean(), (v) => new EncryptionWrapper({ masterKey, compress: v })),
];

const wrapperMethods = [
  'serialize',
  'deserialize',
  'serializeAsync',
  'deserializeAsync',
  'rewrap',
  'rewrapAsync',
] as const;
const wrapping: Parameter[] = [
  ...wrapperMethods.flatMap((name) => [
    parameter(`${name}(, context)`, notObject(), (v) => wrapper[name](stored, v)),
    parameter(`${name} cacheKey`, [...notText(), { name: 'empty', value: '' }], (v) =>
      wrapper[name](stored, { cacheKey: v }),
    ),
    parameter(`${name} tenantId`, notText(), (v) => wrapper[name](stored, { cacheKey: 'k', tenantId: v })),
  ]),
  ...(['deserialize', 'deserializeAsync', 'rewrap', 'rewrapAsync'] as const).map((name) =>
    parameter(`${name}(sealed)`, notBytes(), (v) => wrapper[name](v, { cacheKey: 'k' })),
  ),
  ...(['serializeAsync', 'deserializeAsync', 'rewrapAsync'] as const).map((name) =>
    parameter(`${name} signal`, notSignal(), (v) => wrapper[name](stored, { cacheKey: 'k', signal: v })),
  ),
  parameter('serializeMany(items)', notItems(), (v) => wrapper.serializeMany(v)),
  parameter('serializeMany cacheKey', notText(), (v) => wrapper.serializeMany([{ value: 1, cacheKey: v }])),
  parameter('serializeMany tenantId', notText(), (v) =>
    wrapper.serializeMany([{ value: 1, cacheKey: 'k', tenantId: v }]),
  ),
  parameter('deserializeMany(items)', notItems(), (v) => wrapper.deserializeMany(v)),
  parameter('deserializeMany cacheKey', notText(), (v) => wrapper.deserializeMany([{ sealed: stored, cacheKey: v }])),
  parameter('deserializeMany tenantId', notText(), (v) =>
    wrapper.deserializeMany([{ sealed: stored, cacheKey: 'k', tenantId: v }]),
  ),
  parameter('deserializeMany sealed', notBytes(), (v) => wrapper.deserializeMany([{ sealed: v, cacheKey: 'k' }])),
  parameter('inspect(sealed)', notBytes(), (v) => wrapper.inspect(v)),
];

export const publicParameters: Parameter[] = [...primitives, ...sealing, ...options, ...wrapping];
