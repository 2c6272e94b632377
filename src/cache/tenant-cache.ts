import { ConfigurationError } from '../errors.js';
import { hasTenantPrefix } from '../protocol/cache-key.js';
import { assertWellFormed, kindOf } from '../util/bytes.js';
import { assertOptionsObject, type Duration, durationMs } from '../util/options-object.js';
import { entryOf } from './cached-function.js';
import type { Entry } from './cached-types.js';
import { type GetOptions, isForced, type LoadOptions, SET_FOREVER, type SetOptions } from './call-options.js';
import type { ClearOptions } from './clear-scopes.js';
import { tracing } from './engine/counters.js';
import type { EntryRef } from './engine/entry-ref.js';
import { MISS } from './engine/first-tier.js';
import { currentSignal } from './engine/run-signal.js';
import { howManyHits, howManyRemoved, inOneSpan, inSpan, traceOne, whetherStored } from './engine/tracing.js';
import { clear, invalidateTags } from './removals.js';
import type { StandardSchema } from './schema.js';
import { type ViewParts, ViewRefs } from './view.js';

/**
 * The entries of one tenant, by their cache keys.
 *
 * `undefined` is never stored: it means that there is nothing. `null` is a value like any other.
 * Reading never fails because of the backend; what it fails is counted and reported.
 */
export class TenantCache {
  readonly #parts: ViewParts;
  readonly #refs: ViewRefs;

  /** @internal */
  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.#refs = new ViewRefs(parts);
  }

  /** The stored value, or `undefined`. */
  get<V>(cacheKey: string, options: GetOptions & { validate: StandardSchema<V> }): Promise<V | undefined>;
  get<V = unknown>(cacheKey: string, options?: GetOptions): Promise<V | undefined>;
  get<V = unknown>(cacheKey: string, options?: GetOptions): Promise<V | undefined> {
    // Without `async`: the promise of the store is the caller's.
    try {
      const { store, tenantId, ttlMs, counters } = this.#parts;
      const full = this.#refs.full(cacheKey);
      const own = options === undefined ? undefined : this.#refs.with(cacheKey, 'get', options);
      const tracer = tracing.tracers > 0 ? counters.tracer : undefined;
      if (tracer !== undefined) {
        const traced = own ?? this.#refs.of(full);
        return traceOne(tracer, 'get', traced, (ref) => store.get(ref)) as Promise<V | undefined>;
      }
      const value = store.hit(full, tenantId, ttlMs, counters, own?.policy ?? store.policies.own);
      return (value === MISS ? store.get(own ?? this.#refs.of(full)) : Promise.resolve(value)) as Promise<
        V | undefined
      >;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The stored value, or else what `load` returns, which is stored. Concurrent calls for an entry share one
   * run of `load` and its result.
   */
  getOrSet<V>(
    cacheKey: string,
    load: () => unknown,
    options: LoadOptions & { validate: StandardSchema<V> },
  ): Promise<V>;
  getOrSet<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<V>;
  async getOrSet<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<V> {
    const ref = this.#refs.with(cacheKey, 'load', options);
    assertLoader(load);
    const { store } = this.#parts;
    const { tenantId, ttlMs, counters, policy } = ref;
    if (options !== undefined && isForced(options)) {
      return (await inSpan('refresh', ref, (own) => store.refresh(own, load))).value as V;
    }
    const value = tracing.tracers > 0 ? MISS : store.hit(ref.cacheKey, tenantId, ttlMs, counters, policy);
    if (value !== MISS) return value as V;
    return (await inSpan('get', ref, (own) => store.fetch(own, load))).value as V;
  }

  /** As `getOrSet`, with what is known of the entry. */
  entry<V>(
    cacheKey: string,
    load: () => unknown,
    options: LoadOptions & { validate: StandardSchema<V> },
  ): Promise<Entry<V>>;
  entry<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<Entry<V>>;
  async entry<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<Entry<V>> {
    const ref = this.#refs.with(cacheKey, 'load', options);
    assertLoader(load);
    const { store } = this.#parts;
    const outcome = await (options !== undefined && isForced(options)
      ? inSpan('refresh', ref, (own) => store.refresh(own, load))
      : inSpan('get', ref, (own) => store.fetch(own, load)));
    // An entry that was there may have been stored with another TTL.
    return entryOf(outcome, undefined) as Entry<V>;
  }

  /**
   * @returns whether it was stored; false when the backend failed, which is counted.
   * @throws TypeError for `undefined`, SerializationError for a value that the serializer refuses, ValueTooLargeError over a limit.
   */
  set(cacheKey: string, value: unknown, options?: SetOptions): Promise<boolean> {
    // Without `async`, as `get`.
    try {
      assertValue(value);
      const ref = this.#refs.with(cacheKey, 'set', options);
      const { store, counters } = this.#parts;
      const tracer = tracing.tracers > 0 ? counters.tracer : undefined;
      if (tracer === undefined) return store.set(ref, value);
      return traceOne(tracer, 'set', ref, (own) => store.set(own, value), whetherStored);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The stored value, which is removed: for what is used once. Of several callers, in whatever process, one gets it, where the backend
   * compares and deletes in one step (all but HTTP and Keyv, and unless a backend of your own says otherwise); without a backend, in this process.
   *
   * @returns `undefined` when there is none, or the backend did not answer.
   * @throws what the backend throws when it fails to delete: the value may be gone then, and nobody has it.
   */
  async pull<V = unknown>(cacheKey: string): Promise<V | undefined> {
    const ref = this.#refs.of(this.#refs.full(cacheKey));
    const { store } = this.#parts;
    return (await inSpan('get', ref, (own) => store.pull(own))) as V | undefined;
  }

  /** As {@link set}, for an entry that does not end by itself. */
  setForever(cacheKey: string, value: unknown, options?: Omit<SetOptions, 'ttl'>): Promise<boolean> {
    try {
      if (options !== undefined) assertOptionsObject(options, SET_FOREVER);
      return this.set(cacheKey, value, { ...options, ttl: 'never' });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The stored values in the order of the keys, `undefined` for what is not there. */
  async getMany<V = unknown>(cacheKeys: readonly string[]): Promise<(V | undefined)[]> {
    const refs = this.#refs.many(cacheKeys);
    const work = (own: readonly EntryRef[]) => this.#parts.store.getMany(own) as Promise<(V | undefined)[]>;
    return tracing.tracers > 0 ? inOneSpan('get', refs, work, howManyHits) : work(refs);
  }

  /**
   * Stores `[cacheKey, value]` pairs, for instance of a Map; nothing when one of the values is refused.
   *
   * @returns whether all were stored.
   * @throws as {@link set}.
   */
  async setMany(entries: Iterable<readonly [string, unknown]>, options?: SetOptions): Promise<boolean> {
    if (typeof entries?.[Symbol.iterator] !== 'function') {
      throw new TypeError(`entries must be iterable, not ${kindOf(entries)}`);
    }
    const call = this.#refs.call('set', options);
    const items = Array.from(entries, (entry) => {
      // A string is iterable too: 'ab' is not a pair.
      if (!Array.isArray(entry))
        throw new TypeError(`An entry must be a pair of cacheKey and value, not ${kindOf(entry)}`);
      const [cacheKey, value] = entry;
      assertValue(value);
      return { ref: this.#refs.of(this.#refs.full(cacheKey), call), value };
    });
    return inOneSpan(
      'set',
      items.map(({ ref }) => ref),
      (refs) => this.#parts.store.setMany(items.map(({ value }, i) => ({ ref: refs[i] as EntryRef, value }))),
      whetherStored,
    );
  }

  /**
   * @returns whether there was an entry, as far as the backend can tell.
   * @throws what the backend throws: an invalidation that failed must not pass for done.
   */
  async delete(cacheKey: string): Promise<boolean> {
    return (await this.#delete([this.#refs.of(this.#refs.full(cacheKey))])) > 0;
  }

  /**
   * @returns how many entries there were, as far as the backend can tell.
   * @throws as {@link delete}.
   */
  async deleteMany(cacheKeys: readonly string[]): Promise<number> {
    const refs = this.#refs.many(cacheKeys);
    return refs.length === 0 ? 0 : this.#delete(refs);
  }

  /**
   * Removes every entry that was stored with one of the tags, values and results of functions alike.
   *
   * @param options `signal` ends it between two steps, where the backend has steps (Redis: 500 entries); each has the
   *   `timeout` of the cache.
   * @returns how many, as far as the backend can tell.
   * @throws ConfigurationError for a backend without tags; what the backend throws, or the signal's reason: as the cause of
   *   an IncompleteError, whose `counts.removed` says how many, when some were removed before.
   */
  async invalidateTags(tags: string | readonly string[], options?: { signal?: AbortSignal }): Promise<number> {
    return invalidateTags(this.#parts, tags, options);
  }

  /**
   * Removes every entry: of a tenant, those of its name in the cache's namespace; of a cache, the whole namespace, its tenants'
   * entries and those of functions in its name among them, and no other's. Without a backend, all that is held. It removes only what it
   * has listed, 500 entries at a time, so that it is safe in a store that others share. A function that runs meanwhile in this process
   * stores nothing, and one of another process nothing in the place of an entry that was removed.
   *
   * Not found are entries of functions that have a namespace or a `key` of their own: `fn.clear()` and tags are for those.
   *
   * @returns how many, as far as the backend can tell.
   * @throws ConfigurationError with a backend and without a namespace, with wire `python`, and for a tenant with `privateKeys`; BackendError
   *   for a backend that cannot list its entries; what the backend throws, or the signal's reason: as the cause of an
   *   IncompleteError, whose `counts.removed` says how many, when some were removed before. Called again, it does the rest.
   */
  async clear(options?: ClearOptions): Promise<number> {
    return clear(this.#parts, options);
  }

  /**
   * The cache keys of stored values that begin with `prefix`, in no order; in a namespace, without those of functions. One
   * that changes during the listing may come twice or not at all.
   *
   * @throws ConfigurationError with `privateKeys`, BackendError for a backend that cannot list its entries.
   */
  async *keys(options: { prefix?: string } = {}): AsyncGenerator<string, void, undefined> {
    assertOptionsObject(options, ['prefix']);
    const { prefix = '' } = options;
    const { prefix: own, tenantId, store, privateKeys, wire } = this.#parts;
    assertWellFormed('prefix', prefix);
    if (privateKeys)
      throw new ConfigurationError('keys() is not available with privateKeys: the backend stores only hashed keys');
    for await (const cacheKey of store.keys(tenantId, own + prefix)) {
      // Without a namespace of its own the cache stands above its tenants, whose entries are theirs.
      if (own === '' && wire === 'protocol' && hasTenantPrefix(cacheKey)) continue;
      yield cacheKey.slice(own.length);
    }
  }

  /** Whether an entry is stored; it is not opened. */
  async has(cacheKey: string): Promise<boolean> {
    return this.#parts.store.has(this.#refs.of(this.#refs.full(cacheKey)));
  }

  /** Seconds until an entry ends, `Infinity` for never; `undefined` when there is none or the backend does not say. */
  async ttl(cacheKey: string): Promise<number | undefined> {
    const ms = await this.#parts.store.expiresInMs(this.#refs.of(this.#refs.full(cacheKey)));
    return ms === undefined ? undefined : ms / 1000;
  }

  /**
   * Gives an entry a new time to live, from now.
   *
   * @returns whether there was an entry, as far as the backend can tell.
   * @throws BackendError for a backend that cannot do it, and what the backend throws.
   */
  async expire(cacheKey: string, ttl: Duration): Promise<boolean> {
    return this.#parts.store.expire({ ...this.#refs.of(this.#refs.full(cacheKey)), ttlMs: durationMs('ttl', ttl) });
  }

  /** In a function that `getOrSet`, `entry` or `wrap` runs: as {@link cache.signal}. */
  signal(): AbortSignal | undefined {
    return currentSignal();
  }

  /** What an entry is stored under. */
  keyFor(cacheKey: string): string {
    return this.#refs.of(this.#refs.full(cacheKey)).cacheKey;
  }

  #delete(refs: readonly EntryRef[]): Promise<number> {
    return inOneSpan('delete', refs, (own) => this.#parts.store.delete(own), howManyRemoved);
  }
}

/** @throws TypeError unless it is a function. */
function assertLoader(load: unknown): void {
  if (typeof load !== 'function') throw new TypeError(`load must be a function, not ${kindOf(load)}`);
}

/** @throws TypeError for `undefined`. */
function assertValue(value: unknown): void {
  if (value === undefined)
    throw new TypeError('undefined cannot be stored: it means that there is nothing; use delete');
}
