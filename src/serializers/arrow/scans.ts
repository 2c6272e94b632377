import { types } from 'node:util';
import { native } from '../../native/addon.js';
import { checked } from '../../native/result.js';
import type { Indices } from './memory.js';

/** From so many numbers on, a native call costs less than a loop here. */
const MANY = 512;

/** Whether all of the first `length` indices are those of `count` values. */
export function areBelow(indices: Indices, length: number, count: number): boolean {
  const width = indices.BYTES_PER_ELEMENT;
  if (length < MANY || isShared(indices)) {
    for (let i = 0; i < length; i++) {
      const index = indices[i] as number;
      if (!(index >= 0 && index < count)) return false;
    }
    return true;
  }
  // Without a sign, negative ones are larger than any that the type has.
  const isSigned = indices[Symbol.toStringTag].startsWith('Int');
  const most = 2 ** (width * 8 - (isSigned ? 1 : 0));
  return checked(native.indicesBelow(bytesOf(indices, length), width, Math.min(count, most, 2 ** 32 - 1))) === 1;
}

/** Whether none of the first `length` offsets is negative or less than the one before it. */
export function areRising(offsets: Int32Array | BigInt64Array, length: number): boolean {
  if (length < MANY || isShared(offsets)) {
    let last: number | bigint = 0;
    for (let i = 0; i < length; i++) {
      const offset = offsets[i] as number | bigint;
      if (offset < last) return false;
      last = offset;
    }
    return true;
  }
  return checked(native.offsetsRise(bytesOf(offsets, length), offsets.BYTES_PER_ELEMENT)) === 1;
}

function isShared({ buffer }: ArrayBufferView): boolean {
  return types.isSharedArrayBuffer(buffer);
}

function bytesOf({ buffer, byteOffset, BYTES_PER_ELEMENT }: Indices | BigInt64Array, length: number): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length * BYTES_PER_ELEMENT);
}
