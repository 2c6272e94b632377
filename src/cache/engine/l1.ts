import { LRUCache } from 'lru-cache';
import { copyOf } from '../../util/bytes.js';
import { now } from '../../util/clock.js';
import { TagIndex, tagsCost } from '../../util/tag-index.js';
import type { EntryRef } from './entry-ref.js';
import type { Validity } from './invalidations.js';

/** What an entry costs in addition to its bytes and key: the objects, the map's slot, the list's links. */
const ENTRY_OVERHEAD = 256;

/** The longest that a copy is kept while the backend does not tell what other processes change. */
const UNTRACKED_TTL_MS = 5_000;

export interface L1Settings {
  readonly ttlMs: number;
  readonly values: boolean;
  /** How much longer than its TTL an entry may answer as a stale one, in milliseconds. */
  readonly graceMs: number;
}

export interface L1Entry {
  readonly tenantId: string | undefined;
  /** The bytes as stored: sealed in a secure cache. `undefined` where the decoded value is kept instead. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  /** When this copy ends, on the clock of {@link now}. */
  until: number;
  /** When the entry's TTL ends: `Infinity` for never, NaN when unknown. Not before `until`. */
  expiresAt: number;
  /** Until when the copy may still answer as a stale one. Not before `until`. */
  graceUntil: number;
  /** The tags it was set with; undefined when it was set elsewhere, with tags that are not known here. */
  readonly tags: readonly string[] | undefined;
  /** Where the tags are not known: ends when a tag is invalidated that the entry may have. */
  readonly validity: Validity | undefined;
}

/**
 * Entries in this process, bounded in bytes, the least recently used leaving first. Every read compares the tenant: two tenants
 * whose stored keys were the same would evict each other and never see each other's values.
 */
export class L1 {
  readonly maxBytes: number;
  /** Whether the backend, where it should, tells what other processes change. */
  tracked = true;
  readonly #settings: L1Settings;
  readonly #entries: LRUCache<string, L1Entry>;
  readonly #tags = new TagIndex();
  #closed = false;

  constructor(maxBytes: number, settings: L1Settings = { ttlMs: Number.POSITIVE_INFINITY, values: false, graceMs: 0 }) {
    this.maxBytes = maxBytes;
    this.#settings = settings;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      dispose: (_, cacheKey) => this.#tags.forget(cacheKey),
      noDisposeOnSet: true,
    });
  }

  get(cacheKey: string, tenantId: string | undefined): L1Entry | undefined {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined || entry.tenantId !== tenantId) return undefined;
    if (entry.validity?.ended) {
      this.#entries.delete(cacheKey);
      return undefined;
    }
    const time = now();
    if (entry.until > time) return entry;
    if (entry.graceUntil <= time) this.#entries.delete(cacheKey);
    return undefined;
  }

  /** An entry that may have ended, and is within its grace. */
  withinGrace(cacheKey: string, tenantId: string | undefined): L1Entry | undefined {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined || entry.tenantId !== tenantId || entry.validity?.ended) return undefined;
    return entry.graceUntil > now() ? entry : undefined;
  }

  /** Keeps a value and the bytes that are stored of it. @returns whether there was room. */
  keep(
    { cacheKey, tenantId }: Pick<EntryRef, 'cacheKey' | 'tenantId'>,
    bytes: Uint8Array,
    value: unknown,
    { until, expiresAt, tags, validity }: Pick<L1Entry, 'until' | 'expiresAt' | 'tags' | 'validity'>,
  ): boolean {
    if (this.#closed) return false;
    const { ttlMs, values, graceMs } = this.#settings;
    const copyUntil = Math.min(until, now() + (this.tracked ? ttlMs : Math.min(ttlMs, UNTRACKED_TTL_MS)));
    const entry: L1Entry = {
      tenantId,
      bytes: values ? undefined : exact(bytes),
      value: values ? value : undefined,
      until: copyUntil,
      expiresAt,
      graceUntil: copyUntil + graceMs,
      tags,
      validity,
    };
    return this.set(cacheKey, entry, bytes.length);
  }

  /** @returns whether there was room for it. */
  set(cacheKey: string, entry: L1Entry, bytesLen: number): boolean {
    const size = bytesLen + 2 * cacheKey.length + ENTRY_OVERHEAD + tagsCost(entry.tags);
    if (size > this.maxBytes) {
      this.#entries.delete(cacheKey);
      return false;
    }
    this.#entries.set(cacheKey, entry, { size });
    this.#tags.assign(cacheKey, entry.tags);
    return true;
  }

  /** Where L1 is the store. @returns whether it held a live entry of this tenant. */
  expire({ cacheKey, tenantId, ttlMs }: EntryRef): boolean {
    const entry = this.get(cacheKey, tenantId);
    if (entry === undefined) return false;
    entry.until = entry.expiresAt = now() + ttlMs;
    entry.graceUntil = entry.until + this.#settings.graceMs;
    return true;
  }

  /** @returns whether it held a live entry of this tenant. */
  delete(cacheKey: string, tenantId: string | undefined): boolean {
    const live = this.get(cacheKey, tenantId) !== undefined;
    if (this.#entries.peek(cacheKey)?.tenantId === tenantId) this.#entries.delete(cacheKey);
    return live;
  }

  /** Of whatever tenant. */
  forget(cacheKey: string): void {
    this.#entries.delete(cacheKey);
  }

  invalidateTags(tags: Iterable<string>): number {
    const cacheKeys = this.#tags.cacheKeys(tags);
    for (const cacheKey of cacheKeys) this.#entries.delete(cacheKey);
    return cacheKeys.size;
  }

  /** The cache keys of live entries of a tenant. */
  *keys(tenantId: string | undefined, prefix: string): Generator<string> {
    const time = now();
    for (const [cacheKey, entry] of this.#entries.entries()) {
      if (entry.tenantId === tenantId && entry.until > time && cacheKey.startsWith(prefix)) yield cacheKey;
    }
  }

  clear(): void {
    this.#tags.clear();
    this.#entries.clear();
  }

  /** Forgets everything, and keeps nothing from now on. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  get usage(): { l1Entries: number; l1Bytes: number } {
    return { l1Entries: this.#entries.size, l1Bytes: this.#entries.calculatedSize };
  }
}

/** Bytes that keep no larger allocation alive, which L1 would not count. */
function exact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : copyOf(bytes);
}
