import { types } from 'node:util';
import { BY_CACHE } from '../../backends/arguments.js';
import type {
  Backend,
  BackendEntry,
  BackendItem,
  BackendLock,
  BackendSetOptions,
  BackendUnchanged,
  L1Status,
} from '../../backends/backend.js';
import { BackendError, hasCode, IncompleteError } from '../../errors.js';
import { copyOf } from '../../util/bytes.js';
import { elapsed } from '../../util/clock.js';
import { isDetached } from '../../util/slots.js';
import { runEach, settleEach } from './concurrency.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import type { Failures } from './failure-policy.js';

const { isUint8Array } = types;

/** The answer of a store that gave none. */
export const FAILED: unique symbol = Symbol('failed');

/** The answer of a store that has not taken a function's result: the entry was deleted or changed since the function began. */
export const REFUSED: unique symbol = Symbol('refused');

export interface L2Settings {
  readonly backend: Backend;
  /** Whether nobody else has the memory of what it answers with. */
  readonly private: boolean;
  /** How the backend answers at once, if it can. */
  readonly getNow: Backend['getNow'];
  /** Whether L1 stands in front of it. */
  readonly hasL1: boolean;
  /** How much longer than its TTL an entry is kept, in milliseconds. */
  readonly windowMs: number;
  /** What stands for cache keys and tags in the backend; undefined: they themselves. */
  readonly names: PrivateNames | undefined;
  readonly signal: AbortSignal | undefined;
  readonly failures: Failures;
}

/** Names that hide cache keys and tags from a backend. */
export interface PrivateNames {
  /** What an entry is stored under, with the current key. */
  current(target: Target): string;
  /** With the previous keys too, the current one first. */
  all(target: Target): readonly string[];
  currentTag(target: Target, tag: string): string;
  allTags(target: Target, tag: string): readonly string[];
}

/** A value on its way to the backend. */
export interface Stored {
  readonly target: Target;
  readonly bytes: Uint8Array;
  readonly ttlMs: number;
}

/** What is asked of the run of a function whose result is stored. */
interface StoringRun extends BackendUnchanged {
  /** The backend has said that the entry changed since the function began. */
  readonly changed: boolean;
}

/**
 * The second tier: a backend as a cache uses it. What it fails is counted and reported here; only where a failure must not
 * pass for done, it is thrown.
 */
export class L2 {
  readonly backend: Backend;
  readonly #settings: L2Settings;
  readonly #failures: Failures;
  readonly #options: { readonly signal: AbortSignal | undefined; readonly l1: L1Status };
  readonly #getOptions: { readonly readOnly: true; readonly ttl: boolean };
  readonly #setOptions: { readonly owned: true };

  constructor(settings: L2Settings) {
    this.#settings = settings;
    this.backend = settings.backend;
    this.#failures = settings.failures;
    const own = settings.private ? BY_CACHE : {};
    this.#options = { ...own, signal: settings.signal, l1: settings.hasL1 ? 'miss' : 'disabled' };
    const ttl = settings.hasL1 || settings.windowMs > 0;
    this.#getOptions = { readOnly: true, ttl, ...this.#options };
    this.#setOptions = { owned: true, ...this.#options };
  }

  /**
   * What a store has that need not wait, to be used before it is asked again. `undefined` also when it fails, or cannot tell
   * at once: {@link get} meets that again and deals with it.
   */
  getNow(cacheKey: string): BackendEntry | undefined {
    const { names, signal, getNow } = this.#settings;
    if (getNow === undefined || names !== undefined || signal?.aborted) return undefined;
    try {
      return this.#own(getNow(cacheKey));
    } catch {
      return undefined;
    }
  }

  /** What is stored, or FAILED. `ttl`: ask for its end even if the cache itself can do without. */
  async get(target: Target, ttl = false): Promise<BackendEntry | undefined | typeof FAILED> {
    const options = ttl ? { ...this.#getOptions, ttl } : this.#getOptions;
    const at = elapsed();
    try {
      let entry = this.#own(await this.backend.get(this.name(target), options));
      if (entry === undefined && this.#settings.names !== undefined) {
        for (const older of this.#olderNames(target)) entry ??= this.#own(await this.backend.get(older, options));
      }
      const ms = elapsed() - at;
      target.counters.read(ms);
      if (events.read.hasSubscribers) publish(events.read, target, { ms, bytes: entry?.bytes.length ?? 0 });
      return entry;
    } catch (error) {
      if (hasCode(error, 'ERR_TIMEOUT')) target.unanswered = true;
      this.#failures.backend(error, target);
      return FAILED;
    }
  }

  /** As `get` for many, in one request where the backend can; all have failed when it has. */
  async getMany(targets: readonly Target[]): Promise<(BackendEntry | undefined | typeof FAILED)[]> {
    const [first] = targets;
    const { getMany } = this.backend;
    if (first === undefined || getMany === undefined || this.#settings.names !== undefined) {
      return runEach(targets, (target) => this.get(target));
    }
    const at = elapsed();
    try {
      const cacheKeys = targets.map((target) => target.cacheKey);
      const entries = Array.from(await getMany(cacheKeys, this.#getOptions), (entry) => this.#own(entry));
      const ms = elapsed() - at;
      first.counters.read(ms);
      if (events.read.hasSubscribers) {
        for (const [i, entry] of entries.entries())
          publish(events.read, targets[i] as Target, { ms, bytes: entry?.bytes.length ?? 0 });
      }
      return entries;
    } catch (error) {
      this.#failures.backend(error, first);
      return targets.map(() => FAILED);
    }
  }

  /**
   * @param run of the function that has made the value; undefined: it is stored whatever has happened.
   * @returns whether it was stored.
   * @throws ValueTooLargeError when it is over the backend's limit.
   */
  async set({ target, bytes, ttlMs }: Stored, run?: StoringRun): Promise<boolean | typeof REFUSED> {
    const at = elapsed();
    try {
      if (this.#settings.names !== undefined) await this.#deleteOlder(target);
      const options = { ...this.#times(ttlMs), tags: this.#tags(target), ...this.#setOptions };
      const { setIfUnchanged } = this.backend;
      if (run === undefined || setIfUnchanged === undefined) {
        await this.backend.set(this.name(target), bytes, options);
      } else if (run.changed || !(await setIfUnchanged(this.name(target), bytes, unchanged(options, run)))) {
        return REFUSED;
      }
    } catch (error) {
      if (hasCode(error, 'ERR_VALUE_TOO_LARGE')) throw error;
      this.#failures.backend(error, target);
      return false;
    }
    const ms = elapsed() - at;
    target.counters.wrote(ms);
    if (events.write.hasSubscribers) publish(events.write, target, { ms, bytes: bytes.length });
    return true;
  }

  /** As `set` for many, in one request where the backend can. @returns whether all were stored. */
  async setMany(items: readonly Stored[]): Promise<boolean> {
    const [first] = items;
    const { setMany } = this.backend;
    if (first === undefined) return true;
    if (setMany === undefined || this.#settings.names !== undefined) {
      // Of equal keys the last one counts, and requests at once have no order.
      const last = new Map(items.map((item) => [identityOf(item.target), item]));
      // All of them are over before the caller hears of one that is too large.
      const stored = await settleEach([...last.values()], (item) => this.set(item));
      return stored.map(fulfilled).every((one) => one === true);
    }
    const at = elapsed();
    try {
      const all = items.map(
        ({ target, bytes, ttlMs }): BackendItem => ({
          cacheKey: target.cacheKey,
          bytes,
          ...this.#times(ttlMs),
          ...withTags(this.#tags(target)),
        }),
      );
      await setMany(all, this.#setOptions);
      const ms = elapsed() - at;
      first.target.counters.wrote(ms);
      if (events.write.hasSubscribers) {
        for (const { target, bytes } of items) publish(events.write, target, { ms, bytes: bytes.length });
      }
      return true;
    } catch (error) {
      if (hasCode(error, 'ERR_VALUE_TOO_LARGE')) throw error;
      this.#failures.backend(error, first.target);
      return false;
    }
  }

  /** @throws what the backend throws: an invalidation that failed must not pass for done. */
  async delete(target: Target): Promise<boolean> {
    return this.#thrown(target, async () => {
      let deleted = false;
      for (const name of this.names(target)) deleted = (await this.backend.delete(name, this.#options)) || deleted;
      return deleted;
    });
  }

  /** @throws as `delete`. */
  async deleteMany(targets: readonly Target[]): Promise<number> {
    const [first] = targets;
    if (first === undefined) return 0;
    const { deleteMany } = this.backend;
    return this.#thrown(first, async () => {
      const names = targets.flatMap((target) => [...this.names(target)]);
      if (deleteMany !== undefined) return deleteMany(names, this.#options);
      const deleted = await runEach(names, (name) => this.backend.delete(name, this.#options));
      return deleted.filter(Boolean).length;
    });
  }

  /** Deletes what did not open, unless somebody has written a good one meanwhile. */
  async deleteBytes(target: Target, bytes: Uint8Array): Promise<void> {
    try {
      for (const name of this.names(target)) {
        await this.backend.delete(name, { ifBytes: bytes, ...this.#options });
      }
    } catch (error) {
      this.#failures.backend(error, target);
    }
  }

  /** Whether something is stored, whatever its age; false when the backend fails. */
  async has(target: Target): Promise<boolean> {
    const { has } = this.backend;
    if (has === undefined) return typeof (await this.get(target)) === 'object';
    try {
      for (const name of this.names(target)) if (await has(name, this.#options)) return true;
    } catch (error) {
      this.#failures.backend(error, target);
    }
    return false;
  }

  /** @throws BackendError for a backend that cannot do it, and what the backend throws. */
  async expire(target: Target, ttlMs: number): Promise<boolean> {
    const { expire } = this.backend;
    if (expire === undefined) throw new BackendError('This backend cannot change when an entry ends');
    return this.#thrown(target, async () => {
      let found = false;
      for (const name of this.names(target)) {
        found = (await expire(name, ttlMs + this.#settings.windowMs, this.#options)) || found;
      }
      return found;
    });
  }

  /** @throws BackendError for a backend without tags; what ended it, as an IncompleteError when entries were removed before. */
  async invalidateTags(target: Target, tags: readonly string[], signal?: AbortSignal): Promise<number> {
    const { invalidateTags } = this.backend;
    if (invalidateTags === undefined) throw new BackendError('This backend has no tags');
    const { names } = this.#settings;
    const named = names === undefined ? tags : tags.flatMap((tag) => [...names.allTags(target, tag)]);
    let removed = 0;
    const options = {
      ...this.#options,
      signal: eitherOf(signal, this.#options.signal),
      onProgress: (count: number) => {
        removed = count;
      },
    };
    try {
      return await invalidateTags(named, options);
    } catch (error) {
      if (!signal?.aborted) this.#failures.backend(error, target);
      throw removed === 0 ? error : new IncompleteError({ removed }, error);
    }
  }

  /** Whether an entry was deleted or given another TTL since, as `Backend.changedSince`; FAILED without an answer. */
  async changedSince(target: Target, sinceMs: number): Promise<boolean | undefined | typeof FAILED> {
    try {
      return await this.backend.changedSince?.(this.name(target), sinceMs, this.#options);
    } catch (error) {
      this.#failures.backend(error, target);
      return FAILED;
    }
  }

  /** The entry's lock, `undefined` when another process has it, FAILED without an answer. */
  async lock(target: Target, leaseMs: number): Promise<BackendLock | undefined | typeof FAILED> {
    try {
      return await this.backend.lock?.(this.name(target), leaseMs, this.#options);
    } catch (error) {
      this.#failures.backend(error, target);
      return FAILED;
    }
  }

  /** Whether a lock's lease was extended by `extend`; FAILED without an answer. */
  async extend(target: Target, extend: () => Promise<boolean>): Promise<boolean | typeof FAILED> {
    try {
      return await extend();
    } catch (error) {
      this.#failures.backend(error, target);
      return FAILED;
    }
  }

  /** What the backend calls an entry, with the current key. */
  name(target: Target): string {
    return this.#settings.names === undefined ? target.cacheKey : this.#settings.names.current(target);
  }

  /** With the previous keys too. */
  names(target: Target): readonly string[] {
    return this.#settings.names === undefined ? [target.cacheKey] : this.#settings.names.all(target);
  }

  /** What a backend answers with, as memory that stays as it is. @throws BackendError when it is no entry. */
  #own(entry: BackendEntry | undefined): BackendEntry | undefined {
    return this.#settings.private ? checked(entry) : own(entry);
  }

  get options(): { readonly signal: AbortSignal | undefined; readonly l1: L1Status } {
    return this.#options;
  }

  #olderNames(target: Target): readonly string[] {
    return this.names(target).slice(1);
  }

  // An entry under a previous key's name would come back when the new one ends before it.
  async #deleteOlder(target: Target): Promise<void> {
    for (const older of this.#olderNames(target)) await this.backend.delete(older, this.#options);
  }

  #times(ttlMs: number): { ttlMs: number; staleMs?: number } {
    const { windowMs } = this.#settings;
    return windowMs === 0 ? { ttlMs } : { ttlMs: ttlMs + windowMs, staleMs: windowMs };
  }

  #tags(target: Target): readonly string[] | undefined {
    const { names } = this.#settings;
    const { tags } = target;
    if (tags === undefined || tags.length === 0) return undefined;
    return names === undefined ? tags : tags.map((tag) => names.currentTag(target, tag));
  }

  async #thrown<R>(target: Target, work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      this.#failures.backend(error, target);
      throw error;
    }
  }
}

function identityOf({ tenantId, cacheKey }: Target): string {
  return JSON.stringify([tenantId, cacheKey]);
}

function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one && other ? AbortSignal.any([one, other]) : (one ?? other);
}

/** Each attempt reads the times anew. */
function unchanged(options: BackendSetOptions, run: StoringRun): BackendSetOptions & BackendUnchanged {
  return {
    ...options,
    found: run.found,
    get sinceMs() {
      return run.sinceMs;
    },
    get checkedMs() {
      return run.checkedMs;
    },
  };
}

function withTags(tags: readonly string[] | undefined): { tags?: readonly string[] } {
  return tags === undefined ? {} : { tags };
}

/** @throws BackendError when it is no entry. */
function checked(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  if (!isUint8Array(entry.bytes)) throw noEntry();
  return entry;
}

function isTime(ms: unknown): boolean {
  return ms === undefined || typeof ms === 'number';
}

function noEntry(): BackendError {
  return new BackendError('The backend returned something that is no entry: { bytes, expiresInMs? }');
}

/** As `checked`, of what may answer otherwise when it is asked again. */
function own(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  const { bytes, ...times } = entry;
  // A time that is text or a BigInt would be no time, or an error of the engine.
  if (!isUint8Array(bytes) || !isTime(times.expiresInMs) || !isTime(times.freshInMs)) throw noEntry();
  if (isDetached(bytes)) throw new BackendError('The backend returned bytes that were taken away from it');
  return { ...times, bytes: copyOf(bytes) };
}

function fulfilled<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
