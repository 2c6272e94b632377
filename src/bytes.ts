import { types } from 'node:util';
import { markAsUntransferable } from 'node:worker_threads';

const { isUint8Array } = types;

/**
 * A `Uint8Array` (or Buffer) whose memory nobody can take away or change from another thread during a call.
 *
 * @throws TypeError for anything else: another type, a shared, resizable or detached buffer.
 */
export function assertBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!types.isUint8Array(value)) throw new TypeError(`${name} must be a Uint8Array, not ${kindOf(value)}`);
  const { buffer } = value;
  if (!(buffer instanceof ArrayBuffer) && types.isSharedArrayBuffer(buffer)) {
    throw new TypeError(`${name} must not be backed by a SharedArrayBuffer`);
  }
  if ((buffer as ArrayBuffer).resizable) throw new TypeError(`${name} must not be backed by a resizable ArrayBuffer`);
  if (value.length === 0 && isDetached(buffer as ArrayBuffer)) throw new TypeError(`${name} is detached`);
}

/**
 * Whether it is a `Uint8Array` that is neither empty nor detached: what JavaScript sees at once. Whether its memory is
 * shared or resizable is left to the native addon (`VETTED`), because `value.buffer` costs a quarter of a short seal.
 */
export function hasBytes(value: unknown): value is Uint8Array {
  return isUint8Array(value) && value.length !== 0;
}

/** @throws TypeError for a wrong type, RangeError unless `value` has exactly `length` bytes. */
export function assertBytesOfLength(name: string, value: unknown, length: number): asserts value is Uint8Array {
  assertBytes(name, value);
  if (value.length !== length) throw new RangeError(`${name} must have ${length} bytes, not ${value.length}`);
}

/**
 * A string that UTF-8 can carry. A lone surrogate would become U+FFFD, so that two cache keys shared one AAD.
 *
 * @throws TypeError for a wrong type or a lone surrogate.
 */
export function assertWellFormed(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (!value.isWellFormed()) throw new TypeError(`${name} has a lone surrogate`);
}

/** What a wrong value is, for a message: its type, never its content. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'an array';
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return 'another kind of buffer';
  return 'an object';
}

// Node 20 has no `ArrayBuffer.prototype.detached`; making a view is what tells.
function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

const SLAB_LEN = 16 * 1024;
/** The largest result that is carved from a slab rather than allocated for itself. */
export const SLAB_MAX = 4 * 1024;

/**
 * Memory for small results, handed out once and never reused. A result is written straight to
 * `buffer` at `offset` after `reserve`, and becomes a Buffer of its exact length by `take`; one whose length is known
 * before is taken at once.
 * Sealed bytes have a slab of their own, so that none of them shares memory with plaintext.
 */
class Slab {
  buffer = newSlab();
  offset = 0;

  reserve(length: number): void {
    if (this.offset + length > SLAB_LEN) {
      this.buffer = newSlab();
      this.offset = 0;
    }
  }

  take(length: number): Buffer {
    this.reserve(length);
    const start = this.offset;
    const end = start + length;
    this.offset = (end + 7) & ~7;
    return this.buffer.subarray(start, end);
  }
}

function newSlab(): Buffer {
  const slab = Buffer.allocUnsafeSlow(SLAB_LEN);
  // Transferring one result to a worker would detach all its neighbours.
  markAsUntransferable(slab.buffer);
  return slab;
}

export const sealedSlab = new Slab();

/** Exactly `length` bytes of memory of their own, not zeroed. */
export function allocate(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}

/** `bytes[0..length]` itself when most of the allocation is used, else (or always, when `copy`) a copy of exact size. */
export function trim(bytes: Buffer, length: number, copy = false): Buffer {
  if (!copy && length * 4 >= bytes.length * 3) return length === bytes.length ? bytes : bytes.subarray(0, length);
  const exact = allocate(length);
  bytes.copy(exact, 0, 0, length);
  return exact;
}
