import { assertErrorPaths, type ErrorPaths } from '../protocol/refusal.js';
import { assertBytes, lengthOf } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { readJson } from './json-reader.js';
import { JsonWriter } from './json-writer.js';
import { type Serializer, sharedMemory } from './serializer.js';

export interface JsonSerializerOptions {
  /** As for the StandardSerializer. */
  errorPaths?: ErrorPaths;
}

/**
 * JSON, with a checksum in front and no compression: what the documents call OrjsonSerializer.
 *
 * It carries null, booleans, strings, finite numbers, arrays and plain objects, and reads them back exactly. A property
 * that is `undefined` is left out. Whatever `JSON.stringify` would turn into something else is refused: -0, NaN, the
 * infinities, `undefined` elsewhere, BigInt, Date, Map, Set, bytes, instances of classes, functions, symbols, lone
 * surrogates, cycles, more than 1,024 levels. `toJSON` is not called.
 * From other SDKs come integers beyond ±(2^53−1), as BigInt.
 */
export class JsonSerializer implements Serializer {
  readonly format = 'orjson';
  readonly container = 'checksum';
  readonly compressed = false;
  readonly originalType = undefined;
  readonly #writer: JsonWriter;
  /** @internal */
  readonly errorPaths: ErrorPaths;

  /** @throws TypeError for a wrong type, RangeError for unknown `errorPaths`. */
  constructor(options: JsonSerializerOptions = {}) {
    const { errorPaths = 'names' } = readOptions(options);
    assertErrorPaths(errorPaths);
    this.errorPaths = errorPaths;
    this.#writer = new JsonWriter(errorPaths);
    sharedMemory.set(this, { encoder: this.#writer, reader: { read: readJson }, runsReviver: false });
  }

  /** @throws SerializationError for a value that would not be read back as it is, ValueTooLargeError over 512 MiB. */
  serialize(value: unknown): Uint8Array {
    return this.#writer.shared(value).slice();
  }

  /** @throws TypeError for a wrong type, SerializationError for bytes that are not one JSON text in UTF-8. */
  deserialize(payload: Uint8Array): unknown {
    assertBytes('payload', payload);
    return readJson(payload, 0, lengthOf(payload));
  }
}

export { JsonSerializer as OrjsonSerializer };
