import type { CacheKitError } from '../errors.js';
import type { WireProfile } from './wire-profile.js';

/** What a value is bound to besides its tenant's key. */
export interface ValueContext {
  /** The full cache key, not empty. */
  cacheKey: string;
  /** Default: the wrapper's own. */
  tenantId?: string;
}

export interface AsyncValueContext extends ValueContext {
  /** Honoured until the work has started. */
  signal?: AbortSignal;
}

export interface ValueToSerialize<T> extends ValueContext {
  value: T;
}

export interface ValueToDeserialize extends ValueContext {
  sealed: Uint8Array;
}

export type DeserializeResult<T> = { ok: true; value: T } | { ok: false; error: CacheKitError | Error };

/** From here on, in bytes, the thread pool is worth its cost. */
export const ASYNC_FROM = 1024 * 1024;

/** {@link ValueContext} that was checked. */
export interface EntryContext {
  readonly cacheKey: string;
  readonly tenantId?: string | undefined;
}

/** A stored value, and what it would be if it were written now. */
export interface Rewrapped {
  /** Of the master key that opened it. */
  readonly fingerprint: string;
  /** As `serialize` would write it now; undefined when it is already. */
  readonly sealed: Buffer | undefined;
}

/** In the place of a value that did not open. */
export class Unopened {
  constructor(readonly error: CacheKitError | Error) {}
}

/**
 * Values to stored bytes and back, as a cache uses it: arguments were checked before, and bytes that are given do not
 * change until the work is done. What has {@link ASYNC_FROM} bytes and more is sealed, opened and rewrapped off the event loop.
 */
export interface ValueCodec<T = unknown> {
  readonly profile: WireProfile;
  serialize(value: T, context: EntryContext): Buffer | Promise<Buffer>;
  /** The second half of `serialize`, for a payload that `native` has just made. */
  sealPayload(payload: Uint8Array, context: EntryContext): Buffer | Promise<Buffer>;
  /** At once for fewer bytes than {@link ASYNC_FROM}. */
  deserialize(sealed: Uint8Array, context: EntryContext): T | Promise<T>;
  serializeMany(items: readonly (EntryContext & { readonly value: T })[]): Buffer[];
  deserializeMany(items: readonly (EntryContext & { readonly sealed: Uint8Array })[]): DeserializeResult<T>[];
  /**
   * The values of what is stored at the cache keys of a tenant, at once whatever their size; {@link Unopened} for what does not
   * open, undefined for nothing.
   */
  openMany(
    tenantId: string | undefined,
    entries: readonly { readonly cacheKey: string }[],
    stored: readonly (Uint8Array | undefined)[],
  ): (T | Unopened | undefined)[];
  /** What opens stored bytes, and, unless it is a dry run, what they would be now. @throws without a key to seal with. */
  rewrap(sealed: Uint8Array, context: EntryContext, dry: boolean): Rewrapped | Promise<Rewrapped>;
  /** How the first tier opens and seals values of a tenant by itself. @throws as {@link serialize}. */
  native(tenantId: string | undefined): NativeAccess<T>;
  /** The same codec for a store with a key prefix: values are bound to the whole key, and do not open under another prefix. */
  boundTo(store: PrefixedStore): ValueCodec<T>;
}

/** The offset of stored bytes that only JavaScript can open. */
export const UNREADABLE = 0xffff;

/** What the first tier needs to do in one native call what `serialize` and `deserialize` do. */
export interface NativeAccess<T = unknown> {
  /** The AAD around the length and the bytes of a cache key; empty without encryption. */
  readonly aad: readonly [prefix: Uint8Array, suffix: Uint8Array];
  readonly format: Uint8Array;
  readonly mode: number;
  /** Where a payload is opened to. */
  readonly out: Uint8Array;
  readonly outOffset: number;
  /** The handle of the key that seals now. @throws KeyError. */
  handle(): number;
  /** The value of the payload that was just opened to `out`, by the key of the last `handle`. */
  opened(length: number): T;
  /** Where the sealed bytes begin in stored ones that the key of `handle` opens, or {@link UNREADABLE}. */
  offsetOf(stored: Uint8Array): number;
  /** The payload of a value, until anything else is serialized. @throws as `serialize`. */
  payload(value: T): Uint8Array;
  /** Whether a native call can seal and keep a payload. */
  canSeal(payload: Uint8Array): boolean;
  /** What stands in front of sealed bytes. */
  prefix(): Uint8Array;
  /** A payload was just sealed with the key of the last `handle`. */
  sealed(): void;
  /** The key has no nonces left. */
  renew(): void;
}

export interface PrefixedStore {
  /** Well-formed; undefined: the client writes cache keys as they are. */
  readonly keyPrefix?: string | undefined;
}
