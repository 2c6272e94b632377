import { assertErrorPaths, type ErrorPaths } from '../protocol/refusal.js';
import { assertReviver, reviveTemporal, type TemporalReviver } from '../protocol/temporal.js';
import { assertBytes, lengthOf } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { readExtension, ValueEncoder, ValueReader } from './interop-values.js';
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
