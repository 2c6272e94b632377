import { types } from 'node:util';
import { assertOptions, assertTags, type Ttl, ttlOf } from './options.js';

/** What a function says of its own result. */
export interface LoadedOptions {
  /** Instead of the TTL that the cache has. */
  ttl?: Ttl;
  /** Beside the tags that the options name. */
  tags?: readonly string[];
}

/** On the results of every copy of this package: an application may load two. */
const LOADED = Symbol.for('cachekit-native.loaded');

/** A result with what its function says of it. It never leaves the cache. */
export class Loaded {
  readonly value: unknown;
  readonly stored: boolean;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[] | undefined;

  constructor(value: unknown, stored: boolean, ttlMs?: number, tags?: readonly string[]) {
    this.value = value;
    this.stored = stored;
    this.ttlMs = ttlMs;
    this.tags = tags;
  }

  // Handed on by a function that is not cached, it would show what it carries.
  toJSON(): never {
    throw new TypeError('skip() and withTtl() are for what a cached function returns');
  }
}

Object.defineProperty(Loaded.prototype, LOADED, { value: true });

/** Whether a function says something of its result. Nothing that a proxy does is asked for that. */
export function isLoaded(returned: unknown): returned is Loaded {
  if (typeof returned !== 'object' || returned === null || types.isProxy(returned)) return false;
  return returned instanceof Loaded || LOADED in returned;
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
  return new Loaded(value, false) as T;
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
  assertOptions(options, ['ttl', 'tags']);
  if (options.tags !== undefined) assertTags(options.tags);
  return new Loaded(value, true, ttlOf(options.ttl), options.tags) as T;
}
