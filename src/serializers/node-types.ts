import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { SerializationError } from '../errors.js';
import { hasOnlyElements, hasOwnProperties, isPlainMap, isPlainSet } from '../protocol/kinds.js';
import { Refusal } from '../protocol/refusal.js';
import { bytesOf, isOfOwnClass, typedArrayName } from '../protocol/typed-arrays.js';
import { isDetached, lengthOf } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import type { ExactEncoder } from './msgpack-encoder.js';
import type { MessagePackReader } from './msgpack-reader.js';

/*
 * The built-ins of JavaScript that MessagePack has no form for, as extensions that only this package reads.
 *
 *   type  value         bytes
 *   1     BigInt        sign (0 or 1) | magnitude, big-endian: all that no int64 or uint64 carries, and what would be read as a number
 *   2     Map           one MessagePack array: key, value, key, value …
 *   3     Set           one MessagePack array of its elements
 *   4     typed array   kind (its place in TYPED_ARRAYS) | elements, little-endian
 *   5     undefined     none: an element of an array or a Set, a key or a value of a Map
 *   6     own type      one MessagePack array: the type's name, what stands for the value (`value-types.ts`)
 */
const BIGINT = 1;
const MAP = 2;
const SET = 3;
const TYPED_ARRAY = 4;
const UNDEFINED = 5;

const UNDEFINED_BYTES = Uint8Array.of(0xc7, 0, UNDEFINED);

/** Beyond this the engine itself begins to refuse. */
const MAX_BIGINT_LEN = 1 << 20;

type ElementArray =
  | Int8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

interface ElementArrayClass {
  new (buffer: ArrayBuffer): ElementArray;
  readonly name: string;
  readonly prototype: ElementArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** The order is part of the format. */
const TYPED_ARRAYS: readonly ElementArrayClass[] = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

/** Writes a built-in of Node; answers false for a value that is none, and for an instance of a class that extends one. */
export function encodeNodeType(
  encoder: ExactEncoder,
  value: object | bigint | undefined,
  depth: number,
  parent: object | undefined,
): boolean {
  if (value === undefined) {
    encoder.writeBytes(UNDEFINED_BYTES);
    return true;
  }
  if (typeof value === 'bigint') {
    const bytes = bigintBytes(value);
    if (bytes.length > MAX_BIGINT_LEN) return false;
    encoder.encodeExtensionOf(BIGINT, () => encoder.writeBytes(bytes));
    return true;
  }
  if (isPlainMap(value)) encodeMap(encoder, value, depth, parent);
  else if (isPlainSet(value)) encodeSet(encoder, value, depth, parent);
  else return types.isTypedArray(value) && encodeTypedArray(encoder, value as ElementArray);
  return true;
}

// What is iterated must be what is there, whatever `entries` a Map has.
const { forEach: forEachEntry } = Map.prototype;
const { forEach: forEachElement } = Set.prototype;

function encodeMap(encoder: ExactEncoder, map: Map<unknown, unknown>, depth: number, parent: object | undefined): void {
  if (hasOwnProperties(map)) throw new Refusal('a Map with properties of its own');
  encoder.enter(map, depth, parent);
  const entries: unknown[] = [];
  forEachEntry.call(map, (value, key) => {
    append(entries, key);
    append(entries, value);
  });
  encoder.encodeExtensionOf(MAP, () => encoder.encodeElements(map, entries, depth));
}

function encodeSet(encoder: ExactEncoder, set: Set<unknown>, depth: number, parent: object | undefined): void {
  if (hasOwnProperties(set)) throw new Refusal('a Set with properties of its own');
  encoder.enter(set, depth, parent);
  const elements: unknown[] = [];
  forEachElement.call(set, (element) => append(elements, element));
  encoder.encodeExtensionOf(SET, () => encoder.encodeElements(set, elements, depth));
}

function encodeTypedArray(encoder: ExactEncoder, array: ElementArray): boolean {
  const name = typedArrayName(array);
  const kind = TYPED_ARRAYS.findIndex((type) => type.name === name);
  if (kind === -1 || !isOfOwnClass(array)) return false;
  if (isDetached(array)) throw new Refusal(`a detached ${name}`);
  if (!hasOnlyElements(array, lengthOf(array))) throw new Refusal(`a ${name} with properties of its own`);
  encoder.encodeExtensionOf(TYPED_ARRAY, () => {
    encoder.writeBytes(Uint8Array.of(kind));
    encoder.writeBytes(bytesOf(array));
  });
  return true;
}

/** @throws SerializationError for an extension that is none of ours, or is malformed. */
export function readNodeType(reader: MessagePackReader, type: number, length: number, claimed: number): unknown {
  if (type === MAP || type === SET) {
    // Their elements are declared by headers of their own.
    reader.claim(-claimed);
    const elements = readElements(reader, length);
    if (type === SET) return new Set(elements);
    if (elements.length % 2 !== 0) throw malformed();
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < elements.length; i += 2) map.set(elements[i], elements[i + 1]);
    return map;
  }
  if (type === UNDEFINED) {
    if (length !== 0) throw malformed();
    return undefined;
  }
  if (type === BIGINT) return readBigInt(reader.copy(length));
  if (type === TYPED_ARRAY) return readTypedArray(reader.copy(length));
  throw new SerializationError(`The payload has a MessagePack extension of type ${type}, which is unknown`);
}

/** @throws SerializationError always: without `types: 'node'` no extension has a value. */
export function refuseExtension(_reader: MessagePackReader, type: number): never {
  throw new SerializationError(
    `The payload has a MessagePack extension of type ${type}; types: 'node' reads those that it writes`,
  );
}

/** @throws SerializationError unless the extension is one array. */
export function readElements(reader: MessagePackReader, length: number): unknown[] {
  const end = reader.at + length;
  const elements = reader.value();
  if (!Array.isArray(elements) || reader.at !== end) throw malformed();
  return elements;
}

function bigintBytes(value: bigint): Uint8Array {
  const hex = (value < 0n ? -value : value).toString(16);
  return Buffer.from((value < 0n ? '01' : '00') + (hex.length % 2 === 0 ? hex : `0${hex}`), 'hex');
}

function readBigInt(bytes: Uint8Array): bigint {
  const sign = bytes[0];
  if (bytes.length < 2 || bytes.length > MAX_BIGINT_LEN || (sign !== 0 && sign !== 1)) throw malformed();
  const magnitude = BigInt(`0x${Buffer.from(bytes.buffer, 1).toString('hex')}`);
  return sign === 1 ? -magnitude : magnitude;
}

function readTypedArray(bytes: Uint8Array): ElementArray {
  const type = TYPED_ARRAYS[bytes[0] ?? TYPED_ARRAYS.length];
  if (type === undefined || (bytes.length - 1) % type.BYTES_PER_ELEMENT !== 0) throw malformed();
  return new type(bytes.slice(1).buffer as ArrayBuffer);
}

function malformed(): SerializationError {
  return new SerializationError("The payload has a MessagePack extension that types: 'node' did not write");
}
