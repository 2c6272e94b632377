import { randomBytes } from 'node:crypto';
import * as arrow from 'apache-arrow';
import test from 'ava';
import {
  ArrowSerializer,
  AuthenticationError,
  ConfigurationError,
  EncryptionWrapper,
  type EncryptionWrapperOptions,
  EnvelopeError,
  JsonSerializer,
  KeyError,
  Keyring,
  SealedFormatError,
  Sealer,
  SerializationError,
  type Serializer,
  UnknownKeyError,
} from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { native } from '../../src/native/addon.js';
import { encodeFramePrefix, type FrameMetadata, parseFrame } from '../../src/protocol/frame.js';
import { createAad, deriveTenantKeys } from '../../src/protocol/index.js';
import { oracleAad, oracleEnvelope, oracleOpen, oracleSeal } from '../support/oracle.js';

const [A, B] = ['a1'.repeat(32), 'b2'.repeat(32)];
const context = { cacheKey: 'users:1' };
const value = { id: 7, text: 'a text that is repeated, a text that is repeated' };
const table = arrow.tableFromArrays({ a: Int32Array.of(1, 2, 3) });

/** A serializer of somebody's own: the payload as it is. */
const bare: Serializer<Uint8Array> = {
  format: 'raw',
  container: 'none',
  serialize: (payload) => payload,
  deserialize: (payload) => new Uint8Array(payload),
};

const kinds: Record<string, { options: EncryptionWrapperOptions; value: unknown }> = {
  'protocol, envelope': { options: {}, value },
  'protocol, literals': { options: { compress: false }, value },
  'protocol, checksum': { options: { serializer: new JsonSerializer() }, value },
  'protocol, no container': { options: { serializer: bare }, value: new Uint8Array([1, 2, 3]) },
  'protocol, an empty payload': { options: { serializer: bare }, value: new Uint8Array(0) },
  'protocol, an empty payload in an envelope': {
    options: { serializer: { ...bare, container: 'envelope' } },
    value: new Uint8Array(0),
  },
  'protocol, random nonces': { options: { nonces: 'random' }, value },
  'protocol, never a header': { options: { rotationHeader: 'never' }, value },
  'protocol, always a header': { options: { rotationHeader: 'always' }, value },
  interop: { options: { wire: 'interop' }, value },
  python: { options: { wire: 'python' }, value },
  'python, JSON': { options: { wire: 'python', serializer: new JsonSerializer() }, value },
  'python, Arrow': {
    options: { wire: 'python', serializer: new ArrowSerializer({ arrow }) as Serializer },
    value: table,
  },
};

const same = (t: { deepEqual: (a: unknown, b: unknown) => void }, got: unknown, wanted: unknown) =>
  wanted === table
    ? t.deepEqual(Buffer.from(arrow.tableToIPC(got as typeof table)), Buffer.from(arrow.tableToIPC(table)))
    : t.deepEqual(got, wanted);

for (const [name, kind] of Object.entries(kinds)) {
  test(`a value is sealed again with the current key, and the old one is not needed any more: ${name}`, async (t) => {
    const keyring = new Keyring({ masterKey: A });
    const wrapper = new EncryptionWrapper<unknown>({ keyring, ...kind.options });
    for (const tenantId of ['default', 'other']) {
      const of = { ...context, tenantId };
      const old = wrapper.serialize(kind.value, of);
      t.is(wrapper.rewrap(old, of), undefined, 'nothing to do before');
      keyring.startRotation(B);
      const copy = Buffer.from(old);
      const again = wrapper.rewrap(old, of);
      t.true(again !== undefined && again.compare(old) !== 0);
      t.deepEqual(old, copy, 'the stored bytes are left alone');
      t.is(wrapper.rewrap(again!, of), undefined, 'once is enough');
      const later = await wrapper.rewrapAsync(old, of);
      t.is(await wrapper.rewrapAsync(again!, of), undefined);
      t.is(again!.length, later!.length);
      t.is(again!.length, wrapper.serialize(kind.value, of).length, 'as long as a value that is written now');
      keyring.completeRotation();
      same(t, wrapper.deserialize(again!, of), kind.value);
      same(t, wrapper.deserialize(later!, of), kind.value);
      t.throws(() => wrapper.deserialize(old, of));
      same(t, new EncryptionWrapper<unknown>({ masterKey: B, ...kind.options }).deserialize(again!, of), kind.value);
      keyring.startRotation(A);
      keyring.completeRotation();
    }
  });
}

test('the payload stays the same bytes, of types that JavaScript does not keep too', (t) => {
  const payload = Buffer.concat([
    Buffer.from([0x81, 0xac]),
    Buffer.from('__datetime__'),
    Buffer.from([0xba]),
    Buffer.from('2025-01-02T03:04:05.678901'),
  ]);
  const keyring = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  const wrapper = new EncryptionWrapper({ keyring, wire: 'interop' });
  const aad = oracleAad({ tenantId: 'default', ...context, format: 'msgpack', compressed: false });
  const old = oracleSeal(deriveTenantKeys(A, 'default').encryption, Buffer.alloc(12, 1), payload, aad);
  const again = wrapper.rewrap(old, context);
  t.deepEqual(oracleOpen(deriveTenantKeys(B, 'default').encryption, again!, aad), payload);
});

test('usage counts the open by the old key and the seal by the new one, and then shows that nobody needs the old one', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = [1, 2, 3].map((id) => wrapper.serialize({ id }, { cacheKey: `users:${id}` }));
  keyring.startRotation(B);
  const again = old.map((sealed, at) => wrapper.rewrap(sealed, { cacheKey: `users:${at + 1}` })!);
  t.like(keyring.usage()[0], { position: 'current', seals: 3, opens: 0 });
  t.like(keyring.usage()[1], { position: 'previous', seals: 3, opens: 3 });
  for (const [at, sealed] of again.entries()) {
    t.deepEqual(wrapper.deserialize(sealed, { cacheKey: `users:${at + 1}` }), { id: at + 1 });
    t.is(wrapper.rewrap(sealed, { cacheKey: `users:${at + 1}` }), undefined);
  }
  t.like(keyring.usage()[0], { seals: 3, opens: 6 });
  t.like(keyring.usage()[1], { seals: 3, opens: 3 });
});

test('a header that would be another one now is a reason to write again, with the same key', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const plain = wrapper.serialize(value, context);
  keyring.stage(B);
  const headed = wrapper.rewrap(plain, context);
  t.is(wrapper.inspect(headed!).header?.keyVersion, 0);
  t.is(wrapper.rewrap(headed!, context), undefined);
  keyring.startRotation(B);
  keyring.rollback();
  const versioned = wrapper.rewrap(headed!, context);
  t.is(wrapper.inspect(versioned!).header?.keyVersion, 1);
  const never = new EncryptionWrapper({ keyring, rotationHeader: 'never' });
  const bareAgain = never.rewrap(versioned!, context);
  t.is(never.inspect(bareAgain!).header, undefined);
  t.deepEqual(never.deserialize(bareAgain!, context), value);
});

test('a staged key opens what a neighbour sealed with it, and the current key seals it again', (t) => {
  const ahead = new EncryptionWrapper({ keyring: new Keyring({ masterKey: B, previousMasterKeys: [A] }) });
  const keyring = new Keyring({ masterKey: A });
  keyring.stage(B);
  const wrapper = new EncryptionWrapper({ keyring });
  const again = wrapper.rewrap(ahead.serialize(value, context), context);
  t.deepEqual(new EncryptionWrapper({ masterKey: A }).deserialize(again!, context), value);
});

type Header = { m: Record<string, unknown>; [name: string]: unknown };

/** What Python of another version may have stored: other metadata, or a header that another writer made. */
function framed(masterKey: string, metadata: Partial<FrameMetadata>, edit?: (header: Header) => void): Buffer {
  const complete: FrameMetadata = {
    format: 'msgpack',
    compressed: true,
    originalType: 'msgpack',
    encrypted: true,
    tenantId: 'default',
    keyFingerprint: new Sealer(masterKey, 'default').fingerprint,
    ...metadata,
  };
  const { encryption } = deriveTenantKeys(masterKey, 'default');
  const usual = new EncryptionWrapper({ masterKey, wire: 'python' }).serialize(value, context);
  const container = openFrame(masterKey, usual);
  const aad = oracleAad({ ...context, ...complete, tenantId: 'default' });
  let prefix = encodeFramePrefix('default', complete);
  if (edit !== undefined) {
    const header = JSON.parse(prefix.toString('utf8', 7));
    edit(header);
    const text = Buffer.from(JSON.stringify(header));
    prefix = Buffer.concat([prefix.subarray(0, 7), text]);
    prefix.writeUInt32BE(text.length, 3);
  }
  return Buffer.concat([prefix, oracleSeal(encryption, Buffer.alloc(12, 3), container, aad)]);
}

/** The container in a frame, opened with what the frame itself says. */
function openFrame(masterKey: string, stored: Uint8Array): Buffer {
  const { metadata, payloadOffset } = parseFrame(stored);
  const { format, compressed, originalType } = metadata;
  const aad = oracleAad({ tenantId: 'default', ...context, format, compressed, originalType });
  return oracleOpen(deriveTenantKeys(masterKey, 'default').encryption, stored.subarray(payloadOffset), aad);
}

test('a frame keeps its metadata, which the value is bound to; only its fingerprint is another one', async (t) => {
  const keyring = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  const wrapper = new EncryptionWrapper({ keyring, wire: 'python' });
  const reader = new EncryptionWrapper({ masterKey: B, wire: 'python' });
  const several: Partial<FrameMetadata>[] = [
    {},
    { compressed: false },
    { originalType: null },
    { originalType: 'dict' },
  ];
  for (const metadata of several) {
    const old = framed(A, metadata);
    for (const again of [wrapper.rewrap(old, context), await wrapper.rewrapAsync(old, context)]) {
      const { fingerprint: keyFingerprint } = new Sealer(B, 'default');
      t.deepEqual(parseFrame(again!).metadata, { ...parseFrame(old).metadata, keyFingerprint });
      t.is(parseFrame(again!).serializerName, 'default');
      t.deepEqual(reader.deserialize(again!, context), value);
      t.is(wrapper.rewrap(again!, context), undefined);
      t.deepEqual(oracleEnvelope(openFrame(B, again!)), oracleEnvelope(openFrame(A, old)));
    }
  }
});

test('a frame of another writer that names the current key is left alone, and one that names no key is not', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A, wire: 'python' });
  t.is(
    wrapper.rewrap(
      framed(A, { compressed: false }, (header) => Object.assign(header.m, { later: 1 })),
      context,
    ),
    undefined,
  );
  const nameless = framed(A, {}, (header) => delete header.m.key_fingerprint);
  const again = wrapper.rewrap(nameless, context);
  t.is(parseFrame(again!).metadata.keyFingerprint, new Sealer(A, 'default').fingerprint);
});

test('what does not open fails as it does when it is read', async (t) => {
  const keyring = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  const wrapper = new EncryptionWrapper({ keyring });
  const python = new EncryptionWrapper({ keyring, wire: 'python' });
  const plain = new EncryptionWrapper({ masterKey: A }).serialize(value, context);
  const frame = new EncryptionWrapper({ masterKey: A, wire: 'python' }).serialize(value, context);
  const altered = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };
  const foreign = new EncryptionWrapper({ masterKey: 'c3'.repeat(32), rotationHeader: 'always' });
  const foreignFrame = new EncryptionWrapper({ masterKey: 'c3'.repeat(32), wire: 'python' });
  const aad = createAad({ tenantId: 'default', ...context, format: 'msgpack', compressed: true });
  const sealer = new Sealer(A, 'default');
  const raw = new EncryptionWrapper({
    masterKey: A,
    serializer: { ...bare, format: 'msgpack', container: 'envelope' },
  });
  const cases: [
    EncryptionWrapper,
    Uint8Array,
    typeof context & { tenantId?: string },
    new (...args: never) => Error,
  ][] = [
    ...[...plain.keys()].map((at) => [wrapper, altered(plain, at), context, AuthenticationError] as const),
    [wrapper, plain, { cacheKey: 'users:2' }, AuthenticationError],
    [wrapper, plain, { ...context, tenantId: 'other' }, AuthenticationError],
    [wrapper, plain.subarray(0, 27), context, AuthenticationError],
    [wrapper, new Uint8Array(0), context, AuthenticationError],
    [wrapper, foreign.serialize(value, context), context, UnknownKeyError],
    [wrapper, sealer.seal(Buffer.from('no envelope'), aad), context, EnvelopeError],
    [wrapper, raw.serialize(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), context), context, SerializationError],
    [python, plain, context, SealedFormatError],
    [python, frame.subarray(0, 30), context, SealedFormatError],
    [python, frame, { ...context, tenantId: 'other' }, AuthenticationError],
    [python, altered(frame, frame.length - 1), context, AuthenticationError],
    [python, foreignFrame.serialize(value, context), context, UnknownKeyError],
  ].map((row) => row as never);
  for (const [reader, sealed, of, expected] of cases) {
    const read = t.throws(() => reader.deserialize(sealed, of), { instanceOf: expected });
    const rewrapped = t.throws(() => reader.rewrap(sealed, of), { instanceOf: expected });
    const later = await t.throwsAsync(reader.rewrapAsync(sealed, of), { instanceOf: expected });
    t.is(rewrapped?.message, read?.message);
    t.is(later?.message, read?.message);
  }
  t.like(keyring.usage()[0], { seals: 0, opens: 0 });
  t.like(keyring.usage()[1], { opens: 0 });
});

test('large values are rewrapped off the event loop by the cache, and at once by rewrap', async (t) => {
  const keyring = new Keyring({ masterKey: A });
  for (const options of [{}, { serializer: new JsonSerializer() }, { wire: 'python' }] as EncryptionWrapperOptions[]) {
    const wrapper = new EncryptionWrapper<unknown>({ keyring, ...options });
    const large = randomBytes(700_000).toString('hex');
    const old = wrapper.serialize(large, context);
    const small = wrapper.serialize(value, context);
    t.true(old.length > 1024 * 1024);
    keyring.startRotation(B);
    const pending = codecOf(wrapper).rewrap(old, context, false);
    t.true(pending instanceof Promise);
    t.false(codecOf(wrapper).rewrap(small, context, false) instanceof Promise);
    const [later, now] = [(await pending).sealed, wrapper.rewrap(old, context)];
    t.is((await codecOf(wrapper).rewrap(later!, context, false)).sealed, undefined);
    keyring.completeRotation();
    for (const again of [later!, now!]) t.true(wrapper.deserialize(again, context) === large);
    keyring.startRotation(A);
    keyring.completeRotation();
  }
});

test.serial('what a rewrap has opened is overwritten', async (t) => {
  const wrapper = new EncryptionWrapper({
    keyring: new Keyring({ masterKey: B, previousMasterKeys: [A] }),
    serializer: bare,
  });
  const payload = randomBytes(100);
  const old = new EncryptionWrapper({ masterKey: A, serializer: bare }).serialize(payload, context);
  const { openValue, openAsync } = native;
  const outputs: Uint8Array[] = [];
  let held = false;
  native.openValue = (handle, out, ...rest) => {
    outputs.push(out);
    const length = openValue(handle, out, ...rest);
    held ||= payload.equals(out);
    return length;
  };
  native.openAsync = (handle, out, ...rest) => {
    outputs.push(out);
    return openAsync(handle, out, ...rest);
  };
  try {
    t.not(wrapper.rewrap(old, context), undefined);
    t.true(held);
    const before = outputs.length;
    t.not(await wrapper.rewrapAsync(old, context), undefined);
    t.true(outputs.length > before);
  } finally {
    Object.assign(native, { openValue, openAsync });
  }
  for (const out of outputs) t.true(out.every((byte) => byte === 0));
});

test('a signal stops rewrapping off the event loop', async (t) => {
  const wrapper = new EncryptionWrapper({ keyring: new Keyring({ masterKey: B, previousMasterKeys: [A] }) });
  const old = new EncryptionWrapper({ masterKey: A }).serialize(value, context);
  const aborted = AbortSignal.abort(new Error('enough'));
  await t.throwsAsync(wrapper.rewrapAsync(old, { ...context, signal: aborted }), { message: 'enough' });
  t.true(Buffer.isBuffer(await wrapper.rewrapAsync(old, { ...context, signal: new AbortController().signal })));
});

test('the caller may change the bytes once rewrapAsync was called', async (t) => {
  const keyring = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = new EncryptionWrapper({ masterKey: A }).serialize(value, context);
  const pending = wrapper.rewrapAsync(old, context);
  old.fill(0);
  t.deepEqual(wrapper.deserialize((await pending)!, context), value);
});

test('a rotation that is completed while a value is rewrapped is a failed open, and a destroyed keyring a key error', async (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = wrapper.serialize(value, context);
  keyring.startRotation(B);
  keyring.completeRotation();
  await t.throwsAsync(wrapper.rewrapAsync(old, context), { instanceOf: AuthenticationError });
  keyring.destroy();
  t.throws(() => wrapper.rewrap(old, context), { instanceOf: KeyError });
  await t.throwsAsync(wrapper.rewrapAsync(old, context), { instanceOf: KeyError });
});

test('a dry run opens a value and seals nothing, and names the master key that opened it', async (t) => {
  const keyring = new Keyring({ masterKey: A });
  const codec = codecOf(new EncryptionWrapper({ keyring }));
  const old = new EncryptionWrapper({ masterKey: A }).serialize(value, context);
  const { fingerprint } = keyring.usage()[0]!;
  keyring.startRotation(B);
  t.deepEqual(codec.rewrap(old, context, true), { fingerprint, sealed: undefined });
  t.like(keyring.usage(), [{ seals: 0 }, { seals: 0, opens: 1 }]);
});

test('a codec without encryption has nothing to rewrap', async (t) => {
  const { PlainCodec } = await import('../../src/codec/plain-codec.js');
  t.throws(() => new PlainCodec().rewrap(), { instanceOf: ConfigurationError });
});
