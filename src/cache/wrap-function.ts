import { BackendError, ConfigurationError } from '../errors.js';
import { errorPathsOf } from '../protocol/refusal.js';
import { kindOf } from '../util/bytes.js';
import { letObserve } from '../util/observed.js';
import { BatchGathering } from './batch-gathering.js';
import { cachedFunction } from './cached-function.js';
import type { AnyFunction, Cached, Fits, FitsMethod, Original } from './cached-types.js';
import { functionScope } from './clear-scopes.js';
import { assertCanTag } from './engine/coherence.js';
import { Counters } from './engine/counters.js';
import type { EntryStore } from './engine/entry-store.js';
import { openStore } from './engine/open-store.js';
import type { PolicySettings } from './engine/policy.js';
import { EntryNames, type NamingContext } from './key-builder.js';
import { assertWrappable, legacyMethod } from './method-decorator.js';
import type { FUNCTION } from './options.js';
import type { Parsed } from './parsers.js';
import { keyringsOf, type Storage } from './resolve-storage.js';

/**
 * Gives a function a cache: call it with the function, or write it as a decorator in front of a method, a standard one or one
 * of `experimentalDecorators`. The function must take what `key` and `tags` (`K`) and `tenant` (`T`) take.
 */
export interface CacheWrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> {
  // biome-ignore lint/complexity/noBannedTypes: any other type would be a contextual type of the function's parameters
  <F extends Function>(fn: F & Fits<F, K, T>, context?: MethodContext): Cached<F>;
  <F extends AnyFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<F> & FitsMethod<F, K, T>,
  ): TypedPropertyDescriptor<F>;
}

// biome-ignore lint/suspicious/noExplicitAny: of whatever object and method
type MethodContext = ClassMethodDecoratorContext<any, any>;

export interface FunctionHome {
  readonly storage: Storage;
  /** The store that all functions share; undefined: each has one of its own. */
  readonly store: EntryStore | undefined;
  /** What the function has of its own; undefined: all is as the cache has it. */
  readonly policy?: Partial<PolicySettings> | undefined;
  /** Of a function of many ids, how many at most; undefined: it is one of a single call. */
  readonly maxBatch?: number;
  /** Of the cache that the function belongs to. */
  readonly counters?: Counters;
  /** Of a cache that has the function: called with it, answers what is to be called when it is closed. */
  readonly wrapped?: (cached: object, counters: Counters) => () => void;
}

/** @throws ConfigurationError for a function without a name in a shared store, and for tags that the backend would forget. */
export function wrapFunction<K extends unknown[], T extends unknown[]>(
  options: Parsed<typeof FUNCTION>,
  { storage, store, policy: given, maxBatch, counters: within, wrapped }: FunctionHome,
): CacheWrap<K, T> {
  const { backend, namespace: tagNamespace, profile, secure, tenantId } = storage;
  const { namespace = tagNamespace, operation, key, tenant, tags, ttlMs = storage.ttlMs } = options;
  assertCanTag(backend, tags);
  storage.registry?.note({ namespace: options.namespace, ownKey: key !== undefined });
  const context: NamingContext = {
    tagNamespace,
    wire: profile.wire,
    keySuffix: profile.keySuffix,
    errorPaths: errorPathsOf(profile.serializer),
    shared: backend !== undefined,
    tenantId,
    tenantInKey: !secure && tenantId !== undefined,
  };
  const newNames = () => new EntryNames({ namespace, operation, key, tenant, tags }, context);
  const names = newNames();
  const named = namespace !== undefined && operation !== undefined;
  const policy = store?.policies.with(given);
  let first: unknown;
  /** Functions that are not closed, of those that share what is made of the options. */
  let open = 0;
  let ended = false;
  const wrap = (fn: Original) => {
    if (ended) throw new BackendError('All functions of these options were closed, and their store with them');
    first ??= fn;
    if (store !== undefined && key === undefined && named && fn !== first) {
      throw new ConfigurationError('One operation names one function: a second one would be given its values');
    }
    const counters = new Counters({ namespace, operation }, within);
    const home = store ?? openStore(storage);
    // A function without a name has a key space of its own in the store that all share.
    const own = key === undefined && !named ? newNames() : names;
    open++;
    let detach: (() => void) | undefined;
    const closing = async () => {
      detach?.();
      if (wrapped !== undefined) return;
      if (store === undefined) await home.close();
      if (--open > 0) return;
      ended = true;
      await closeStorage(storage, store);
    };
    const batch = maxBatch === undefined ? undefined : new BatchGathering(fn, own, home, maxBatch);
    const cached = cachedFunction(batch === undefined ? fn : namedAs(batch.one, fn), {
      store: home,
      names: own,
      ttlMs,
      policy: policy ?? home.policies.with(given),
      counters,
      scope: () => functionScope(storage, own, store === undefined),
      closing,
      ...(batch && { fetch: batch.fetch }),
    });
    letObserve(cached, { observe: (observer) => counters.observe(observer), keyrings: () => keyringsOf(storage) });
    detach = wrapped?.(cached, counters);
    if (batch === undefined) return cached;
    const many = async (ids: readonly unknown[]) => {
      if (!Array.isArray(ids)) throw new TypeError(`ids must be an array, not ${kindOf(ids)}`);
      return Promise.all(ids.map((id) => cached(id)));
    };
    return Object.assign(cached, { many });
  };
  const decorate = (of: unknown, context: unknown, descriptor: unknown) => {
    const method = legacyMethod(context, descriptor);
    if (method !== undefined) return { ...method.descriptor, value: wrap(method.descriptor.value) };
    assertWrappable(of, context);
    return wrap(of);
  };
  return decorate as CacheWrap<K, T>;
}

/** A function of one id with the name of the one that loads many. */
function namedAs(one: Original, { name }: Original): Original {
  return Object.defineProperty(one, 'name', { value: name });
}

/** What `cache(options)` has made, once nothing uses it any more. */
async function closeStorage({ registry, destroy, release }: Storage, store: EntryStore | undefined): Promise<void> {
  await store?.close();
  await registry?.close();
  destroy();
  await release();
}
