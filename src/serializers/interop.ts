import { ExtData } from '@msgpack/msgpack';
import { SerializationError } from '../errors.js';
import { CanonicalEncoder } from '../protocol/canonical-encoder.js';
import { kindOfValue } from '../protocol/kinds.js';
import { MAX_UINT64, MIN_INT64 } from '../protocol/limits.js';
import { asRefusal, assertErrorPaths, type ErrorPaths, Refusal, refusedUndefined } from '../protocol/refusal.js';
import {
  assertReviver,
  isTemporal,
  MARKERS,
  plainTemporal,
  reviveTemporal,
  type TemporalReviver,
} from '../protocol/temporal.js';
import { assertBytes, lengthOf } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { MessagePackReader } from './msgpack-reader.js';
import { type Serializer, sharedMemory } from './serializer.js';

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
 * Protocol: docs/protocol.md, "Interop/v1".
 */
export class InteropSerializer implements Serializer {
  readonly format = 'msgpack';
  readonly container = 'none';
  readonly compressed = false;
  readonly originalType = undefined;
  readonly #encoder: ValueEncoder;
  /** @internal */
  readonly errorPaths: ErrorPaths;
  readonly #reader: ValueReader;

  /** @throws TypeError for a wrong type, RangeError for unknown `errorPaths`. */
  constructor(options: InteropSerializerOptions = {}) {
    const { reviver = reviveTemporal, errorPaths = 'names' } = readOptions(options);
    assertReviver(reviver);
    assertErrorPaths(errorPaths);
    this.errorPaths = errorPaths;
    this.#encoder = new ValueEncoder(errorPaths);
    this.#reader = new ValueReader(reviver, readExtension);
    const runsReviver = reviver !== reviveTemporal;
    sharedMemory.set(this, { encoder: this.#encoder, reader: this.#reader, runsReviver });
  }

  /** @throws SerializationError for a value that another SDK would not read as it is, ValueTooLargeError over 512 MiB. */
  serialize(value: unknown): Uint8Array {
    return this.#encoder.shared(value).slice();
  }

  /** @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document. */
  deserialize(payload: Uint8Array): unknown {
    assertBytes('payload', payload);
    return this.#reader.read(payload, 0, lengthOf(payload));
  }
}

class ValueReader extends MessagePackReader {
  override read(bytes: Uint8Array, start: number, end: number): unknown {
    if (end - start > 2 && bytes[start] === 0x43 && bytes[start + 1] === 0x4b) {
      throw new SerializationError('The payload is a CK frame of a Python cache that is not in interop mode');
    }
    return super.read(bytes, start, end);
  }
}

class ValueEncoder extends CanonicalEncoder {
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

function readExtension(reader: MessagePackReader, type: number, length: number): ExtData {
  return new ExtData(type, reader.copy(length));
}
