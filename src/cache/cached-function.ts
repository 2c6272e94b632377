import { BackendError } from '../errors.js';
import { now } from '../util/clock.js';
import { type ClearOptions, clearSignal } from './clear-scopes.js';
import type { ClearScope } from './engine/clearing.js';
import { type CacheStats, type Counters, tracing } from './engine/counters.js';
import type { Call, EntryRef } from './engine/entry-ref.js';
import type { EntryStore } from './engine/entry-store.js';
import { events, publish } from './engine/events.js';
import { MISS } from './engine/first-tier.js';
import type { Outcome } from './engine/loader.js';
import type { Policy } from './engine/policy.js';
import { howManyRemoved, inOneSpan, inSpan, traceOne } from './engine/tracing.js';
import type { EntryNames } from './key-builder.js';

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
 * A function whose results are cached. It takes what the original takes and always returns a Promise.
 *
 * Every hit is an object of its own. Callers who wait for the same run of the original share its result.
 * `this` is handed to the original and is no part of the cache key.
 */
export interface CachedFunction<This, A extends unknown[], R> extends AsyncDisposable {
  (this: This, ...args: A): Promise<R>;
  /** As a call, with what is known of the entry. On a method: `object.method.entry.call(object, …)`. */
  entry(...args: A): Promise<Entry<R>>;
  /** The cache key that a call with these arguments is stored under. */
  keyFor(...args: A): string;
  /** Removes the entry of a call; whether there was one. Rejects when the backend fails. */
  invalidate(...args: A): Promise<boolean>;
  /** Runs the original and replaces what is stored. On a method: `object.method.refresh.call(object, …)`. */
  refresh(...args: A): Promise<R>;
  /**
   * Removes the entries of all calls, of every tenant, and no other function's; 500 at a time, as {@link TenantCache.clear}.
   *
   * @returns how many, as far as the backend can tell.
   * @throws as {@link TenantCache.clear}; ConfigurationError also for a function with a `key` of its own, and without a backend for one
   *   with tenants in a shared cache.
   */
  clear(options?: ClearOptions): Promise<number>;
  stats(): CacheStats;
  /**
   * Ends the function: any later use of it is a BackendError, and what `stats` has counted stays counted. Of `cache(…)(fn)`, with the last
   * function that was wrapped by it: forgets what this process holds, wipes the keys that were made of its options and closes the backend that
   * was made of a URL. A function of {@link createCache} leaves all that to its cache. Closing twice is harmless.
   */
  close(): Promise<void>;
}

export type Original = (this: unknown, ...args: unknown[]) => unknown;

export interface FunctionParts {
  readonly store: EntryStore;
  readonly names: EntryNames;
  readonly ttlMs: number;
  readonly policy: Policy;
  readonly counters: Counters;
  /** What `clear` removes. @throws ConfigurationError where that cannot be found. */
  readonly scope: () => ClearScope;
  /** Called once, when the function is closed. */
  readonly closing: () => Promise<void>;
  /** As {@link EntryStore.fetch}. */
  readonly fetch?: EntryStore['fetch'];
}

export function cachedFunction(fn: Original, parts: FunctionParts): CachedFunction<unknown, unknown[], unknown> {
  const { store, names, ttlMs, policy, counters } = parts;
  const fetch = parts.fetch ?? store.fetch.bind(store);
  let closed: Promise<void> | undefined;

  const assertOpen = () => {
    if (closed !== undefined) throw new BackendError('This function is closed');
  };

  const { ofArguments } = names;
  const sites = ofArguments?.around && store.callSites(ofArguments.around);

  /** undefined: the keys were destroyed, and entries are found by their cache keys alone. */
  const siteOf = (tenantId: string | undefined) => {
    try {
      return sites?.of(tenantId);
    } catch {
      return undefined;
    }
  };

  const refOf = (args: readonly unknown[]): EntryRef => {
    const tenantId = names.tenantId(args);
    if (ofArguments === undefined || sites === undefined) {
      return refAt(names.cacheKey(args, tenantId), tenantId, undefined, args);
    }
    const encoded = ofArguments.encode(args);
    const site = siteOf(tenantId);
    const call = site && { site, args: encoded.copy() };
    return refAt(ofArguments.cacheKey(encoded, tenantId), tenantId, call, args);
  };

  const refAt = (
    cacheKey: string,
    tenantId: string | undefined,
    call: Call | undefined,
    args: readonly unknown[],
  ): EntryRef => {
    // The wrapped function is called after its key was made; by then an object may hold something else, even another tenant.
    const unchanged = args.some(isObject) ? () => names.name(cacheKey, tenantId, args) : undefined;
    return {
      cacheKey,
      tenantId,
      call,
      ttlMs,
      counters,
      policy,
      unchanged,
      namespace: names.namespace,
      tags: names.tags(args, tenantId),
      tagName: (tag) => names.tag(tag, tenantId),
    };
  };

  function cached(this: unknown, ...args: unknown[]): Promise<unknown> {
    try {
      if (closed !== undefined) assertOpen();
      const tracer = tracing.tracers > 0 ? counters.tracer : undefined;
      if (tracer !== undefined) {
        const fetched = traceOne(tracer, 'get', refOf(args), (ref) => fetch(ref, () => fn.apply(this, args)));
        return fetched.then(outcomeValue);
      }
      const tenantId = names.tenantId(args);
      const site = sites && siteOf(tenantId);
      if (ofArguments === undefined || site === undefined || policy.check !== undefined) {
        const cacheKey = names.cacheKey(args, tenantId);
        const value = store.hit(cacheKey, tenantId, ttlMs, counters, policy);
        if (value !== MISS) return Promise.resolve(value);
        return fetch(refAt(cacheKey, tenantId, undefined, args), () => fn.apply(this, args)).then(outcomeValue);
      }
      const encoded = ofArguments.encode(args);
      let held: unknown;
      try {
        held = store.hitCall(site, encoded, counters);
      } catch {
        // It does not decode.
      }
      if (held !== MISS && held !== undefined) {
        if (events.hit.hasSubscribers) {
          publish(events.hit, { cacheKey: names.cacheKey(args, tenantId), counters }, { tier: 'l1' });
        }
        return Promise.resolve(held);
      }
      // User code that has decoded may have used the memory of the arguments.
      const call = held === MISS ? { site, args: encoded.copy() } : undefined;
      const cacheKey = held === MISS ? ofArguments.cacheKey(encoded, tenantId) : names.cacheKey(args, tenantId);
      const value = store.hitL2({ cacheKey, tenantId, ttlMs, call, policy }, counters);
      if (value !== MISS) return Promise.resolve(value);
      return fetch(refAt(cacheKey, tenantId, call, args), () => fn.apply(this, args)).then(outcomeValue);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  // Called as `cached.entry(…)`, `this` is the cached function itself, which means nothing to the original.
  const selfOf = (self: unknown) => (self === cached ? undefined : self);

  const methods = {
    async entry(this: unknown, ...args: unknown[]): Promise<Entry<unknown>> {
      const self = selfOf(this);
      assertOpen();
      const work = (ref: EntryRef) => fetch(ref, () => fn.apply(self, args));
      return entryOf(await inSpan('get', refOf(args), work), ttlMs);
    },
    keyFor: (...args: unknown[]): string => refOf(args).cacheKey,
    async invalidate(...args: unknown[]): Promise<boolean> {
      assertOpen();
      return (await inOneSpan('delete', [refOf(args)], (refs) => store.delete(refs), howManyRemoved)) > 0;
    },
    async refresh(this: unknown, ...args: unknown[]): Promise<unknown> {
      const self = selfOf(this);
      assertOpen();
      const work = (ref: EntryRef) => store.refresh(ref, () => fn.apply(self, args));
      return (await inSpan('refresh', refOf(args), work)).value;
    },
    async clear(options?: ClearOptions): Promise<number> {
      assertOpen();
      const signal = clearSignal(options);
      const { namespace } = names;
      const ref = { cacheKey: fn.name, tenantId: undefined, counters, namespace, policy, ttlMs };
      return store.clear(ref, parts.scope(), signal);
    },
    stats: (): CacheStats => ({ ...counters.stats(), ...store.usage() }),
    close: (): Promise<void> => {
      closed ??= parts.closing();
      return closed;
    },
    [Symbol.asyncDispose]: (): Promise<void> => methods.close(),
  };
  Object.defineProperties(cached, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  });
  return Object.assign(cached, methods);
}

/** @param usualTtlMs what an entry that was found was stored with, if that is known. */
export function entryOf(outcome: Outcome, usualTtlMs: number | undefined): Entry<unknown> {
  const { value, status, expiresAt, ttlMs = usualTtlMs } = outcome;
  if (!Number.isFinite(expiresAt)) return { value, status };
  const left = expiresAt - now();
  const expiresInMs = Math.max(0, left);
  const dated = ttlMs !== undefined && Number.isFinite(ttlMs) && left <= ttlMs;
  return dated ? { value, status, expiresInMs, ageMs: ttlMs - left } : { value, status, expiresInMs };
}

function outcomeValue(outcome: Outcome): unknown {
  return outcome.value;
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
