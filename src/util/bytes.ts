import { types } from 'node:util';
import { bufferOf, isDetached, kindOfMemory, lengthOf, viewOf } from './slots.js';

const { isUint8Array } = types;

/**
 * A `Uint8Array` (or Buffer) whose memory no other thread can detach or change during a call.
 *
 * @throws TypeError for anything else: another type, a shared, resizable or detached buffer.
 */
export function assertBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!isUint8Array(value)) throw new TypeError(`${name} must be a Uint8Array, not ${kindOf(value)}`);
  const kind = kindOfMemory(bufferOf(value));
  if (kind === 'shared') throw new TypeError(`${name} must not be backed by a SharedArrayBuffer`);
  if (kind === 'resizable') throw new TypeError(`${name} must not be backed by a resizable ArrayBuffer`);
  if (isDetached(value)) throw new TypeError(`${name} is detached`);
}

/** The bytes of an argument as a Buffer of ours, whose length and methods are the engine's. @throws as {@link assertBytes}. */
export function bytesOf(name: string, value: unknown): Buffer {
  assertBytes(name, value);
  return viewOf(value);
}

/**
 * Whether it is a `Uint8Array` that says it is neither empty nor detached: what JavaScript sees at once. Whether that is true,
 * and whether its memory is shared or resizable, is left to the native addon (`TRUSTED`): `value.buffer` costs a quarter of a
 * short seal.
 */
export function hasBytes(value: unknown): value is Uint8Array {
  return isUint8Array(value) && value.length !== 0;
}

/** As {@link hasBytes}, where the length must be true: it is another 3 ns. */
export function hasCountedBytes(value: unknown): value is Uint8Array {
  if (!isUint8Array(value)) return false;
  const { length } = value;
  return length !== 0 && length === lengthOf(value);
}

/** As {@link bytesOf}, for who reads nothing of the array but its bytes and its length: itself, when its length is true. */
export function countedBytes(name: string, value: unknown): Uint8Array {
  assertBytes(name, value);
  return lengthOf(value) === value.length ? value : viewOf(value);
}

/** @throws TypeError for a wrong type, RangeError unless `value` has exactly `length` bytes. */
export function assertBytesOfLength(name: string, value: unknown, length: number): asserts value is Uint8Array {
  assertBytes(name, value);
  const actual = lengthOf(value);
  if (actual !== length) throw new RangeError(`${name} must have ${length} bytes, not ${actual}`);
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

/** @throws as {@link assertWellFormed}, RangeError for the empty string. */
export function assertCacheKey(value: unknown): asserts value is string {
  assertWellFormed('cacheKey', value);
  if (value === '') throw new RangeError('cacheKey must not be empty');
}

/** @throws as {@link assertCacheKey}, for the list and each of its members. */
export function assertCacheKeys(value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`cacheKeys must be an array, not ${kindOf(value)}`);
  for (const cacheKey of value) assertCacheKey(cacheKey);
}

/** What a wrong value is, for a message: its type, never its content. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  // Asked first: a proxy that was revoked is no array, nor anything else that can be asked.
  if (types.isProxy(value)) return 'a Proxy';
  if (types.isPromise(value)) return 'a Promise';
  if (Array.isArray(value)) return 'an array';
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return 'another kind of buffer';
  return 'an object';
}

/** Exactly `length` bytes of memory of their own, not zeroed. */
export function allocate(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}

/**
 * `bytes[0..length]` itself when most of the allocation is used, else a copy of exact size. What is left over of the
 * allocation becomes zeros, unless it is `cleared`: it is not initialized, and the holder of the result can read it.
 */
export function trim(bytes: Buffer, length: number, cleared = false): Buffer {
  if (length * 4 < bytes.length * 3) return exactly(bytes, length);
  if (length === bytes.length) return bytes;
  if (!cleared) bytes.fill(0, length);
  return bytes.subarray(0, length);
}

/** A copy of `bytes[0..length]`, which is memory of ours. */
export function exactly(bytes: Buffer, length: number): Buffer {
  const exact = allocate(length);
  bytes.copy(exact, 0, 0, length);
  return exact;
}

/** A copy in memory of its own. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = allocate(lengthOf(bytes));
  copy.set(bytes);
  return copy;
}
