import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { kindOf } from '../bytes.js';
import { isDetached } from '../slots.js';
import { CanonicalWriter, sortByCodePoint } from './canonical-writer.js';
import {
  hasOnlyElements,
  hasOnlyNames,
  isPlainArray,
  isPlainBytes,
  isPlainDate,
  isPlainObject,
  kindOfValue,
} from './kinds.js';
import { MAX_DEPTH, MAX_UINT64, MIN_INT64 } from './limits.js';

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
 * Numbers are canonical: `-0`, `2.0` and a Date of whole seconds become integers, other Dates float64 seconds. Object
 * keys sort by code point, a Set becomes its sorted elements, a property that is `undefined` is left out.
 *
 * @throws TypeError, naming the option `key`, for an argument outside the interop model: `undefined`, NaN, infinities,
 *   BigInt beyond 64 bits, Map, instances of classes, functions, lone surrogates, cycles, more than 1,024 levels.
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

/** As {@link encodeInteropArgs}, into memory that the next call overwrites. */
export function encodeInteropArgsShared(args: readonly unknown[]): SharedBytes {
  if (!Array.isArray(args)) throw new TypeError(`args must be an array, not ${kindOf(args)}`);
  // A getter in an argument may compute a cache key of its own.
  if (busy) return encodeInto(new CanonicalWriter(), args);
  busy = true;
  try {
    return encodeInto(shared, args);
  } finally {
    busy = false;
  }
}

const shared = new CanonicalWriter();
let busy = false;

const INTEGERS_FROM = -(2 ** 63);
const INTEGERS_TO = 2 ** 64;

function encodeInto(writer: CanonicalWriter, args: readonly unknown[]): CanonicalWriter {
  writer.begin();
  const size = args.length;
  writer.arrayHeader(size);
  for (let i = 0; i < size; i++) encode(writer, args[i], 1);
  return writer;
}

function encode(writer: CanonicalWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      if (!writer.string(value)) throw outside('a string with a lone surrogate');
      break;
    case 'number':
      encodeNumber(writer, value);
      break;
    case 'boolean':
      writer.boolean(value);
      break;
    case 'bigint':
      if (value < MIN_INT64 || value > MAX_UINT64) throw outside('a BigInt beyond 64 bits');
      writer.bigint(value);
      break;
    case 'object':
      if (value === null) writer.nil();
      else encodeObject(writer, value, depth);
      break;
    default:
      throw outside(typeof value);
  }
}

function encodeNumber(writer: CanonicalWriter, value: number): void {
  if (Number.isInteger(value) && value >= INTEGERS_FROM && value < INTEGERS_TO) writer.integer(value);
  else if (Number.isFinite(value)) writer.float(value);
  else throw outside('NaN or an infinity');
}

function encodeObject(writer: CanonicalWriter, value: object, depth: number): void {
  if (Array.isArray(value)) {
    if (!isPlainArray(value)) throw outside(kindOfValue(value));
    if (!hasOnlyElements(value)) throw outside('an array with properties beside its elements');
    enter(depth);
    const size = value.length;
    writer.arrayHeader(size);
    for (let i = 0; i < size; i++) encode(writer, value[i], depth + 1);
  } else if (isPlainObject(value)) {
    encodeMap(writer, value, depth);
  } else if (isPlainBytes(value)) {
    if (isDetached(value)) throw outside('a detached Uint8Array');
    writer.binary(value);
  } else if (isPlainDate(value)) {
    encodeDate(writer, value);
  } else if (types.isSet(value)) {
    encodeSet(writer, value, depth);
  } else {
    throw outside(kindOfValue(value));
  }
}

function encodeMap(writer: CanonicalWriter, map: Record<string, unknown>, depth: number): void {
  if (!hasOnlyNames(map)) throw outside('an object with symbols as properties');
  enter(depth);
  const names = sortByCodePoint(Object.keys(map));
  const header = writer.length;
  writer.mapHeader(names.length);
  let size = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = map[name];
    if (value === undefined) continue;
    size++;
    if (!writer.string(name)) throw outside('a property name with a lone surrogate');
    encode(writer, value, depth + 1);
  }
  if (size < names.length) writer.shrinkMap(header, names.length, size);
}

/** Seconds since the epoch, by the arithmetic of every SDK: whole microseconds, then one division. */
function encodeDate(writer: CanonicalWriter, date: Date): void {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw outside('an invalid Date');
  encodeNumber(writer, (ms * 1000) / 1_000_000);
}

function encodeSet(writer: CanonicalWriter, set: ReadonlySet<unknown>, depth: number): void {
  if (Object.getPrototypeOf(set) !== Set.prototype) throw outside(kindOfValue(set));
  enter(depth);
  const encoded = Array.from(set, (element) => {
    const one = new CanonicalWriter();
    encode(one, element, depth + 1);
    return one.copy();
  }).sort(Buffer.compare);
  const distinct = encoded.filter((bytes, i) => i === 0 || Buffer.compare(bytes, encoded[i - 1] as Uint8Array) !== 0);
  writer.arrayHeader(distinct.length);
  for (const bytes of distinct) writer.raw(bytes);
}

function enter(depth: number): void {
  if (depth >= MAX_DEPTH) throw outside(`a value that is cyclic or nested deeper than ${MAX_DEPTH} levels`);
}

function outside(kind: string): TypeError {
  return new TypeError(
    `${kind} cannot be an argument of a cached call: pass \`key\` to make the cache key another way`,
  );
}
