/** What a store holds at a cache key. */
export interface BackendEntry {
  /**
   * The stored bytes. The backend does not change them afterwards, and the caller must not either when it asked for them with
   * `readOnly`. They may be a view on a larger chunk: copy what is kept for long.
   */
  bytes: Uint8Array;
  /**
   * Milliseconds until the store forgets the entry; `Infinity` when it never does, `0` when it must not be kept
   * elsewhere at all, absent when the store did not say.
   */
  expiresInMs?: number;
  /**
   * Milliseconds for which the store itself declares the entry fresh: `0` when it is, and must not be kept elsewhere.
   * Absent where the store keeps no such time. Only the CacheKit HTTP API does.
   */
  freshInMs?: number;
  /** The store itself declares the entry past its freshness. Only the CacheKit HTTP API does. */
  stale?: boolean;
}

/** What this process's own first tier knew of an entry, for the stores that ask (`X-CacheKit-L1-Status`). */
export type L1Status = 'hit' | 'miss' | 'disabled';

/** What every operation takes. */
export interface BackendOptions {
  /** Rejects with `signal.reason` when aborted; what was already sent may still take effect. */
  signal?: AbortSignal | undefined;
  /** Default `'disabled'`. */
  l1?: L1Status;
}

export interface BackendGetOptions extends BackendOptions {
  /** Ask for `expiresInMs` where that costs something: a Redis backend leaves it out otherwise. */
  ttl?: boolean;
  /** The caller only reads the bytes, so a store in this process may hand out its own instead of a copy. */
  readOnly?: boolean;
}

export interface BackendSetOptions extends BackendOptions {
  /** Milliseconds, more than 0, rounded up to what the store can keep. Absent or `Infinity`: never expires. */
  ttlMs?: number;
  /** Of `ttlMs`, the last so many milliseconds in which the entry is stale, for a store that tells (the CacheKit HTTP API). */
  staleMs?: number;
  /** Names under which `invalidateTags` finds the entry. Given only to stores that have that method. */
  tags?: readonly string[];
  /** The bytes are given away: they are not changed again, so that they need no copy. */
  owned?: boolean;
}

export interface BackendKeysOptions extends BackendOptions {
  prefix?: string;
  /** A cursor that an earlier listing has told: goes on from there. One that does not fit any more begins anew. */
  from?: string | undefined;
  /** Told, from time to time, the cursor behind which all that is not listed yet lies; of stores that can go on from one. */
  onCursor?: ((cursor: string) => void) | undefined;
}

/** Of what `set` takes, what is said once for all items. */
export type BackendSetManyOptions = Omit<BackendSetOptions, 'ttlMs' | 'staleMs' | 'tags'>;

export interface BackendDeleteOptions extends BackendOptions {
  /** Delete only when the stored bytes are exactly these. */
  ifBytes?: Uint8Array;
}

export interface BackendTagOptions extends BackendOptions {
  /** Told after each step how many entries were removed so far. */
  onProgress?: ((removed: number) => void) | undefined;
}

/** What a function that made a value began with. */
export interface BackendUnchanged {
  /**
   * How many milliseconds ago it began, by the caller's monotonic clock. A cache passes a getter that answers for the moment
   * in which it is read: a backend reads its own clock first, so that the beginning that it computes is never too late.
   */
  readonly sinceMs: number;
  /** What the entry held then; undefined: nothing. */
  readonly found: Uint8Array | undefined;
  /** How many milliseconds ago `changedSince`, asked with `sinceMs`, was last asked and answered false. */
  readonly checkedMs?: number | undefined;
}

export interface BackendItem {
  cacheKey: string;
  bytes: Uint8Array;
  /** These as in {@link BackendSetOptions}. */
  ttlMs?: number;
  staleMs?: number;
  tags?: readonly string[];
}

/** An entry's lock that this process holds until its lease ends. */
export interface BackendLock {
  /** Makes the lease end `leaseMs` from now; false when it had ended, and another holder may have the lock. */
  extend(leaseMs: number): Promise<boolean>;
  /**
   * Whether the lease has not ended yet; for stores that cannot lengthen one without the risk of losing the lock. Absent:
   * `extend` is asked before something is stored.
   */
  held?(): Promise<boolean>;
  /** Releases the lock, unless another holder has it by now. */
  release(): Promise<void>;
}

/**
 * A store of bytes. It never looks into them, never changes them and adds nothing to a cache key but `keyPrefix`.
 *
 * An operation rejects with `BackendError` when the store fails or has been closed, with `TimeoutError` when it does
 * not answer in time, with `TypeError` or `RangeError` for arguments it cannot take (an empty cache key, a lone
 * surrogate, a TTL of 0), and with `signal.reason` when aborted. No message contains a cache key or a value.
 * `cachekit-native`'s own backends may be used by any number of caches at once.
 */
export interface Backend {
  /**
   * What the store's client writes in front of each cache key, if it does. Values are bound to it, so that one that is moved to
   * another prefix does not open. Cache keys that go in and come out are without it.
   */
  readonly keyPrefix?: string;
  /** `undefined` is a miss. */
  get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
  /**
   * As `get` with `readOnly`, for a store that need not wait: it throws instead of rejecting, and the next call may
   * overwrite the bytes that it returned.
   */
  getNow?(cacheKey: string): BackendEntry | undefined;
  /** Replaces what was there, its TTL included. */
  set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
  /** Whether an entry was removed, as far as the store can tell. */
  delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
  /** One answer for each cache key, in their order. */
  getMany?(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
  /** When it rejects, some items may have been stored. */
  setMany?(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void>;
  /** How many entries were removed, as far as the store can tell. */
  deleteMany?(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
  has?(cacheKey: string, options?: BackendOptions): Promise<boolean>;
  /** Every stored cache key that begins with `prefix`, in no order; one that changes during it may come twice or not at all. */
  keys?(options?: BackendKeysOptions): AsyncIterable<string>;
  /** Gives an entry a new TTL in milliseconds; whether there was one, as far as the store can tell. */
  expire?(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
  /**
   * Puts other bytes in the place of exactly these, in one step, and leaves TTL and tags as they are; whether it did.
   */
  replace?(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean>;
  /**
   * Removes every entry that was last set with one of the tags; how many, as far as the store can tell. A store that does
   * so in steps may take its time limit for each, and calls `onProgress` after each with how many were removed so far.
   */
  invalidateTags?(tags: readonly string[], options?: BackendTagOptions): Promise<number>;
  /** Whether an entry was last set with tags. */
  isTagged?(cacheKey: string, options?: BackendOptions): Promise<boolean>;
  /**
   * For how many milliseconds the store remembers that a caller has deleted an entry or changed its TTL. For a function that
   * runs longer, `changedSince` has to be asked at least once in that time, or its result is not stored. Absent: however
   * long a function runs, the store knows, or refuses. Over 0; a cache refuses to be made with anything else.
   */
  readonly remembersMs?: number;
  /** Whether the entry was deleted or given another TTL within the last `sinceMs`. */
  changedSince?(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean>;
  /**
   * As `set`, for the result of a function: unless any process has deleted the entry, given it another TTL or
   * invalidated one of the tags since the function began, or the entry no longer holds `found`. Checked and stored in one
   * step. Whether it was stored; a refusal without need is harmless, as when the same change was just made before.
   */
  setIfUnchanged?(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions & BackendUnchanged): Promise<boolean>;
  /**
   * Takes the lock of a cache key for `leaseMs`, or answers `undefined` at once when it is held. It does not prevent
   * reads and writes of the entry.
   */
  lock?(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
  /**
   * Calls `listener` when another client has changed, removed or let expire an entry that this process has read: with its
   * cache key, or with `undefined` when any may have changed unseen. Returns what ends it.
   *
   * `state` is called with `false`, and with the error once it is known, when changes are not told for now, and with `true`
   * when they are again. Without any call they are told.
   */
  watch?(
    listener: (cacheKey: string | undefined) => void,
    state?: (told: boolean, error?: unknown) => void,
  ): () => void;
  /** Gives up connections and memory; every later operation rejects with `BackendError`. Closing twice is harmless. */
  close?(): Promise<void>;
}
