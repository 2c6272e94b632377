import { Buffer } from 'node:buffer';
import { lengthOf } from '../util/bytes.js';
import { DATE_TIME_LEN, writeDateTime } from './date-time.js';
import { MAX_VALUE_LEN } from './limits.js';
import { tooLarge } from './refusal.js';
import { writeUtf8 } from './utf8.js';

const INITIAL_BUFFER = 1024;
/** A buffer that has grown beyond this is not kept for the next document. */
const LARGEST_KEPT = 1 << 16;
const SHORT_STRING = 96;

const float64 = new Float64Array(1);
const float64Bytes = new Uint8Array(float64.buffer);

/**
 * Writes the canonical MessagePack of the interop mode: the shortest form of everything, floats as float64 only.
 * What may be written, and in which order, its callers decide.
 *
 * The bytes are `buffer[0..length]` until the next document begins.
 */
export class CanonicalWriter {
  buffer: Uint8Array = new Uint8Array(INITIAL_BUFFER);
  length = 0;

  /** Begins a document. */
  begin(): void {
    if (this.buffer.length > LARGEST_KEPT) this.buffer = new Uint8Array(INITIAL_BUFFER);
    this.length = 0;
  }

  /** A copy of the document. */
  copy(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  /** A byte that MessagePack never uses, so that no document of another SDK has it. */
  undefined(): void {
    this.reserve(1);
    this.buffer[this.length++] = 0xc1;
  }

  nil(): void {
    this.reserve(1);
    this.buffer[this.length++] = 0xc0;
  }

  boolean(value: boolean): void {
    this.reserve(1);
    this.buffer[this.length++] = value ? 0xc3 : 0xc2;
  }

  /** A number that is an integer from -2^63 to 2^64 − 1. */
  integer(value: number): void {
    this.reserve(9);
    if (value >= 0) {
      if (value < 0x80) this.buffer[this.length++] = value;
      else if (value < 0x1_0000_0000) this.sized(value, 0xcc);
      else this.wide(0xcf, value);
    } else if (value >= -0x20) {
      this.buffer[this.length++] = value;
    } else if (value >= -0x8000_0000) {
      this.negative(value);
    } else {
      this.wide(0xd3, value);
    }
  }

  /** A BigInt from -2^63 to 2^64 − 1. */
  bigint(value: bigint): void {
    this.reserve(9);
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) this.integer(Number(value));
    else
      this.halves(value < 0n ? 0xd3 : 0xcf, Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asUintN(32, value)));
  }

  float(value: number): void {
    this.reserve(9);
    const { buffer } = this;
    let at = this.length;
    float64[0] = value;
    buffer[at++] = 0xcb;
    for (let i = 7; i >= 0; i--) buffer[at++] = float64Bytes[i] as number;
    this.length = at;
  }

  /** @returns false, with nothing written, for a string with a lone surrogate. */
  string(text: string): boolean {
    const { length } = text;
    if (length < SHORT_STRING) {
      this.reserve(2 + length);
      const { buffer } = this;
      const start = this.length;
      let at = start + (length < 32 ? 1 : 2);
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        buffer[at++] = code;
      }
      if (i === length) {
        if (length >= 32) buffer[start + 1] = length;
        buffer[start] = length < 32 ? 0xa0 | length : 0xd9;
        this.length = at;
        return true;
      }
    }
    if (!text.isWellFormed()) return false;
    const byteLength = Buffer.byteLength(text);
    this.reserve(5 + byteLength);
    if (byteLength < 32) this.buffer[this.length++] = 0xa0 | byteLength;
    else this.sized(byteLength, 0xd9);
    writeUtf8(this.buffer, text, this.length, byteLength);
    this.length += byteLength;
    return true;
  }

  /** @returns false, with nothing written, for a Date that is invalid or outside the years 1 to 9999. */
  dateTime(date: Date): boolean {
    this.reserve(DATE_TIME_LEN);
    const end = writeDateTime(this.buffer, this.length, date);
    if (end === this.length) return false;
    this.length = end;
    return true;
  }

  binary(bytes: Uint8Array): void {
    this.reserve(5);
    this.sized(lengthOf(bytes), 0xc4);
    this.raw(bytes);
  }

  /** Bytes as they are: a value that was encoded before. */
  raw(bytes: Uint8Array): void {
    const length = lengthOf(bytes);
    this.reserve(length);
    this.buffer.set(bytes, this.length);
    this.length += length;
  }

  arrayHeader(size: number): void {
    this.header(size, 0x90, 0xdc);
  }

  mapHeader(size: number): void {
    this.header(size, 0x80, 0xde);
  }

  /** Corrects the header at `at` of a map that has become `size` rather than `written` entries. */
  shrinkMap(at: number, written: number, size: number): void {
    const end = this.length;
    const was = headerLen(written);
    const is = headerLen(size);
    if (is < was) this.buffer.copyWithin(at + is, at + was, end);
    this.length = at;
    this.mapHeader(size);
    this.length = end - (was - is);
  }

  private header(size: number, fixed: number, marker: number): void {
    this.reserve(5);
    const { buffer } = this;
    if (size < 16) {
      buffer[this.length++] = fixed | size;
    } else if (size < 0x1_0000) {
      buffer[this.length++] = marker;
      this.bytes(size, 2);
    } else {
      buffer[this.length++] = marker + 1;
      this.bytes(size, 4);
    }
  }

  /** `marker` for one byte, the next for two, the one after for four. */
  private sized(value: number, marker: number): void {
    const width = value < 0x100 ? 0 : value < 0x1_0000 ? 1 : 2;
    this.buffer[this.length++] = marker + width;
    this.bytes(value, 1 << width);
  }

  private negative(value: number): void {
    const width = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : 2;
    this.buffer[this.length++] = 0xd0 + width;
    this.bytes(value, 1 << width);
  }

  /** 64 bits of a number: both halves are exact. */
  private wide(marker: number, value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.halves(marker, high, value - high * 0x1_0000_0000);
  }

  private halves(marker: number, high: number, low: number): void {
    this.buffer[this.length++] = marker;
    this.bytes(high, 4);
    this.bytes(low, 4);
  }

  private bytes(value: number, width: number): void {
    for (let shift = (width - 1) * 8; shift >= 0; shift -= 8) this.buffer[this.length++] = value >>> shift;
  }

  private reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.buffer.length) return;
    if (needed > MAX_VALUE_LEN) throw tooLarge(`A value is limited to ${MAX_VALUE_LEN} serialized bytes`);
    const grown = new Uint8Array(Math.min(needed * 2, MAX_VALUE_LEN));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

function headerLen(size: number): number {
  return size < 16 ? 1 : size < 0x1_0000 ? 3 : 5;
}
