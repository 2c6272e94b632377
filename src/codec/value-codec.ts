import type { CacheKitError } from '../errors.js';
import { assertWellFormed, kindOf } from '../util/bytes.js';

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

/** Values to stored bytes and back: what a cache needs to know of serialization and encryption. */
export interface ValueCodec<T = unknown> {
  serialize(value: T, context: ValueContext): Buffer;
  deserialize(sealed: Uint8Array, context: ValueContext): T;
  serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer>;
  deserializeAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T>;
  /** @internal As `serialize`, or from {@link ASYNC_FROM} bytes of payload on as `serializeAsync`: what a cache uses. */
  serializeSized(value: T, context: ValueContext): Buffer | Promise<Buffer>;
  /** @internal As `deserialize`, or from {@link ASYNC_FROM} stored bytes on off the event loop. Nobody may change `sealed` until then. */
  deserializeSized(sealed: Uint8Array, context: ValueContext): T | Promise<T>;
  /**
   * @internal Stored bytes as they would be written now, off the event loop from {@link ASYNC_FROM} of them on; undefined
   * when they are already. Nobody may change `sealed` until then.
   */
  rewrapSized(sealed: Uint8Array, context: ValueContext): Buffer | undefined | Promise<Buffer | undefined>;
  serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[];
  deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[];
}

/** @throws TypeError unless it is an object. */
export function assertContext(context: unknown): asserts context is ValueContext {
  if (typeof context !== 'object' || context === null) {
    throw new TypeError(`The context must be an object with a cacheKey, not ${kindOf(context)}`);
  }
}

/** @throws TypeError for a wrong type or a lone surrogate, RangeError when it is empty. */
export function assertCacheKey(cacheKey: unknown): asserts cacheKey is string {
  assertWellFormed('cacheKey', cacheKey);
  if (cacheKey.length === 0) throw new RangeError('cacheKey must not be empty');
}

/** @throws TypeError unless it is an array of objects. */
export function assertItems(items: unknown): void {
  if (!Array.isArray(items)) throw new TypeError(`items must be an array, not ${kindOf(items)}`);
  for (const item of items) assertContext(item);
}
