import { SerializationError } from '../errors.js';
import { dateTimeHeader, readInstant } from '../protocol/date-time.js';
import { MAX_DEPTH } from '../protocol/limits.js';
import { isTemporal, MARKERS, reviveTemporal, type TemporalReviver } from '../protocol/temporal.js';
import { define, isAssignableAt, isInherited } from '../util/own-property.js';
import { MessagePackCursor } from './msgpack-cursor.js';
import { layouts, MAX_LAYOUT } from './msgpack-names.js';

/** Reads an extension of `length` bytes at `reader.at`, and moves behind it. The document declares `claimed` of them. */
export type ExtensionReader = (reader: MessagePackReader, type: number, length: number, claimed: number) => unknown;

const FLOAT64 = 0xcb;
/** Arrays beyond this many elements grow as they are read; the engine makes much longer ones a table of another kind. */
const LARGEST_ALLOCATED = 0x10000;
const DATE_TIME_NAMES_LEN = '__datetime__'.length + 'value'.length;

/**
 * Decodes one MessagePack document from bytes that anyone may have written.
 *
 * What it declares is summed over the whole document before anything of that size is built, and may not exceed what the
 * input can back (protocol: decode bounds). Nothing that it returns shares memory with the input.
 */
export class MessagePackReader extends MessagePackCursor {
  private depth = 0;
  private busy = false;
  private readonly makesDates: boolean;

  constructor(
    private readonly revive: TemporalReviver,
    private readonly extension: ExtensionReader,
  ) {
    super();
    this.makesDates = revive === reviveTemporal;
  }

  /**
   * The value of `bytes[start..end]`, which must be exactly one document.
   *
   * @throws SerializationError for anything else; a message never quotes the input.
   */
  read(bytes: Uint8Array, start: number, end: number): unknown {
    // A reviver is the user's code, and may deserialize another value meanwhile.
    if (this.busy) return new MessagePackReader(this.revive, this.extension).read(bytes, start, end);
    this.busy = true;
    this.begin(bytes, start, end);
    this.depth = 0;
    try {
      const value = this.value();
      if (this.at !== end) throw new SerializationError(`${end - this.at} bytes follow the MessagePack document`);
      return value;
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.busy = false;
      this.release();
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

  private map(size: number): unknown {
    this.claim(2 * size);
    if (++this.depth > MAX_DEPTH) throw tooDeep();
    if (size === 2 && this.makesDates) {
      const date = this.date();
      if (date !== undefined) return date;
    }
    let map: Record<string, unknown> | undefined;
    let key = '';
    let first = '';
    let read = 0;
    let slot = -1;
    if (size > 0 && size <= MAX_LAYOUT) {
      slot = layouts.slot(this.bytes, this.at, size);
      const layout = layouts.find(slot, size);
      if (layout !== undefined && this.reads(layout.encoded, 0, layout.ends[0] as number)) {
        const { names, encoded, ends } = layout;
        first = names[0] as string;
        map = layouts.empty(layout);
        let from = ends[0] as number;
        for (;;) {
          key = names[read] as string;
          map[key] = this.value();
          if (++read === size) {
            slot = -1;
            break;
          }
          const to = ends[read] as number;
          if (!this.reads(encoded, from, to)) {
            map = Object.fromEntries(Object.entries(map).slice(0, read));
            break;
          }
          from = to;
        }
      }
    }
    map ??= {};
    for (; read < size; read++) {
      const marker = this.bytes[this.at] as number;
      if (marker >= 0xa0 && marker < 0xc0) {
        this.at++;
        key = this.key(marker & 0x1f);
      } else if (marker >= 0xd9 && marker <= 0xdb) {
        key = this.value() as string;
      } else {
        return this.mixedMap(map, size - read);
      }
      if (read === 0) first = key;
      const value = this.value();
      if (isInherited(key)) define(map, key, value);
      else map[key] = value;
    }
    if (slot >= 0) layouts.learn(slot, key, map);
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

  private ext(length: number): unknown {
    this.claim(length);
    return this.extension(this, this.int8(), length, length);
  }

  // A fixext declares nothing: its length is in its marker.
  private fixext(length: number): unknown {
    return this.extension(this, this.int8(), length, 0);
  }
}

function tooDeep(): SerializationError {
  return new SerializationError(`The payload is nested deeper than ${MAX_DEPTH} levels`);
}

/** Running out of stack, which a caller deep in its own can do within the limit, is a refusal. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.startsWith('Maximum call stack')) return error;
  return new SerializationError('The value is nested deeper than the stack of this call allows');
}
