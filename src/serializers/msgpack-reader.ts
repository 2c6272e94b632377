import { isUtf8 } from 'node:buffer';
import { SerializationError } from '../errors.js';
import { dateTimeHeader, readInstant } from '../protocol/date-time.js';
import { MAX_DEPTH } from '../protocol/limits.js';
import { isTemporal, MARKERS, reviveTemporal, type TemporalReviver } from '../protocol/temporal.js';
import { readLatin1, readUtf8 } from '../protocol/utf8.js';
import { define, isAssignable, isAssignableAt } from '../util/own-property.js';
import { viewOf } from '../util/slots.js';
import { decodeAscii, NameCache } from './property-name-cache.js';
import { refusalOf } from './refused.js';

/**
 * Reads an extension of `length` bytes at `reader.at` and leaves `reader.at` behind it.
 * `claimed` of them are in what the document declares.
 */
export type ExtensionReader = (reader: MessagePackReader, type: number, length: number, claimed: number) => unknown;

const NOTHING = new Uint8Array(0);
const FLOAT64 = 0xcb;
/** Arrays beyond this many elements grow as they are read; the engine makes much longer ones a table of another kind. */
const LARGEST_ALLOCATED = 0x10000;
const MIN_INT64_HIGH = -0x200000;
const MAX_INT64_HIGH = 0x1fffff;
/** Below these lengths, looking at each byte costs less than what a call into the runtime adds. */
const SHORT_STRING = 24;
const SHORT_BYTES = 48;
const DATE_TIME_NAMES_LEN = '__datetime__'.length + 'value'.length;

const float64 = new Float64Array(1);
const float64Words = new Int32Array(float64.buffer);
const float32 = new Float32Array(1);
const float32Words = new Int32Array(float32.buffer);
const names = new NameCache();

/**
 * Decodes one MessagePack document from bytes that anyone may have written.
 *
 * What it declares is summed over the whole document before anything of that size is built, and may not exceed what the
 * input can back (protocol: decode bounds). Nothing that it returns shares memory with the input.
 */
export class MessagePackReader {
  at = 0;
  private bytes: Uint8Array = NOTHING;
  private end = 0;
  private slots = 0;
  private depth = 0;
  private busy = false;
  private readonly makesDates: boolean;

  constructor(
    private readonly revive: TemporalReviver,
    private readonly extension: ExtensionReader,
  ) {
    this.makesDates = revive === reviveTemporal;
  }

  /**
   * The value of `bytes[0..length]`, which must be exactly one document.
   *
   * @throws SerializationError for anything else; a message never quotes the input.
   */
  read(bytes: Uint8Array, length: number): unknown {
    // A reviver is the user's code, and may deserialize another value meanwhile.
    if (this.busy) return new MessagePackReader(this.revive, this.extension).read(bytes, length);
    this.busy = true;
    this.bytes = bytes;
    this.at = 0;
    this.end = length;
    this.slots = 0;
    this.depth = 0;
    names.begin(length);
    try {
      const value = this.value();
      if (this.at !== length) throw new SerializationError(`${length - this.at} bytes follow the MessagePack document`);
      return value;
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.busy = false;
      this.bytes = NOTHING;
    }
  }

  /** The next value. */
  value(): unknown {
    const marker = this.byte();
    if (marker < 0x80) return marker;
    if (marker >= 0xe0) return marker - 0x100;
    if (marker >= 0xa0 && marker < 0xc0) return this.string(marker & 0x1f);
    if (marker < 0x90) return this.map(marker & 0x0f);
    if (marker < 0xa0) return this.array(marker & 0x0f);
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.binary(this.byte());
      case 0xc5:
        return this.binary(this.uint16());
      case 0xc6:
        return this.binary(this.uint32());
      case 0xc7:
        return this.ext(this.byte());
      case 0xc8:
        return this.ext(this.uint16());
      case 0xc9:
        return this.ext(this.uint32());
      case 0xca:
        return this.float32();
      case 0xcb:
        return this.float64();
      case 0xcc:
        return this.byte();
      case 0xcd:
        return this.uint16();
      case 0xce:
        return this.uint32();
      case 0xcf:
        return this.uint64();
      case 0xd0:
        return this.int8();
      case 0xd1:
        return (this.uint16() << 16) >> 16;
      case 0xd2:
        return this.word();
      case 0xd3:
        return this.int64();
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.fixext(1 << (marker - 0xd4));
      case 0xd9:
        return this.string(this.byte());
      case 0xda:
        return this.string(this.uint16());
      case 0xdb:
        return this.string(this.uint32());
      case 0xdc:
        return this.array(this.uint16());
      case 0xdd:
        return this.array(this.uint32());
      case 0xde:
        return this.map(this.uint16());
      case 0xdf:
        return this.map(this.uint32());
      default:
        throw new SerializationError('The payload is not MessagePack: it has the reserved marker 0xc1');
    }
  }

  /** A copy of the next `length` bytes. */
  copy(length: number): Uint8Array {
    const start = this.skip(length);
    const copy = new Uint8Array(length);
    if (length < SHORT_BYTES) {
      for (let i = 0; i < length; i++) copy[i] = this.bytes[start + i] as number;
    } else {
      copy.set(viewOf(this.bytes, start, length));
    }
    return copy;
  }

  /** Adds to what the document declares. @throws SerializationError when the input cannot hold that much. */
  claim(slots: number): void {
    this.slots += slots;
    // The root's header is the one byte that is no element of anything.
    if (this.slots > this.end - 1) {
      throw new SerializationError(`The payload declares more than its ${this.end} bytes can hold`);
    }
  }

  private map(size: number): unknown {
    this.claim(2 * size);
    if (++this.depth > MAX_DEPTH) throw tooDeep();
    if (size === 2 && this.makesDates) {
      const date = this.date();
      if (date !== undefined) return date;
    }
    const map: Record<string, unknown> = {};
    let key = '';
    let first = '';
    for (let i = 0; i < size; i++) {
      const marker = this.bytes[this.at] as number;
      let assignable = false;
      if (marker >= 0xa0 && marker < 0xc0) {
        this.at++;
        key = this.key(marker & 0x1f);
        // A reviver may change `Object.prototype` before the value is there.
        assignable = names.assignable && this.makesDates;
      } else if (marker >= 0xd9 && marker <= 0xdb) {
        key = this.value() as string;
      } else {
        return this.mixedMap(map, size - i);
      }
      if (i === 0) first = key;
      const value = this.value();
      if (assignable || isAssignable(key)) map[key] = value;
      else define(map, key, value);
    }
    this.depth--;
    return size === 2 && (first.charCodeAt(0) === 0x5f || key.charCodeAt(0) === 0x5f)
      ? this.temporal(map, first, key)
      : map;
  }

  /** The rest of a map with a key that is no string, and so cannot be a property. */
  private mixedMap(read: Record<string, unknown>, rest: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>(Object.entries(read));
    for (let i = 0; i < rest; i++) {
      const key = this.value();
      if (Object.is(key, -0)) throw new SerializationError('A map has the key -0, which a Map cannot hold');
      map.set(key, this.value());
    }
    this.depth--;
    return map;
  }

  /** The Date that most maps with its marker stand for; undefined, with nothing read, for all else. */
  private date(): Date | undefined {
    const { bytes, at, end } = this;
    if (bytes[at + 1] !== 0x5f) return undefined;
    const header = dateTimeHeader(bytes, at);
    if (header === 0) return undefined;
    const marker = bytes[header] as number;
    const short = (marker & 0xe0) === 0xa0;
    if (!short && marker !== 0xd9) return undefined;
    const start = header + (short ? 1 : 2);
    const stop = start + (short ? marker & 0x1f : (bytes[header + 1] as number));
    const instant = stop > end ? Number.NaN : readInstant(bytes, start, stop);
    if (Number.isNaN(instant)) return undefined;
    this.claim(DATE_TIME_NAMES_LEN + stop - start);
    this.at = stop;
    this.depth--;
    return new Date(instant);
  }

  private temporal(map: Record<string, unknown>, first: string, last: string): unknown {
    const marker = last === 'value' ? first : last;
    const type = MARKERS.get(marker);
    const iso = first === 'value' || last === 'value' ? map.value : undefined;
    if (type === undefined || map[marker] !== true || typeof iso !== 'string') return map;
    if (!isTemporal(type, iso)) throw new SerializationError(`The payload has a ${type} that is not one`);
    return this.revive(type, iso);
  }

  private array(size: number): unknown[] {
    this.claim(size);
    if (++this.depth > MAX_DEPTH) throw tooDeep();
    const array: unknown[] = size <= LARGEST_ALLOCATED ? new Array(size) : [];
    for (let i = 0; i < size; i++) {
      // Floats stay out of the general case, which would have to make an object of each.
      if (this.bytes[this.at] === FLOAT64 && this.at < this.end && isAssignableAt(i)) {
        this.at++;
        array[i] = this.float64();
        continue;
      }
      const value = this.value();
      if (isAssignableAt(i)) array[i] = value;
      else define(array, i, value);
    }
    this.depth--;
    return array;
  }

  private key(length: number): string {
    const key = this.at + length > this.end || length === 0 ? undefined : names.find(this.bytes, this.at, length);
    if (key === undefined) {
      names.assignable = false;
      return this.string(length);
    }
    this.claim(length);
    this.at += length;
    return key;
  }

  private string(length: number): string {
    this.claim(length);
    const start = this.skip(length);
    const end = start + length;
    const { bytes } = this;
    if (length < SHORT_STRING) {
      let bits = 0;
      for (let i = start; i < end; i++) bits |= bytes[i] as number;
      if (bits < 0x80) return length <= 12 ? decodeAscii(bytes, start, length) : readLatin1(bytes, start, end);
    }
    const text = readUtf8(bytes, start, end);
    // The runtime puts U+FFFD for what is not UTF-8, and so does a text that has that very character.
    if (text.includes('\ufffd') && !isUtf8(viewOf(bytes, start, length))) {
      throw new SerializationError('The payload has a string that is not UTF-8');
    }
    return text;
  }

  private binary(length: number): Uint8Array {
    this.claim(length);
    return this.copy(length);
  }

  private ext(length: number): unknown {
    this.claim(length);
    return this.extension(this, this.int8(), length, length);
  }

  // A fixext declares nothing: its length is in its marker.
  private fixext(length: number): unknown {
    return this.extension(this, this.int8(), length, 0);
  }

  private float32(): number {
    float32Words[0] = this.word();
    return float32[0] as number;
  }

  // Words rather than a DataView of the input: making one costs as much as ten floats. Every platform we build for is little-endian.
  private float64(): number {
    const { bytes } = this;
    const i = this.skip(8);
    float64Words[1] = word(bytes, i);
    float64Words[0] = word(bytes, i + 4);
    return float64[0] as number;
  }

  private uint64(): number | bigint {
    const high = this.uint32();
    const low = this.uint32();
    return high <= MAX_INT64_HIGH ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  private int64(): number | bigint {
    const high = this.word();
    const low = this.uint32();
    if (high >= MIN_INT64_HIGH && high <= MAX_INT64_HIGH) {
      const value = high * 0x1_0000_0000 + low;
      if (value >= Number.MIN_SAFE_INTEGER) return value;
    }
    return (BigInt(high) << 32n) | BigInt(low);
  }

  private int8(): number {
    return (this.byte() << 24) >> 24;
  }

  private byte(): number {
    if (this.at >= this.end) throw incomplete();
    return this.bytes[this.at++] as number;
  }

  private uint16(): number {
    const start = this.skip(2);
    return ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
  }

  private uint32(): number {
    return this.word() >>> 0;
  }

  /** Four bytes as a signed integer, which the engine keeps in a register. */
  private word(): number {
    return word(this.bytes, this.skip(4));
  }

  private skip(length: number): number {
    const start = this.at;
    if (start + length > this.end) throw incomplete();
    this.at = start + length;
    return start;
  }
}

function word(bytes: Uint8Array, i: number): number {
  return (
    ((bytes[i] as number) << 24) |
    ((bytes[i + 1] as number) << 16) |
    ((bytes[i + 2] as number) << 8) |
    (bytes[i + 3] as number)
  );
}

function incomplete(): SerializationError {
  return new SerializationError('The payload ends before the MessagePack document does');
}

function tooDeep(): SerializationError {
  return new SerializationError(`The payload is nested deeper than ${MAX_DEPTH} levels`);
}
