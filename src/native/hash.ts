import { allocate, bytesOf } from '../util/bytes.js';
import { native } from './addon.js';
import { checked, checkedText, nativeError } from './result.js';

/** Lower-case hex of BLAKE2b over `data[0..length]`; `hashLen` is 16 or 32 bytes. */
export function blake2bHex(data: Uint8Array, length: number, hashLen: 16 | 32): string {
  const hex = native.blake2bHex(data, length, hashLen);
  if (typeof hex === 'string') return hex;
  throw nativeError(hex);
}

/**
 * BLAKE2b with a hash of 32 bytes, no key.
 *
 * @throws TypeError for a wrong type.
 */
export function blake2b256(data: Uint8Array): Buffer {
  const hash = allocate(32);
  checked(native.blake2b256(hash, bytesOf('data', data)));
  return hash;
}

/** Whether this machine has instructions for AES, and what they are called. */
export function hardwareAcceleration(): { aes: boolean; name: string } {
  const name = checkedText(native.hardware());
  return { aes: name !== 'software', name };
}
