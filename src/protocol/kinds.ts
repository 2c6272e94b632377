import { Buffer } from 'node:buffer';
import { inspect, types } from 'node:util';

/**
 * Whether a value is an object of properties and nothing else. An object from another realm (`node:vm`, a test runner)
 * is one too, and so is one without a prototype.
 */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype || prototype === null || isForeignPrototype(prototype as object, 'isPrototypeOf')
  );
}

/** Whether an array is of the class Array itself, of this realm or another. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (Array.isArray(prototype) && Object.hasOwn(prototype, 'concat'));
}

export function isPlainDate(value: object): value is Date {
  if (!types.isDate(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Date.prototype || isForeign(prototype, 'toISOString');
}

/** Whether a value is a Uint8Array or a Buffer: bytes, with nothing that would be lost when they are read as a Uint8Array. */
export function isPlainBytes(value: object): value is Uint8Array {
  if (!types.isUint8Array(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Uint8Array.prototype || prototype === Buffer.prototype) return true;
  return Object.hasOwn(prototype as object, 'BYTES_PER_ELEMENT') && !types.isUint8Array(prototype);
}

function isForeign(prototype: unknown, method: string): boolean {
  if (prototype === null || !Object.hasOwn(prototype as object, method)) return false;
  const parent: unknown = Object.getPrototypeOf(prototype);
  return parent !== null && isForeignPrototype(parent as object, 'isPrototypeOf');
}

function isForeignPrototype(prototype: object, method: string): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, method);
}

/** Whether a plain object has nothing but properties with string names. Those that are not enumerable do not count. */
export function hasOnlyNames(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0 || !symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

const FEW = 96;
const ELEMENTS_ONLY = /^\[ \.\.\. \d+ more items? \]$/;
const SHOW_NO_ELEMENTS = { maxArrayLength: 0, depth: 0, customInspect: false, breakLength: Number.POSITIVE_INFINITY };

/** Whether an array has nothing but elements; what `String.match` returns has more. */
export function hasOnlyElements(value: readonly unknown[]): boolean {
  // Naming each element costs more than encoding it. `inspect` knows the other properties without looking at the elements.
  if (value.length > FEW && ELEMENTS_ONLY.test(inspect(value, SHOW_NO_ELEMENTS))) return true;
  return Object.keys(value).length <= value.length && hasOnlyNames(value);
}

/**
 * What a value is, for a message: never its content, nor a name that somebody chose.
 */
export function kindOfValue(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'object':
      return value === null ? 'null' : kindOfObject(value);
    default:
      return `a ${typeof value}`;
  }
}

function kindOfObject(value: object): string {
  if (types.isDate(value)) return 'a Date';
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isPromise(value)) return 'a Promise (await it first)';
  if (types.isTypedArray(value)) return `a ${value[Symbol.toStringTag]}`;
  if (ArrayBuffer.isView(value)) return 'a DataView';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isNativeError(value)) return 'an Error';
  if (types.isBoxedPrimitive(value)) return 'a boxed primitive';
  if (Array.isArray(value)) return 'an instance of a class that extends Array';
  return 'an instance of a class';
}
