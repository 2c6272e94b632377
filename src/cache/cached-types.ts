import type { ClearOptions } from './clear-scopes.js';
import type { CacheStats } from './engine/counters.js';

/* What TypeScript makes of a function that is given a cache. */

/** A value and what is known of where it came from. */
export interface Entry<T> {
  value: T;
  /** `'hit'`: it was stored. `'miss'`: the function ran. `'stale'`: it was stored, and its TTL is over (`swr`, `staleIfError`). */
  status: 'hit' | 'miss' | 'stale';
  /** Milliseconds since it was stored, where the store tells; with `jitter` and where the function gave it a TTL of its own, at most so many. */
  ageMs?: number;
  /** Milliseconds until its TTL ends; absent when it never does, when it is not known, and when it was not stored. */
  expiresInMs?: number;
}

/**
 * What a cached function has beside its call, for the arguments `A` and the result `R`; of an overloaded function, those of
 * any overload. Members need no `this` and may be taken apart: `const { entry, invalidate } = user`.
 */
export interface CachedMembers<A extends unknown[], R> extends AsyncDisposable {
  /** As a call, with what is known of the entry. On a method: `cachedMethod(object, 'method').entry(…)`. */
  readonly entry: (...args: A) => Promise<Entry<R>>;
  /** The cache key that a call with these arguments is stored under. */
  readonly keyFor: (...args: A) => string;
  /** Removes the entry of a call; whether there was one. Rejects when the backend fails. */
  readonly invalidate: (...args: A) => Promise<boolean>;
  /** Runs the original and replaces what is stored. On a method: `cachedMethod(object, 'method').refresh(…)`. */
  readonly refresh: (...args: A) => Promise<R>;
  /**
   * Removes the entries of all calls, of every tenant, and no other function's; 500 at a time, as {@link TenantCache.clear}.
   *
   * @returns how many, as far as the backend can tell.
   * @throws as {@link TenantCache.clear}; ConfigurationError also for a function with a `key` of its own, and without a backend for one
   *   with tenants in a shared cache.
   */
  readonly clear: (options?: ClearOptions) => Promise<number>;
  readonly stats: () => CacheStats;
  /**
   * Ends the function: any later use of it is a BackendError, and what `stats` has counted stays counted. Of `cache(…)(fn)`, with the last
   * function that was wrapped by it: forgets what this process holds, wipes the keys that were made of its options and closes the backend that
   * was made of a URL. A function of {@link createCache} leaves all that to its cache. Closing twice is harmless.
   */
  readonly close: () => Promise<void>;
}

/**
 * A function whose results are cached. It takes what the original takes and always returns a Promise.
 *
 * Every hit is an object of its own. Callers who wait for the same run of the original share its result.
 * `this` is handed to the original and is no part of the cache key.
 */
export interface CachedFunction<This, A extends unknown[], R> extends CachedMembers<A, R> {
  (this: This, ...args: A): Promise<R>;
}

// biome-ignore lint/suspicious/noExplicitAny: a function of whatever arguments
export type AnyFunction = (this: any, ...args: any) => any;

/** A function that is given a cache, whatever it takes. */
export type Original = (this: unknown, ...args: unknown[]) => unknown;

type Signature = [args: unknown[], result: unknown];

/** The signatures of a function; of an overloaded one the last four. TypeScript fills up with the first one. */
type Signatures<F> = F extends {
  // biome-ignore lint/suspicious/noExplicitAny: of whatever `this`
  (this: any, ...args: infer A1): infer R1;
  // biome-ignore lint/suspicious/noExplicitAny: of whatever `this`
  (this: any, ...args: infer A2): infer R2;
  // biome-ignore lint/suspicious/noExplicitAny: of whatever `this`
  (this: any, ...args: infer A3): infer R3;
  // biome-ignore lint/suspicious/noExplicitAny: of whatever `this`
  (this: any, ...args: infer A4): infer R4;
}
  ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4]]
  : never;

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

type Distinct<S> = S extends [infer First, infer Second, ...infer Rest]
  ? Same<First, Second> extends true
    ? Distinct<[Second, ...Rest]>
    : [First, ...Distinct<[Second, ...Rest]>]
  : S;

/** What a function is called with, by any of its overloads. */
export type ArgumentsOf<F> = Signatures<F>[number][0];

/** Whether a Promise of the result is what the function returns already. */
type GivesPromise<R> = 0 extends 1 & R
  ? false
  : [R] extends [Promise<unknown>]
    ? [Promise<Awaited<R>>] extends [R]
      ? true
      : false
    : false;

type EachGivesPromise<S> = S extends [args: unknown, result: infer R] ? GivesPromise<R> : never;

/** Whether all of a function's overloads return a Promise, so that its cached form has its type. */
export type ReturnsPromise<F> = [EachGivesPromise<Signatures<F>[number]>] extends [true] ? true : false;

type Call<F, A extends unknown[], R> =
  unknown extends ThisParameterType<F>
    ? (...args: A) => Promise<R>
    : (this: ThisParameterType<F>, ...args: A) => Promise<R>;

type Calls<F, S> = S extends [[infer A extends unknown[], infer R], ...infer Rest]
  ? Call<F, A, Awaited<R>> & Calls<F, Rest>
  : unknown;

type MembersOf<S> = [S] extends [Signature] ? CachedMembers<S[0], Awaited<S[1]>> : never;

/**
 * The cached form of a function: its own type where it returns a Promise, so that it stays generic and overloaded; else its
 * signatures, which return a Promise then. And {@link CachedMembers}.
 */
export type Cached<F> = 0 extends 1 & F
  ? // biome-ignore lint/suspicious/noExplicitAny: of `any`
    CachedFunction<any, any[], any>
  : F extends AnyFunction
    ? ReturnsPromise<F> extends true
      ? F & MembersOf<Signatures<F>[number]>
      : Calls<F, Distinct<Signatures<F>>> & MembersOf<Signatures<F>[number]>
    : // biome-ignore lint/complexity/noBannedTypes: what is known of it
      F extends Function
      ? CachedFunction<unknown, unknown[], unknown>
      : never;

/**
 * In an error: why a function cannot be cached so. The call signature is part of how a function's literal result becomes
 * `string` or `number`: without one to infer from, `() => 'x'` would be a Promise of `'x'`.
 */
export interface DoesNotFit<Reason extends string, Takes, Given> {
  (...args: never): Given;
  readonly reason: Reason;
  readonly takes: Takes;
  readonly given: Given;
}

/** Those of the arguments that a function of `Own` cannot be called with. */
type NotTaken<Own extends unknown[], Given> = Given extends unknown[]
  ? ((...args: Own) => void) extends (...args: Given) => void
    ? never
    : Given
  : never;

type Takes<Own extends unknown[], F, Reason extends string> = [NotTaken<Own, ArgumentsOf<F>>] extends [never]
  ? unknown
  : DoesNotFit<Reason, Own, ArgumentsOf<F>>;

/**
 * `unknown` for a function that takes what `key`, `tags` (`K`) and `tenant` (`T`) take, else {@link DoesNotFit}.
 *
 * The parameters of the function have no contextual type of it, or `n = 3` would be `unknown`: hence `Function`, which is
 * what TypeScript first tries in the place of a function with such parameters.
 */
// biome-ignore lint/complexity/noBannedTypes: see above
export type Fits<F, K extends unknown[], T extends unknown[]> = Function extends F
  ? unknown
  : F extends AnyFunction
    ? Takes<K, F, 'key or tags take other arguments than this function'> &
        Takes<T, F, 'tenant takes other arguments than this function'>
    : DoesNotFit<'cache(options) wraps functions and methods', AnyFunction, ArgumentsOf<F>>;

/** As {@link Fits}, of a method, which other code calls as it is declared: it must return a Promise. */
export type FitsMethod<F, K extends unknown[], T extends unknown[]> =
  ReturnsPromise<F> extends true
    ? Fits<F, K, T>
    : DoesNotFit<'a cached method returns a Promise: declare it async', Promise<unknown>, F>;
