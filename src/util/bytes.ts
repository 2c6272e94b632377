import { types } from 'node:util';

/*
 * What the engine knows of a `Uint8Array`. Its properties and methods may be anything: an array can have a `length` of its
 * own, and a class that extends it a `subarray` of its own. Reading or allocating by them exceeds the array.
 */

const { isUint8Array } = types;

type Bytes = Uint8Array;
type Elements = ArrayBufferView;
type Memory = ArrayBuffer | SharedArrayBuffer;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
// Makes a Buffer in two thirds of the time that `subarray` takes, and reads no property of any array.
export const FastBuffer = (
  Buffer as unknown as { [Symbol.species]: new (memory: Memory, start: number, length: number) => Buffer }
)[Symbol.species];

function slot<T, V>(of: object, name: string): (of: T) => V {
  const { get } = Object.getOwnPropertyDescriptor(of, name) as { get(): V };
  return Function.prototype.call.bind(get) as (of: T) => V;
}

/** Elements in an array, so bytes of a `Uint8Array`; 0 when it is detached. */
export const lengthOf = slot<NodeJS.TypedArray, number>(typedArray, 'length');
/** As `lengthOf`, of a typed array of any kind. */
export const byteLengthOf = slot<Elements, number>(typedArray, 'byteLength');
export const offsetOf = slot<Elements, number>(typedArray, 'byteOffset');
export const bufferOf = slot<Elements, Memory>(typedArray, 'buffer');
const indexesOf = Function.prototype.call.bind((typedArray as Uint8Array).keys) as (of: Elements) => unknown;
const resizable = slot<Memory, boolean>(ArrayBuffer.prototype, 'resizable');

/** Whether memory can change its length, or be changed by another thread. */
export function kindOfMemory(memory: Memory): 'fixed' | 'resizable' | 'shared' {
  try {
    return resizable(memory) ? 'resizable' : 'fixed';
  } catch {
    return 'shared';
  }
}

/** Whether the memory of a typed array was taken away, or has shrunk so far that the array is out of its bounds. */
export function isDetached(elements: Elements): boolean {
  if (byteLengthOf(elements) !== 0) return false;
  // Node 20 has no `ArrayBuffer.prototype.detached`, and of bounds nothing tells but the methods of the array.
  try {
    indexesOf(elements);
    return false;
  } catch {
    return true;
  }
}

/** Some of the bytes, as a Buffer when it was one, else as a plain `Uint8Array`. */
export function partOf(bytes: Bytes, start: number, length: number): Bytes {
  return Buffer.isBuffer(bytes)
    ? viewOf(bytes, start, length)
    : new Uint8Array(bufferOf(bytes), offsetOf(bytes) + start, length);
}

/** The same bytes as a Buffer of ours, from `start` on. @throws TypeError for a detached array. */
export function viewOf(bytes: Bytes, start = 0, length: number = lengthOf(bytes) - start): Buffer {
  return new FastBuffer(bufferOf(bytes), offsetOf(bytes) + start, length);
}

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

/** Whether it claims to be a non-empty `Uint8Array`. The addon validates the rest (`TRUSTED`): `value.buffer` costs a quarter of a short seal. */
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
  if (typeof value !== 'string' || !value.isWellFormed()) throw notWellFormed(name, value);
}

/** What {@link assertWellFormed} throws. */
export function notWellFormed(name: string, value: unknown): TypeError {
  return new TypeError(
    typeof value === 'string' ? `${name} has a lone surrogate` : `${name} must be a string, not ${kindOf(value)}`,
  );
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

/** `bytes[0..length]`, copied when it is under three quarters of the allocation. The rest is zeroed unless it is `cleared`: it is uninitialized. */
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
