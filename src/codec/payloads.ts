import { types } from 'node:util';
import { isCacheKitError, isError, propertyOf, SerializationError } from '../errors.js';
import { MAX_VALUE_LEN, valueTooLarge } from '../protocol/limits.js';
import type { Room } from '../serializers/arrow.js';
import { isBuiltIn } from '../serializers/built-in.js';
import { type Serializer, type SharedMemory, sharedMemory } from '../serializers/serializer.js';
import { allocate, bytesOf, lengthOf } from '../util/bytes.js';
import { allocateForWriting, headroomLen, payloadWithin, TAG_LEN } from './headroom.js';
import type { WireProfile } from './wire-profile.js';

/** A serializer of this package that can write into memory with headroom and tailroom, and transfers its ownership. */
export interface InPlaceSerializer<T> extends Serializer<T> {
  serializeWithRoom(value: T, room: Room): Uint8Array;
}

/** The largest buffer that a serializer of this package keeps for its next payload; larger ones it gives away. */
const LARGEST_KEPT = 1 << 20;

/** Memory that small copies are carved from, one behind the other; none of it is handed out twice. */
const ARENA_LEN = 64 * 1024;
const SMALL = 4 * 1024;
let arena = allocate(ARENA_LEN);
let used = 0;

function copyOf(payload: Uint8Array): Uint8Array {
  const length = lengthOf(payload);
  if (length > SMALL) return new Uint8Array(payload);
  if (used + length > ARENA_LEN) {
    arena = allocate(ARENA_LEN);
    used = 0;
  }
  const start = used;
  used += length;
  arena.set(payload, start);
  return arena.subarray(start, used);
}

/**
 * The most bytes that the container of a payload may need while it is written.
 *
 * @throws ValueTooLargeError over 512 MiB, before anything is allocated for it.
 */
export function packedBound({ hidesLength, containerLen }: WireProfile, payloadLen: number): number {
  if (payloadLen > MAX_VALUE_LEN) throw valueTooLarge(payloadLen);
  return payloadLen + (hidesLength ? Math.ceil(payloadLen / 10) : 0) + containerLen;
}

const withoutBytes = new WeakSet<object>();

/** Whether it was thrown because a serializer returned no bytes: then it quotes nothing of the value. */
export function isWithoutBytes(error: unknown): error is TypeError {
  return typeof error === 'object' && error !== null && withoutBytes.has(error);
}

/** Copies payloads only where other code may keep or change them. A built-in serializer with a replaced method counts as user code. */
export class Payloads<T> {
  readonly #serializer: Serializer<T>;
  readonly #shared: SharedMemory | undefined;
  readonly #inPlace: InPlaceSerializer<T> | undefined;
  /** What one of ours had when it was known to be one. */
  readonly #serialize: Serializer<T>['serialize'] | undefined;
  readonly #deserialize: Serializer<T>['deserialize'] | undefined;
  /** Whether user code made the last payload. */
  #userMade = false;

  constructor(serializer: Serializer<T>) {
    this.#serializer = serializer;
    if (!isBuiltIn(serializer as Serializer)) return;
    this.#serialize = serializer.serialize;
    this.#deserialize = serializer.deserialize;
    this.#shared = sharedMemory.get(serializer);
    if ('serializeWithRoom' in serializer) this.#inPlace = serializer as InPlaceSerializer<T>;
  }

  /**
   * Bytes that are good until anything else is serialized. Large ones may lie where they can be sealed, behind headroom
   * that includes a header or frame of `prefixLen` bytes.
   *
   * @throws TypeError when a user's serializer returns no bytes, and what it throws.
   */
  encodeBorrowed(value: T, prefixLen = 0): Uint8Array {
    if (this.#serializer.serialize !== this.#serialize) return this.#checked(value);
    const payload = this.#shared === undefined ? this.#withRoom(value, prefixLen) : this.#shared.encoder.shared(value);
    this.#userMade = false;
    return payload;
  }

  /** As `encodeBorrowed`, bytes that the caller owns. */
  encodeOwned(value: T, prefixLen = 0): Uint8Array {
    return this.toOwned(this.encodeBorrowed(value, prefixLen));
  }

  /** A payload that `encodeBorrowed` has just returned, as bytes that the caller owns: copied only if they were borrowed. */
  toOwned(payload: Uint8Array): Uint8Array {
    return this.#transfersOwnership(payload) ? payload : copyOf(payload);
  }

  /** The value of `buffer[start..start + length]`, which is overwritten afterwards. */
  decodeBorrowed(buffer: Uint8Array, length: number, start = 0): T {
    if (this.#shared !== undefined && !this.#shared.runsReviver && this.#decodes) {
      return this.#shared.reader.read(buffer, start, start + length) as T;
    }
    return this.decodeOwned(new Uint8Array(buffer.subarray(start, start + length)));
  }

  /** The value of bytes that are owned. */
  decodeOwned(payload: Uint8Array): T {
    if (this.#decodes) {
      if (this.#shared !== undefined) return this.#shared.reader.read(payload, 0, payload.length) as T;
      return this.#serializer.deserialize(payload);
    }
    try {
      const value = this.#serializer.deserialize(payload);
      // A revoked proxy would throw at its first use elsewhere.
      if (types.isProxy(value)) Object.getPrototypeOf(value);
      return value;
    } catch (error) {
      if (isCacheKitError(error)) throw error;
      // No cause and no message: parsers quote what they read.
      throw new SerializationError(`The serializer could not read a payload (${nameOf(error)})`);
    }
  }

  /** Whether decoding is ours. */
  get #decodes(): boolean {
    return this.#serializer.deserialize === this.#deserialize;
  }

  #transfersOwnership(payload: Uint8Array): boolean {
    if (this.#userMade) return false;
    // ArrowSerializer makes new bytes each time.
    return this.#shared === undefined || payload.length > LARGEST_KEPT;
  }

  #withRoom(value: T, prefixLen: number): Uint8Array {
    const serializer = this.#inPlace as InPlaceSerializer<T>;
    const headroom = headroomLen(prefixLen, serializer.container ?? 'envelope');
    const memory = serializer.serializeWithRoom(value, {
      before: headroom,
      behind: TAG_LEN,
      allocate: allocateForWriting,
    });
    return payloadWithin(memory, headroom);
  }

  #checked(value: T): Uint8Array {
    const payload: unknown = this.#serializer.serialize(value);
    this.#userMade = true;
    try {
      return bytesOf('What a serializer returns', payload);
    } catch (error) {
      withoutBytes.add(error as TypeError);
      throw error;
    }
  }
}

/** The name of an error of its class: what else may stand in its place is as good as a message. */
const ERROR_NAME = /^[A-Z][A-Za-z]{0,40}(Error|Exception)$|^Error$/;

function nameOf(error: unknown): string {
  const name = isError(error) ? propertyOf(error, 'name') : undefined;
  return typeof name === 'string' && ERROR_NAME.test(name) ? name : 'an error';
}
