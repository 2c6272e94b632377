import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { bufferOf, byteLengthOf, offsetOf } from '../util/bytes.js';

const { prototype: base } = Object.getPrototypeOf(Uint8Array) as { prototype: object };
const nameOf = Object.getOwnPropertyDescriptor(base, Symbol.toStringTag)?.get as (this: unknown) => string;

const OF_THIS_REALM = new Map<string, object>(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((type) => [type.name, type.prototype]),
);

/** For instance `Float64Array`, also of an instance of a class that extends it. */
export function typedArrayName(value: NodeJS.TypedArray): string {
  return nameOf.call(value);
}

/** The memory of a typed array, as bytes. */
export function bytesOf(value: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(bufferOf(value), offsetOf(value), byteLengthOf(value));
}

/** Whether a value is a Uint8Array or a Buffer: bytes, with nothing that would be lost when they are read as a Uint8Array. */
export function isPlainBytes(value: object): value is Uint8Array {
  if (!types.isUint8Array(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Uint8Array.prototype || prototype === Buffer.prototype || isPrototypeOfClass(prototype, 'Uint8Array')
  );
}

/** Whether a typed array is of a built-in class itself, of this realm or another, rather than of one that extends it. */
export function isOfOwnClass(value: NodeJS.TypedArray): boolean {
  const name = typedArrayName(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === OF_THIS_REALM.get(name) || isPrototypeOfClass(prototype, name);
}

// Above it lies %TypedArray%.prototype, the only one with `subarray`; a class that extends one lies further below.
function isPrototypeOfClass(prototype: unknown, name: string): boolean {
  if (prototype === null || !Object.hasOwn(prototype as object, 'BYTES_PER_ELEMENT')) return false;
  const parent: unknown = Object.getPrototypeOf(prototype);
  if (parent === null || !Object.hasOwn(parent as object, 'subarray')) return false;
  const { value: of } = Object.getOwnPropertyDescriptor(prototype, 'constructor') ?? {};
  return typeof of === 'function' && Object.getOwnPropertyDescriptor(of, 'name')?.value === name;
}
