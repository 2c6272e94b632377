import { randomBytes, webcrypto } from 'node:crypto';
import { gcm } from '@noble/ciphers/aes.js';
import { CONTAINER, MODE_CHECK_MSGPACK, MODE_FORMAT_SHIFT, native } from '../../src/native/addon.js';
import { type SharedMemory, sharedMemory } from '../../src/serializers/serializer.js';
import { StandardSerializer } from '../../src/serializers/standard.js';
import type { Case } from './measure.js';
import { NodeCryptoSealer } from './node-crypto.js';
import { EncryptionWrapper } from './product.js';
import { session } from './values.js';

/** Payloads of small values, in bytes. */
export const SMALL_SIZES = [64, 128, 256, 512, 1024] as const;

const cacheKey = 'users:42:profile';
const NONCE_LEN = 12;

/**
 * One direction's candidates. `base` is the serializer with its envelope and nothing else: to a Buffer of its own when
 * writing, and read through reused memory. The others do that and encrypt.
 */
export interface Direction {
  base: () => unknown;
  ours: () => unknown;
  nodeCrypto: () => unknown;
  webCrypto: () => Promise<unknown>;
  noble: () => unknown;
}

export interface Wrapping {
  /** The payload's length in bytes. */
  payloadLen: number;
  write: Direction;
  read: Direction;
}

/** Writing and reading a session object of about `size` bytes, by every way. */
export async function wrapping(size: number): Promise<Wrapping> {
  const value = session(size);
  const key = randomBytes(32);
  const wrapper = new EncryptionWrapper({ masterKey: key });
  const serializer = new StandardSerializer();
  const memory = sharedMemory.get(serializer) as SharedMemory;
  const format = Buffer.from(serializer.format);
  const mode = CONTAINER.envelope | MODE_CHECK_MSGPACK | (format.length << MODE_FORMAT_SHIFT);
  const payloadLen = serializer.serialize(value).length;
  const scratch = Buffer.alloc(4096);
  const opened = Buffer.alloc(4096);
  const context = { cacheKey };

  const pack = () => scratch.subarray(0, native.pack(scratch, 0, memory.encoder.shared(value), format, mode));
  const packOwn = () => {
    const payload = memory.encoder.shared(value);
    const out = Buffer.allocUnsafe(payload.length + (payload.length >> 3) + 128);
    return out.subarray(0, native.pack(out, 0, payload, format, mode));
  };
  const unpacked = (envelope: Uint8Array) => memory.reader.read(opened, 0, native.unpack(opened, 0, envelope, 0, mode));
  const envelope = Buffer.from(pack());

  const node = new NodeCryptoSealer(key);
  const nodeSealed = node.seal(envelope, Buffer.from(cacheKey));

  const webKey = await webcrypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  const webSeal = async () => {
    const bytes = pack();
    const iv = webcrypto.getRandomValues(new Uint8Array(NONCE_LEN));
    const additionalData = Buffer.from(cacheKey);
    const sealed = await webcrypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, webKey, bytes);
    const stored = new Uint8Array(NONCE_LEN + sealed.byteLength);
    stored.set(iv);
    stored.set(new Uint8Array(sealed), NONCE_LEN);
    return stored;
  };
  const webSealed = await webSeal();
  const webOpen = async () => {
    const iv = webSealed.subarray(0, NONCE_LEN);
    const additionalData = Buffer.from(cacheKey);
    const text = webSealed.subarray(NONCE_LEN);
    return unpacked(
      new Uint8Array(await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, webKey, text)),
    );
  };

  const nonce = randomBytes(NONCE_LEN);
  const nobleSealed = gcm(key, nonce, Buffer.from(cacheKey)).encrypt(envelope);

  const stored = wrapper.serialize(value, context);
  return {
    payloadLen,
    write: {
      base: packOwn,
      ours: () => wrapper.serialize(value, context),
      nodeCrypto: () => node.seal(pack(), Buffer.from(cacheKey)),
      webCrypto: webSeal,
      noble: () => Buffer.concat([nonce, gcm(key, nonce, Buffer.from(cacheKey)).encrypt(pack())]),
    },
    read: {
      base: () => unpacked(envelope),
      ours: () => wrapper.deserialize(stored, context),
      nodeCrypto: () => unpacked(node.open(nodeSealed, Buffer.from(cacheKey))),
      webCrypto: webOpen,
      noble: () => unpacked(gcm(key, nonce, Buffer.from(cacheKey)).decrypt(nobleSealed)),
    },
  };
}

/** For the interleaved harness: the base and ours, both ways. */
export function overheadCases({ write, read }: Wrapping): Case[] {
  return [
    { name: 'write: serializer', run: write.base },
    { name: 'write: wrapper', run: write.ours },
    { name: 'read: serializer', run: read.base },
    { name: 'read: wrapper', run: read.ours },
  ];
}
