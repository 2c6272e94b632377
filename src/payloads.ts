import { allocate, bytesOf } from './bytes.js';
import { isCacheKitError, SerializationError } from './errors.js';
import { isError } from './realms.js';
import { allocateForWriting, leadLen, payloadIn, TAG_LEN } from './room.js';
import type { Room } from './serializers/arrow-room.js';
import { isBuiltIn } from './serializers/built-in.js';
import type { Serializer } from './serializers/serializer.js';

/**
 * What the serializers of this package do beyond `Serializer`, to save copies: they never keep the bytes they
 * decode, and encode into a buffer that the next call overwrites.
 */
export interface SharedSerializer<T> extends Serializer<T> {
  serializeShared(value: T): Uint8Array;
  deserializeShared(buffer: Uint8Array, length: number): T;
  /** Whether decoding runs the user's code, which may open another value, and so overwrite the memory that is being decoded. */
  readonly runsReviver?: boolean;
}

/** What a serializer of this package does that can write its bytes into memory with room on both sides, which it gives away. */
export interface RoomySerializer<T> extends Serializer<T> {
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
  const { length } = payload;
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

/** A serializer's payloads, copied only where somebody else may keep or change them. */
export class Payloads<T> {
  readonly #serializer: Serializer<T>;
  readonly #shared: SharedSerializer<T> | undefined;
  readonly #roomy: RoomySerializer<T> | undefined;
  readonly #ours: boolean;

  constructor(serializer: Serializer<T>) {
    this.#serializer = serializer;
    this.#ours = isBuiltIn(serializer as Serializer);
    this.#shared = this.#ours && 'serializeShared' in serializer ? (serializer as SharedSerializer<T>) : undefined;
    this.#roomy = this.#ours && 'serializeWithRoom' in serializer ? (serializer as RoomySerializer<T>) : undefined;
  }

  /**
   * Bytes that are good until anything else is serialized. Large ones may lie where they can be sealed, behind room for a
   * header or frame of `headLen` bytes.
   */
  shared(value: T, headLen = 0): Uint8Array {
    if (this.#shared !== undefined) return this.#shared.serializeShared(value);
    if (this.#roomy === undefined) return this.#checked(value);
    const lead = leadLen(headLen, this.#roomy.container ?? 'envelope');
    const memory = this.#roomy.serializeWithRoom(value, {
      before: lead,
      behind: TAG_LEN,
      allocate: allocateForWriting,
    });
    return payloadIn(memory, lead);
  }

  /** As `shared`, bytes that nobody else holds. */
  owned(value: T, headLen = 0): Uint8Array {
    return this.exclusive(this.shared(value, headLen));
  }

  /** A payload that `shared` has just returned, as bytes that nobody else holds: copied only if somebody does. */
  exclusive(payload: Uint8Array): Uint8Array {
    return this.#givesAway(payload) ? payload : copyOf(payload);
  }

  /** The value of `buffer[0..length]`, which is overwritten afterwards. */
  decodeShared(buffer: Uint8Array, length: number): T {
    if (this.#shared !== undefined && this.#shared.runsReviver !== true) {
      return this.#shared.deserializeShared(buffer, length);
    }
    return this.decodeOwned(new Uint8Array(buffer.subarray(0, length)));
  }

  /** The value of bytes that nobody else holds. */
  decodeOwned(payload: Uint8Array): T {
    if (this.#shared !== undefined) return this.#shared.deserializeShared(payload, payload.length);
    if (this.#ours) return this.#serializer.deserialize(payload);
    try {
      return this.#serializer.deserialize(payload);
    } catch (error) {
      if (isCacheKitError(error)) throw error;
      // No cause and no message: parsers quote what they read.
      throw new SerializationError(`The serializer could not read a payload (${nameOf(error)})`);
    }
  }

  #givesAway(payload: Uint8Array): boolean {
    if (this.#shared !== undefined) return payload.length > LARGEST_KEPT;
    // ArrowSerializer makes new bytes each time.
    return this.#ours;
  }

  #checked(value: T): Uint8Array {
    return bytesOf('What a serializer returns', this.#serializer.serialize(value));
  }
}

function nameOf(error: unknown): string {
  return isError(error) && /^[A-Za-z]+$/.test(error.name) ? error.name : 'an error';
}
