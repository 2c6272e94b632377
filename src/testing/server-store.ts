import { randomUUID } from 'node:crypto';
import { MAX_TTL_SECONDS } from '../backends/http.js';
import { LruMap } from '../util/lru-map.js';
import type { Lifetime } from './server-rules.js';

/** What an entry costs beside its bytes and its cache key: that of 100,000 small ones, by the memory of the process. */
const ENTRY_OVERHEAD = 600;
const MAX_LOCKS = 100_000;
/** How many locks are looked at, when one is taken, for leases that have ended. */
const SWEPT_LOCKS = 8;

/** Times are whole seconds since 1970, `Infinity` for never. */
interface Stored {
  bytes: Buffer;
  freshUntil: number;
  evictAt: number;
}

/** An entry as a reader sees it. */
export interface Found {
  bytes: Buffer;
  stale: boolean;
  /** Whole seconds, rounded down; `undefined` for an entry that never expires. */
  freshFor: number | undefined;
  /** Whole seconds until eviction, rounded up; `undefined` as above. */
  ttl: number | undefined;
}

interface Lock {
  id: string;
  endsAtMs: number;
}

/**
 * Entries, fresh and then stale, and leases; bounded in bytes, the least recently used leaving first. A removed value counts
 * until it has been sent.
 */
export class ServerStore {
  readonly sending: Sending;
  readonly #entries: LruMap<Stored>;
  readonly #locks = new Map<string, Lock>();
  readonly #nowMs: () => number;

  constructor(maxBytes: number, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.sending = new Sending(maxBytes / 2);
    this.#entries = new LruMap(maxBytes, ({ bytes }) => this.sending.removed(bytes));
  }

  get(cacheKey: string): Found | undefined {
    const stored = this.#live(cacheKey);
    if (!stored) return undefined;
    const now = this.#nowMs() / 1000;
    const { bytes, freshUntil, evictAt } = stored;
    return {
      bytes,
      stale: now >= freshUntil,
      freshFor: Number.isFinite(freshUntil) ? Math.max(0, Math.floor(freshUntil - now)) : undefined,
      ttl: Number.isFinite(evictAt) ? evictAt - Math.floor(now) : undefined,
    };
  }

  /** Says why it does not store: the entry alone is over the bound, or what is being sent leaves no room for it now. */
  set(cacheKey: string, bytes: Buffer, { ttl, stale }: Lifetime): 'done' | 'too large' | 'busy' {
    const entries = this.#entries;
    const size = sizeOf(cacheKey, bytes);
    // The table would give up the entry that is there for one that it cannot take.
    if (size > entries.maxSize) return 'too large';
    const over = () => entries.size + size + this.sending.removedBytes - entries.maxSize;
    // An entry that is being sent frees nothing: none is given up where all of them would not do.
    if (size + this.sending.removedBytes > entries.maxSize) return 'busy';
    while (over() > 0 && entries.count > 0) entries.pop();
    if (over() > 0) return 'busy';
    const freshUntil = this.#second() + ttl;
    entries.set(cacheKey, { bytes, freshUntil, evictAt: freshUntil + stale }, size);
    return 'done';
  }

  delete(cacheKey: string): void {
    this.#entries.delete(cacheKey);
  }

  /** Makes an entry fresh for `ttl` seconds from now and keeps its stale window; says why it does not. */
  refresh(cacheKey: string, ttl: number): 'done' | 'absent' | 'stale' | 'too long' {
    const stored = this.#live(cacheKey);
    if (!stored) return 'absent';
    if (this.#nowMs() / 1000 >= stored.freshUntil) return 'stale';
    const window = Number.isFinite(stored.evictAt) ? stored.evictAt - stored.freshUntil : 0;
    if (ttl + window > MAX_TTL_SECONDS) return 'too long';
    stored.freshUntil = this.#second() + ttl;
    stored.evictAt = stored.freshUntil + window;
    return 'done';
  }

  /** The lock's id, `null` when it is held, `undefined` when there are too many locks. */
  lock(cacheKey: string, leaseMs: number): string | null | undefined {
    const now = this.#nowMs();
    const held = this.#locks.get(cacheKey);
    if (held && held.endsAtMs > now) return null;
    this.#sweepLocks(now);
    if (!held && this.#locks.size >= MAX_LOCKS) return undefined;
    const id = randomUUID();
    this.#locks.delete(cacheKey);
    this.#locks.set(cacheKey, { id, endsAtMs: now + leaseMs });
    return id;
  }

  /** Whether it was held with this id. */
  unlock(cacheKey: string, id: string): boolean {
    return this.#locks.get(cacheKey)?.id === id && this.#locks.delete(cacheKey);
  }

  /** How many entries and locks are held, those included that have ended and are still in the way of nothing. */
  get counts(): { entries: number; locks: number } {
    return { entries: this.#entries.count, locks: this.#locks.size };
  }

  // A few, the oldest first, each put behind the others: every lock comes up again.
  #sweepLocks(now: number): void {
    let left = SWEPT_LOCKS;
    for (const [cacheKey, lock] of this.#locks) {
      if (left-- === 0) return;
      this.#locks.delete(cacheKey);
      if (lock.endsAtMs > now) this.#locks.set(cacheKey, lock);
    }
  }

  /** Every entry that a reader would get. */
  entries(): Map<string, Buffer> {
    const live = new Map<string, Buffer>();
    for (const cacheKey of this.#entries.keys()) {
      const stored = this.#live(cacheKey, false);
      if (stored) live.set(cacheKey, stored.bytes);
    }
    return live;
  }

  clear(): void {
    this.#entries.clear();
    this.#locks.clear();
  }

  #live(cacheKey: string, used = true): Stored | undefined {
    const stored = used ? this.#entries.get(cacheKey) : this.#entries.peek(cacheKey);
    if (stored === undefined || this.#nowMs() / 1000 < stored.evictAt) return stored;
    this.#entries.delete(cacheKey);
    return undefined;
  }

  /** Times are counted from the last whole second, so that no entry lives longer than was asked for. */
  #second(): number {
    return Math.floor(this.#nowMs() / 1000);
  }
}

function sizeOf(cacheKey: string, bytes: Buffer): number {
  return bytes.length + 2 * cacheKey.length + ENTRY_OVERHEAD;
}

/** Values on their way to readers, who may be slow: their memory is held as long, whatever becomes of the entries. */
class Sending {
  readonly #maxBytes: number;
  readonly #values = new Map<Buffer, { readers: number; removed: boolean }>();
  #bytes = 0;
  #removedBytes = 0;

  /** @param maxBytes on their way at once; a longer value goes alone. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of values that are no longer entries. */
  get removedBytes(): number {
    return this.#removedBytes;
  }

  /** Counts a value until what this returns is called, once; `undefined` when too much is on its way already. */
  begin(value: Buffer): (() => void) | undefined {
    const sending = this.#values.get(value) ?? { readers: 0, removed: false };
    if (sending.readers === 0) {
      if (this.#bytes > 0 && this.#bytes + value.length > this.#maxBytes) return undefined;
      this.#bytes += value.length;
      this.#values.set(value, sending);
    }
    sending.readers++;
    return () => {
      if (--sending.readers > 0) return;
      this.#values.delete(value);
      this.#bytes -= value.length;
      if (sending.removed) this.#removedBytes -= value.length;
    };
  }

  /** The value is no longer an entry. */
  removed(value: Buffer): void {
    const sending = this.#values.get(value);
    if (sending === undefined) return;
    sending.removed = true;
    this.#removedBytes += value.length;
  }
}
