import { isUtf8 } from 'node:buffer';
import { SerializationError } from '../errors.js';
import { readUtf8 } from '../protocol/utf8.js';
import { viewOf } from '../util/bytes.js';
import { names } from './msgpack-names.js';

const NOTHING = new Uint8Array(0);
const MIN_INT64_HIGH = -0x200000;
const MAX_INT64_HIGH = 0x1fffff;
/** Below this length, looking at each byte costs less than what a call into the runtime adds. */
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
  private start = 0;
  /** What was declared, counted from `start`. */
  private slots = 0;

  /** Begins with `bytes[start..end]`. */
  protected begin(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.start = start;
    this.slots = start;
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
      throw new SerializationError(`The payload declares more than its ${this.end - this.start} bytes can hold`);
    }
  }

  /** Whether the next bytes are those of a name, `name[from..to]` with its marker; then it is read. */
  protected reads(name: Uint8Array, from: number, to: number): boolean {
    const { bytes, at } = this;
    const length = to - from;
    if (at + length > this.end) return false;
    for (let i = 0; i < length; i++) if (name[from + i] !== bytes[at + i]) return false;
    this.claim(length - 1);
    this.at = at + length;
    return true;
  }

  protected key(length: number): string {
    const key = this.at + length > this.end || length === 0 ? undefined : names.find(this.bytes, this.at, length);
    if (key === undefined) return this.string(length);
    this.claim(length);
    this.at += length;
    return key;
  }

  protected string(length: number): string {
    this.claim(length);
    const start = this.skip(length);
    const end = start + length;
    const { bytes } = this;
    if (length <= MAX_ASCII) {
      const ascii = readAscii(bytes, start, length);
      if (ascii !== undefined) return ascii;
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

const of = String.fromCharCode;

/** The longest text of {@link readAscii}: of a longer one, a call into the runtime costs less. */
const MAX_ASCII = 32;

/**
 * `bytes[at..at + length]`, or undefined when it is not ASCII. All characters go into one call: a text that is joined of two
 * is written a second time by whoever reads it.
 */
// biome-ignore format: a line for each length
function readAscii(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length === 0) return '';
  const a = bytes[at] as number; if (a >= 0x80) return undefined; if (length === 1) return of(a);
  const b = bytes[at + 1] as number; if (b >= 0x80) return undefined; if (length === 2) return of(a, b);
  const c = bytes[at + 2] as number; if (c >= 0x80) return undefined; if (length === 3) return of(a, b, c);
  const d = bytes[at + 3] as number; if (d >= 0x80) return undefined; if (length === 4) return of(a, b, c, d);
  const e = bytes[at + 4] as number; if (e >= 0x80) return undefined; if (length === 5) return of(a, b, c, d, e);
  const f = bytes[at + 5] as number; if (f >= 0x80) return undefined; if (length === 6) return of(a, b, c, d, e, f);
  const g = bytes[at + 6] as number; if (g >= 0x80) return undefined; if (length === 7) return of(a, b, c, d, e, f, g);
  const h = bytes[at + 7] as number; if (h >= 0x80) return undefined; if (length === 8) return of(a, b, c, d, e, f, g, h);
  const i = bytes[at + 8] as number; if (i >= 0x80) return undefined; if (length === 9) return of(a, b, c, d, e, f, g, h, i);
  const j = bytes[at + 9] as number; if (j >= 0x80) return undefined; if (length === 10) return of(a, b, c, d, e, f, g, h, i, j);
  const k = bytes[at + 10] as number; if (k >= 0x80) return undefined; if (length === 11) return of(a, b, c, d, e, f, g, h, i, j, k);
  const l = bytes[at + 11] as number; if (l >= 0x80) return undefined; if (length === 12) return of(a, b, c, d, e, f, g, h, i, j, k, l);
  const m = bytes[at + 12] as number; if (m >= 0x80) return undefined; if (length === 13) return of(a, b, c, d, e, f, g, h, i, j, k, l, m);
  const n = bytes[at + 13] as number; if (n >= 0x80) return undefined; if (length === 14) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  const o = bytes[at + 14] as number; if (o >= 0x80) return undefined; if (length === 15) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  const p = bytes[at + 15] as number; if (p >= 0x80) return undefined; if (length === 16) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  const q = bytes[at + 16] as number; if (q >= 0x80) return undefined; if (length === 17) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  const r = bytes[at + 17] as number; if (r >= 0x80) return undefined; if (length === 18) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  const s = bytes[at + 18] as number; if (s >= 0x80) return undefined; if (length === 19) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  const t = bytes[at + 19] as number; if (t >= 0x80) return undefined; if (length === 20) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  const u = bytes[at + 20] as number; if (u >= 0x80) return undefined; if (length === 21) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
  const v = bytes[at + 21] as number; if (v >= 0x80) return undefined; if (length === 22) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
  const w = bytes[at + 22] as number; if (w >= 0x80) return undefined; if (length === 23) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
  const x = bytes[at + 23] as number; if (x >= 0x80) return undefined; if (length === 24) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
  const A = bytes[at + 24] as number; if (A >= 0x80) return undefined; if (length === 25) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A);
  const B = bytes[at + 25] as number; if (B >= 0x80) return undefined; if (length === 26) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B);
  const C = bytes[at + 26] as number; if (C >= 0x80) return undefined; if (length === 27) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C);
  const D = bytes[at + 27] as number; if (D >= 0x80) return undefined; if (length === 28) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C, D);
  const E = bytes[at + 28] as number; if (E >= 0x80) return undefined; if (length === 29) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C, D, E);
  const F = bytes[at + 29] as number; if (F >= 0x80) return undefined; if (length === 30) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C, D, E, F);
  const G = bytes[at + 30] as number; if (G >= 0x80) return undefined; if (length === 31) return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C, D, E, F, G);
  const H = bytes[at + 31] as number; if (H >= 0x80) return undefined; return of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, A, B, C, D, E, F, G, H);
}
