import { BackendError } from '../errors.js';
import { now } from '../util/clock.js';
import type { CachedFunction, CachedMembers, Entry, Original } from './cached-types.js';
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
import { copyNotes } from './method-decorator.js';

export type CachedOriginal = CachedFunction<unknown, unknown[], unknown>;

/** The functions that this module has made: others may have members of the same names. */
const cachedFunctions = new WeakSet<object>();

export function isCached(value: unknown): value is CachedOriginal {
  return typeof value === 'function' && cachedFunctions.has(value);
}

export function asCached(
  call: (this: unknown, ...args: unknown[]) => Promise<unknown>,
  members: CachedMembers<unknown[], unknown>,
): CachedOriginal {
  cachedFunctions.add(call);
  // Over what the original has under these names.
  return Object.defineProperties(call, Object.getOwnPropertyDescriptors(members)) as unknown as CachedOriginal;
}

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
  /** Of a function of one id, whose further arguments count for nothing: as {@link EntryStore.fetch}. */
  readonly fetch?: EntryStore['fetch'];
}

export function cachedFunction(fn: Original, parts: FunctionParts): CachedOriginal {
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

  // `ids.map(user)` passes an index and the array too.
  const ofOneId = parts.fetch !== undefined;

  const refOf = (all: readonly unknown[]): EntryRef => {
    const args = ofOneId && all.length > 1 ? all.slice(0, 1) : all;
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
      if (ofOneId && args.length > 1) args.length = 1;
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
  copyNotes(fn, cached);
  Object.defineProperties(cached, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  });
  return asCached(cached, methods);
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
