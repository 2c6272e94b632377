import { BackendError } from '../errors.js';
import { assertBytes, assertCacheKey, assertWellFormed, copyOf, kindOf, viewOf } from '../util/bytes.js';
import { elapsed } from '../util/clock.js';
import { MAX_TIMER_MS } from '../util/timers.js';
import type {
  BackendDeleteOptions,
  BackendItem,
  BackendOptions,
  BackendSetManyOptions,
  BackendSetOptions,
  BackendUnchanged,
} from './backend.js';

/** @throws TypeError and RangeError before any item is stored. */
export function assertItems(value: unknown): asserts value is readonly BackendItem[] {
  if (!Array.isArray(value)) throw new TypeError(`items must be an array, not ${kindOf(value)}`);
  for (const item of value as unknown[]) {
    if (typeof item !== 'object' || item === null)
      throw new TypeError(`an item must be an object, not ${kindOf(item)}`);
    const { cacheKey, bytes, ttlMs, tags } = item as Record<string, unknown>;
    assertCacheKey(cacheKey);
    assertBytes('bytes', bytes);
    wholeTtlMs(ttlMs);
    if (tags !== undefined) assertTags(tags);
  }
}

/** @throws TypeError for a wrong type or a lone surrogate, RangeError for a tag that is the empty string. */
export function assertTags(value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`tags must be an array, not ${kindOf(value)}`);
  for (const tag of value as unknown[]) {
    assertWellFormed('a tag', tag);
    if (tag === '') throw new RangeError('a tag must not be empty');
  }
}

/**
 * A TTL in whole milliseconds, rounded up; `undefined` for one that never ends.
 *
 * @throws TypeError for a wrong type, RangeError unless more than 0 and at most 2^53 − 1 (or `Infinity`).
 */
export function wholeTtlMs(value: unknown): number | undefined {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return undefined;
  return finiteTtlMs(value);
}

/** As {@link wholeTtlMs}, where "never" is not an answer. */
export function finiteTtlMs(value: unknown): number {
  return wholeMs('ttlMs', value);
}

/** The lease of a lock in whole milliseconds, rounded up. @throws as {@link finiteTtlMs}. */
export function wholeLeaseMs(value: unknown): number {
  return wholeMs('leaseMs', value);
}

function wholeMs(name: string, value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number of milliseconds, not ${kindOf(value)}`);
  if (!(value > 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${name} must be more than 0 and finite`);
  return Math.ceil(value);
}

/** An entry to be stored, checked, with bytes that are not changed later. */
export interface CheckedItem {
  readonly cacheKey: string;
  readonly bytes: Buffer;
  /** Whole milliseconds; `undefined` for never. */
  readonly ttlMs: number | undefined;
  /** Each once. */
  readonly tags: readonly string[];
}

const NO_TAGS: readonly string[] = [];

/** @throws TypeError, RangeError for an argument that is none. */
export function checkedItem(
  cacheKey: string,
  bytes: Uint8Array,
  options: Pick<BackendSetOptions, 'ttlMs' | 'tags' | 'owned'> | undefined,
): CheckedItem {
  assertCacheKey(cacheKey);
  assertBytes('bytes', bytes);
  const tags = options?.tags;
  const ttlMs = wholeTtlMs(options?.ttlMs);
  const checkedTags = tags === undefined ? NO_TAGS : distinctTags(tags);
  return { cacheKey, bytes: options?.owned ? viewOf(bytes) : copyOf(bytes), ttlMs, tags: checkedTags };
}

/** A copy of `ifBytes`. @throws TypeError for what is no bytes. */
export function expectedBytes(options: BackendDeleteOptions | undefined): Buffer | undefined {
  const ifBytes = options?.ifBytes;
  if (ifBytes === undefined) return undefined;
  assertBytes('ifBytes', ifBytes);
  return copyOf(ifBytes);
}

/** @throws TypeError and RangeError before any item is stored. */
export function checkedItems(items: readonly BackendItem[], options: BackendSetManyOptions | undefined): CheckedItem[] {
  assertItems(items);
  const owned = options?.owned;
  return items.map(({ cacheKey, bytes, ttlMs, tags }) => checkedItem(cacheKey, bytes, { ttlMs, tags, owned }));
}

/** @throws as {@link assertTags}. */
export function distinctTags(tags: readonly string[]): readonly string[] {
  assertTags(tags);
  return [...new Set(tags)];
}

/** What `setIfUnchanged` is given, on the clock of `elapsed()`. */
export interface Unchanged {
  readonly begun: number;
  readonly found: Uint8Array | undefined;
  /** Since when a deletion may have been forgotten again. */
  readonly checked: number;
}

/** @throws TypeError for a wrong type, RangeError for a negative time. */
export function unchangedSince(options: BackendUnchanged): Unchanged {
  assertOptions(options);
  // Before the caller's clock is read: what passes in between makes the beginning earlier, and never later.
  const at = elapsed();
  const { sinceMs, found, checkedMs = sinceMs } = options;
  if (found !== undefined) assertBytes('found', found);
  return { begun: at - sinceOf('sinceMs', sinceMs), found, checked: at - sinceOf('checkedMs', checkedMs) };
}

/** When it was, on the clock of `elapsed()`. @throws TypeError for a wrong type, RangeError for a negative time. */
export function beginningOf(sinceMs: number): number {
  const at = elapsed();
  return at - sinceOf('sinceMs', sinceMs);
}

function sinceOf(name: string, value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number of milliseconds, not ${kindOf(value)}`);
  if (!(value >= 0)) throw new RangeError(`${name} must be 0 or more`);
  return value;
}

/** @throws TypeError unless a whole number or absent, RangeError outside `min` … `max`. */
export function integerOption(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${kindOf(value)}`);
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** @throws TypeError, RangeError outside 1 … 2^31 − 1: there is no unlimited wait. */
export function timeoutOption(value: unknown): number {
  return integerOption('timeoutMs', value, DEFAULT_TIMEOUT_MS, 1, MAX_TIMER_MS);
}

/** The options object of a constructor. @throws TypeError unless it is one. */
export function assertOptions(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`options must be an object, not ${kindOf(value)}`);
  }
}

/** @throws TypeError for another type, RangeError for what is no path. */
export function directoryOption(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`directory must be a string, not ${kindOf(value)}`);
  if (value === '' || value.includes('\0')) throw new RangeError('directory must be a path');
  return value;
}

/** @throws TypeError unless it is a function. */
export function clockOption(value: unknown, fallback: () => number): () => number {
  if (value === undefined) return fallback;
  if (typeof value !== 'function') throw new TypeError('now must be a function');
  return value as () => number;
}

/** In the options of a call that a cache makes, which keeps the process alive itself: no other caller has it. */
export const CACHE = Symbol('by a cache');

/** Put among the options of a call to a private backend. */
export const BY_CACHE: Readonly<BackendOptions> = Object.freeze({ [CACHE]: true } as object);

/** From here on, in bytes, another thread may be reading what a cache has. */
export const READ_LATER_FROM = 1024 * 1024;

export function closedError(store: string): BackendError {
  return new BackendError(`The ${store} backend is closed`);
}
