import { now } from '../../util/clock.js';
import { LruMap } from '../../util/lru-map.js';
import { TagIndex, tagsCost } from '../../util/tag-index.js';
import { sizeOf } from '../../util/value-size.js';
import {
  copyMs,
  type EntryIdentity,
  type EntryTags,
  type EntryTimes,
  type FirstTier,
  type L1Settings,
  MISS,
} from './first-tier.js';
import type { Validity } from './invalidations.js';

/** What an entry costs in addition to its value and its cache key: the object and the map's slot. */
const ENTRY_OVERHEAD = 256;

interface ValueEntry {
  readonly tenantId: string | undefined;
  readonly bytes: undefined;
  readonly value: unknown;
  /** When this copy ends, on the clock of {@link now}. */
  until: number;
  /** When the entry's TTL ends: `Infinity` for never, NaN when unknown. Not before `until`. */
  expiresAt: number;
  readonly validity: Validity | undefined;
}

/** Decoded values (`l1: { values: true }`): every hit is the same object. The least recently used leave first. */
export class ValueL1 implements FirstTier {
  readonly maxBytes: number;
  readonly #settings: L1Settings;
  #graceMs: number;
  readonly #entries: LruMap<ValueEntry>;
  readonly #tags = new TagIndex();
  #copyMs: number;
  #closed = false;

  constructor(maxBytes: number, settings: L1Settings) {
    this.maxBytes = maxBytes;
    this.#settings = settings;
    this.#copyMs = settings.ttlMs;
    this.#graceMs = settings.graceMs;
    this.#entries = new LruMap(maxBytes, (_, cacheKey) => this.#tags.forget(cacheKey));
  }

  set tracked(tracked: boolean) {
    this.#copyMs = copyMs(this.#settings.ttlMs, tracked);
  }

  hit(cacheKey: string, tenantId: string | undefined): unknown {
    const entry = this.get(cacheKey, tenantId);
    return entry === undefined ? MISS : entry.value;
  }

  get(cacheKey: string, tenantId: string | undefined): ValueEntry | undefined {
    const entry = this.#entries.get(cacheKey);
    if (entry === undefined || entry.tenantId !== tenantId) return undefined;
    const time = now();
    if (!entry.validity?.ended && entry.until > time) return entry;
    if (entry.validity?.ended || entry.until + this.#graceMs <= time) this.forget(cacheKey);
    return undefined;
  }

  withinGrace(cacheKey: string, tenantId: string | undefined, graceMs: number): ValueEntry | undefined {
    const entry = this.#entries.peek(cacheKey);
    if (entry === undefined || entry.tenantId !== tenantId || entry.validity?.ended) return undefined;
    return entry.until + graceMs > now() ? entry : undefined;
  }

  keepFor(graceMs: number): void {
    this.#graceMs = graceMs;
  }

  keep(
    { cacheKey, tenantId }: EntryIdentity,
    _bytes: Uint8Array,
    value: unknown,
    { until, expiresAt, tags, validity }: EntryTimes & EntryTags,
  ): boolean {
    const size = sizeOf(value, this.maxBytes) + 2 * cacheKey.length + ENTRY_OVERHEAD + tagsCost(tags);
    this.forget(cacheKey);
    if (this.#closed || size > this.maxBytes) return false;
    const times = { until: Math.min(until, now() + this.#copyMs), expiresAt };
    this.#entries.set(cacheKey, { tenantId, bytes: undefined, value, validity, ...times }, size);
    this.#tags.assign(cacheKey, tags);
    return true;
  }

  expire({ cacheKey, tenantId, ttlMs }: { cacheKey: string; tenantId: string | undefined; ttlMs: number }): boolean {
    const entry = this.get(cacheKey, tenantId);
    if (entry === undefined) return false;
    entry.until = entry.expiresAt = now() + ttlMs;
    return true;
  }

  delete(cacheKey: string, tenantId: string | undefined): boolean {
    const live = this.get(cacheKey, tenantId) !== undefined;
    if (this.#entries.peek(cacheKey)?.tenantId === tenantId) this.forget(cacheKey);
    return live;
  }

  forget(cacheKey: string): void {
    this.#entries.delete(cacheKey);
  }

  /** Entries of unknown tags end by their validity. */
  invalidateTags(tags: readonly string[]): number {
    const cacheKeys = this.#tags.cacheKeys(tags);
    for (const cacheKey of cacheKeys) this.forget(cacheKey);
    return cacheKeys.size;
  }

  *keys(tenantId: string | undefined, prefix: string): Generator<string> {
    const time = now();
    for (const cacheKey of this.#entries.keys()) {
      const entry = this.#entries.peek(cacheKey);
      const live = entry !== undefined && entry.tenantId === tenantId && entry.until > time;
      if (live && cacheKey.startsWith(prefix)) yield cacheKey;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#tags.clear();
  }

  close(): void {
    this.#closed = true;
    this.clear();
  }

  get usage(): { l1Entries: number; l1Bytes: number } {
    return { l1Entries: this.#entries.count, l1Bytes: this.#entries.size };
  }
}
