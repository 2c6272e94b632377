import { isUtf8 } from 'node:buffer';
import { SerializationError } from '../errors.js';
import { readLatin1, readUtf8 } from '../protocol/utf8.js';
import { viewOf } from '../util/bytes.js';
import { isInherited } from '../util/own-property.js';

const NOTHING = new Uint8Array(0);
const MIN_INT64_HIGH = -0x200000;
const MAX_INT64_HIGH = 0x1fffff;
/** Below these lengths, looking at each byte costs less than what a call into the runtime adds. */
const SHORT_STRING = 24;
const SHORT_BYTES = 48;

const float64 = new Float64Array(1);
const float64Words = new Int32Array(float64.buffer);
const float32 = new Float32Array(1);
const float32Words = new Int32Array(float32.buffer);

/** Numbers, strings and bytes of a MessagePack document, one behind the other. Nothing that it returns shares memory with the input. */
export abstract class MessagePackCursor {
  at = 0;
  protected bytes: Uint8Array = NOTHING;
  protected end = 0;
  private slots = 0;

  protected begin(bytes: Uint8Array, length: number): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = length;
    this.slots = 0;
    names.begin(length);
  }

  /** The input is not kept longer than it takes to read it. */
  protected release(): void {
    this.bytes = NOTHING;
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

  protected key(length: number): string {
    const key = this.at + length > this.end || length === 0 ? undefined : names.find(this.bytes, this.at, length);
    if (key === undefined) {
      names.assignable = false;
      return this.string(length);
    }
    this.claim(length);
    this.at += length;
    return key;
  }

  protected string(length: number): string {
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

  protected binary(length: number): Uint8Array {
    this.claim(length);
    return this.copy(length);
  }

  protected float32(): number {
    float32Words[0] = this.word();
    return float32[0] as number;
  }

  // Words rather than a DataView of the input: making one costs as much as ten floats. Every platform we build for is little-endian.
  protected float64(): number {
    const { bytes } = this;
    const i = this.skip(8);
    float64Words[1] = word(bytes, i);
    float64Words[0] = word(bytes, i + 4);
    return float64[0] as number;
  }

  protected uint64(): number | bigint {
    const high = this.uint32();
    const low = this.uint32();
    return high <= MAX_INT64_HIGH ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  protected int64(): number | bigint {
    const high = this.word();
    const low = this.uint32();
    if (high >= MIN_INT64_HIGH && high <= MAX_INT64_HIGH) {
      const value = high * 0x1_0000_0000 + low;
      if (value >= Number.MIN_SAFE_INTEGER) return value;
    }
    return (BigInt(high) << 32n) | BigInt(low);
  }

  protected int8(): number {
    return (this.byte() << 24) >> 24;
  }

  protected byte(): number {
    if (this.at >= this.end) throw incomplete();
    return this.bytes[this.at++] as number;
  }

  protected uint16(): number {
    const start = this.skip(2);
    return ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
  }

  protected uint32(): number {
    return this.word() >>> 0;
  }

  /** Four bytes as a signed integer, which the engine keeps in a register. */
  protected word(): number {
    return word(this.bytes, this.skip(4));
  }

  protected skip(length: number): number {
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

const { fromCharCode } = String;

/** Up to twelve ASCII bytes: shorter than what a call into the runtime costs. */
function decodeAscii(bytes: Uint8Array, at: number, length: number): string {
  let head = '';
  let rest = length;
  let i = at;
  if (length >= 8) {
    head = fromCharCode(
      bytes[i] as number,
      bytes[i + 1] as number,
      bytes[i + 2] as number,
      bytes[i + 3] as number,
      bytes[i + 4] as number,
      bytes[i + 5] as number,
      bytes[i + 6] as number,
      bytes[i + 7] as number,
    );
    if (length === 8) return head;
    i += 8;
    rest -= 8;
  } else if (length >= 4) {
    head = fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number);
    if (length === 4) return head;
    i += 4;
    rest -= 4;
  }
  switch (rest) {
    case 0:
      return head;
    case 1:
      return head + fromCharCode(bytes[i] as number);
    case 2:
      return head + fromCharCode(bytes[i] as number, bytes[i + 1] as number);
    case 3:
      return head + fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number);
    default:
      return (
        head + fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number)
      );
  }
}

const SLOTS = 1024;
/** Shorter documents repeat no name often enough for it to be worth remembering. */
const REPEATING_LEN = 512;

/** Property names by their bytes: finding one costs less than decoding it. At most 1,024 names of at most 31 bytes. */
class NameCache {
  /** Whether the name found last is known to be assignable. */
  assignable = false;
  private readonly names: (string | undefined)[] = new Array(SLOTS).fill(undefined);
  /** The document in which a name was last known to be assignable. */
  private readonly seen = new Uint32Array(SLOTS);
  private document = 0;
  private repeats = false;

  /** A document of `length` bytes begins: whatever ran since the last one may have changed `Object.prototype`. */
  begin(length: number): void {
    this.repeats = length >= REPEATING_LEN;
    this.assignable = false;
    if (!this.repeats) return;
    this.document = (this.document + 1) >>> 0;
    if (this.document === 0) this.seen.fill(0);
  }

  /** The string of `bytes[at..at + length]`, or undefined when it is not ASCII. `length` is 1 to 31. */
  find(bytes: Uint8Array, at: number, length: number): string | undefined {
    const slot =
      (length ^
        ((bytes[at] as number) << 5) ^
        ((bytes[at + length - 1] as number) << 2) ^
        ((bytes[at + (length >> 1)] as number) * 7)) &
      (SLOTS - 1);
    const name = this.names[slot];
    if (name !== undefined && name.length === length) {
      let i = 0;
      while (i < length && name.charCodeAt(i) === bytes[at + i]) i++;
      if (i === length) {
        if (this.repeats) this.assignable = this.seen[slot] === this.document || this.look(slot, name);
        return name;
      }
    }
    return this.add(slot, bytes, at, length);
  }

  private look(slot: number, name: string): boolean {
    if (isInherited(name)) return false;
    this.seen[slot] = this.document;
    return true;
  }

  private add(slot: number, bytes: Uint8Array, at: number, length: number): string | undefined {
    this.assignable = false;
    for (let i = 0; i < length; i++) if ((bytes[at + i] as number) >= 0x80) return undefined;
    const name = readLatin1(bytes, at, at + length);
    this.names[slot] = name;
    this.seen[slot] = 0;
    return name;
  }
}

/** One for all readers: the names of a process are much the same in all its values. */
export const names = new NameCache();
