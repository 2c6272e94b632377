import { kindOf } from '../util/bytes.js';
import { letObserve, observedOf } from '../util/observed.js';
import { asCached, type CachedOriginal, isCached } from './cached-function.js';
import type { AnyFunction, Cached } from './cached-types.js';

/**
 * A decorated method with its members, which TypeScript does not see on the method itself: a decorator cannot change a type.
 * With an object and a method's name, the call, `entry` and `refresh` have the object as their `this`; with the method
 * alone, they have it by `.call`.
 *
 * @example
 * await cachedMethod(users, 'byId').invalidate(42);
 * await cachedMethod(users, 'byId').entry(42);
 * await cachedMethod(users.byId).entry.call(users, 42);
 *
 * @throws TypeError for something else than a cached function.
 */
export function cachedMethod<F extends AnyFunction>(method: F): Cached<F>;
export function cachedMethod<O extends object, N extends keyof O>(object: O, name: N): Cached<O[N]>;
export function cachedMethod(...[of, name]: [of: unknown, name?: PropertyKey]): unknown {
  if (name === undefined) return assertCached(of);
  if ((typeof of !== 'object' && typeof of !== 'function') || of === null) {
    throw new TypeError(`cachedMethod(object, name) takes an object, not ${kindOf(of)}`);
  }
  return bound(of, assertCached((of as Record<PropertyKey, unknown>)[name]));
}

function bound(self: object, method: CachedOriginal): CachedOriginal {
  const { keyFor, invalidate, clear, stats, close, [Symbol.asyncDispose]: dispose } = method;
  const call = (...args: unknown[]) => method.apply(self, args);
  Object.defineProperties(call, {
    name: { value: method.name, configurable: true },
    length: { value: method.length, configurable: true },
  });
  const cached = asCached(call, {
    entry: (...args) => method.entry.apply(self, args),
    keyFor,
    invalidate,
    refresh: (...args) => method.refresh.apply(self, args),
    clear,
    stats,
    close,
    [Symbol.asyncDispose]: dispose,
  });
  const observed = observedOf(method);
  if (observed !== undefined) letObserve(cached, observed);
  return cached;
}

function assertCached(value: unknown): CachedOriginal {
  if (isCached(value)) return value;
  throw new TypeError(
    typeof value === 'function'
      ? 'The function is not cached: nothing decorates it with cache(options), or another decorator has replaced what that made'
      : `A cached method is a function, not ${kindOf(value)}`,
  );
}
