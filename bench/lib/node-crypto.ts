import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

const NONCE_LEN = 12;
const TAG_LEN = 16;

/**
 * AES-256-GCM by node:crypto as well as it can be written: a KeyObject is made once, the nonce is a counter
 * in a reused buffer, and the result is one allocation without a concat.
 */
export class NodeCryptoSealer {
  readonly #key: KeyObject;
  readonly #nonce = Buffer.alloc(NONCE_LEN);
  #count = 0;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  seal(plaintext: Uint8Array, aad: Uint8Array): Buffer {
    const nonce = this.#nonce;
    nonce.writeUInt32BE(this.#count++ >>> 0, 8);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(aad);
    const sealed = Buffer.allocUnsafe(plaintext.length + NONCE_LEN + TAG_LEN);
    sealed.set(nonce);
    sealed.set(cipher.update(plaintext), NONCE_LEN);
    cipher.final();
    sealed.set(cipher.getAuthTag(), NONCE_LEN + plaintext.length);
    return sealed;
  }

  open(sealed: Uint8Array, aad: Uint8Array): Buffer {
    const tagStart = sealed.length - TAG_LEN;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE_LEN));
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(tagStart));
    const plaintext = decipher.update(sealed.subarray(NONCE_LEN, tagStart));
    decipher.final();
    return plaintext;
  }
}
