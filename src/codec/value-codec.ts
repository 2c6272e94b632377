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

/**
 * Values to stored bytes and back, as a cache uses it: arguments were checked before, and bytes that are given do not
 * change until the work is done. What has {@link ASYNC_FROM} bytes and more is sealed, opened and rewrapped off the event loop.
 */
export interface ValueCodec<T = unknown> {
  readonly profile: WireProfile;
  serialize(value: T, context: EntryContext): Buffer | Promise<Buffer>;
  /** At once for fewer bytes than {@link ASYNC_FROM}. */
  deserialize(sealed: Uint8Array, context: EntryContext): T | Promise<T>;
  serializeMany(items: readonly (EntryContext & { readonly value: T })[]): Buffer[];
  deserializeMany(items: readonly (EntryContext & { readonly sealed: Uint8Array })[]): DeserializeResult<T>[];
  /** Stored bytes as they would be written now; undefined when they are already. */
  rewrap(sealed: Uint8Array, context: EntryContext): Buffer | undefined | Promise<Buffer | undefined>;
  /** The same codec for a store with a key prefix: values are bound to the whole key, and do not open under another prefix. */
  boundTo(store: PrefixedStore): ValueCodec<T>;
}

export interface PrefixedStore {
  /** Well-formed; undefined: the client writes cache keys as they are. */
  readonly keyPrefix?: string | undefined;
}
