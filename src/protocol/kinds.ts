import { inspect, types } from 'node:util';
import { isOfOwnClass, typedArrayName } from './typed-arrays.js';

/*
 * A value of another realm (`node:vm`, a test runner) is what it is by its internal slots, and is an instance of the class
 * itself when its prototype looks like that of a built-in class. One step more to Object.prototype is a class that extends it.
 */

/**
 * Whether a value is an object of properties and nothing else. An object from another realm is one too, and so is one
 * without a prototype.
 */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return true;
  return (prototype === null || isRootPrototype(prototype as object)) && isNothingElse(value);
}

/** A Map or a Date whose prototype was taken away looks like an object without properties. */
function isNothingElse(value: object): boolean {
  for (const _ in value) return true;
  return kindOfObject(value) === INSTANCE;
}

/** Whether an array is of the class Array itself, of this realm or another. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (Array.isArray(prototype) && isForeign(prototype, 'concat', 1));
}

export function isPlainDate(value: object): value is Date {
  if (!types.isDate(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Date.prototype || isForeign(prototype, 'toISOString', 1);
}

/** Whether a value is a Map of the class Map itself, of this realm or another. */
export function isPlainMap(value: unknown): value is Map<unknown, unknown> {
  if (!types.isMap(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Map.prototype || isForeign(prototype, 'forEach', 1);
}

/** Whether a value is a Set of the class Set itself, of this realm or another. */
export function isPlainSet(value: unknown): value is Set<unknown> {
  if (!types.isSet(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Set.prototype || isForeign(prototype, 'forEach', 1);
}

/** Whether it is the prototype, with the member `own`, of a class built into another realm, `above` steps below Object's. */
function isForeign(prototype: unknown, own: string, above: number): boolean {
  if (prototype === null || !Object.hasOwn(prototype as object, own)) return false;
  let object = prototype as object | null;
  for (let i = 0; i < above && object !== null; i++) object = Object.getPrototypeOf(object);
  return object !== null && isRootPrototype(object);
}

function isRootPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** Whether a plain object has nothing but properties with string names. Those that are not enumerable do not count. */
export function hasOnlyNames(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0 || !symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

const NO_PROPERTIES = Object.freeze({});

/** Whether a Date, a Map or a Set has properties of its own, which would be lost. Those that are not enumerable do not count. */
export function hasOwnProperties(value: object): boolean {
  // Listing names and symbols takes five times as long as copying none of them.
  try {
    Object.assign(NO_PROPERTIES, value);
    return false;
  } catch {
    return true;
  }
}

const FEW = 96;
const ELEMENTS_ONLY = /^(\w+\(\d+\) )?\[ \.\.\. \d+ more items? \]$/;
const SHOW_NO_ELEMENTS = { maxArrayLength: 0, depth: 0, customInspect: false, breakLength: Number.POSITIVE_INFINITY };

/** Whether an array or a typed array has nothing but elements; what `String.match` returns has more. */
export function hasOnlyElements(value: readonly unknown[] | NodeJS.TypedArray, length = value.length): boolean {
  // Naming each element costs more than encoding it. `inspect` knows the other properties without looking at the elements.
  if (length > FEW && ELEMENTS_ONLY.test(inspect(value, SHOW_NO_ELEMENTS))) return true;
  if (length === 0) return !hasOwnProperties(value);
  return Object.keys(value).length <= length && hasOnlyNames(value);
}

const INSTANCE = 'an instance of a class';

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
  if (types.isDate(value)) return isPlainDate(value) ? 'a Date' : extending('Date');
  if (types.isMap(value)) return isPlainMap(value) ? 'a Map' : extending('Map');
  if (types.isSet(value)) return isPlainSet(value) ? 'a Set' : extending('Set');
  if (types.isPromise(value)) return 'a Promise (await it first)';
  if (types.isTypedArray(value))
    return isOfOwnClass(value) ? `a ${typedArrayName(value)}` : extending(typedArrayName(value));
  if (ArrayBuffer.isView(value)) return 'a DataView';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isNativeError(value)) return 'an Error';
  if (types.isBoxedPrimitive(value)) return 'a boxed primitive';
  if (types.isProxy(value)) return 'a Proxy';
  if (Array.isArray(value)) return extending('Array');
  return INSTANCE;
}

function extending(name: string): string {
  return `${INSTANCE} that extends ${name}`;
}
