import { Buffer } from 'node:buffer';
import { kindOf } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import { isDetached } from '../util/slots.js';
import { Ancestors, NOTED_FROM } from './ancestors.js';
import { CanonicalWriter } from './canonical-writer.js';
import { sortByCodePoint } from './code-points.js';
import {
  hasNoSlots,
  hasOnlyElements,
  hasOnlyNames,
  hasOwnProperties,
  isPlainArray,
  isPlainDate,
  isPlainObject,
  isPlainSet,
  kindOfValue,
  mayBeElse,
} from './kinds.js';
import { MAX_DEPTH, MAX_UINT64, MIN_INT64 } from './limits.js';
import { asRefusal, type ErrorPaths, Refusal } from './refusal.js';
import { isPlainBytes } from './typed-arrays.js';

const SEGMENT = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const RESERVED_NAMESPACES: readonly string[] = ['ns', 'nsapi'];

/**
 * Checks one part of an interop key. A namespace may not be `ns` or `nsapi`, which the server reads as prefixes of its own.
 *
 * @throws TypeError for anything but a string, RangeError unless it matches `[a-z0-9][a-z0-9._-]{0,63}` and has no `..`.
 * Source: protocol, "Interop/v1".
 */
export function validateSegment(name: 'namespace' | 'operation', segment: unknown): asserts segment is string {
  if (typeof segment !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(segment)}`);
  if (!SEGMENT.test(segment)) {
    throw new RangeError(`${name} must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit`);
  }
  if (segment.includes('..')) throw new RangeError(`${name} must not contain '..'`);
  if (name === 'namespace' && RESERVED_NAMESPACES.includes(segment)) {
    throw new RangeError(`${name} must not be 'ns' or 'nsapi', which are reserved`);
  }
}

/**
 * The canonical MessagePack of a call's arguments: one flat array, the same bytes in every SDK.
 *
 * Numbers are canonical: `-0`, `2.0`, `2n` and a Date of whole seconds become integers, other Dates float64 seconds. Object
 * keys sort by code point, a Set becomes its sorted elements, a property that is `undefined` is left out.
 *
 * @throws TypeError, naming the option `key` and the place (`arguments[1].filter`), for an argument outside the interop
 *   model: `undefined`, NaN, infinities, BigInt beyond 64 bits, Map, instances of classes, functions, lone surrogates,
 *   holes, properties of their own of arrays, Dates and Sets, cycles, more than 1,024 levels. ValueTooLargeError over 512 MiB.
 * Source: protocol, "Interop/v1".
 */
export function encodeInteropArgs(args: readonly unknown[]): Uint8Array {
  return encodeInteropArgsShared(args).copy();
}

/** What {@link encodeInteropArgsShared} returns: the bytes are `buffer[0..length]` until it is called again. */
export interface SharedBytes {
  readonly buffer: Uint8Array;
  readonly length: number;
  copy(): Uint8Array;
}

/** What of arguments is particular to a cache. */
export interface ArgumentsContext {
  /**
   * Whether `undefined` is an argument and an element of one. It is written as a byte that MessagePack never uses, so that no
   * other SDK has such a key.
   */
  readonly allowUndefined: boolean;
  readonly errorPaths: ErrorPaths;
}

const INTEROP: ArgumentsContext = { allowUndefined: false, errorPaths: 'names' };

/** As {@link encodeInteropArgs}, into memory that the next call overwrites. */
export function encodeInteropArgsShared(args: readonly unknown[], context = INTEROP): SharedBytes {
  if (!Array.isArray(args)) throw new TypeError(`args must be an array, not ${kindOf(args)}`);
  // A getter in an argument may compute a cache key of its own.
  if (busy) return encodeInto(new ArgumentsWriter(), args, context);
  busy = true;
  try {
    return encodeInto(shared, args, context);
  } finally {
    busy = false;
  }
}

class ArgumentsWriter extends CanonicalWriter {
  allowUndefined = false;
  /** Which element or property of the innermost container is being written; -1 is none. */
  index = -1;

  readonly ancestors = new Ancestors(MAX_DEPTH - 1);
}

const shared = new ArgumentsWriter();
let busy = false;

const INTEGERS_FROM = -(2 ** 63);
const INTEGERS_TO = 2 ** 64;

function encodeInto(writer: ArgumentsWriter, args: readonly unknown[], context: ArgumentsContext): SharedBytes {
  writer.begin();
  writer.allowUndefined = context.allowUndefined;
  try {
    // The depths are those inside an argument: the array of arguments is one more.
    encodeElements(writer, args, 0);
  } catch (error) {
    throw asRefusal(error).locate(args, writer.index, undefined, -1).asArgumentError(context.errorPaths);
  } finally {
    writer.ancestors.clear();
  }
  return writer;
}

function encodeElements(writer: ArgumentsWriter, elements: readonly unknown[], depth: number): void {
  const size = elements.length;
  // A proxy may say that it has 2.5 of them.
  if (size >>> 0 !== size) throw new Refusal('an array without a length');
  writer.arrayHeader(size);
  for (let i = 0; i < size; i++) {
    writer.index = i;
    const element = elements[i];
    if (element === undefined && !Object.hasOwn(elements, i)) throw new Refusal('an array with holes');
    encode(writer, element, depth + 1, elements);
  }
}

function encode(writer: ArgumentsWriter, value: unknown, depth: number, parent: object): void {
  switch (typeof value) {
    case 'string':
      if (!writer.string(value)) throw new Refusal('a string with a lone surrogate');
      break;
    case 'number':
      encodeNumber(writer, value);
      break;
    case 'boolean':
      writer.boolean(value);
      break;
    case 'bigint':
      if (value < MIN_INT64 || value > MAX_UINT64) throw new Refusal('a BigInt beyond 64 bits');
      writer.bigint(value);
      break;
    case 'object':
      if (value === null) writer.nil();
      else encodeObject(writer, value, depth, parent);
      break;
    case 'undefined':
      if (!writer.allowUndefined) throw new Refusal('undefined', ', and null can stand for it');
      writer.undefined();
      break;
    default:
      throw new Refusal(kindOfValue(value));
  }
}

function encodeNumber(writer: ArgumentsWriter, value: number): void {
  if (Number.isInteger(value) && value >= INTEGERS_FROM && value < INTEGERS_TO) writer.integer(value);
  else if (Number.isFinite(value)) writer.float(value);
  else throw new Refusal('NaN or an infinity');
}

function encodeObject(writer: ArgumentsWriter, value: object, depth: number, parent: object): void {
  const { index } = writer;
  writer.index = -1;
  // One place for it: around the loops it would cost each element.
  try {
    if (Array.isArray(value)) {
      if (!isPlainArray(value)) throw new Refusal(kindOfValue(value));
      if (!hasOnlyElements(value)) throw new Refusal('an array with properties beside its elements');
      if (depth >= NOTED_FROM) writer.ancestors.enter(value, depth, parent);
      encodeElements(writer, value, depth);
    } else if (isPlainObject(value)) {
      encodeMap(writer, value, depth, parent);
    } else if (isPlainBytes(value)) {
      if (isDetached(value)) throw new Refusal('a detached Uint8Array');
      writer.binary(value);
    } else if (isPlainDate(value)) {
      encodeDate(writer, value);
    } else if (isPlainSet(value)) {
      encodeSet(writer, value, depth, parent);
    } else {
      throw new Refusal(kindOfValue(value));
    }
  } catch (error) {
    throw asRefusal(error).locate(value, writer.index, parent, index, true);
  }
}

function encodeMap(writer: ArgumentsWriter, map: Record<string, unknown>, depth: number, parent: object): void {
  if (!hasOnlyNames(map)) throw new Refusal('an object with symbols as properties');
  const names = Object.keys(map);
  if (mayBeElse(names) && !hasNoSlots(map)) throw new Refusal(kindOfValue(map));
  sortByCodePoint(names);
  if (depth >= NOTED_FROM) writer.ancestors.enter(map, depth, parent);
  const header = writer.length;
  writer.mapHeader(names.length);
  let size = 0;
  for (let i = 0; i < names.length; i++) {
    writer.index = i;
    const name = names[i] as string;
    const value = map[name];
    if (value === undefined) continue;
    size++;
    if (!writer.string(name)) throw new Refusal('a property name with a lone surrogate');
    encode(writer, value, depth + 1, map);
  }
  if (size < names.length) writer.shrinkMap(header, names.length, size);
}

/** Seconds since the epoch, by the arithmetic of every SDK: whole microseconds, then one division. */
function encodeDate(writer: ArgumentsWriter, date: Date): void {
  if (hasOwnProperties(date)) throw new Refusal('a Date with properties of its own');
  const ms = getTime.call(date);
  if (Number.isNaN(ms)) throw new Refusal('an invalid Date');
  encodeNumber(writer, (ms * 1000) / 1_000_000);
}

function encodeSet(writer: ArgumentsWriter, set: Set<unknown>, depth: number, parent: object): void {
  if (hasOwnProperties(set)) throw new Refusal('a Set with properties of its own');
  if (depth >= NOTED_FROM) writer.ancestors.enter(set, depth, parent);
  const start = writer.length;
  const size = sizeOf(set);
  writer.arrayHeader(size);
  // Written where they stay: copied, elements of sets in sets would be copied at every level.
  const ends = [writer.length];
  forEach.call(set, (element) => {
    writer.index = ends.length - 1;
    encode(writer, element, depth + 1, set);
    append(ends, writer.length);
  });
  if (ends.length === size + 1 && isAscending(partsOf(writer.buffer, ends))) return;
  const [first = start] = ends;
  const copy = writer.buffer.slice(first, writer.length);
  const parts = partsOf(
    copy,
    ends.map((end) => end - first),
  ).sort(Buffer.compare);
  const distinct = parts.filter((bytes, i) => i === 0 || Buffer.compare(bytes, parts[i - 1] as Uint8Array) !== 0);
  writer.length = start;
  writer.arrayHeader(distinct.length);
  for (const bytes of distinct) writer.raw(bytes);
}

function partsOf(bytes: Uint8Array, ends: readonly number[]): Uint8Array[] {
  return ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
}

function isAscending(parts: readonly Uint8Array[]): boolean {
  return parts.every((bytes, i) => i === 0 || Buffer.compare(parts[i - 1] as Uint8Array, bytes) < 0);
}

// What they are, whatever methods of its own an object has.
const { forEach } = Set.prototype;
const sizeOf = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(Set.prototype, 'size')?.get as () => number,
) as (set: Set<unknown>) => number;
const { getTime } = Date.prototype;
