import { Buffer } from 'node:buffer';
import { Encoder, type EncoderOptions } from '@msgpack/msgpack';
import { MAX_VALUE_LEN } from '../protocol/limits.js';
import { Refusal, tooLarge } from '../protocol/refusal.js';
import { writeUtf8 } from '../protocol/utf8.js';
import { lengthOf } from '../util/bytes.js';

/** The private parts of the library's Encoder that are used here: its version is pinned, and a test asserts that each is there. */
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

/** Writes strings, bytes and headers into the buffer of the library's Encoder, each in its shortest form. */
export abstract class MessagePackWriter extends Base {
  constructor() {
    super({ initialBufferSize: INITIAL_BUFFER });
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
      if (!text.isWellFormed()) throw new Refusal('a string with a lone surrogate');
      const needed = stringHeaderLen(written);
      if (needed > header) bytes.copyWithin(pos + needed, pos + header, pos + header + written);
    }
    this.writeStringHeader(written);
    this.pos += written;
  }

  private encodeLongString(text: string): void {
    if (!text.isWellFormed()) throw new Refusal('a string with a lone surrogate');
    const byteLength = Buffer.byteLength(text);
    this.ensureBufferSizeToWrite(5 + byteLength);
    this.writeStringHeader(byteLength);
    writeUtf8(this.bytes, text, this.pos, byteLength);
    this.pos += byteLength;
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

  /** Not by the library, which asks properties how long they are. */
  protected writeBinary(bytes: Uint8Array): void {
    const length = lengthOf(bytes);
    if (length < 0x100) {
      this.writeU8(0xc4);
      this.writeU8(length);
    } else if (length < 0x10000) this.writeHeader16(0xc5, length);
    else this.writeHeader32(0xc6, length);
    this.writeBytes(bytes);
  }

  protected writeArrayHeader(size: number): void {
    if (size < 16) this.writeU8(0x90 | size);
    else if (size < 0x10000) this.writeHeader16(0xdc, size);
    else this.writeHeader32(0xdd, size);
  }

  protected writeMapHeader(size: number): void {
    if (size < 16) this.writeU8(0x80 | size);
    else if (size < 0x10000) this.writeHeader16(0xde, size);
    else this.writeHeader32(0xdf, size);
  }

  /** Properties that are `undefined` show only when they are read, after the header was written. */
  protected shrinkMapHeader(header: number, written: number, size: number): void {
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

  /** The payload keeps a large buffer, and is then the only one that does. */
  protected giveLargeBufferAway(): void {
    if (this.bytes.length <= LARGEST_KEPT) return;
    this.view = new DataView(new ArrayBuffer(INITIAL_BUFFER));
    this.bytes = new Uint8Array(this.view.buffer);
  }

  override resizeBuffer(size: number): void {
    // The library asks for twice what it needs.
    if (size / 2 > MAX_VALUE_LEN) throw tooLarge(`A value is limited to ${MAX_VALUE_LEN} serialized bytes`);
    super.resizeBuffer(Math.min(size, MAX_VALUE_LEN));
  }
}

function stringHeaderLen(length: number): number {
  return length < 32 ? 1 : length < 256 ? 2 : length < 0x10000 ? 3 : 5;
}

function mapHeaderLen(size: number): number {
  return size < 16 ? 1 : size < 0x10000 ? 3 : 5;
}
