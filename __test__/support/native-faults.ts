import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EncryptionWrapper, hardwareAcceleration, Keyring, Sealer } from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { native as addon, type NativeAddon } from '../../src/native/addon.js';
import { checkedText } from '../../src/native/result.js';
import {
  ByteStorage,
  blake2b256,
  createAad,
  deriveDomainKey,
  interopKey,
  keyFingerprint,
} from '../../src/protocol/index.js';

/*
 * Runs with the addon that is built with `test-hooks`: makes every native function panic once and says what
 * JavaScript saw of it. Its output goes to stdout as JSON; what a panic prints goes to stderr.
 */

interface TestAddon extends NativeAddon {
  forcePanic(name: string): void;
}

const native = addon as TestAddon;
const masterKey = Buffer.alloc(32, 0x6b);
const secret = Buffer.from('SECRET-plaintext-of-a-panic');
const aad = createAad({ tenantId: 't', cacheKey: 'SECRET-cache-key', format: 'f', compressed: true });
const context = { cacheKey: 'SECRET-cache-key' };
// Larger than the scratch buffers once it is opened, so that the result is taken in a second call.
const large = { text: `${secret}`.repeat(10_000) };

const sealer = new Sealer(masterKey, 't');
const wrapper = new EncryptionWrapper<unknown>({ masterKey });
const sealed = sealer.seal(secret, aad);
const stored = wrapper.serialize(large, context);
const envelope = ByteStorage.store(secret);
const signal = () => new AbortController().signal;
const makeSealer = () => new Sealer(masterKey, 't').destroy();
const inPlace = () => Buffer.concat([Buffer.alloc(12), secret, Buffer.alloc(16)]);

/** By the name of the native function that panics: what uses it. */
const uses: Record<string, () => unknown> = {
  MasterKey: makeSealer,
  'MasterKey.fingerprint': () => new Keyring({ masterKey }).destroy(),
  'MasterKey.sealer': makeSealer,
  'MasterKey.destroy': makeSealer,
  'MasterKey.destroySealers': () => new Keyring({ masterKey }).destroy(),
  NonceSequence: makeSealer,
  'NonceSequence.instanceId': () => sealer.instanceId,
  'NonceSequence.used': () => sealer.sealsRemaining,
  'MasterKey.deriveNameKey': () => codecOf(new EncryptionWrapper({ masterKey })).privateName('entry', context.cacheKey),
  fingerprint: makeSealer,
  privateName: () => codecOf(wrapper).privateName('tag', context.cacheKey),
  sealInto: () => sealer.seal(secret, aad),
  openInto: () => sealer.open(sealed, aad),
  sealValue: () => wrapper.serialize(1, context),
  openValue: () => wrapper.deserialize(stored, context),
  takeOpened: () => wrapper.deserialize(stored, context),
  sealInPlace: () => sealer.sealInPlace(inPlace(), secret.length, aad),
  openInPlace: () => sealer.openInPlace(Buffer.from(sealed), aad),
  sealMany: () => wrapper.serializeMany([{ value: large, ...context }]),
  openMany: () => wrapper.deserializeMany([{ sealed: stored, ...context }]),
  sealAsync: () => sealer.sealAsync(secret, aad),
  'sealAsync:work': () => sealer.sealAsync(secret, aad, { signal: signal() }),
  openAsync: () => sealer.openAsync(sealed, aad),
  'openAsync:work': () => sealer.openAsync(sealed, aad, { signal: signal() }),
  take: () => wrapper.deserializeAsync(stored, context),
  'take:work': () => wrapper.deserializeAsync(stored, context),
  deriveDomainKey: () => deriveDomainKey(masterKey, 'd', 't'),
  keyFingerprint: () => keyFingerprint(masterKey),
  blake2b256: () => blake2b256(secret),
  blake2bHex: () => interopKey('ns1', 'op', ['SECRET-plaintext-of-a-panic']),
  unpack: () => ByteStorage.retrieve(envelope),
  envelopeStore: () => ByteStorage.store(secret),
  envelopeInfo: () => ByteStorage.retrieve(envelope),
  hardware: () => hardwareAcceleration(),
  version: () => checkedText(native.version()),
};

const frame = Buffer.alloc(64);
const frameLen = native.lz4FrameCompress(frame, Buffer.alloc(8));

const lockPath = join(mkdtempSync(join(tmpdir(), 'cachekit-lock-')), 'lock');
const lock = new native.FileLock(lockPath);

const l1 = new native.L1(1 << 20);
const empty = new Uint8Array(0);
const site = l1.site(empty, undefined, empty, empty, Buffer.from('f'), 0);
const key = Buffer.from(context.cacheKey);
const listing = l1.keys(empty);
const put = () => native.l1Put(l1.handle, site.id, key, key.length, secret, 0, 2, 2, empty);

/** Those whose callers live elsewhere, called as they are. */
const direct: Record<string, () => unknown> = {
  pack: () => native.pack(Buffer.alloc(100), 0, secret, Buffer.alloc(0), 0),
  askForLargePages: () => native.askForLargePages(Buffer.alloc(100)),
  lz4FrameCompress: () => native.lz4FrameCompress(Buffer.alloc(64), Buffer.alloc(8)),
  lz4FrameDecompress: () => native.lz4FrameDecompress(Buffer.alloc(8), frame.subarray(0, frameLen)),
  indicesBelow: () => native.indicesBelow(Buffer.alloc(8), 4, 1),
  offsetsRise: () => native.offsetsRise(Buffer.alloc(8), 4),
  checkMsgpack: () => native.checkMsgpack(Buffer.from([0xc0])),
  FileLock: () => new native.FileLock(lockPath).close(),
  'FileLock.tryLock': () => lock.tryLock(true),
  'FileLock.isRemoved': () => lock.isRemoved(),
  'FileLock.wait': () => lock.wait(() => {}),
  'FileLock.endWait': () => lock.endWait(),
  'FileLock.unlock': () => lock.unlock(),
  'FileLock.close': () => lock.close(),
  l1Put: put,
  l1Hit: () => put() && native.l1Hit(l1.handle, site.id, key, key.length, Buffer.alloc(100), 0, 0, 1),
  l1Copy: () => put() && native.l1Copy(l1.handle, site.id, key, key.length, Buffer.alloc(100), Buffer.alloc(8), 1),
  l1Seal: () => native.l1Seal(l1.handle, site.id, key, key.length, secret, 0, empty, 2, empty),
  L1: () => new native.L1(1),
  'L1.handle': () => l1.handle,
  'L1.site': () => l1.site(empty, undefined, empty, empty, empty, 0).id,
  'L1Site.id': () => site.id,
  'L1.read': () => l1.read(empty, key, 1, 0, 0),
  'L1.remove': () => l1.remove(empty, key, 1),
  'L1.forget': () => l1.forget(key),
  'L1.expire': () => l1.expire(empty, key, 2, 1),
  'L1.replace': () => l1.replace(empty, key, secret, secret, 1),
  'L1.invalidateTags': () => l1.invalidateTags(['t'], 1),
  'L1.keysTagged': () => l1.keysTagged(['t']),
  'L1.endUnknown': () => l1.endUnknown(undefined),
  'L1.keys': () => l1.keys(empty),
  'L1Keys.next': () => listing.next(1, 1),
  'L1.usage': () => l1.usage(),
  'L1.clear': () => l1.clear(),
  'L1.close': () => l1.close(),
};

async function outcome(use: () => unknown): Promise<unknown> {
  try {
    const result = await use();
    return typeof result === 'number' && result < 0 ? result : 'done';
  } catch (error) {
    const { code, name, message, stack } = error as Error & { code?: string };
    return { error: name, code, message, stack };
  }
}

const results: Record<string, { first: unknown; second: unknown }> = {};
for (const [name, use] of Object.entries({ ...uses, ...direct })) {
  native.forcePanic(name);
  results[name] = { first: await outcome(use), second: await outcome(use) };
}

// What a first tier was in the middle of.
const tier = new native.L1(1 << 20);
const tierSite = tier.site(empty, undefined, empty, empty, Buffer.from('f'), 0);
const keep = (name: string) =>
  native.l1Put(tier.handle, tierSite.id, Buffer.from(name), name.length, secret, 0, 2, 2, empty);
keep('before');
native.forcePanic('l1:work');
const emptied = [keep('during'), tier.usage()[0], keep('after'), tier.usage()[0]];

// A panic while an output is being written must leave nothing in it.
const out = Buffer.alloc(100, 0xee);
native.forcePanic('sealInto');
const sealInto = await outcome(() => sealer.sealInto(out, secret, aad));

const methods = (object: object) => Object.getOwnPropertyNames(object).filter((name) => name !== 'constructor');
const exported = [
  ...Object.keys(native).filter((name) => typeof Reflect.get(native, name) === 'function' && name !== 'forcePanic'),
  ...methods(native.MasterKey.prototype).map((name) => `MasterKey.${name}`),
  ...methods(native.FileLock.prototype).map((name) => `FileLock.${name}`),
  ...methods(native.NonceSequence.prototype).map((name) => `NonceSequence.${name}`),
  ...methods(native.L1.prototype).map((name) => `L1.${name}`),
];
console.log(JSON.stringify({ results, exported, sealInto, emptied, leftInOutput: out.includes('SECRET') }));
