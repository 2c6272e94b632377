import { Buffer } from 'node:buffer';
import { Encoder, type EncoderOptions } from '@msgpack/msgpack';
import { Ancestors, NOTED_FROM } from '../protocol/ancestors.js';
import { DATE_TIME_LEN, writeDateTime } from '../protocol/date-time.js';
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
import { MAX_UINT64, MAX_VALUE_LEN, MIN_INT64 } from '../protocol/limits.js';
import { asRefusal, type ErrorPaths, type Refusal, tooLarge } from '../protocol/refusal.js';
import { MARKERS, plainTemporal } from '../protocol/temporal.js';
import { isPlainBytes } from '../protocol/typed-arrays.js';
import { writeUtf8 } from '../protocol/utf8.js';
import { isDetached, lengthOf } from '../util/slots.js';
import { assertLength, assertNoHole, refused, refusedUndefined } from './refused.js';

/**
 * The parts of the library's Encoder that decide what is written for which value. They are private to it, so its version
 * is pinned and a test asserts that each is there.
 */
interface EncoderParts {
  pos: number;
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  readonly entered: boolean;
  encodeSharedRef(value: unknown): Uint8Array<ArrayBuffer>;
  clone(): EncoderParts;
  doEncode(value: unknown, depth: number, parent?: object): void;
  encodeNil(): void;
  encodeBoolean(value: boolean): void;
  encodeNumber(value: number): void;
  encodeNumberAsFloat(value: number): void;
  encodeBigInt64(value: bigint): void;
  encodeString(value: string): void;
  writeStringHeader(byteLength: number): void;
  writeU8(value: number): void;
  writeU16(value: number): void;
  writeU32(value: number): void;
  ensureBufferSizeToWrite(size: number): void;
  resizeBuffer(size: number): void;
}

const Base = Encoder as unknown as new (options: EncoderOptions) => EncoderParts;

const INITIAL_BUFFER = 4096;
/** A buffer that has grown beyond this is given away with its value rather than kept. */
const LARGEST_KEPT = 1 << 20;
/** Below this length, looking at each character costs less than a call into the runtime. */
const SHORT_STRING = 40;

const NODE_KINDS = /^a (Map|Set|\w+Array)$/;

/**
 * Encodes a value the library does not know, or `undefined` inside another; answers whether it did.
 * `depth` is the level of the value, which lies in `parent`.
 */
export type ExtraTypes = (
  encoder: ExactEncoder,
  value: object | bigint | undefined,
  depth: number,
  parent: object | undefined,
) => boolean;

/**
 * The library's Encoder, held to "exact or refused": what it would write as something else (`-0`, a Map, a Date, an
 * instance of a class, `undefined` in an array, a lone surrogate, 2^64) is written as what it is, or is a SerializationError.
 * Each property is read once.
 */
export class ExactEncoder extends Base {
  private readonly ancestors = new Ancestors();
  /** Which element or property of the innermost container is being written; -1 is none. */
  private index = -1;

  constructor(
    private readonly extraTypes?: ExtraTypes,
    private readonly errorPaths: ErrorPaths = 'names',
  ) {
    super({ initialBufferSize: INITIAL_BUFFER });
  }

  /** The payload in a buffer that the next call overwrites. */
  shared(value: unknown): Uint8Array<ArrayBuffer> {
    try {
      return this.encodeSharedRef(value);
    } catch (error) {
      throw asRefusal(error).asSerializationError(this.errorPaths);
    } finally {
      // Within a getter of a value that is being written, another encoder was at work.
      if (!this.entered) this.ancestors.clear();
      // The payload keeps the large buffer, and is then the only one that does.
      if (this.bytes.length > LARGEST_KEPT && !this.entered) this.forget();
    }
  }

  /** The payload in memory that nobody else holds. */
  exact(value: unknown): Uint8Array {
    const payload = this.shared(value);
    return payload.slice();
  }

  override doEncode(value: unknown, depth: number, parent?: object): void {
    switch (typeof value) {
      case 'string':
        this.encodeString(value);
        break;
      case 'number':
        if (value === 0 && 1 / value < 0) this.encodeNumberAsFloat(value);
        else this.encodeNumber(value);
        break;
      case 'boolean':
        this.encodeBoolean(value);
        break;
      case 'bigint':
        this.encodeBigInt(value, depth, parent);
        break;
      case 'object':
        if (value === null) this.encodeNil();
        else this.encodeContainer(value, depth, parent);
        break;
      case 'undefined':
        if (depth === 1 || !this.extraTypes?.(this, value, depth, parent)) throw refusedUndefined(depth);
        break;
      default:
        throw refused(kindOfValue(value));
    }
  }

  override encodeString(text: string): void {
    const { length } = text;
    if (length < SHORT_STRING) {
      this.ensureBufferSizeToWrite(2 + length);
      const { bytes, pos } = this;
      let at = pos + (length < 32 ? 1 : 2);
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (i === length) {
        if (length < 32) {
          bytes[pos] = 0xa0 | length;
        } else {
          bytes[pos] = 0xd9;
          bytes[pos + 1] = length;
        }
        this.pos = at;
        return;
      }
    }
    if (this.pos + 5 + 3 * length <= this.bytes.length) this.encodeFittingString(text);
    else this.encodeLongString(text);
  }

  /** A string that fits whatever it is, so that nothing needs to be counted before. */
  private encodeFittingString(text: string): void {
    const { length } = text;
    const { bytes, pos } = this;
    const header = stringHeaderLen(length);
    const written = writeUtf8(bytes, text, pos + header, 3 * length);
    // Nothing but ASCII when there is a byte for each character.
    if (written !== length) {
      if (!text.isWellFormed()) throw refused('a string with a lone surrogate');
      const needed = stringHeaderLen(written);
      if (needed > header) bytes.copyWithin(pos + needed, pos + header, pos + header + written);
    }
    this.writeStringHeader(written);
    this.pos += written;
  }

  private encodeLongString(text: string): void {
    if (!text.isWellFormed()) throw refused('a string with a lone surrogate');
    const byteLength = Buffer.byteLength(text);
    this.ensureBufferSizeToWrite(5 + byteLength);
    this.writeStringHeader(byteLength);
    writeUtf8(this.bytes, text, this.pos, byteLength);
    this.pos += byteLength;
  }

  /** Before the content of a container. @throws Refusal when it is cyclic or lies too deep. */
  enter(container: object, depth: number, parent: object | undefined): void {
    if (depth >= NOTED_FROM) this.ancestors.enter(container, depth, parent);
  }

  /** An array of the `elements` of `container`, at level `depth`. */
  encodeElements(container: object, elements: readonly unknown[], depth: number): void {
    const size = elements.length;
    assertLength(size);
    if (size < 16) this.writeU8(0x90 | size);
    else if (size < 0x10000) this.writeHeader16(0xdc, size);
    else this.writeHeader32(0xdd, size);
    for (let i = 0; i < size; i++) {
      this.index = i;
      const element = elements[i];
      if (element === undefined) assertNoHole(elements, i);
      this.doEncode(element, depth + 1, container);
    }
  }

  /** An extension of type `type` whose bytes are what `write` writes. */
  encodeExtensionOf(type: number, write: () => void): void {
    this.writeHeader32(0xc9, 0);
    this.writeU8(type);
    const start = this.pos;
    write();
    this.view.setUint32(start - 5, this.pos - start);
  }

  /** Bytes as they are. */
  writeBytes(bytes: Uint8Array): void {
    const length = lengthOf(bytes);
    this.ensureBufferSizeToWrite(length);
    this.bytes.set(bytes, this.pos);
    this.pos += length;
  }

  override clone(): ExactEncoder {
    return new ExactEncoder(this.extraTypes, this.errorPaths);
  }

  override resizeBuffer(size: number): void {
    // The library asks for twice what it needs.
    if (size / 2 > MAX_VALUE_LEN) throw tooLarge(`A value is limited to ${MAX_VALUE_LEN} serialized bytes`);
    super.resizeBuffer(Math.min(size, MAX_VALUE_LEN));
  }

  private encodeContainer(value: object, depth: number, parent: object | undefined): void {
    const { index } = this;
    this.index = -1;
    // One place for it: around the loops it would cost each element.
    try {
      if (Array.isArray(value)) this.encodePlainArray(value, depth, parent);
      else if (isPlainObject(value)) this.encodeObject(value, depth, parent);
      else if (isPlainBytes(value)) this.encodeBytes(value);
      else if (isPlainDate(value)) this.encodeDate(value);
      else if (!this.encodeTemporal(value) && !this.extraTypes?.(this, value, depth, parent)) {
        throw this.refusedObject(value);
      }
    } catch (error) {
      throw asRefusal(error).locate(value, this.index, parent, index);
    }
  }

  private refusedObject(value: object): Refusal {
    const kind = kindOfValue(value);
    const node = this.extraTypes === undefined && NODE_KINDS.test(kind);
    return refused(kind, node ? "; a StandardSerializer with types: 'node' carries it" : '');
  }

  private encodePlainArray(array: unknown[], depth: number, parent: object | undefined): void {
    if (!isPlainArray(array)) throw refused(kindOfValue(array));
    if (!hasOnlyElements(array)) throw refused('an array with properties beside its elements');
    if (depth >= NOTED_FROM) this.ancestors.enter(array, depth, parent);
    this.encodeElements(array, array, depth);
  }

  private encodeObject(object: Record<string, unknown>, depth: number, parent: object | undefined): void {
    if (!hasOnlyNames(object)) throw refused('an object with a symbol as a property');
    const names = Object.keys(object);
    if (mayBeElse(names) && !hasNoSlots(object)) throw this.refusedObject(object);
    if (depth >= NOTED_FROM) this.ancestors.enter(object, depth, parent);
    const header = this.pos;
    this.writeMapHeader(names.length);
    let size = 0;
    let marked = false;
    for (let i = 0; i < names.length; i++) {
      this.index = i;
      const name = names[i] as string;
      const value = object[name];
      if (value === undefined) continue;
      size++;
      if (name.charCodeAt(0) === 0x5f && MARKERS.has(name) && value !== false) marked = true;
      this.encodeString(name);
      this.doEncode(value, depth + 1, object);
    }
    this.index = -1;
    if (marked && size === 2) throw refused('an object that reads back as a date or a time');
    if (size < names.length) this.shrinkMapHeader(header, names.length, size);
  }

  private encodeBytes(bytes: Uint8Array): void {
    if (isDetached(bytes)) throw refused('a detached Uint8Array');
    // Not by the library, which asks properties how long it is.
    const length = lengthOf(bytes);
    if (length < 0x100) {
      this.writeU8(0xc4);
      this.writeU8(length);
    } else if (length < 0x10000) this.writeHeader16(0xc5, length);
    else this.writeHeader32(0xc6, length);
    this.writeBytes(bytes);
  }

  private encodeDate(date: Date): void {
    if (hasOwnProperties(date)) throw refused('a Date with properties of its own');
    this.ensureBufferSizeToWrite(DATE_TIME_LEN);
    const end = writeDateTime(this.bytes, this.pos, date);
    if (end === this.pos) throw refused('a Date that is invalid or outside the years 1 to 9999');
    this.pos = end;
  }

  private encodeTemporal(value: object): boolean {
    const plain = plainTemporal(value);
    if (plain === undefined) return false;
    this.writeMapHeader(2);
    this.encodeString(plain.marker);
    this.encodeBoolean(true);
    this.encodeString('value');
    this.encodeString(plain.iso);
    return true;
  }

  private encodeBigInt(value: bigint, depth: number, parent: object | undefined): void {
    const small = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    if (!small && value >= MIN_INT64 && value <= MAX_UINT64) this.encodeBigInt64(value);
    else if (!this.extraTypes?.(this, value, depth, parent)) {
      throw small
        ? refused('a BigInt within ±(2^53−1)', ': it would be read as a number')
        : refused('a BigInt beyond 64 bits');
    }
  }

  private writeMapHeader(size: number): void {
    if (size < 16) this.writeU8(0x80 | size);
    else if (size < 0x10000) this.writeHeader16(0xde, size);
    else this.writeHeader32(0xdf, size);
  }

  /** Properties that are `undefined` show only when they are read, after the header was written. */
  private shrinkMapHeader(header: number, written: number, size: number): void {
    const end = this.pos;
    const was = mapHeaderLen(written);
    const is = mapHeaderLen(size);
    if (is < was) this.bytes.copyWithin(header + is, header + was, end);
    this.pos = header;
    this.writeMapHeader(size);
    this.pos = end - (was - is);
  }

  private writeHeader16(marker: number, size: number): void {
    this.writeU8(marker);
    this.writeU16(size);
  }

  private writeHeader32(marker: number, size: number): void {
    this.writeU8(marker);
    this.writeU32(size);
  }

  private forget(): void {
    this.view = new DataView(new ArrayBuffer(INITIAL_BUFFER));
    this.bytes = new Uint8Array(this.view.buffer);
  }
}

function stringHeaderLen(length: number): number {
  return length < 32 ? 1 : length < 256 ? 2 : length < 0x10000 ? 3 : 5;
}

function mapHeaderLen(size: number): number {
  return size < 16 ? 1 : size < 0x10000 ? 3 : 5;
}
