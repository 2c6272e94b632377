import { ConfigurationError, EnvelopeError, SealedFormatError } from '../errors.js';
import { native } from '../native/addon.js';
import { openedScratch, SCRATCH_LEN } from '../native/memory.js';
import { checked, NEEDS, nativeError } from '../native/result.js';
import { parseFrame } from '../protocol/frame.js';
import type { Wire } from '../protocol/wire.js';
import type { Serializer } from '../serializers/serializer.js';
import { allocate, countedBytes, trim, viewOf } from '../util/bytes.js';
import { PlainAccess } from './native-access.js';
import { Payloads, packedBound } from './payloads.js';
import {
  type DeserializeResult,
  type EntryContext,
  type NativeAccess,
  Unopened,
  type ValueCodec,
} from './value-codec.js';
import { framePrefix, modeOf, type WireProfile, wireProfile } from './wire-profile.js';

/** The codec of a cache without encryption: it writes the bytes that an encrypting one would seal, bound to nothing. */
export class PlainCodec<T = unknown> implements ValueCodec<T> {
  readonly profile: WireProfile;
  readonly #payloads: Payloads<T>;
  readonly #format: Buffer;
  readonly #mode: number;
  readonly #prefix: Buffer | undefined;

  constructor(options: { serializer?: Serializer<T> | Serializer; wire?: Wire; compress?: boolean } = {}) {
    this.profile = wireProfile(options.wire, options.serializer as Serializer | undefined, options.compress);
    this.#payloads = new Payloads<T>(this.profile.serializer as Serializer<T>);
    this.#format = Buffer.from(this.profile.format);
    this.#mode = modeOf(this.profile, this.#format.length);
    this.#prefix = framePrefix(this.profile);
  }

  serialize(value: T, _context?: EntryContext): Buffer {
    return this.sealPayload(this.#payloads.encodeBorrowed(value));
  }

  sealPayload(payload: Uint8Array): Buffer {
    const prefixLen = this.#prefix?.length ?? 0;
    const out = allocate(prefixLen + packedBound(this.profile, payload.length));
    const length = checked(native.pack(out, prefixLen, payload, this.#format, this.#mode));
    if (this.#prefix !== undefined) out.set(this.#prefix);
    return trim(out, prefixLen + length);
  }

  deserialize(given: Uint8Array, _context?: EntryContext): T {
    const stored = countedBytes('stored', given);
    const offset = this.#payloadOffset(stored);
    const most = stored.length - offset;
    let out = this.profile.hidesLength || most <= SCRATCH_LEN ? openedScratch : allocate(most);
    let length = native.unpack(out, 0, stored, offset, this.#mode);
    if (length <= NEEDS) {
      out = allocate(NEEDS - length);
      length = native.unpack(out, 0, stored, offset, this.#mode);
    }
    if (length < 0) throw nativeError(length);
    if (this.profile.container === 'envelope') this.#assertFormat(stored, offset);
    return out === openedScratch
      ? this.#payloads.decodeBorrowed(out, length)
      : this.#payloads.decodeOwned(out.subarray(0, length));
  }

  native(): NativeAccess<T> {
    return new PlainAccess(this.profile, this.#payloads, this.#format, this.#mode, this.#prefix !== undefined);
  }

  rewrap(): never {
    throw new ConfigurationError('This cache does not encrypt');
  }

  /** Nothing is bound to a cache key. */
  boundTo(): this {
    return this;
  }

  serializeMany(items: readonly { readonly value: T }[]): Buffer[] {
    return items.map((item) => this.serialize(item.value));
  }

  deserializeMany(items: readonly { readonly sealed: Uint8Array }[]): DeserializeResult<T>[] {
    return items.map((item) => {
      try {
        return { ok: true, value: this.deserialize(item.sealed) };
      } catch (error) {
        return { ok: false, error: error as Error };
      }
    });
  }

  openMany(
    _tenantId: string | undefined,
    _entries: readonly { readonly cacheKey: string }[],
    stored: readonly (Uint8Array | undefined)[],
  ): (T | Unopened | undefined)[] {
    return stored.map((bytes) => {
      try {
        return bytes && this.deserialize(bytes);
      } catch (error) {
        return new Unopened(error as Error);
      }
    });
  }

  /** What the AAD does for an encrypted value: the payload of another serializer is not taken for one of this one's. */
  #assertFormat(stored: Uint8Array, offset: number): void {
    const format = this.#format;
    // The format is the last thing in an envelope, unless another writer left something behind it.
    const at = stored.length - format.length;
    let same = format.length < 32 && stored[at - 1] === (0xa0 | format.length);
    for (let i = 0; same && i < format.length; i++) same = stored[at + i] === format[i];
    if (same) return;
    const envelope = viewOf(stored, offset);
    const info = new Uint32Array(3);
    checked(native.envelopeInfo(envelope, info));
    const [, start, length] = info as unknown as [number, number, number];
    if (format.compare(envelope, start, start + length) !== 0) {
      throw new EnvelopeError('The envelope holds a value of another format');
    }
  }

  #payloadOffset(stored: Uint8Array): number {
    if (this.profile.wire !== 'python') return 0;
    const { serializerName, metadata, payloadOffset } = parseFrame(stored);
    if (serializerName !== this.profile.frameName) throw new SealedFormatError('The frame names another serializer');
    if (metadata.encrypted) throw new SealedFormatError('The frame claims that its value is encrypted');
    return payloadOffset;
  }
}
