import { types } from 'node:util';

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
