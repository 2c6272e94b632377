import type { EntryRef } from './entry-ref.js';
import type { Validity } from './invalidations.js';

/** What the first tier answers when it has no small, fresh entry that opens at once. */
export const MISS: unique symbol = Symbol('miss');

export interface L1Settings {
  readonly ttlMs: number;
  /** How much longer than its TTL an entry is kept, in milliseconds. */
  readonly graceMs: number;
}

export interface L1Entry {
  /** The bytes as stored: sealed in a secure cache. `undefined` where the decoded value is kept instead. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  /** When the entry's TTL ends: `Infinity` for never, NaN when unknown. */
  readonly expiresAt: number;
}

export interface EntryTimes {
  /** When it ends, on the clock of `now()`. */
  readonly until: number;
  /** When its TTL ends: `Infinity` for never, NaN when unknown. Not before `until`. */
  readonly expiresAt: number;
}

/** What is known of the tags of an entry. */
export interface EntryTags {
  /** undefined when it was set elsewhere, with tags that are not known here. */
  readonly tags: readonly string[] | undefined;
  /** Where the tags are not known: ends when a tag is invalidated that the entry may have. */
  readonly validity: Validity | undefined;
}

export type EntryIdentity = Pick<EntryRef, 'cacheKey' | 'tenantId' | 'call'>;

/**
 * Entries in this process, bounded in bytes. Every read compares the tenant: two tenants whose stored keys were the same would evict
 * each other and never see each other's values.
 */
export interface FirstTier {
  readonly maxBytes: number;
  /** Whether the backend, where it should, tells what other processes change. */
  tracked: boolean;
  /** A fresh value, decoded. {@link MISS} also for one that needs more than a call: `get` has it. */
  hit(cacheKey: string, tenantId: string | undefined): unknown;
  /** A fresh entry. */
  get(cacheKey: string, tenantId: string | undefined): L1Entry | undefined;
  /** An entry that may have ended, no longer ago than its grace. */
  withinGrace(cacheKey: string, tenantId: string | undefined, graceMs: number): L1Entry | undefined;
  /** Keeps entries so much longer than their TTL from now on. */
  keepFor(graceMs: number): void;
  /** Keeps a value and the bytes that are stored of it. @returns whether there was room. */
  keep(ref: EntryIdentity, bytes: Uint8Array, value: unknown, about: EntryTimes & EntryTags): boolean;
  /** Where L1 is the store. @returns whether it held a live entry of this tenant. */
  expire(ref: Pick<EntryRef, 'cacheKey' | 'tenantId' | 'ttlMs'>): boolean;
  /** @returns whether it held a live entry of this tenant. */
  delete(cacheKey: string, tenantId: string | undefined): boolean;
  /** Of whatever tenant. */
  forget(cacheKey: string): void;
  /** Removes entries with one of the tags, and those of unknown tags: of one tenant, or of all. @returns how many had one of them. */
  invalidateTags(tags: readonly string[], of: { readonly tenantId: string | undefined } | undefined): number;
  /** The cache keys of live entries of a tenant. */
  keys(tenantId: string | undefined, prefix: string): Iterable<string>;
  clear(): void;
  /** Forgets everything, and keeps nothing from now on. */
  close(): void;
  readonly usage: { l1Entries: number; l1Bytes: number };
}

/** The longest that a copy is kept while the backend does not tell what other processes change. */
const UNTRACKED_TTL_MS = 5_000;

/** How long a copy is kept at most. */
export function copyMs(ttlMs: number, tracked: boolean): number {
  return tracked ? ttlMs : Math.min(ttlMs, UNTRACKED_TTL_MS);
}

/** Whether an entry is still the one that it was. */
export function isSame(one: L1Entry, other: L1Entry): boolean {
  if (one.bytes === undefined || other.bytes === undefined) return one === other;
  return Buffer.compare(one.bytes, other.bytes) === 0;
}
