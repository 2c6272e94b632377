import { Buffer } from 'node:buffer';
import { types } from 'node:util';

const { prototype: base } = Object.getPrototypeOf(Uint8Array) as { prototype: object };

/** What an array says by itself, of any realm: properties of its own may say otherwise. */
const nameOf = getter<string>(Symbol.toStringTag);
const lengthOf = getter<number>('length');
const byteLengthOf = getter<number>('byteLength');
const byteOffsetOf = getter<number>('byteOffset');
const bufferOf = getter<ArrayBuffer>('buffer');

function getter<T>(name: string | symbol): (this: unknown) => T {
  return Object.getOwnPropertyDescriptor(base, name)?.get as (this: unknown) => T;
}

/** For instance `Float64Array`, also of an instance of a class that extends it. */
export function typedArrayName(value: NodeJS.TypedArray): string {
  return nameOf.call(value);
}

/** The number of elements. */
export function elementCount(value: NodeJS.TypedArray): number {
  return lengthOf.call(value);
}

/** The length in bytes. */
export function byteLength(value: NodeJS.TypedArray): number {
  return byteLengthOf.call(value);
}

/** The memory of a typed array, as bytes. */
export function bytesOf(value: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(bufferOf.call(value), byteOffsetOf.call(value), byteLengthOf.call(value));
}

/** Whether a value is a Uint8Array or a Buffer: bytes, with nothing that would be lost when they are read as a Uint8Array. */
export function isPlainBytes(value: object): value is Uint8Array {
  if (!types.isUint8Array(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Uint8Array.prototype || prototype === Buffer.prototype || isBuiltInPrototype(prototype);
}

/** Whether a typed array is of a built-in class itself, of this realm or another, rather than of one that extends it. */
export function isOfOwnClass(value: NodeJS.TypedArray): boolean {
  return isBuiltInPrototype(Object.getPrototypeOf(value));
}

// Above it lies %TypedArray%.prototype, the only one with `subarray`; a class that extends one lies further below.
function isBuiltInPrototype(prototype: unknown): boolean {
  if (prototype === null || !Object.hasOwn(prototype as object, 'BYTES_PER_ELEMENT')) return false;
  const parent: unknown = Object.getPrototypeOf(prototype);
  return parent !== null && Object.hasOwn(parent as object, 'subarray');
}

/** Whether bytes are still there: those of a transferred buffer are not, and have no length. */
export function isDetached(value: NodeJS.TypedArray): boolean {
  if (byteLengthOf.call(value) !== 0) return false;
  try {
    new Uint8Array(bufferOf.call(value));
    return false;
  } catch {
    return true;
  }
}
