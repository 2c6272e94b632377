import { inspect, types } from 'node:util';
import { isOfOwnClass, isPlainBytes, typedArrayName } from './typed-arrays.js';

/* Values of another realm (`node:vm`, a test runner) are told by internal slots, and by a prototype that looks like a built-in one. */

/** Whether its prototype is that of a plain object, of any realm, or null. {@link mayBeElse} tells when slots have to be checked too. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return true;
  if (prototype !== null && !isRootPrototype(prototype as object)) return false;
  return hasNoSlots(value) || types.isModuleNamespaceObject(value);
}

/**
 * Whether an object that looks plain, with `names` in the engine's order, needs {@link hasNoSlots}, which costs as much as writing a
 * short object: a Map or a Date with such a prototype has no names; the first one of `arguments` and of bytes is `0`.
 */
export function mayBeElse(names: readonly string[]): boolean {
  return names.length === 0 || names[0] === '0';
}

const { isMap, isSet, isPromise, isAnyArrayBuffer, isWeakMap, isWeakSet } = types;
const { toString: tagOf } = Object.prototype;

/** Whether the engine knows of no more than properties. */
export function hasNoSlots(value: object): boolean {
  return (
    // One call for Dates, regular expressions, errors, boxed primitives and `arguments`.
    tagOf.call(value) === '[object Object]' &&
    !ArrayBuffer.isView(value) &&
    !isMap(value) &&
    !isSet(value) &&
    !isPromise(value) &&
    !isAnyArrayBuffer(value) &&
    !isWeakMap(value) &&
    !isWeakSet(value)
  );
}

/** Whether an array is of the class Array itself, of this realm or another. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (Array.isArray(prototype) && isForeign(prototype, ['concat']));
}

export function isPlainDate(value: object): value is Date {
  if (!types.isDate(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Date.prototype || isForeign(prototype, ['toISOString', 'setUTCDate', Symbol.toPrimitive]);
}

/** Whether a value is a Map of the class Map itself, of this realm or another. */
export function isPlainMap(value: unknown): value is Map<unknown, unknown> {
  if (!types.isMap(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Map.prototype || isForeign(prototype, ['forEach', 'set', Symbol.toStringTag]);
}

/** Whether a value is a Set of the class Set itself, of this realm or another. */
export function isPlainSet(value: unknown): value is Set<unknown> {
  if (!types.isSet(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Set.prototype || isForeign(prototype, ['forEach', 'add', Symbol.toStringTag]);
}

/** Whether it is the prototype, with these members, of a class built into another realm, right below Object's. */
function isForeign(prototype: unknown, members: readonly (string | symbol)[]): boolean {
  if (prototype === null || !members.every((name) => Object.hasOwn(prototype as object, name))) return false;
  const above: unknown = Object.getPrototypeOf(prototype);
  return above !== null && isRootPrototype(above as object);
}

function isRootPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** Whether a plain object has nothing but properties with string names. Those that are not enumerable do not count. */
export function hasOnlyNames(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0 || !symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

// Without a prototype, which may have a setter of a name.
const NO_PROPERTIES = Object.freeze({ __proto__: null });

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
  // Naming each element costs more than encoding it. `inspect` knows the other properties without looking at the elements,
  // and those of a proxy's target without asking its traps.
  if (length > FEW && !types.isProxy(value) && ELEMENTS_ONLY.test(inspect(value, SHOW_NO_ELEMENTS))) return true;
  if (length === 0) return !hasOwnProperties(value);
  return Object.keys(value).length <= length && hasOnlyNames(value);
}

const INSTANCE = 'an instance of a class';

/** What a value is, for a message: never its content, nor a name from user code. */
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
    return isOfOwnClass(value) || isPlainBytes(value) ? `a ${typedArrayName(value)}` : extending(typedArrayName(value));
  if (ArrayBuffer.isView(value)) return 'a DataView';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isNativeError(value)) return 'an Error';
  if (types.isBoxedPrimitive(value)) return 'a boxed primitive';
  if (types.isArgumentsObject(value)) return 'an arguments object';
  if (types.isProxy(value)) return 'a Proxy';
  if (Array.isArray(value)) return extending('Array');
  return INSTANCE;
}

function extending(name: string): string {
  return `${INSTANCE} that extends ${name}`;
}
