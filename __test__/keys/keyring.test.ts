import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { AuthenticationError, EncryptionWrapper, KeyError, Keyring, UnknownKeyError } from '../../index.js';
import type { TenantKey } from '../../src/keys/held-key.js';
import { native, TRUSTED } from '../../src/native/addon.js';

const KEY_DESTROYED = -8;

const [A, B, C, D, E] = ['aa', 'bb', 'cc', 'dd', 'ee'].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
  string,
  string,
];
const context = { cacheKey: 'users:1' };
const value = { id: 7 };

/** The key version in a value's rotation header; undefined when there is no header. */
function versionOf(wrapper: EncryptionWrapper, sealed: Buffer): number | undefined {
  return wrapper.inspect(sealed).header?.keyVersion;
}

function positions(keyring: Keyring): string[] {
  return keyring.usage().map((key) => key.position);
}

test('without a rotation values are bare and nothing rotates', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  t.is(versionOf(wrapper, wrapper.serialize(value, context)), undefined);
  t.false(keyring.rotating);
  t.throws(() => keyring.completeRotation(), { instanceOf: KeyError, code: 'ERR_KEY' });
  t.throws(() => keyring.rollback(), { instanceOf: KeyError });
});

test('a fleet rotates without a miss: stage, start, complete', (t) => {
  const [one, two] = [new Keyring({ masterKey: A }), new Keyring({ masterKey: A })];
  const [first, second] = [new EncryptionWrapper({ keyring: one }), new EncryptionWrapper({ keyring: two })];
  const old = first.serialize(value, context);
  one.stage(B);
  two.stage(B);
  t.is(versionOf(first, first.serialize(value, context)), 0);
  one.startRotation(B);
  const fresh = first.serialize(value, context);
  t.is(versionOf(first, fresh), 1);
  t.deepEqual(second.deserialize(fresh, context), value, 'the neighbour has only staged the key');
  two.startRotation(B);
  for (const wrapper of [first, second]) t.deepEqual(wrapper.deserialize(old, context), value);
  t.true(one.rotating);
  one.completeRotation();
  t.false(one.rotating);
  t.throws(() => first.deserialize(old, context), { instanceOf: AuthenticationError });
  t.is(versionOf(first, first.serialize(value, context)), 1, 'this key replaced another one');
});

test('a value of each key that is held opens, whichever way it is opened', async (t) => {
  const wrapper = new EncryptionWrapper({ keyring: new Keyring({ masterKey: A, previousMasterKeys: [B, C, D] }) });
  const items = [A, B, C, D].map((masterKey) => {
    return { sealed: new EncryptionWrapper({ masterKey }).serialize(value, context), ...context };
  });
  for (const { sealed } of items) {
    t.deepEqual(wrapper.deserialize(sealed, context), value);
    t.deepEqual(await wrapper.deserializeAsync(sealed, context), value);
  }
  t.deepEqual(
    wrapper.deserializeMany(items),
    items.map(() => ({ ok: true, value })),
  );
});

test('a value sealed with a key that is not held names both fingerprints', (t) => {
  const ahead = new EncryptionWrapper({ keyring: new Keyring({ masterKey: B, previousMasterKeys: [A] }) });
  const behind = new EncryptionWrapper({ masterKey: A });
  const error = t.throws(() => behind.deserialize(ahead.serialize(value, context), context), {
    instanceOf: UnknownKeyError,
    code: 'ERR_UNKNOWN_KEY',
  });
  t.regex(error!.fingerprint, /^[0-9a-f]{32}$/);
  t.not(error!.fingerprint, error!.currentFingerprint);
});

test('previous keys at construction mean a rotation is under way', (t) => {
  const keyring = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  const wrapper = new EncryptionWrapper({ keyring });
  t.true(keyring.rotating);
  t.is(versionOf(wrapper, wrapper.serialize(value, context)), 1);
  t.deepEqual(wrapper.deserialize(new EncryptionWrapper({ masterKey: A }).serialize(value, context), context), value);
});

test('a header is written when asked for and left out when refused', (t) => {
  const always = new EncryptionWrapper({ masterKey: A, rotationHeader: 'always' });
  t.is(versionOf(always, always.serialize(value, context)), 0);
  const never = new EncryptionWrapper({
    keyring: new Keyring({ masterKey: B, previousMasterKeys: [A] }),
    rotationHeader: 'never',
  });
  t.is(versionOf(never, never.serialize(value, context)), undefined);
  t.deepEqual(never.deserialize(always.serialize(value, context), context), value);
});

test('rollback swaps the current key with the newest previous one', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  keyring.startRotation(B);
  const underB = wrapper.serialize(value, context);
  keyring.rollback();
  t.deepEqual(wrapper.deserialize(underB, context), value);
  const [current] = keyring.usage();
  t.is(current!.fingerprint, new Keyring({ masterKey: A }).usage()[0]!.fingerprint);
  t.is(versionOf(wrapper, wrapper.serialize(value, context)), 1);
});

test('at most three keys are held besides the current one, and a refused call changes nothing', (t) => {
  t.throws(() => new Keyring({ masterKey: A, previousMasterKeys: [B, C, D, E] }), { instanceOf: KeyError });
  const keyring = new Keyring({ masterKey: A, previousMasterKeys: [B, C] });
  keyring.stage(D);
  const before = keyring.usage();
  t.throws(() => keyring.stage(E), { instanceOf: KeyError });
  t.throws(() => keyring.startRotation(E), { instanceOf: KeyError });
  t.throws(() => keyring.startRotation(A), { instanceOf: KeyError });
  t.throws(() => keyring.stage(B), { instanceOf: KeyError });
  t.throws(() => keyring.stage('zz'), { instanceOf: KeyError });
  t.deepEqual(keyring.usage(), before);
  keyring.startRotation(D);
  t.deepEqual(positions(keyring), ['current', 'previous', 'previous', 'previous']);
});

test('the current key or a repeated one among the previous keys is refused', (t) => {
  t.throws(() => new Keyring({ masterKey: A, previousMasterKeys: [A] }), { instanceOf: KeyError });
  t.throws(() => new Keyring({ masterKey: A, previousMasterKeys: [B, B.toUpperCase()] }), { instanceOf: KeyError });
});

test('usage counts per master key, over all tenants', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = wrapper.serialize(value, { ...context, tenantId: 'x' });
  wrapper.serialize(value, { ...context, tenantId: 'y' });
  keyring.startRotation(B);
  wrapper.deserialize(old, { ...context, tenantId: 'x' });
  t.throws(() => wrapper.deserialize(old, { ...context, tenantId: 'y' }));
  const [current, previous] = keyring.usage();
  t.like(current, { position: 'current', seals: 0, opens: 0, lastUsed: undefined });
  t.like(previous, { position: 'previous', seals: 2, opens: 1 });
  t.true(previous!.lastUsed instanceof Date);
});

test('completeRotation with ifUnusedFor refuses while an old key was needed', async (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = wrapper.serialize(value, context);
  keyring.startRotation(B);
  wrapper.deserialize(old, context);
  t.throws(() => keyring.completeRotation({ ifUnusedFor: '1h' }), { instanceOf: KeyError, message: /still in use/ });
  t.true(keyring.rotating);
  await sleep(30);
  keyring.completeRotation({ ifUnusedFor: '10ms' });
  t.false(keyring.rotating);
  const young = new Keyring({ masterKey: B, previousMasterKeys: [A] });
  t.throws(() => young.completeRotation({ ifUnusedFor: '1h' }), { code: 'ERR_KEY', message: /younger/ });
  t.true(young.rotating);
  young.completeRotation();
  t.throws(() => keyring.completeRotation({ ifUnusedFor: 'soon' as '1s' }), { instanceOf: TypeError });
});

test('a staged key that is dropped again makes room, opens nothing and leaves no trace', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const writer = new EncryptionWrapper({ masterKey: B, rotationHeader: 'always' });
  const wrapper = new EncryptionWrapper({ keyring });
  const ahead = writer.serialize(value, context);
  const before = wrapper.serialize(value, context).length;
  for (let round = 0; round < 4; round++) {
    keyring.stage(B);
    t.deepEqual(wrapper.deserialize(ahead, context), value);
    t.throws(() => keyring.unstage(C), { code: 'ERR_KEY' });
    t.throws(() => keyring.unstage(A), { code: 'ERR_KEY' });
    keyring.unstage(B);
    t.throws(() => wrapper.deserialize(ahead, context), { code: 'ERR_UNKNOWN_KEY' });
    t.deepEqual(
      keyring.usage().map(({ position }) => position),
      ['current'],
    );
    t.is(wrapper.serialize(value, context).length, before, 'no header is needed any more');
  }
  t.throws(() => keyring.unstage(B), { code: 'ERR_KEY' });
  keyring.stage(B);
  keyring.startRotation(B);
  t.throws(() => keyring.unstage(B), { code: 'ERR_KEY' }, 'it seals now');
});

test('completeRotation with ifUnusedFor refuses while an old key has just sealed', (t) => {
  const keyring = new Keyring({ masterKey: A });
  new EncryptionWrapper({ keyring }).serialize(value, context);
  keyring.startRotation(B);
  t.throws(() => keyring.completeRotation({ ifUnusedFor: '7d' }), { instanceOf: KeyError, message: /still in use/ });
  keyring.completeRotation();
});

test('a rotation that is completed while a value is being opened is a failed open, not a broken key', async (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const old = wrapper.serialize(value, context);
  keyring.startRotation(B);
  const pending = wrapper.deserializeAsync(old, context);
  keyring.completeRotation();
  await t.throwsAsync(pending, { instanceOf: AuthenticationError });
  const other = wrapper.deserializeAsync(old, context);
  keyring.destroy();
  await t.throwsAsync(other, { any: true, message: /destroyed|Cannot open/ });
});

test('a wrapper that was destroyed refuses also what needs no key', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A });
  wrapper.destroy();
  const uses = [
    () => wrapper.serializeMany([]),
    () => wrapper.deserializeMany([]),
    () => wrapper.inspect(Buffer.alloc(40)),
  ];
  for (const use of uses) t.throws(use, { instanceOf: KeyError });
});

test('a wrapper and a keyring cost microseconds, not tables for ten thousand tenants', (t) => {
  const before = process.memoryUsage().heapUsed;
  const made = Array.from({ length: 200 }, () => new EncryptionWrapper({ masterKey: A }));
  t.true((process.memoryUsage().heapUsed - before) / made.length < 50_000);
});

test('keys come from the environment, previous ones only together with the current one', (t) => {
  process.env.CACHEKIT_MASTER_KEY = A;
  process.env.CACHEKIT_PREVIOUS_MASTER_KEYS = `${B},${C}`;
  try {
    t.is(new Keyring().usage().length, 3);
    t.is(new Keyring({ masterKey: D }).usage().length, 1);
  } finally {
    delete process.env.CACHEKIT_MASTER_KEY;
    delete process.env.CACHEKIT_PREVIOUS_MASTER_KEYS;
  }
  t.throws(() => new Keyring(), { code: 'ERR_CONFIGURATION', message: /environment file must be loaded before/ });
});

test('what a key provider is given or answers by a wrong name is refused: a key would be missing', async (t) => {
  const keys = () => ({ masterKey: A, previousMasterKeys: [B] });
  await t.throwsAsync(Keyring.fromProvider(keys, { refreshEvery: '1m' } as never), {
    code: 'ERR_CONFIGURATION',
    message: "Unknown option 'refreshEvery'. Known options: signal, timeout, startup, refresh, onError",
  });
  for (const name of ['previousMasterkeys', 'previous', 'MasterKey']) {
    const answer = { masterKey: A, [name]: [B] };
    const error = await t.throwsAsync(
      Keyring.fromProvider(() => answer),
      { code: 'ERR_CONFIGURATION' },
    );
    t.true(error?.message.includes(`'${name}'`));
    t.false(error?.message.includes(B.slice(0, 8)));
  }
  const keyed = await t.throwsAsync(Keyring.fromProvider(() => ({ masterKey: A, ['c7'.repeat(32)]: B })));
  t.is(keyed?.message, 'The key provider returned an unknown field. Known fields: masterKey, previousMasterKeys');
});

test('an option that there is not is refused by its name', (t) => {
  t.throws(() => new Keyring({ masterKey: A, previousKeys: [B] } as never), {
    code: 'ERR_CONFIGURATION',
    message: "Unknown option 'previousKeys'. Known options: masterKey, previousMasterKeys, clearEnvironment",
  });
  t.throws(() => new Keyring([A] as never), { instanceOf: TypeError });
});

test('after destroy every use is a KeyError, for the keyring and for wrappers that share it', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring });
  const sealed = wrapper.serialize(value, context);
  keyring.destroy();
  keyring.destroy();
  t.throws(() => wrapper.deserialize(sealed, context), { instanceOf: KeyError });
  t.throws(() => wrapper.serialize(value, context), { instanceOf: KeyError });
  t.throws(() => keyring.usage(), { instanceOf: KeyError });
  t.throws(() => keyring.stage(B), { instanceOf: KeyError });
});

test('a wrapper leaves a shared keyring alone when it is destroyed, and takes its own along', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const shared = new EncryptionWrapper({ keyring });
  shared.destroy();
  t.throws(() => shared.serialize(value, context), { instanceOf: KeyError });
  t.notThrows(() => new EncryptionWrapper({ keyring }).serialize(value, context));
});

test('a provider gives the keys; no key from it is an error, not the environment', async (t) => {
  const keyring = await Keyring.fromProvider(async () => ({ masterKey: A, previousMasterKeys: [B] }));
  t.is(keyring.usage().length, 2);
  await t.throwsAsync(
    Keyring.fromProvider(async () => ({}) as { masterKey: string }),
    { code: 'ERR_CONFIGURATION' },
  );
  await t.throwsAsync(
    Keyring.fromProvider(() => new Promise(() => {}), { timeout: '20ms' }),
    { code: 'ERR_TIMEOUT' },
  );
  await t.throwsAsync(
    Keyring.fromProvider(() => ({ masterKey: A }), { signal: AbortSignal.abort(new Error('enough')) }),
    { message: 'enough' },
  );
});

test('destroy wipes also the keys of tenants that the keyring does not keep any more', (t) => {
  const TENANTS = 10_050;
  const keyring = new Keyring({ masterKey: Buffer.alloc(32, 0x31), previousMasterKeys: [Buffer.alloc(32, 0x32)] });
  const other = new Keyring({ masterKey: Buffer.alloc(32, 0x31) });
  const keys = Array.from({ length: TENANTS }, (_, i) => keyring.tenantKeys(`tenant ${i}`, 'counter'));
  const spared = other.tenantKeys('tenant 0', 'counter')[0];
  t.not(keyring.tenantKeys('tenant 0', 'counter')[0], keys[0]?.[0], 'the first one is not kept');
  const seal = ({ sealer }: TenantKey) =>
    native.sealInto(sealer.handle | TRUSTED, Buffer.alloc(29), Buffer.alloc(1), Buffer.alloc(1));
  const sealing = () => keys.flat().filter((key) => seal(key) === 29);
  t.is(sealing().length, 2 * TENANTS);
  keyring.startRotation(Buffer.alloc(32, 0x33));
  keyring.completeRotation();
  t.is(sealing().length, 0, 'both have become previous keys, and were dropped');
  const renewed = keyring.tenantKeys('tenant 0', 'counter')[0];
  keyring.renewSequence('counter');
  t.is(seal(renewed), 29, 'a key that was forgotten for a new sequence');
  keyring.destroy();
  t.is(seal(renewed), KEY_DESTROYED);
  t.is(seal(spared), 29, 'another keyring of the same master key has keys of its own');
});
