import { SerializationError } from '../errors.js';
import { Refusal } from '../protocol/refusal.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import type { ExactEncoder, ExtraTypes } from './msgpack-encoder.js';
import type { ExtensionReader } from './msgpack-reader.js';
import { encodeNodeType, readElements, readNodeType } from './node-types.js';

/**
 * Values of a class of one's own, or of another package, as something that MessagePack carries. Only this package reads them.
 *
 * @example
 * const objectId: ValueType<ObjectId> = {
 *   name: 'ObjectId/1',
 *   is: (value) => value instanceof ObjectId,
 *   encode: (id) => id.id,
 *   decode: (bytes) => new ObjectId(bytes as Uint8Array),
 * };
 */
export interface ValueType<T = unknown> {
  /**
   * What stands for the type in stored values: up to 64 letters, digits, `.`, `_` and `-`, a slash, and a version. When `encode` changes so
   * that `decode` of before cannot read it, the name gets another version; the type of before stays behind it in the list, to be read.
   */
  readonly name: string;
  /** Whether a value is written as this type. Asked for objects that are no plain ones; the first type that says so writes it. */
  is(value: object): boolean;
  /** What stands for it: anything that the serializer carries, values of own types among it; not `undefined`. */
  encode(value: T): unknown;
  /** Makes it of that again. What it throws, and `undefined`, is a SerializationError, and so a miss. */
  decode(encoded: unknown): T;
}

/** The extension: one MessagePack array of the name and of what stands for the value. */
const OWN_TYPE = 6;
const NAME = /^[\w.-]{1,64}\/\d{1,9}$/;
const OPTIONS = ['name', 'is', 'encode', 'decode'] as const;

type AnyType = ValueType;

/** Writes and reads own types, and those of Node. @throws TypeError, RangeError and ConfigurationError for what is no list of types. */
export function valueTypes(given: readonly AnyType[]): { readonly write: ExtraTypes; readonly read: ExtensionReader } {
  const types = given.map(checkedType);
  const byName = new Map(types.map((type) => [type.name, type]));
  if (byName.size < types.length) throw new RangeError('Two types have the same name');
  const write: ExtraTypes = (encoder, value, depth, parent) => {
    const type = typeof value === 'object' ? types.find((one) => isOf(one, value)) : undefined;
    if (type === undefined) return encodeNodeType(encoder, value, depth, parent);
    writeType(encoder, type, value as object, depth, parent);
    return true;
  };
  const read: ExtensionReader = (reader, extension, length, claimed) => {
    if (extension !== OWN_TYPE) return readNodeType(reader, extension, length, claimed);
    // Its parts are declared by headers of their own.
    reader.claim(-claimed);
    const [name, encoded, ...more] = readElements(reader, length);
    if (typeof name !== 'string' || encoded === undefined || more.length > 0) {
      throw new SerializationError('The payload has a value of an own type that no type wrote');
    }
    return decoded(byName.get(name), encoded);
  };
  return { write, read };
}

function checkedType(given: AnyType): AnyType {
  assertOptionsObject(given, OPTIONS, { name: 'A type', or: 'an object with name, is, encode and decode,' });
  const { name, is, encode, decode } = ownOptions(given);
  if (typeof name !== 'string') throw new TypeError(`The name of a type must be a string, not ${kindOf(name)}`);
  if (!NAME.test(name)) throw new RangeError("The name of a type must be like 'ObjectId/1', with a version");
  for (const [part, value] of Object.entries({ is, encode, decode })) {
    if (typeof value !== 'function') throw new TypeError(`${part} of a type must be a function, not ${kindOf(value)}`);
  }
  return { name, is, encode, decode };
}

function isOf({ name, is }: AnyType, value: object): boolean {
  try {
    return is(value) === true;
  } catch {
    throw new Refusal(`a value of which the type ${name} cannot say whether it is one`);
  }
}

function writeType(
  encoder: ExactEncoder,
  { name, encode }: AnyType,
  value: object,
  depth: number,
  parent: object | undefined,
): void {
  let encoded: unknown;
  try {
    encoded = encode(value);
  } catch {
    throw new Refusal(`a value that the type ${name} cannot encode`);
  }
  if (encoded === undefined) throw new Refusal(`a value of which the type ${name} makes undefined`);
  encoder.enter(value, depth, parent);
  encoder.encodeExtensionOf(OWN_TYPE, () => encoder.encodeElements(value, [name, encoded], depth));
}

function decoded(type: AnyType | undefined, encoded: unknown): unknown {
  // Its name is of whoever wrote the value.
  if (type === undefined) throw new SerializationError('The payload has a value of a type that is not among types');
  let value: unknown;
  try {
    value = type.decode(encoded);
  } catch {
    throw new SerializationError(`The type ${type.name} does not decode a value of the payload`);
  }
  if (value === undefined) throw new SerializationError(`The type ${type.name} makes undefined of a value`);
  return value;
}
