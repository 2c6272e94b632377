import { ExtData } from '@msgpack/msgpack';
import { SerializationError } from '../errors.js';
import { Ancestors, NOTED_FROM } from '../protocol/ancestors.js';
import { CanonicalWriter } from '../protocol/canonical-writer.js';
import { sortByCodePoint } from '../protocol/code-points.js';
import {
  hasNoSlots,
  hasOnlyElements,
  hasOnlyNames,
  hasOwnProperties,
  isPlainArray,
  isPlainDate,
  isPlainObject,
  kindOfValue,
  mayBeElse,
} from '../protocol/kinds.js';
import { MAX_UINT64, MIN_INT64 } from '../protocol/limits.js';
import { asRefusal, type ErrorPaths } from '../protocol/refusal.js';
import { isTemporal, MARKERS, plainTemporal, reviveTemporal, type TemporalReviver } from '../protocol/temporal.js';
import { isPlainBytes } from '../protocol/typed-arrays.js';
import { assertBytes } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { isDetached, lengthOf } from '../util/slots.js';
import { MessagePackReader } from './msgpack-reader.js';
import { assertErrorPaths, assertLength, assertNoHole, refused, refusedUndefined } from './refused.js';
import type { Serializer } from './serializer.js';
import { assertReviver } from './standard.js';

export interface InteropSerializerOptions {
  /** As for the StandardSerializer. */
  reviver?: TemporalReviver;
  /** As for the StandardSerializer. */
  errorPaths?: ErrorPaths;
}

/**
 * Values that every CacheKit SDK reads: one canonical MessagePack document, with no envelope.
 *
 * It carries what the StandardSerializer carries, except NaN and the infinities. Object keys are written in the order of
 * their code points. An object `{ __datetime__: true, value: iso }`, `{ __date__ … }` or `{ __time__ … }` is a date or time
 * of the protocol, with digits that a Date has not; it is read back as one.
 * It reads any well-formed document; an extension is read as an `ExtData` of `@msgpack/msgpack`.
 *
 * Source: protocol, "Interop/v1".
 */
export class InteropSerializer implements Serializer {
  readonly format = 'msgpack';
  readonly container = 'none';
  readonly compressed = false;
  readonly originalType = undefined;
  /** @internal */
  readonly runsReviver: boolean;
  readonly #writer = new ValueWriter();
  /** @internal */
  readonly errorPaths: ErrorPaths;
  readonly #reader: MessagePackReader;
  #busy = false;

  /** @throws TypeError for a wrong type, RangeError for unknown `errorPaths`. */
  constructor(options: InteropSerializerOptions = {}) {
    const { reviver = reviveTemporal, errorPaths = 'names' } = readOptions(options);
    assertReviver(reviver);
    assertErrorPaths(errorPaths);
    this.errorPaths = errorPaths;
    this.runsReviver = reviver !== reviveTemporal;
    this.#reader = new MessagePackReader(reviver, readExtension);
  }

  /** @throws SerializationError for a value that another SDK would not read as it is, ValueTooLargeError over 512 MiB. */
  serialize(value: unknown): Uint8Array {
    return this.#write(value).copy();
  }

  /** @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document. */
  deserialize(payload: Uint8Array): unknown {
    assertBytes('payload', payload);
    return this.#read(payload, lengthOf(payload));
  }

  /** @internal The payload in memory that the next call overwrites. */
  serializeShared(value: unknown): Uint8Array {
    const { buffer, length } = this.#write(value);
    return buffer.subarray(0, length);
  }

  /** @internal The value of `buffer[0..length]`, of which nothing is kept. */
  deserializeShared(buffer: Uint8Array, length: number): unknown {
    return this.#read(buffer, length);
  }

  #write(value: unknown): CanonicalWriter {
    // A getter in a value may serialize a value of its own.
    const writer = this.#busy ? new ValueWriter() : this.#writer;
    const entered = this.#busy;
    this.#busy = true;
    try {
      writer.begin();
      encode(writer, value, 1, undefined);
      return writer;
    } catch (error) {
      throw asRefusal(error).asSerializationError(this.errorPaths);
    } finally {
      writer.ancestors.clear();
      this.#busy = entered;
    }
  }

  #read(bytes: Uint8Array, length: number): unknown {
    if (length > 2 && bytes[0] === 0x43 && bytes[1] === 0x4b) {
      throw new SerializationError('The payload is a CK frame of a Python cache that is not in interop mode');
    }
    return this.#reader.read(bytes, length);
  }
}

class ValueWriter extends CanonicalWriter {
  readonly ancestors = new Ancestors();
  /** Which element or property of the innermost container is being written; -1 is none. */
  index = -1;
}

function readExtension(reader: MessagePackReader, type: number, length: number): ExtData {
  return new ExtData(type, reader.copy(length));
}

function encode(writer: ValueWriter, value: unknown, depth: number, parent: object | undefined): void {
  switch (typeof value) {
    case 'string':
      if (!writer.string(value)) throw refused('a string with a lone surrogate');
      break;
    case 'number':
      encodeNumber(writer, value);
      break;
    case 'boolean':
      writer.boolean(value);
      break;
    case 'bigint':
      encodeBigInt(writer, value);
      break;
    case 'object':
      if (value === null) writer.nil();
      else encodeObject(writer, value, depth, parent);
      break;
    case 'undefined':
      throw refusedUndefined(depth);
    default:
      throw refused(kindOfValue(value));
  }
}

function encodeNumber(writer: ValueWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value);
  else if (Number.isFinite(value)) writer.float(value);
  else throw refused('NaN or an infinity', ' in interop mode');
}

function encodeBigInt(writer: ValueWriter, value: bigint): void {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
    throw refused('a BigInt within ±(2^53−1)', ': it would be read as a number');
  }
  if (value < MIN_INT64 || value > MAX_UINT64) throw refused('a BigInt beyond 64 bits');
  writer.bigint(value);
}

function encodeObject(writer: ValueWriter, value: object, depth: number, parent: object | undefined): void {
  const { index } = writer;
  writer.index = -1;
  // One place for it: around the loops it would cost each element.
  try {
    if (Array.isArray(value)) {
      encodeArray(writer, value, depth, parent);
    } else if (isPlainObject(value)) {
      encodeMap(writer, value, depth, parent);
    } else if (isPlainBytes(value)) {
      if (isDetached(value)) throw refused('a detached Uint8Array');
      writer.binary(value);
    } else if (isPlainDate(value)) {
      if (hasOwnProperties(value)) throw refused('a Date with properties of its own');
      if (!writer.dateTime(value)) throw refused('a Date that is invalid or outside the years 1 to 9999');
    } else if (!encodeTemporal(writer, value)) {
      throw refused(kindOfValue(value));
    }
  } catch (error) {
    throw asRefusal(error).locate(value, writer.index, parent, index, true);
  }
}

function encodeArray(writer: ValueWriter, array: unknown[], depth: number, parent: object | undefined): void {
  if (!isPlainArray(array)) throw refused(kindOfValue(array));
  if (!hasOnlyElements(array)) throw refused('an array with properties beside its elements');
  if (depth >= NOTED_FROM) writer.ancestors.enter(array, depth, parent);
  const size = array.length;
  assertLength(size);
  writer.arrayHeader(size);
  for (let i = 0; i < size; i++) {
    writer.index = i;
    const element = array[i];
    if (element === undefined) assertNoHole(array, i);
    encode(writer, element, depth + 1, array);
  }
}

function encodeMap(writer: ValueWriter, map: Record<string, unknown>, depth: number, parent: object | undefined): void {
  if (!hasOnlyNames(map)) throw refused('an object with a symbol as a property');
  const names = Object.keys(map);
  if (mayBeElse(names) && !hasNoSlots(map)) throw refused(kindOfValue(map));
  sortByCodePoint(names);
  if (depth >= NOTED_FROM) writer.ancestors.enter(map, depth, parent);
  const header = writer.length;
  writer.mapHeader(names.length);
  let size = 0;
  let marker: string | undefined;
  let iso: string | undefined;
  for (let i = 0; i < names.length; i++) {
    writer.index = i;
    const name = names[i] as string;
    const value = map[name];
    if (value === undefined) continue;
    size++;
    if (value === true && MARKERS.has(name)) marker = name;
    else if (name === 'value' && typeof value === 'string') iso = value;
    if (!writer.string(name)) throw refused('a property name with a lone surrogate');
    encode(writer, value, depth + 1, map);
  }
  writer.index = -1;
  if (size < names.length) writer.shrinkMap(header, names.length, size);
  if (marker !== undefined && iso !== undefined) assertSentinel(marker, iso, size);
}

/** Other SDKs read every such map as a date or time: it must be one, and nothing else may be lost with it. */
function assertSentinel(marker: string, iso: string, size: number): void {
  const type = MARKERS.get(marker);
  if (size === 2 && type !== undefined && isTemporal(type, iso)) return;
  throw refused('an object that other SDKs read as a date or a time');
}

function encodeTemporal(writer: ValueWriter, value: object): boolean {
  const plain = plainTemporal(value);
  if (plain === undefined) return false;
  writer.mapHeader(2);
  writer.string(plain.marker);
  writer.boolean(true);
  writer.string('value');
  writer.string(plain.iso);
  return true;
}
