import { assertOptionsObject, ttlMsOf } from '../util/options-object.js';
import { LoadResult } from './engine/loader.js';
import { assertTags } from './key-builder.js';
import type { Ttl } from './options.js';

/** What a function says of its own result. */
export interface LoadedOptions {
  /** Instead of the TTL that the cache has. */
  ttl?: Ttl;
  /** Beside the tags that the options name. */
  tags?: readonly string[];
}

/**
 * Returned by a cached function or a loader: its caller gets `value`, and nothing is stored.
 *
 * @example
 * const user = cache(options)(async (id: string) => {
 *   const found = await db.user(id);
 *   return found ?? skip(null);
 * });
 */
export function skip<T = undefined>(value?: T): T {
  return new LoadResult(value, false) as T;
}

/**
 * Returned by a cached function or a loader: its caller gets `value`, which is stored for `ttl`, as a token that says
 * itself when it ends.
 *
 * @example
 * const token = cache.secure(options)(async () => {
 *   const { accessToken, expiresIn } = await login();
 *   return withTtl(accessToken, Math.max(1, expiresIn - 30));
 * });
 *
 * @throws TypeError, RangeError for a bad TTL or tag.
 */
export function withTtl<T>(value: T, ttl: Ttl | LoadedOptions): T {
  const options: LoadedOptions = typeof ttl === 'object' && ttl !== null ? ttl : { ttl: ttl as Ttl };
  assertOptionsObject(options, ['ttl', 'tags']);
  if (options.tags !== undefined) assertTags(options.tags);
  return new LoadResult(value, true, ttlMsOf(options.ttl), options.tags) as T;
}
