import { CACHE } from '../../backends/arguments.js';
import type { Backend, BackendEntry, BackendItem, BackendOptions, BackendSetOptions } from '../../backends/backend.js';
import { BackendError, hasCode, IncompleteError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { ownEntry, privateEntry, type StoringRun } from './backend-entry.js';
import { runEach } from './concurrency.js';
import { onePerCounters } from './counters.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { L2Settings } from './l2-settings.js';

/** The answer of a store that gave none. */
export const FAILED: unique symbol = Symbol('failed');

/** The answer of a store that does not take a function's result: the entry was deleted or changed since it began. */
export const REFUSED: unique symbol = Symbol('refused');

export interface Stored {
  readonly ref: EntryRef;
  readonly bytes: Uint8Array;
  readonly ttlMs: number;
}

/** The second tier: a backend as a cache uses it. Its failures are counted and reported here, and thrown where that is said. */
export class L2 {
  readonly backend: Backend;
  /** As in the settings. */
  readonly beforeTick: (() => void) | undefined;
  readonly #settings: L2Settings;
  readonly #options: BackendOptions;
  readonly #getOptions: { readonly readOnly: true; readonly ttl: boolean };
  readonly #own: (entry: BackendEntry | undefined) => BackendEntry | undefined;

  constructor(settings: L2Settings) {
    this.#settings = settings;
    this.backend = settings.backend;
    // Private names may be several for an entry.
    this.beforeTick = settings.names === undefined ? settings.beforeTick : undefined;
    this.#own = settings.private ? privateEntry : ownEntry;
    this.#options = settings.options;
    const ttl = settings.options.l1 !== 'disabled';
    this.#getOptions = { readOnly: true, ttl, ...settings.options };
  }

  /** The entry of a store that need not wait, until the next call. `undefined` also for a failure: {@link get} handles that. */
  getNow(cacheKey: string): BackendEntry | undefined {
    const { names, options, getNow } = this.#settings;
    if (getNow === undefined || names !== undefined || options.signal?.aborted) return undefined;
    try {
      return this.#own(getNow(cacheKey));
    } catch {
      return undefined;
    }
  }

  /** What is stored, or FAILED. `ttl`: ask for its end even if the cache itself can do without. */
  async get(ref: EntryRef, ttl = false): Promise<BackendEntry | undefined | typeof FAILED> {
    const { graceMs, backend = this.backend } = ref.policy;
    const asks = (ttl || graceMs > 0) && !this.#getOptions.ttl;
    const options = asks ? { ...this.#getOptions, ttl: true } : this.#getOptions;
    const at = elapsed();
    try {
      let entry = this.#own(await backend.get(this.name(ref), options));
      if (entry === undefined && this.#settings.names !== undefined) {
        for (const older of this.#names(ref).slice(1)) entry ??= this.#own(await backend.get(older, options));
      }
      this.#read(at, [ref], [entry]);
      return entry;
    } catch (error) {
      if (hasCode(error, 'ERR_TIMEOUT')) ref.unanswered = true;
      this.#settings.failures.backend(error, ref);
      return FAILED;
    }
  }

  /** As `get` for many, in one request where the backend can; all have failed when it has. */
  async getMany(refs: readonly EntryRef[]): Promise<(BackendEntry | undefined | typeof FAILED)[]> {
    const [first] = refs;
    const { getMany } = first?.policy.backend ?? this.backend;
    if (first === undefined || getMany === undefined || this.#settings.names !== undefined) {
      return runEach(refs, (ref) => this.get(ref));
    }
    const at = elapsed();
    try {
      const cacheKeys = refs.map((ref) => ref.cacheKey);
      const ttl = this.#getOptions.ttl || refs.some(({ policy }) => policy.graceMs > 0);
      const answers = Array.from(await getMany(cacheKeys, { ...this.#getOptions, ttl }));
      const entries = refs.map((_, i) => this.#own(answers[i]));
      this.#read(at, refs, entries);
      return entries;
    } catch (error) {
      if (hasCode(error, 'ERR_TIMEOUT')) for (const ref of refs) ref.unanswered = true;
      for (const ref of onePerCounters(refs)) this.#settings.failures.backend(error, ref);
      return refs.map(() => FAILED);
    }
  }

  /**
   * @param run of the function that made the value; undefined: it is stored unconditionally.
   * @returns whether it was stored. @throws ValueTooLargeError when it is over the backend's limit.
   */
  async set({ ref, bytes, ttlMs }: Stored, run?: StoringRun): Promise<boolean | typeof REFUSED> {
    const { backend = this.backend } = ref.policy;
    const at = elapsed();
    try {
      // An entry under a previous key's name would come back when the new one ends before it.
      if (this.#settings.names !== undefined) {
        for (const older of this.#names(ref).slice(1)) await backend.delete(older, this.#options);
      }
      const options = this.#setOptions(ref, ttlMs);
      const { setIfUnchanged } = backend;
      if (run === undefined || setIfUnchanged === undefined) {
        await backend.set(this.name(ref), bytes, options);
      } else if (run.changed || !(await setIfUnchanged(this.name(ref), bytes, run.condition(options)))) {
        return REFUSED;
      }
    } catch (error) {
      return this.#notStored(error, ref);
    }
    this.#wrote(at, [{ ref, bytes }]);
    return true;
  }

  /** As `set` for many in one request; undefined: the backend cannot. @returns whether all were stored. */
  async setMany(items: readonly Stored[]): Promise<boolean | undefined> {
    const [first] = items;
    const { setMany } = first?.ref.policy.backend ?? this.backend;
    const { names } = this.#settings;
    if (first === undefined || setMany === undefined || names !== undefined) return undefined;
    const at = elapsed();
    try {
      const all = items.map(({ ref, bytes, ttlMs }): BackendItem => {
        const tags = this.#tags(ref);
        const { graceMs } = ref.policy;
        const times = { ttlMs: Math.ceil(ttlMs + graceMs), ...(graceMs > 0 && { staleMs: graceMs }) };
        return { cacheKey: ref.cacheKey, bytes, ...times, ...(tags && { tags }) };
      });
      await setMany(all, { owned: true, ...this.#options });
    } catch (error) {
      return this.#notStored(error, first.ref);
    }
    this.#wrote(at, items);
    return true;
  }

  /** @returns how many were removed. @throws what the backend throws: an invalidation that failed must not pass for done. */
  async delete(refs: readonly EntryRef[]): Promise<number> {
    const names = refs.flatMap((ref) => this.#names(ref));
    return this.deleteNamed(refs[0] as EntryRef, names);
  }

  /** As `delete`, by what the backend calls entries. @param ref whose cache it is. */
  async deleteNamed(ref: EntryRef, names: readonly string[]): Promise<number> {
    return this.#thrown(ref, async () => {
      const { deleteMany } = this.backend;
      if (deleteMany !== undefined && names.length > 1) return deleteMany(names, this.#options);
      const deleted = await runEach(names, (name) => this.backend.delete(name, this.#options));
      return deleted.filter(Boolean).length;
    });
  }

  /** Deletes what did not open, unless a good one was written in the meantime. */
  async deleteBytes(ref: EntryRef, bytes: Uint8Array): Promise<void> {
    await this.ask(ref, async () => {
      for (const name of this.#names(ref)) await this.backend.delete(name, { ifBytes: bytes, ...this.#options });
    });
  }

  /** Deletes an entry, if it is exactly these bytes: whether it was. @throws what the backend throws. */
  async take(ref: EntryRef, bytes: Uint8Array): Promise<boolean> {
    return this.#thrown(ref, async () => {
      const options = { ifBytes: bytes, ...this.#options };
      for (const name of this.#names(ref)) if (await this.backend.delete(name, options)) return true;
      return false;
    });
  }

  /** Whether something is stored, whatever its age; false when the backend fails. */
  async has(ref: EntryRef): Promise<boolean> {
    const { has } = this.backend;
    if (has === undefined) return typeof (await this.get(ref)) === 'object';
    const found = await this.ask(ref, async (options) => {
      for (const name of this.#names(ref)) if (await has(name, options)) return true;
      return false;
    });
    return found === true;
  }

  /** @throws BackendError for a backend that cannot do it, and what the backend throws. */
  async expire(ref: EntryRef): Promise<boolean> {
    const { expire } = this.backend;
    if (expire === undefined) throw new BackendError('This backend cannot change when an entry ends');
    return this.#thrown(ref, async () => {
      const ttlMs = ref.ttlMs + ref.policy.graceMs;
      let any = false;
      for (const name of this.#names(ref)) if (await expire(name, ttlMs, this.#options)) any = true;
      return any;
    });
  }

  /** @throws BackendError for a backend without tags; what ended it, as an IncompleteError when entries were removed before. */
  async invalidateTags(ref: EntryRef, tags: readonly string[], signal?: AbortSignal): Promise<number> {
    const { invalidateTags } = this.backend;
    if (invalidateTags === undefined) throw new BackendError('This backend has no tags');
    const { names } = this.#settings;
    const named = names === undefined ? tags : tags.flatMap((tag) => names.allTags(ref, tag));
    const own = this.#options.signal;
    let removed = 0;
    try {
      return await invalidateTags(named, {
        ...this.#options,
        signal: signal && own ? AbortSignal.any([signal, own]) : (signal ?? own),
        onProgress: (count: number) => {
          removed = count;
        },
      });
    } catch (error) {
      if (!signal?.aborted) this.#settings.failures.backend(error, ref);
      throw removed === 0 ? error : new IncompleteError({ removed }, error);
    }
  }

  /** The cache keys of stored entries that begin with `prefix`. @throws BackendError for a backend that cannot list them. */
  keys(prefix: string): AsyncIterable<string> {
    const { keys } = this.backend;
    if (keys === undefined) throw new BackendError('This backend cannot list its entries');
    return keys({ prefix, ...this.#options });
  }

  /** What `work` answers, which is given the options for the backend; FAILED without an answer. */
  async ask<R>(
    ref: EntryRef,
    work: (options: BackendOptions) => Promise<R> | undefined,
  ): Promise<R | undefined | typeof FAILED> {
    try {
      return await work(this.#options);
    } catch (error) {
      this.#settings.failures.backend(error, ref);
      return FAILED;
    }
  }

  /** What the backend calls an entry, with the current key. */
  name(ref: EntryRef): string {
    return this.#settings.names === undefined ? ref.cacheKey : this.#settings.names.current(ref);
  }

  #names(ref: EntryRef): readonly string[] {
    return this.#settings.names === undefined ? [ref.cacheKey] : this.#settings.names.all(ref);
  }

  /** To spread one object into another took a tenth of the time of a `set` in Redis. */
  #setOptions(ref: EntryRef, ttlMs: number): BackendSetOptions {
    const { private: own } = this.#settings;
    const { graceMs } = ref.policy;
    const { signal, l1 } = this.#options;
    const [tags, whole] = [this.#tags(ref), Math.ceil(ttlMs + graceMs)];
    if (graceMs > 0) return { ...this.#options, ttlMs: whole, staleMs: graceMs, tags, owned: true };
    if (own) return { [CACHE]: true, signal, l1, ttlMs: whole, tags, owned: true } as BackendSetOptions;
    return { signal, l1, ttlMs: whole, tags, owned: true };
  }

  #tags(ref: EntryRef): readonly string[] | undefined {
    const { names } = this.#settings;
    const { tags } = ref;
    if (!tags?.length) return undefined;
    return names === undefined ? tags : tags.map((tag) => names.currentTag(ref, tag));
  }

  #read(at: number, refs: readonly EntryRef[], entries: readonly (BackendEntry | undefined)[]): void {
    const ms = elapsed() - at;
    for (const { counters } of onePerCounters(refs)) counters.read(ms);
    if (!events.read.hasSubscribers) return;
    for (const [i, ref] of refs.entries()) publish(events.read, ref, { ms, bytes: entries[i]?.bytes.length ?? 0 });
  }

  #wrote(at: number, items: readonly Pick<Stored, 'ref' | 'bytes'>[]): void {
    const ms = elapsed() - at;
    items[0]?.ref.counters.wrote(ms);
    const { registry } = this.#settings;
    if (registry) for (const { ref } of items) if (ref.tenantId !== registry.last) registry.stored(ref.tenantId);
    if (!events.write.hasSubscribers) return;
    for (const { ref, bytes } of items) publish(events.write, ref, { ms, bytes: bytes.length });
  }

  #notStored(error: unknown, ref: EntryRef): false {
    if (hasCode(error, 'ERR_VALUE_TOO_LARGE')) throw error;
    this.#settings.failures.backend(error, ref);
    return false;
  }

  async #thrown<R>(ref: EntryRef, work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      this.#settings.failures.backend(error, ref);
      throw error;
    }
  }
}
