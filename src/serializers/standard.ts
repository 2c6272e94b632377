import { assertErrorPaths, type ErrorPaths } from '../protocol/refusal.js';
import { assertReviver, reviveTemporal, type TemporalReviver } from '../protocol/temporal.js';
import { assertBytes, kindOf, lengthOf } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { ExactEncoder } from './msgpack-encoder.js';
import { MessagePackReader } from './msgpack-reader.js';
import { encodeNodeType, readNodeType, refuseExtension } from './node-types.js';
import { type Serializer, sharedMemory } from './serializer.js';
import { type ValueType, valueTypes } from './value-types.js';

export interface StandardSerializerOptions {
  /**
   * `portable` (the default) carries what every CacheKit SDK reads. `node` also carries Map, Set, the typed arrays,
   * BigInt of up to 1 MiB, and `undefined` in arrays, Maps and Sets, as MessagePack extensions that only this package reads.
   * A list of own types carries those and values of these types.
   */
  types?: 'portable' | 'node' | readonly ValueType[];
  /**
   * Makes the value that stands for a date or time that is read, from its ISO 8601 string. The default makes a Date
   * (without an offset taken as UTC; microseconds are cut), a PlainDate or a PlainTime.
   * `(type, iso) => iso` keeps the string, with all its digits.
   */
  reviver?: TemporalReviver;
  /**
   * How an error says where in the value the refused part is. `names` (the default): `[3].customer`, with names that are
   * identifiers of at most 40 characters; any other property, and what is in a Map or a Set, by its position: `{2}`.
   * `positions` leaves all names out.
   */
  errorPaths?: ErrorPaths;
}

/**
 * MessagePack, the default: a value is read back exactly as it was written, or is refused.
 *
 * | written | read back |
 * |---|---|
 * | null, booleans, strings, numbers (also NaN, the infinities, -0), arrays, plain objects | the same |
 * | BigInt beyond ±(2^53−1), within 64 bits | the same |
 * | Uint8Array, Buffer | Uint8Array with its own memory |
 * | Date in the years 1 to 9999, PlainDate, PlainTime | the same |
 * | a property that is `undefined` | left out |
 * | Map, Set, other typed arrays, smaller or larger BigInt, `undefined` in a list | refused, unless `types: 'node'` |
 * | values of own types | what `decode` makes of them, with `types: [...]` |
 * | `undefined` alone, functions, symbols, instances of classes, invalid Dates, lone surrogates, cycles, more than 1,024 levels | refused |
 * | arrays with holes; arrays, Dates, Maps, Sets and typed arrays with properties of their own | refused; those of bytes are not looked for, and lost |
 *
 * From other SDKs come integers beyond ±(2^53−1) as BigInt, and maps with keys that are no strings as Map. What belongs to another realm (`node:vm`, a test runner) counts as what it is.
 * `toJSON` is not called. The prototype of an object is not kept: one with a null prototype is read back as a plain object.
 *
 * Protocol: docs/protocol.md, "Dates and times".
 */
export class StandardSerializer implements Serializer {
  readonly format = 'msgpack';
  readonly container = 'envelope';
  readonly compressed = true;
  readonly originalType = undefined;
  /** @internal */
  readonly errorPaths: ErrorPaths;
  readonly #encoder: ExactEncoder;
  readonly #reader: MessagePackReader;

  /** @throws TypeError for a wrong type, RangeError for unknown `types` or `errorPaths`. */
  constructor(options: StandardSerializerOptions = {}) {
    const { types = 'portable', reviver = reviveTemporal, errorPaths = 'names' } = readOptions(options);
    const extra = extraTypes(types);
    assertReviver(reviver);
    assertErrorPaths(errorPaths);
    this.errorPaths = errorPaths;
    this.#encoder = new ExactEncoder(extra?.write, errorPaths);
    this.#reader = new MessagePackReader(reviver, extra?.read ?? refuseExtension);
    const runsReviver = reviver !== reviveTemporal || typeof types !== 'string';
    sharedMemory.set(this, { encoder: this.#encoder, reader: this.#reader, runsReviver });
  }

  /**
   * @throws SerializationError for a value that would not be read back as it is, ValueTooLargeError over 512 MiB.
   */
  serialize(value: unknown): Uint8Array {
    return this.#encoder.shared(value).slice();
  }

  /**
   * @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document.
   */
  deserialize(payload: Uint8Array): unknown {
    assertBytes('payload', payload);
    return this.#reader.read(payload, 0, lengthOf(payload));
  }
}

/** What is carried beside what is portable. @throws TypeError, RangeError and ConfigurationError for what is no `types`. */
function extraTypes(types: unknown): ReturnType<typeof valueTypes> | undefined {
  if (Array.isArray(types)) return valueTypes(types);
  if (typeof types !== 'string') throw new TypeError(`types must be a string or an array, not ${kindOf(types)}`);
  if (types !== 'portable' && types !== 'node') throw new RangeError("types must be 'portable', 'node' or an array");
  return types === 'node' ? { write: encodeNodeType, read: readNodeType } : undefined;
}
