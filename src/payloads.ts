import { assertBytes } from './bytes.js';
import { ArrowSerializer } from './serializers/arrow.js';
import type { Serializer } from './serializers/serializer.js';

/**
 * What the serializers of this package do beyond `Serializer`, to save copies: they never keep the bytes they
 * decode, and encode into a buffer that the next call overwrites.
 */
export interface SharedSerializer<T> extends Serializer<T> {
  serializeShared(value: T): Uint8Array;
  deserializeShared(buffer: Uint8Array, length: number): T;
}

/** The largest buffer that a serializer of this package keeps for its next payload; larger ones it gives away. */
const LARGEST_KEPT = 1 << 20;

/** A serializer's payloads, copied only where somebody else may keep or change them. */
export class Payloads<T> {
  readonly #serializer: Serializer<T>;
  readonly #shared: SharedSerializer<T> | undefined;
  readonly #freshEachTime: boolean;

  constructor(serializer: Serializer<T>) {
    this.#serializer = serializer;
    this.#shared = 'serializeShared' in serializer ? (serializer as SharedSerializer<T>) : undefined;
    this.#freshEachTime = serializer.serialize === ArrowSerializer.prototype.serialize;
  }

  /** Bytes that are good until anything else is serialized. */
  shared(value: T): Uint8Array {
    return this.#shared === undefined ? this.#checked(value) : this.#shared.serializeShared(value);
  }

  /** Bytes that nobody else holds. */
  owned(value: T): Uint8Array {
    return this.exclusive(this.shared(value));
  }

  /** A payload that `shared` has just returned, as bytes that nobody else holds: copied only if somebody does. */
  exclusive(payload: Uint8Array): Uint8Array {
    return this.#givesAway(payload) ? payload : new Uint8Array(payload);
  }

  /** The value of `buffer[0..length]`, which is overwritten afterwards. */
  decodeShared(buffer: Uint8Array, length: number): T {
    if (this.#shared !== undefined) return this.#shared.deserializeShared(buffer, length);
    return this.#serializer.deserialize(new Uint8Array(buffer.subarray(0, length)));
  }

  /** The value of bytes that nobody else holds. */
  decodeOwned(payload: Uint8Array): T {
    if (this.#shared !== undefined) return this.#shared.deserializeShared(payload, payload.length);
    return this.#serializer.deserialize(payload);
  }

  #givesAway(payload: Uint8Array): boolean {
    if (this.#shared !== undefined) return payload.length > LARGEST_KEPT;
    return this.#freshEachTime;
  }

  #checked(value: T): Uint8Array {
    const payload = this.#serializer.serialize(value);
    assertBytes('What a serializer returns', payload);
    return payload;
  }
}
