import { ExtData } from '@msgpack/msgpack';
import { SerializationError } from '../errors.js';
import { CanonicalEncoder } from '../protocol/canonical-encoder.js';
import { kindOfValue } from '../protocol/kinds.js';
import { MAX_UINT64, MIN_INT64 } from '../protocol/limits.js';
import { asRefusal, type ErrorPaths, Refusal, refusedUndefined } from '../protocol/refusal.js';
import { isTemporal, MARKERS, plainTemporal } from '../protocol/temporal.js';
import { MessagePackReader } from './msgpack-reader.js';

export class ValueReader extends MessagePackReader {
  override read(bytes: Uint8Array, start: number, end: number): unknown {
    if (end - start > 2 && bytes[start] === 0x43 && bytes[start + 1] === 0x4b) {
      throw new SerializationError('The payload is a CK frame of a Python cache that is not in interop mode');
    }
    return super.read(bytes, start, end);
  }
}

export class ValueEncoder extends CanonicalEncoder {
  #busy = false;

  constructor(private readonly errorPaths: ErrorPaths) {
    super();
  }

  /** The document of a value in a buffer that the next call overwrites. */
  shared(value: unknown): Uint8Array {
    // A getter in a value may serialize a value of its own.
    if (this.#busy) return new ValueEncoder(this.errorPaths).shared(value);
    this.#busy = true;
    try {
      this.begin();
      this.encode(value, 1, undefined);
      return this.buffer.subarray(0, this.length);
    } catch (error) {
      throw asRefusal(error).asSerializationError(this.errorPaths);
    } finally {
      this.#busy = false;
      this.end();
    }
  }

  protected override encodeNumber(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.integer(value);
    else if (Number.isFinite(value)) this.float(value);
    else throw new Refusal('NaN or an infinity', ' in interop mode');
  }

  protected override encodeBigInt(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      throw new Refusal('a BigInt within ±(2^53−1)', ': it would be read as a number');
    }
    if (value < MIN_INT64 || value > MAX_UINT64) throw new Refusal('a BigInt beyond 64 bits');
    this.bigint(value);
  }

  protected override encodeDate(date: Date): void {
    if (!this.dateTime(date)) throw new Refusal('a Date that is invalid or outside the years 1 to 9999');
  }

  protected override encodeUndefined(depth: number): void {
    throw refusedUndefined(depth);
  }

  protected override encodeOther(value: object): void {
    const plain = plainTemporal(value);
    if (plain === undefined) throw new Refusal(kindOfValue(value));
    this.mapHeader(2);
    this.string(plain.marker);
    this.boolean(true);
    this.string('value');
    this.string(plain.iso);
  }

  /** Other SDKs read every such map as a date or time: it must be one, and nothing else may be lost with it. */
  protected override assertMarked(marker: string, iso: string, size: number): void {
    const type = MARKERS.get(marker);
    if (size === 2 && type !== undefined && isTemporal(type, iso)) return;
    throw new Refusal('an object that other SDKs read as a date or a time');
  }
}

export function readExtension(reader: MessagePackReader, type: number, length: number): ExtData {
  return new ExtData(type, reader.copy(length));
}
