import { kindOf } from '../util/bytes.js';

/**
 * Turns values into bytes and back. Any object of this shape can be used wherever a serializer is taken.
 *
 * ```ts
 * const lines: Serializer<string[]> = {
 *   format: 'lines',
 *   serialize: (value) => Buffer.from(value.join('\n')),
 *   deserialize: (payload) => Buffer.from(payload).toString().split('\n'),
 * };
 * ```
 */
export interface Serializer<T = unknown> {
  /**
   * The name of the encoding, 1 to 255 bytes of UTF-8. It is authenticated with every sealed value: bytes sealed under one
   * format never open under another.
   */
  readonly format: string;
  /**
   * What goes around the payload before it is sealed: `envelope` compresses and checksums it (the default),
   * `checksum` puts eight bytes in front, `none` adds nothing.
   */
  readonly container?: 'envelope' | 'checksum' | 'none';
  /** The flag that is authenticated with every sealed value. Default: whether the container is `envelope`. */
  readonly compressed?: boolean;
  /** A further name that is authenticated with every sealed value. Default: none. */
  readonly originalType?: string | undefined;
  /**
   * The payload of a value. What it returns is read at once or copied, and never changed.
   *
   * @throws an error of its own for a value that it does not carry.
   */
  serialize(value: T): Uint8Array;
  /**
   * The value of a payload that `serialize` returned, in this process or another. The bytes are the callee's to keep.
   *
   * @throws an error of its own for anything else.
   */
  deserialize(payload: Uint8Array): T;
}

/** How built-in serializers save copies: nothing is kept of bytes that are read, and the next call overwrites those that are written. */
export interface SharedMemory {
  readonly encoder: { shared(value: unknown): Uint8Array };
  /** Reads `bytes[start..end]`. */
  readonly reader: { read(bytes: Uint8Array, start: number, end: number): unknown };
  /** Whether decoding runs the user's code, which may open another value, and so overwrite the memory that is being decoded. */
  readonly runsReviver: boolean;
}

/** By serializer: subclasses have it from the constructor that they extend, and properties cannot replace it. */
export const sharedMemory = new WeakMap<object, SharedMemory>();

const CONTAINERS: readonly unknown[] = ['envelope', 'checksum', 'none'];
const MAX_FORMAT = 255;

/**
 * @throws TypeError that names the member for whatever is not a {@link Serializer}, RangeError for a format of more
 *   than 255 bytes or none.
 */
export function assertSerializer(value: unknown, name = 'serializer'): asserts value is Serializer {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    throw new TypeError(`${name} must be an object with format, serialize and deserialize, not ${kindOf(value)}`);
  }
  const { format, container, compressed, originalType, serialize, deserialize } = value as Record<string, unknown>;
  if (typeof serialize !== 'function')
    throw new TypeError(`${name}.serialize must be a function, not ${kindOf(serialize)}`);
  if (typeof deserialize !== 'function') {
    throw new TypeError(`${name}.deserialize must be a function, not ${kindOf(deserialize)}`);
  }
  assertName(`${name}.format`, format);
  if (container !== undefined && !CONTAINERS.includes(container)) {
    throw new TypeError(`${name}.container must be 'envelope', 'checksum' or 'none'`);
  }
  if (compressed !== undefined && typeof compressed !== 'boolean') {
    throw new TypeError(`${name}.compressed must be a boolean, not ${kindOf(compressed)}`);
  }
  if (originalType !== undefined) assertName(`${name}.originalType`, originalType);
}

function assertName(name: string, value: unknown): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (!value.isWellFormed()) throw new TypeError(`${name} has a lone surrogate`);
  const { length } = new TextEncoder().encode(value);
  if (length === 0 || length > MAX_FORMAT)
    throw new RangeError(`${name} must have 1 to ${MAX_FORMAT} bytes, not ${length}`);
}
