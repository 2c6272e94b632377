import { assertValueLen, MAX_VALUE_LEN, SEAL_OVERHEAD } from '../protocol/limits.js';
import { assertBytes, kindOf } from '../util/bytes.js';
import { lengthOf } from '../util/slots.js';

/*
 * What a sealer's methods refuse. A method checks only what costs nothing; when that fails, or the native addon asks for
 * validation, the assertion of that method checks everything, in the order of the arguments, and says what is wrong.
 */

/** Whether the native addon accepts it as a length; whether it fits, the addon checks. */
export function isLength(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_VALUE_LEN;
}

export function assertInputs(plaintext: Uint8Array, aad: Uint8Array): void {
  assertBytes('plaintext', plaintext);
  assertBytes('aad', aad);
  assertValueLen(lengthOf(plaintext));
}

export function assertSealed(sealed: Uint8Array, aad: Uint8Array): void {
  assertBytes('sealed', sealed);
  assertBytes('aad', aad);
}

export function assertSealInto(out: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void {
  assertBytes('out', out);
  assertInputs(plaintext, aad);
  assertRoom(out, lengthOf(plaintext) + SEAL_OVERHEAD);
}

export function assertOpenInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): void {
  assertBytes('out', out);
  assertSealed(sealed, aad);
  assertRoom(out, lengthOf(sealed) - SEAL_OVERHEAD);
}

export function assertSealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): void {
  assertBytes('buffer', buffer);
  if (typeof plaintextLen !== 'number') {
    throw new TypeError(`plaintextLen must be a number, not ${kindOf(plaintextLen)}`);
  }
  if (!Number.isInteger(plaintextLen) || plaintextLen < 0 || plaintextLen + SEAL_OVERHEAD > lengthOf(buffer)) {
    throw new RangeError(`plaintextLen must be an integer from 0 to the buffer's length less ${SEAL_OVERHEAD}`);
  }
  assertBytes('aad', aad);
  assertValueLen(plaintextLen);
}

export function assertOpenInPlace(buffer: Uint8Array, aad: Uint8Array): void {
  assertBytes('buffer', buffer);
  assertBytes('aad', aad);
}

function assertRoom(out: Uint8Array, needed: number): void {
  const length = lengthOf(out);
  if (length < needed) throw new RangeError(`out must have at least ${needed} bytes, not ${length}`);
}
