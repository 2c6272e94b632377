// The public types of the package. Generated from index.ts by `npm run build`: do not edit.
/// <reference lib="esnext.disposable" />

import { LookupFunction } from 'node:net';

/** What a store holds at a cache key. */
interface BackendEntry {
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
type L1Status = 'hit' | 'miss' | 'disabled';
/** What every operation takes. */
interface BackendOptions {
    /** Rejects with `signal.reason` when aborted; what was already sent may still take effect. */
    signal?: AbortSignal | undefined;
    /** Default `'disabled'`. */
    l1?: L1Status;
}
interface BackendGetOptions extends BackendOptions {
    /** Ask for `expiresInMs` where that costs something: a Redis backend leaves it out otherwise. */
    ttl?: boolean;
    /** The caller only reads the bytes, so a store in this process may hand out its own instead of a copy. */
    readOnly?: boolean;
}
interface BackendSetOptions extends BackendOptions {
    /** Milliseconds, more than 0, rounded up to what the store can keep. Absent or `Infinity`: never expires. */
    ttlMs?: number;
    /** Of `ttlMs`, the last so many milliseconds in which the entry is stale, for a store that tells (the CacheKit HTTP API). */
    staleMs?: number;
    /** Names under which `invalidateTags` finds the entry. Given only to stores that have that method. */
    tags?: readonly string[];
    /** The bytes are given away: they are not changed again, so that they need no copy. */
    owned?: boolean;
}
interface BackendKeysOptions extends BackendOptions {
    prefix?: string;
    /** A cursor that an earlier listing has told: goes on from there. One that does not fit any more begins anew. */
    from?: string | undefined;
    /** Told, from time to time, the cursor behind which all that is not listed yet lies; of stores that can go on from one. */
    onCursor?: ((cursor: string) => void) | undefined;
}
/** Of what `set` takes, what is said once for all items. */
type BackendSetManyOptions = Omit<BackendSetOptions, 'ttlMs' | 'staleMs' | 'tags'>;
interface BackendDeleteOptions extends BackendOptions {
    /** Delete only when the stored bytes are exactly these. */
    ifBytes?: Uint8Array;
}
interface BackendTagOptions extends BackendOptions {
    /** Told after each step how many entries were removed so far. */
    onProgress?: ((removed: number) => void) | undefined;
}
/** What a function that made a value began with. */
interface BackendUnchanged {
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
interface BackendItem {
    cacheKey: string;
    bytes: Uint8Array;
    /** These as in {@link BackendSetOptions}. */
    ttlMs?: number;
    staleMs?: number;
    tags?: readonly string[];
}
/** An entry's lock that this process holds until its lease ends. */
interface BackendLock {
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
interface Backend {
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
    watch?(listener: (cacheKey: string | undefined) => void, state?: (told: boolean, error?: unknown) => void): () => void;
    /** Gives up connections and memory; every later operation rejects with `BackendError`. Closing twice is harmless. */
    close?(): Promise<void>;
}

interface FileBackendOptions {
    /** Created, for its owner only, when it is missing. */
    directory: string;
    /**
     * Bytes of all files that this package wrote, at least 1 MiB. Default 1 GiB. Over it, and over `maxEntries`, later writes
     * remove entries that have ended, then those that end soonest, then of those that never do the oldest; until that is
     * done, some seconds at most, there may be more. Entries of other SDKs are not counted and stay. On Linux files tell
     * who wrote them; elsewhere only what this process wrote counts.
     */
    maxBytes?: number;
    /** How many of them, at least 1. Default 1,000,000. */
    maxEntries?: number;
    /** After how many milliseconds an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
    /** Unix time in milliseconds, for tests. Default `Date.now`. */
    now?: () => number;
}
/**
 * A store of one file for each cache key, shared with the other SDKs of a machine. Protocol: docs/protocol.md, "File backend".
 *
 * TTLs are whole seconds, rounded up, by the wall clock: set back by more than a minute, it ends the entries that were
 * written since, until it has caught up with them; by less, no entry has more than its TTL left. What goes with an entry
 * of another SDK, or is done by one, is not one step beside what is done here: `ifBytes`, `replace`, `setIfUnchanged`,
 * `lock`. Among the processes of this package everything is. The directory is of one machine, or of containers that see
 * the same clock, and on a local file system that has locks (`flock`).
 */
declare class FileBackend implements Backend {
    #private;
    readonly remembersMs = 60000;
    /** @throws TypeError, RangeError for an empty directory or a timeout outside its limits. */
    constructor(options: FileBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    /** @throws BackendError also when the file there is of a newer format; ValueTooLargeError over `maxBytes`. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    setIfUnchanged(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions & BackendUnchanged): Promise<boolean>;
    /** When the directory was removed, of any entry. */
    changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean>;
    lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** The fixed codes of every {@link CacheKitError}; branch on `error.code` or on the class. */
type CacheKitErrorCode = 'ERR_CONFIGURATION' | 'ERR_KEY' | 'ERR_KEY_PROVIDER' | 'ERR_UNKNOWN_KEY' | 'ERR_AUTHENTICATION' | 'ERR_SEALED_FORMAT' | 'ERR_ENVELOPE' | 'ERR_NONCE_EXHAUSTED' | 'ERR_SERIALIZATION' | 'ERR_VALUE_TOO_LARGE' | 'ERR_BACKEND' | 'ERR_TIMEOUT' | 'ERR_INCOMPLETE' | 'ERR_VALIDATION' | 'ERR_NATIVE_LOAD' | 'ERR_INTERNAL';
/** The base of every error this package throws, other than `TypeError` and `RangeError` for wrong arguments. */
declare abstract class CacheKitError extends Error {
    abstract readonly code: CacheKitErrorCode;
    get name(): string;
}
/** Options that contradict each other or miss something. Thrown at construction, never later. */
declare class ConfigurationError extends CacheKitError {
    readonly code = "ERR_CONFIGURATION";
}
/** A master key that is missing, malformed or already held, and every use after `destroy()`. */
declare class KeyError extends CacheKitError {
    readonly code = "ERR_KEY";
}
/** A key management service that failed or answered with what it should not. Its own error is not kept: it may quote an answer. */
declare class KeyProviderError extends CacheKitError {
    /** The service: `'AWS KMS'`. */
    readonly provider: string;
    /** Which key was asked for: `'masterKey'`, `'previousMasterKeys[0]'`. */
    readonly key: string;
    /** The HTTP status, where the service answered with one. */
    readonly status?: number | undefined;
    readonly code = "ERR_KEY_PROVIDER";
    constructor(message: string, 
    /** The service: `'AWS KMS'`. */
    provider: string, 
    /** Which key was asked for: `'masterKey'`, `'previousMasterKeys[0]'`. */
    key: string, 
    /** The HTTP status, where the service answered with one. */
    status?: number | undefined);
}
/** A value sealed for this tenant with a key that the keyring does not hold. */
declare class UnknownKeyError extends CacheKitError {
    /** In the value's header, of the key that is derived for the tenant: 32 hex digits. */
    readonly fingerprint: string;
    /** Of the key that is derived for this tenant from the current master key: 32 hex digits. */
    readonly currentFingerprint: string;
    /** Of the current master key, as `usage()` of a keyring has it: 32 hex digits. */
    readonly currentMasterFingerprint: string;
    readonly code = "ERR_UNKNOWN_KEY";
    constructor(
    /** In the value's header, of the key that is derived for the tenant: 32 hex digits. */
    fingerprint: string, 
    /** Of the key that is derived for this tenant from the current master key: 32 hex digits. */
    currentFingerprint: string, 
    /** Of the current master key, as `usage()` of a keyring has it: 32 hex digits. */
    currentMasterFingerprint: string);
}
/** The one failure of every open: wrong key, tenant, cache key or AAD, altered or truncated bytes. It carries no detail. */
declare class AuthenticationError extends CacheKitError {
    readonly code = "ERR_AUTHENTICATION";
    constructor();
}
/** Bytes around a sealed value (rotation header, `CK` frame) that are not what this reader is configured for. */
declare class SealedFormatError extends CacheKitError {
    readonly code = "ERR_SEALED_FORMAT";
}
/** An envelope or checksum that is malformed, over a limit, or does not match its payload. */
declare class EnvelopeError extends CacheKitError {
    readonly code = "ERR_ENVELOPE";
}
/** A nonce sequence has sealed 2^32 values; this sealer seals no more. */
declare class NonceExhaustedError extends CacheKitError {
    readonly code = "ERR_NONCE_EXHAUSTED";
    constructor();
}
/** A value that a serializer refuses, or a payload that it cannot read. */
declare class SerializationError extends CacheKitError {
    readonly code = "ERR_SERIALIZATION";
}
/** A value over the limit of 512 MiB, or over a limit that was configured. */
declare class ValueTooLargeError extends CacheKitError {
    readonly code = "ERR_VALUE_TOO_LARGE";
}
/** What a store said beside its failure. */
interface BackendErrorOptions extends ErrorOptions {
    status?: number;
    transient?: boolean;
    retryAfterMs?: number;
}
/** A store that failed or answered with what it should not. */
declare class BackendError extends CacheKitError {
    readonly code = "ERR_BACKEND";
    /** The HTTP status, where the store answered with one. */
    readonly status: number | undefined;
    /** Whether the same call may well succeed later: a lost connection, an overloaded server. */
    readonly transient: boolean;
    /** How long the store asked to be left alone, in milliseconds. */
    readonly retryAfterMs: number | undefined;
    constructor(message: string, { status, transient, retryAfterMs, ...options }?: BackendErrorOptions);
}
/** A store or loader that took longer than its timeout. */
declare class TimeoutError extends CacheKitError {
    readonly code = "ERR_TIMEOUT";
}
/**
 * An operation over many entries that failed, or was aborted, when some of them were dealt with: what was done stays done, and
 * the same call again does the rest. The cause is what ended it, the signal's reason for one.
 */
declare class IncompleteError extends CacheKitError {
    /** What was done, by kind: `{ removed: 500 }`. */
    readonly counts: Readonly<Record<string, number>>;
    readonly code = "ERR_INCOMPLETE";
    constructor(
    /** What was done, by kind: `{ removed: 500 }`. */
    counts: Readonly<Record<string, number>>, cause: unknown);
}
/** A value that does not pass the schema of `validate`. Nothing of the value is in it. */
declare class ValidationError extends CacheKitError {
    readonly code = "ERR_VALIDATION";
}
/** The native addon for this platform could not be loaded. */
declare class NativeLoadError extends CacheKitError {
    readonly code = "ERR_NATIVE_LOAD";
}
/** A defect in this package that was caught before it could end the process. Please report it. */
declare class InternalError extends CacheKitError {
    readonly code = "ERR_INTERNAL";
}

/** What the API's metrics headers tell. A cache's `stats()` has all of it. */
interface HttpMetrics {
    /** Calls answered with a stored value, from either tier. */
    hits: number;
    /** Of those, the ones answered in this process. */
    l1Hits: number;
    /** Calls answered with a value past its freshness, beside `hits`. Default 0. */
    staleHits?: number;
    misses: number;
}

interface HttpBackendOptions {
    /**
     * `https://host[:port][/path]`; requests go to its path + `/v1/cache/…`. Default: CACHEKIT_API_URL, which may name a
     * host that is not of the service only beside `CACHEKIT_ALLOW_CUSTOM_HOST=true`, or else `https://api.cachekit.io`.
     */
    url?: string;
    /** Sent as `Authorization: Bearer …`. Default: CACHEKIT_API_KEY. */
    apiKey?: string;
    /** Permit private and loopback hosts, and `http://` on loopback. Link-local and reserved addresses stay refused. */
    allowPrivateHosts?: boolean;
    /** Replaces the transport. The rules for the URL hold, but the addresses that a name resolves to are not checked. */
    fetch?: typeof globalThis.fetch;
    /** Replaces `dns.lookup`; what it answers is checked all the same. */
    lookup?: LookupFunction;
    /**
     * After how many milliseconds without a whole answer an operation rejects with TimeoutError, all its attempts
     * together. Default: CACHEKIT_TIMEOUT, which counts seconds, or else 5,000.
     */
    timeoutMs?: number;
    /** An answer over this many bytes is a BackendError. Default 32 MiB; the hosted service stores at most 25 MB. */
    maxResponseBytes?: number;
    /** Most connections open at once. Default: CACHEKIT_CONNECTION_POOL_SIZE, or else 32. */
    connections?: number;
    /**
     * How often a PUT or DELETE is sent again that was answered 503 with a `Retry-After` of at most two seconds; nothing
     * else ever is. Default: CACHEKIT_MAX_RETRIES, or else 1.
     */
    maxRetries?: number;
    /** What is sent as the API's metrics, asked for each request: `() => cache.stats()`. Default: no metrics. */
    metrics?: () => HttpMetrics;
}

/** What a cache server says of itself. */
interface HttpHealth {
    healthy: boolean;
    /** Milliseconds until the answer, or until it was given up. */
    latencyMs: number;
    /** `'unknown'` where the server does not say. */
    version: string;
    cacheEntries?: number;
    activeLocks?: number;
    /** Why it is not healthy: a BackendError, a TimeoutError. */
    error?: CacheKitError;
}
/**
 * A store behind the CacheKit HTTP API. Protocol: docs/protocol.md, "HTTP API".
 *
 * TTLs are whole seconds there, rounded up, at most 30 days. `get` tells how long an entry is fresh rather than when
 * the server forgets it. `delete` and `expire` cannot tell whether an entry existed, and `ifBytes` compares before it
 * deletes, not in one step.
 */
declare class HttpBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError, ConfigurationError for a URL or API key that is missing or not allowed. */
    constructor(options?: HttpBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    /** Of `ttlMs`, all but the last `staleMs` are the API's TTL, and these its stale TTL. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    /** The entry is fresh for `ttlMs` from now, and keeps the stale time it was set with; a stale one stays as it is. */
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    /** Milliseconds until the server forgets the entry, its stale time included; `Infinity` for never, `undefined` for a miss. */
    ttl(cacheKey: string, options?: BackendOptions): Promise<number | undefined>;
    /** The lock's `extend` gives it back and takes it again: the API cannot lengthen a lease. */
    lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
    /** Whether the server can be used. It never rejects. */
    health(options?: BackendOptions): Promise<HttpHealth>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Carries messages between processes that share a store, so that copies in memory end when another process changes an entry.
 * `redisBus` makes one of a Redis client; any system that reaches every process will do.
 *
 * A message is text of at most 1 MiB. It names cache keys and tags, unless the cache has `privateKeys`: then it is sealed. Its form
 * is no part of the public API. Whoever can send messages can end copies, and nothing else.
 */
interface InvalidationBus {
    /** Sends a message to the listeners of every process; those of this one may get it or not. Rejects when it may not have been sent. */
    publish(message: string): Promise<unknown>;
    /**
     * Calls `listener` with each message, in whatever order and however often, and with `undefined` when messages may have been missed.
     * Returns what ends it.
     *
     * `state` is called with `false`, and with the error once it is known, while messages do not arrive, and with `true` when they do
     * again. Without any call they do.
     */
    subscribe(listener: (message: string | undefined) => void, state?: (told: boolean, error?: unknown) => void): () => void;
}

/**
 * A storage adapter for Keyv, version 5 or 6, as far as it is used here: what `new Keyv({ store })` takes. `set` gets
 * milliseconds to live, or the Unix time of the end when `capabilities.expires` is true.
 */
interface KeyvStorageAdapter {
    readonly capabilities?: unknown;
    get(name: string): unknown;
    set(name: string, value: string, time?: number): unknown;
    delete(name: string): unknown;
    clear?(): unknown;
    getMany?(names: string[]): unknown;
    deleteMany?(names: string[]): unknown;
    iterator?(namespace?: string): AsyncIterable<readonly [name: string, value: unknown]>;
    on?(event: 'error', listener: (error: unknown) => void): unknown;
    off?(event: 'error', listener: (error: unknown) => void): unknown;
}
/** A Keyv instance, version 5 or 6, as far as it is used here. */
interface KeyvInstance {
    readonly namespace?: string | undefined;
    get(name: string): Promise<unknown>;
    set(name: string, value: unknown, ttl?: number): Promise<unknown>;
    delete(name: string): Promise<unknown>;
}

interface KeyvBackendOptions {
    /** A Keyv instance or a storage adapter for one, of Keyv 5 or 6, connected and closed by its owner. */
    store: KeyvInstance | KeyvStorageAdapter;
    /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
}
/**
 * Any store that Keyv has an adapter for.
 *
 * Bytes are stored as base64 in Keyv's own form, `{ value, expires }` and `machineEnd`, with the instance's namespace, serialization,
 * compression and encryption but without its hooks, statistics and key sanitization, which could change what is
 * stored or where. Entries end by the wall clock or the clock that the processes of the machine share, whichever says
 * so first; on another machine, and after a restart, a wall clock that was set back lengthens them. `ifBytes` compares before it deletes, not in one step. What a store reports as an `error` event
 * while an operation is under way, instead of failing it, is a BackendError and no miss.
 */
declare class KeyvBackend implements Backend {
    #private;
    /** Of stores that list what they have: adapters of `@keyv/redis` without a namespace leave out names with `::`. */
    readonly keys?: NonNullable<Backend['keys']>;
    /** @throws TypeError for what is neither, a Map among them: wrap it, as `new Keyv({ store: map })`; RangeError. */
    constructor(options: KeyvBackendOptions);
    /** The instance's namespace, as it is written into names. */
    get keyPrefix(): string;
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    /** The store stays open: it is its owner's. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

interface LmdbBackendOptions {
    /** Created, for its owner only, when it is missing. Must be on a local disk. */
    directory: string;
    /**
     * Bytes that entries take on disk in all, at least 1 MiB; the file may get somewhat larger. Default 1 GiB. When they
     * are reached, expired entries go, then those that expire soonest, then of those that never do the oldest. Of
     * processes with different bounds each keeps to its own when it writes.
     */
    maxBytes?: number;
    /** After how many milliseconds a write rejects with TimeoutError. Default 5,000. Reads take no time to speak of. */
    timeoutMs?: number;
    /** Unix time in milliseconds, for tests. Default `Date.now`. */
    now?: () => number;
}
/**
 * A store in a directory that all processes of a machine share, memory-mapped by LMDB (package `lmdb`).
 *
 * A read is synchronous inside: it costs about a microsecond and no thread, and sees what was written before the callback
 * of the event loop that reads. A write is done when all processes can see it, and survives any of them being killed. On Linux
 * entries last until the machine restarts, as nothing waits for the disk; elsewhere they stay, and a write
 * waits. Expired entries are reclaimed with later writes. TTLs follow the wall clock: set forward it ends entries
 * early; set back by more than a minute it ends those written since.
 *
 * The first use opens the directory, which waits for what other processes are just writing or opening, without holding
 * up the event loop; if a process stays in its transaction, that is a BackendError or TimeoutError, tried again by later
 * uses. A directory that is removed is noticed within half a second and re-created.
 *
 * All processes must be of one user or have the same rights to the directory, and be of one machine, or containers of one
 * that have the same directory mounted and see the same clock. It must be on a local file system that has locks (`flock`)
 * and shared memory maps: none over a network (NFS, SMB), none that a virtual machine shares with its host (9p, VirtioFS).
 */
declare class LmdbBackend implements Backend {
    #private;
    readonly remembersMs = 60000;
    /** @throws TypeError, RangeError; ConfigurationError when the package `lmdb` is not installed. */
    constructor(options: LmdbBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    getNow(cacheKey: string): BackendEntry | undefined;
    /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    /** In as many transactions as it takes not to hold the event loop for long; of equal cache keys the last counts. */
    setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void>;
    deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    keys({ prefix, ...options }?: BackendKeysOptions): AsyncGenerator<string>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean>;
    /** Each step of some hundred entries is one transaction. */
    invalidateTags(tags: readonly string[], options?: BackendTagOptions): Promise<number>;
    setIfUnchanged(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions & BackendUnchanged): Promise<boolean>;
    /** Also when the entry was set and has ended since; when the directory was removed, of any entry. */
    changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean>;
    lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
    /** Waits for the writes under way. Entries stay. @throws TimeoutError when they take too long. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

interface MemoryBackendOptions {
    /**
     * Bytes held in all, in native memory: with cache keys, tags and what the tables take. Default 64 MiB. One entry takes six tenths
     * of it at most.
     */
    maxBytes?: number;
    /** A monotonic clock in milliseconds, for tests. Default: the one that `cachekit-native/testing` can move. */
    now?: () => number;
}
/**
 * The store inside this process, bounded in bytes.
 *
 * What is stored is copied in and copied out: its memory is native, and the garbage collector does not see it. What was used least,
 * and longest ago, leaves first.
 */
declare class MemoryBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError for `maxBytes` outside 1 … 2^53 − 1. */
    constructor(options?: MemoryBackendOptions);
    /** Bytes held, as `maxBytes` counts them. */
    get size(): number;
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    getNow(cacheKey: string): BackendEntry | undefined;
    /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    setIfUnchanged(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions & BackendUnchanged): Promise<boolean>;
    changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void>;
    deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    keys({ prefix, ...options }?: BackendKeysOptions): AsyncGenerator<string>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    /** @throws ValueTooLargeError for bytes that alone are over `maxBytes`; those that were there stay. */
    replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean>;
    invalidateTags(tags: readonly string[], options?: BackendOptions): Promise<number>;
    lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

type Listener = (error: Error) => void;
/** An ioredis or iovalkey client, as far as it is used here. */
interface IoredisClient {
    readonly options: {
        readonly enableAutoPipelining?: boolean | undefined;
        readonly stringNumbers?: boolean | undefined;
        readonly redisOptions?: {
            readonly stringNumbers?: boolean | undefined;
        } | undefined;
        readonly keyPrefix?: string | undefined;
        readonly host?: string | undefined;
        readonly port?: number | undefined;
    };
    readonly status: string;
    readonly stream?: {
        cork?(): void;
        uncork?(): void;
    };
    connect(): Promise<void>;
    sendCommand(command: never): unknown;
    callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>;
    pipeline(): IoredisPipeline;
    on(event: string, listener: Listener): unknown;
    off(event: string, listener: Listener): unknown;
}
interface IoredisPipeline {
    callBuffer(name: string, ...args: (string | Buffer)[]): unknown;
    exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}
/** A cluster client of ioredis or iovalkey, as far as it is used here. */
interface IoredisClusterClient extends IoredisClient {
    /** For each slot the addresses of its servers, `host:port`, the master first. */
    readonly slots: readonly (readonly string[] | undefined)[];
    nodes(role: 'master'): IoredisClient[];
}
/** A client of the package `redis` (5 or later), as far as it is used here. */
interface NodeRedisClient {
    readonly isReady?: boolean;
    readonly isOpen?: boolean;
    sendCommand(args: readonly (string | Buffer)[], options?: NodeRedisCommandOptions): Promise<unknown>;
    withTypeMapping(mapping: Record<number, unknown>): unknown;
    on(event: string, listener: Listener): unknown;
    off(event: string, listener: Listener): unknown;
}
/** A cluster client of the package `redis`, as far as it is used here. */
interface NodeRedisClusterClient {
    readonly isReady?: boolean;
    readonly isOpen?: boolean;
    readonly slots: readonly ({
        readonly master: NodeRedisClusterNode;
    } | undefined)[];
    readonly masters: readonly NodeRedisClusterNode[];
    nodeClient(node: NodeRedisClusterNode): unknown;
    sendCommand(firstKey: string | Buffer | undefined, isReadonly: boolean | undefined, args: (string | Buffer)[], options?: NodeRedisCommandOptions): Promise<unknown>;
    on(event: string, listener: Listener): unknown;
    off(event: string, listener: Listener): unknown;
}
/** One master of a {@link NodeRedisClusterClient}. */
interface NodeRedisClusterNode {
    readonly host: string;
    readonly port: number;
}
interface NodeRedisCommandOptions {
    typeMapping?: Record<number, unknown>;
    timeout?: number | undefined;
    abortSignal?: AbortSignal | undefined;
}
type RedisClient = IoredisClient | IoredisClusterClient | NodeRedisClient | NodeRedisClusterClient;

type RedisLibrary = 'ioredis' | 'redis';

interface RedisBusOptions {
    /**
     * The channel of messages, the same in all processes. A user of Redis needs the right to it and to what begins with it
     * (`&cachekit:invalidation*`). Default `cachekit:invalidation`.
     */
    channel?: string;
}
/**
 * Carries invalidations over Redis's publish and subscribe, with a client that you have: of `ioredis`, `iovalkey` or `redis`, for one server or for
 * a cluster. It publishes with the client itself and subscribes on a connection of its own, made as the client's `duplicate()`,
 * which ends with the last cache that listens. The client stays open.
 *
 * @throws TypeError and ConfigurationError for what is no such client, as RedisBackend.
 */
declare function redisBus(client: RedisClient, options?: RedisBusOptions): InvalidationBus;

interface RedisBackendOptions {
    /**
     * `redis://[user[:password]@]host[:port][/database][?family=6]`, or `rediss://` for TLS (`?ca=file.pem`); for a cluster
     * `redis+cluster://host,host…`, of Sentinels `redis+sentinel://host,host…/name`; `unix:/path`. See docs/redis.md. Either this or `client`.
     */
    url?: string;
    /**
     * A client of `ioredis`, `iovalkey` or `redis` (5 or later), for one server or for a cluster, connected and closed by
     * its owner. A `keyPrefix` of an ioredis client is part of what a value is bound to. While it is not connected, operations reject rather than wait in its queue.
     */
    client?: RedisClient;
    /** Which package to use for `url`. Default: `ioredis` when it is installed, else `redis`. */
    library?: RedisLibrary;
    /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
}
/**
 * A store in Redis or Valkey, one server or a cluster: one string for each cache key, under exactly that name, with its
 * TTL in milliseconds.
 *
 * With a URL the connection is made by the first operation and again, when it was lost, by the next one. Operations of
 * one tick are sent together, their gets as one MGET.
 */
declare class RedisBackend implements Backend {
    #private;
    /** Half a minute: a deletion leaves a mark of some 200 bytes for so long. */
    readonly remembersMs: number;
    /**
     * By the servers' client-side caching, on a connection of its own to each. Of a URL's backend alone: a borrowed
     * client's reads are remembered only by changing the state of its owner's connection.
     */
    readonly watch?: NonNullable<Backend['watch']>;
    /** That of an ioredis client. */
    readonly keyPrefix?: string;
    /** @throws TypeError, RangeError, ConfigurationError for a bad URL or a missing package. */
    constructor(options: RedisBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    setIfUnchanged(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions & BackendUnchanged): Promise<boolean>;
    changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void>;
    deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    keys(options?: BackendKeysOptions): AsyncGenerator<string>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean>;
    /** Each step of at most 500 entries has the time limit of its own. */
    invalidateTags(tags: readonly string[], options?: BackendTagOptions): Promise<number>;
    isTagged(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined>;
    /** Waits up to a second for what is under way; what begins later rejects. A client that was passed in stays open. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A master key: a string of hex digits (at least 64, so 32 bytes), or at least 16 raw bytes,
 * with one warning in a process for fewer than 32. Exactly 32 bytes is what every SDK takes.
 */
type MasterKeyInput = string | Uint8Array;

/** Seconds as a number, or a number with its unit: `'250ms'`, `'30s'`, `'10m'`, `'1h'`, `'7d'`. */
type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** How often one master key was used by this process. */
interface KeyUsage {
    /** Fingerprint of the master key: 32 hex digits. */
    fingerprint: string;
    position: 'current' | 'previous' | 'staged';
    seals: number;
    /** Opens that succeeded. */
    opens: number;
    lastUsed: Date | undefined;
    /** When this keyring got the key: what it does not know of use is before that. */
    heldSince: Date;
}
/** A key by its two names: 32 hex digits each. */
interface KeyFingerprints extends Pick<KeyUsage, 'fingerprint' | 'position'> {
    tenantId: string;
    /** Of the key that is derived from it for this tenant: what rotation headers, frames and an UnknownKeyError name. */
    tenantFingerprint: string;
}

/** The keys that a key management service holds for an application. */
interface ProvidedKeys {
    masterKey: MasterKeyInput;
    /** Newest first, at most 3. */
    previousMasterKeys?: readonly MasterKeyInput[];
    /** Called once the keys are held in Rust, or not wanted any more: here a provider overwrites its arrays. */
    [Symbol.dispose]?(): void;
}
/** Fetches keys, for instance by unwrapping them with a KMS. */
type KeyProvider = (options: {
    signal: AbortSignal;
}) => Promise<ProvidedKeys> | ProvidedKeys;

interface KeyProviderOptions {
    /** Ends the wait for the first keys, and later the refresh. */
    signal?: AbortSignal | undefined;
    /** How long each call of the provider may take. Default `'10s'`. */
    timeout?: Duration | undefined;
    /** How long a provider that fails at the start is called again, with exponential back-off. Without it, it is called once. */
    startup?: Duration | undefined;
    /**
     * The longest time between two calls of the provider in the background; each is up to a fifth earlier, at random. The keyring
     * follows what it answers, and keeps its keys while it fails. Without it, the provider is not called again. `destroy()` ends it.
     */
    refresh?: Duration | undefined;
    /** Told of each failure after which the provider is called again. Without it, the first one of an outage is a process warning. */
    onError?: ((error: unknown) => void) | undefined;
}

interface KeyringOptions {
    /** Seals and opens. Default: CACHEKIT_MASTER_KEY, and with it CACHEKIT_PREVIOUS_MASTER_KEYS. */
    masterKey?: MasterKeyInput | undefined;
    /** Open only, newest first, at most 3. */
    previousMasterKeys?: readonly MasterKeyInput[];
    /**
     * Removes CACHEKIT_MASTER_KEY and CACHEKIT_PREVIOUS_MASTER_KEYS from `process.env` once the keys are held: libraries that print the
     * environment, and child processes, do not get them. Give this keyring to every cache then.
     */
    clearEnvironment?: boolean | undefined;
}

/** How nonces are made: a counter per process, or 12 random bytes, for platforms that clone a running process's memory. */
type NonceMode = 'counter' | 'random';

/**
 * One master key that seals and up to three that only open, so that a key can be replaced while values
 * sealed with the old one are still stored.
 *
 * In a fleet: `stage(new)` in every process, then `startRotation(new)` in every process, then, when
 * `usage()` shows that the old key is not needed any more, `completeRotation()`.
 *
 * Protocol: docs/protocol.md, "Rotation Header".
 */
declare class Keyring implements Disposable {
    #private;
    /**
     * @throws ConfigurationError when there is no key or an option that there is not, KeyError for a malformed or repeated key
     *   and for more than 3 previous ones.
     */
    constructor(options?: KeyringOptions);
    /**
     * Keys from a key management service. With `refresh` it is asked again in the background, and what it answers is followed:
     * docs/key-providers.md.
     *
     * @throws TimeoutError when the provider takes too long, ConfigurationError for an unknown option or field and for no key, the
     *   signal's reason, and what the provider throws.
     */
    static fromProvider(provider: KeyProvider, options?: KeyProviderOptions): Promise<Keyring>;
    /**
     * Adds a key that only opens, ahead of a rotation to it.
     *
     * @throws KeyError when it is held already or three keys besides the current one are.
     */
    stage(key: MasterKeyInput): void;
    /**
     * Drops and wipes a key that was staged: by mistake, or for a rotation that is called off. What another process has sealed with it
     * cannot be opened here any more.
     *
     * @throws KeyError when it is not staged.
     */
    unstage(key: MasterKeyInput): void;
    /**
     * Seals with `key` from now on; the current key becomes the newest previous one. A key that is staged
     * or previous is promoted, an unknown one is added.
     *
     * @throws KeyError when it is the current key, or when three previous keys are held already.
     */
    startRotation(key: MasterKeyInput): void;
    /** Swaps the current key with the newest previous one. @throws KeyError when there is none. */
    rollback(): void;
    /**
     * Drops and wipes the previous keys; what was sealed with them cannot be opened any more. Refused while the newest
     * `keyReport` or `rewrap` of a cache in this process says that stored values need one of them, or may: those of tenants that nobody
     * named, of a store that it cannot list, and all behind where it was ended early.
     *
     * @param options.ifUnusedFor refuses while a previous key has sealed or opened something, in this process, within this time,
     *   and while the keyring itself is younger than that: it cannot know.
     * @param options.force drops them whatever is reported or used.
     * @throws KeyError when there is no previous key, or one is needed.
     */
    completeRotation(options?: {
        ifUnusedFor?: Duration;
        force?: boolean;
    }): void;
    /** Whether previous keys are held. */
    get rotating(): boolean;
    /** Nonces left in the sequence of each kind, of 2^32. The counters are renewed when they end; random ones are not: then seals fail. */
    get sealsRemaining(): {
        counter: number;
        random: number;
    };
    /** Every key held: the current one first, then the previous ones, newest first, then the staged ones. */
    usage(): KeyUsage[];
    /**
     * Every key held, as {@link usage} orders them, by what two places name it: an error, a header and `inspect` name the key that is
     * derived for a tenant, `usage` and metrics the master key.
     *
     * @param options.tenantId default `'default'`.
     */
    fingerprints(options?: {
        tenantId?: string;
    }): KeyFingerprints[];
    /** Wipes every key; any later use is a KeyError. Async work under way finishes. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/** How the columns of an Arrow file are compressed. */
type ArrowCompression = 'zstd' | 'lz4';

/**
 * Turns values into bytes and back. Any object of this shape can be used wherever a serializer is taken.
 *
 * ```ts
 * const lines: Serializer<string[]> = {
 *   format: 'lines',
 *   serialize: (value) => Buffer.from(value.join('\n')),
 *   deserialize: (payload) => Buffer.from(payload).toString().split('\n'),
 * };
 * ```
 */
interface Serializer<T = unknown> {
    /**
     * The name of the encoding, 1 to 255 bytes of UTF-8. It is authenticated with every sealed value: bytes sealed under one
     * format never open under another.
     */
    readonly format: string;
    /**
     * What goes around the payload before it is sealed: `envelope` compresses and checksums it (the default),
     * `checksum` puts eight bytes in front, `none` adds nothing.
     */
    readonly container?: 'envelope' | 'checksum' | 'none';
    /** The flag that is authenticated with every sealed value. Default: whether the container is `envelope`. */
    readonly compressed?: boolean;
    /** A further name that is authenticated with every sealed value. Default: none. */
    readonly originalType?: string | undefined;
    /**
     * The payload of a value. What it returns is read at once or copied, and never changed.
     *
     * @throws an error of its own for a value that it does not carry.
     */
    serialize(value: T): Uint8Array;
    /**
     * The value of a payload that `serialize` returned, in this process or another. The bytes are the callee's to keep.
     *
     * @throws an error of its own for anything else.
     */
    deserialize(payload: Uint8Array): T;
}

/** What is used here of a Table of `apache-arrow`, which is an optional peer: `ArrowSerializer<Table>` has its full type. */
interface ArrowTable {
    readonly numRows: number;
    readonly numCols: number;
    readonly schema: {
        readonly fields: readonly {
            readonly name: string;
        }[];
    };
}
/** What is used here of the module `apache-arrow`. */
interface ArrowModule<T extends ArrowTable = ArrowTable> {
    readonly Table: {
        readonly prototype: T;
    };
    readonly Schema: unknown;
    readonly RecordBatch: unknown;
    readonly Vector: unknown;
    readonly Data: unknown;
    readonly DataType: unknown;
    readonly RecordBatchFileWriter: unknown;
    readonly AsyncByteQueue: unknown;
    makeData(rows: never): unknown;
    tableFromIPC(bytes: Uint8Array): unknown;
}
interface ArrowSerializerOptions<T extends ArrowTable = ArrowTable> {
    /**
     * Your `import * as arrow from 'apache-arrow'`. It is needed only when there is more than one copy of the package.
     * Default: the one that `import 'apache-arrow'` gives.
     */
    arrow?: ArrowModule<T>;
    /**
     * Compresses the columns, as the Python SDK does with zstd. `'zstd'` needs Node 22.15 or the package
     * `@bokuweb/zstd-wasm`; reading such files needs the same and no option. Default: no compression, which is faster, and
     * lets the columns of a table that was read be views of the payload.
     */
    compression?: ArrowCompression;
    /** The flag that is authenticated with every sealed value; it compresses nothing. Default: whether `compression` is set. */
    compressed?: boolean;
}
/**
 * Tables of `apache-arrow` as Arrow IPC files, which is what other SDKs hold DataFrames in.
 *
 * Files are written without compression unless `compression` says otherwise, and read either way. A table is read back
 * as it was or refused when it is written: dictionaries that differ between its batches become one, as a file has room for
 * no more, with the indices that the schema says; data of another type than its field in the schema, offsets that fall,
 * indices outside a dictionary, rows of a union that are not there, a schema nested deeper than 60 levels, a dictionary of
 * dictionaries or with indices of 64 bits, and a column of another copy of `apache-arrow` are refused. The columns of a table that was read are views of an uncompressed payload
 * where its memory is aligned to eight bytes: no copy is made, and the payload stays in memory as long as the table.
 *
 * @throws TypeError, RangeError for a wrong type or compression, ConfigurationError when `apache-arrow` or the package
 *   for the compression is not installed, with the command that installs it.
 */
declare class ArrowSerializer<T extends ArrowTable = ArrowTable> implements Serializer<T> {
    #private;
    readonly format = "arrow";
    readonly container = "checksum";
    readonly compressed: boolean;
    readonly originalType: undefined;
    constructor(options?: ArrowSerializerOptions<T>);
    /**
     * @throws SerializationError for anything but a Table, for one that another copy of `apache-arrow` made, and for one that
     *   would not be read back as it is, with the position of the column.
     */
    serialize(value: T): Uint8Array;
    /**
     * @throws TypeError for a wrong type, SerializationError for bytes that are not an Arrow file that can be read here; what
     *   is not supported is named, with the position of the column.
     */
    deserialize(payload: Uint8Array): T;
}

/**
 * Who shares the stored bytes: every process of this package (`protocol`), every CacheKit SDK (`interop`, and compressed
 * `interop-v2`, which is a draft), or a Python `@cache` function (`python`). A reader never guesses it from bytes.
 */
type Wire = 'protocol' | 'interop' | 'interop-v2' | 'python';

type RotationHeaderMode = 'auto' | 'always' | 'never';

/** What a value is bound to besides its tenant's key. */
interface ValueContext {
    /** The full cache key, not empty. */
    cacheKey: string;
    /** Default: the wrapper's own. */
    tenantId?: string;
}
interface AsyncValueContext extends ValueContext {
    /** Honoured until the work has started. */
    signal?: AbortSignal;
}
interface ValueToSerialize<T> extends ValueContext {
    value: T;
}
interface ValueToDeserialize extends ValueContext {
    sealed: Uint8Array;
}
type DeserializeResult<T> = {
    ok: true;
    value: T;
} | {
    ok: false;
    error: CacheKitError | Error;
};

type BreakerState = 'open' | 'half-open' | 'closed';

/** How long something took, in numbers of a fixed size. */
interface LatencyStats {
    count: number;
    /** Milliseconds of all together. */
    sumMs: number;
    /** How many took at most `leMs` (the last: `Infinity`), those of the smaller buckets included. */
    buckets: {
        leMs: number;
        count: number;
    }[];
}
/** What has happened so far, in plain numbers, and how things are: nothing here tells of a key or a value. */
interface CacheStats {
    /** Calls answered with a stored value. */
    hits: number;
    /** Of those, the ones answered from this process's own first tier. */
    l1Hits: number;
    /** Calls answered with a value past its TTL, because of `swr` or `staleIfError`; they are no hits. */
    staleHits: number;
    /** Calls for which nothing usable was stored. */
    misses: number;
    /** How often a function ran, which is less than `misses` when calls shared a run. */
    loads: number;
    /** Of those, the ones that threw or took longer than their timeout. */
    loadErrors: number;
    /** Values stored. */
    sets: number;
    /** Entries that did not open: another key, tenant or cache key, altered bytes, a foreign format. */
    authenticationFailures: number;
    /** Entries sealed with a key that the keyring does not hold. */
    unknownKeys: number;
    /** Entries whose envelope or payload could not be read. */
    unreadableValues: number;
    /** Entries whose value does not pass `validate`. */
    invalidValues: number;
    /** Values that were returned but not stored, because the serializer or the sealer refused them. */
    refusedValues: number;
    /** Values that were returned but not stored, because they are over a limit. */
    oversizeValues: number;
    /** Operations that the backend failed, and those that were not asked of it while its circuit breaker was open. */
    backendErrors: number;
    /** Waits for another process that was loading the same entry. */
    lockWaits: number;
    /** Reading an entry from the backend. */
    readLatency: LatencyStats;
    /** Giving an entry to the backend. */
    writeLatency: LatencyStats;
    /** Running functions. */
    loadLatency: LatencyStats;
    /** Entries held in this process now. */
    l1Entries: number;
    /** Bytes they take, as `l1.maxBytes` counts them. */
    l1Bytes: number;
    /** The circuit breaker of the backend; `undefined` without one. Of a cache with several (functions with keys of their own) the worst. */
    breaker: BreakerState | undefined;
}

/**
 * What a cache publishes on `node:diagnostics_channel`, each under `cachekit-native:` and its name here. An event without
 * subscribers costs nothing.
 *
 * | event | when | beside {@link CacheEvent} |
 * |---|---|---|
 * | `hit` | a stored value answers a call | `tier`: `'l1'` or `'backend'` |
 * | `stale` | a value past its TTL answers | `reason`: `'swr'` or `'error'` |
 * | `miss` | nothing usable is stored | |
 * | `load` | a function has run | `ms`, `ok` |
 * | `read`, `write` | the backend has answered a cache miss of L1, or taken a value | `ms`, `bytes` |
 * | `delete` | an entry is removed by name | |
 * | `invalidate` | entries are removed by tags | `tags`: how many tags, `entries`: how many entries |
 * | `failure` | something is counted instead of thrown | `kind`, `code` |
 * | `lock` | another process has an entry's lock | `ms`: how long this one waited |
 * | `breaker` | the backend's circuit breaker changes | `state`: `'open'`, `'half-open'` or `'closed'` |
 *
 * Those of keyrings are in `KeyEvent`.
 */
interface CacheEvent {
    /** The options' namespace and operation, where there are. */
    namespace?: string | undefined;
    operation?: string | undefined;
    /** 16 hex digits that tell entries apart: a hash of the cache key under a random key of this process. */
    entry?: string;
    tier?: 'l1' | 'backend';
    reason?: 'swr' | 'error';
    ms?: number;
    bytes?: number;
    ok?: boolean;
    kind?: FailureKind;
    /** The error's fixed code. */
    code?: string | undefined;
    tags?: number;
    entries?: number;
    state?: 'open' | 'half-open' | 'closed';
}
type FailureKind = 'backend' | 'unopened' | 'unreadable' | 'invalid' | 'unknown-key' | 'refused' | 'oversize' | 'refresh';

/**
 * Whether an error says where in a value the refused part is with names (`.orders[3].customer`) or with positions only
 * (`{0}[3]{1}`), for values whose property names must not be seen either.
 */
type ErrorPaths = 'names' | 'positions';

/** An AsyncLocalStorage that holds the tenant id of the request. Outside of one, a call is a TypeError. */
interface TenantStore {
    getStore(): string | undefined;
}

/** Whatever is of the interface Standard Schema, version 1: the schemas of zod, valibot, arktype and others. */
interface StandardSchema<Output = unknown> {
    readonly '~standard': {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
        readonly types?: {
            readonly input: unknown;
            readonly output: Output;
        } | undefined;
    };
}
/** `issues`: the value does not pass. */
type SchemaResult<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly unknown[];
};

/** A number with its unit, as {@link Duration} without the bare number: `500` would be seconds, and be meant as milliseconds. */
type Span = Exclude<Duration, number>;
/** How long things may take. */
interface TimeoutOptions {
    /** One operation of the backend. Default `'5s'`; the function then runs, as for a miss. */
    backend?: Span;
    /**
     * How long each caller waits for the function, and then gets a TimeoutError (or a stale value). The function goes on: later
     * callers wait for the same run, and its result is stored, unless it takes longer than ten times this time (without
     * `load`: 10 minutes), after which another run may begin. Default false: as long as it takes.
     */
    load?: Span | false;
    /**
     * The function can ask for an AbortSignal, `cache.signal()`, that fires `load` after it began. The run then ends: its callers
     * get a TimeoutError, another run may begin, and what the function still returns is not stored. Needs `load`. Default false.
     */
    signal?: boolean;
}
/** How long after a failure a function is not run again, while a stale value can answer. */
interface BackoffOptions {
    /** After the first failure; twice as long after each further one, and in fact at random between half of that and all of it. Default `'1s'`. */
    first?: Span;
    /** At most. Default `'1m'`. */
    max?: Span;
}
interface LockOptions {
    /** After how long the lock of a process that died is free; one that lives renews it. Default `'5s'`. */
    lease?: Span;
    /** How long to wait for the process that has the lock, before running the function all the same. Default `'30s'`. */
    wait?: Span;
}
/** When the backend is left alone because it fails. */
interface BreakerOptions {
    /** Failures in a row. Default 5. */
    failures?: number;
    /** How long until one operation tries again. Default `'1s'`. */
    rest?: Span;
}
/** Entries held in this process. */
interface L1Options {
    /**
     * Bytes held at most, about as many as the memory of the process grows by: entries, tags and the tables that find them. They are
     * native memory, which a limit of the JavaScript heap does not bound. One entry takes six tenths of them at most. Default 64 MiB.
     */
    maxBytes?: number;
    /** The longest that a copy of what the backend has is kept. Default: as long as the entry lives. */
    ttl?: Duration;
    /**
     * Keep the decoded objects and hand out those same objects. They are plaintext in memory, also in a secure cache,
     * and callers must not change them. `maxBytes` then bounds what they are estimated to take in the JavaScript heap: an object that
     * several entries share counts in each, and what getters, closures and private fields hold is not seen. Default false: bytes, in a
     * secure cache ciphertext.
     */
    values?: boolean;
    /**
     * Forget an entry when another process changes it, where the backend can tell (Redis with client-side caching).
     * Default true.
     */
    invalidation?: boolean;
}

/** Which keys encrypt, for whom, and who else reads the values. */
interface KeyOptions {
    /** 64 hex digits or 32 bytes. Default, where encryption is asked for: CACHEKIT_MASTER_KEY. Not together with `keyring`. */
    masterKey?: MasterKeyInput | undefined;
    /** Encrypts with the keys of this keyring, which its owner destroys: others may use it too. */
    keyring?: Keyring | undefined;
    /** The tenant that the values belong to: 1 to 1,024 bytes as UTF-8. Default `'default'`. */
    tenantId?: string | undefined;
    /** `'random'` for platforms that clone a running process's memory. Default `'counter'`. */
    nonces?: NonceMode | undefined;
    /** Default `'protocol'`. */
    wire?: Wire | undefined;
}

interface FrameMetadata {
    format: 'msgpack' | 'orjson' | 'arrow';
    compressed: boolean;
    originalType: string | null;
    encrypted: boolean;
    tenantId: string | undefined;
    keyFingerprint: string | undefined;
}

/** What stored bytes show to anybody; nothing of it is authenticated. */
interface InspectedValue {
    wire: Wire;
    /** All stored bytes. */
    length: number;
    /** The container's bytes inside the seal; 0 when the bytes are too short to be a sealed value. */
    plaintextLen: number;
    header?: {
        keyFingerprint: string;
        tenantIdHash: string;
        keyVersion: 0 | 1;
    };
    frame?: {
        serializerName: string;
    } & FrameMetadata;
    /** The held key that the header or frame names for this tenant; of a wrapper alone. */
    key?: KeyFingerprints;
    /** The two halves of the nonce. */
    instanceId?: bigint;
    counter?: number;
}

interface EncryptionWrapperOptions<T = unknown> extends KeyOptions {
    /** Default: StandardSerializer (InteropSerializer for wire `interop`). */
    serializer?: Serializer<T> | Serializer;
    /** When a header names the key in front of a value: `'auto'` is while keys are being rotated. */
    rotationHeader?: RotationHeaderMode;
    /** False: no compression, so that a value's length does not tell what parts of it have in common. Default true. */
    compress?: boolean | undefined;
}
/**
 * Serializes values and seals them, each bound to its tenant and cache key: a serializer with encryption.
 *
 * @example
 * const wrapper = new EncryptionWrapper({ masterKey: process.env.CACHEKIT_MASTER_KEY });
 * const sealed = wrapper.serialize({ ssn: '123-45-6789' }, { cacheKey: 'users:1' });
 * wrapper.deserialize(sealed, { cacheKey: 'users:1' }); // { ssn: '123-45-6789' }
 *
 * Protocol: docs/protocol.md, "Ciphertext Format".
 */
declare class EncryptionWrapper<T = unknown> implements Disposable {
    #private;
    /**
     * @throws ConfigurationError for no key, two keys, or a combination that the wire does not have;
     *   KeyError for a malformed key; TypeError and RangeError for wrong options.
     */
    constructor(options?: EncryptionWrapperOptions<T>);
    /**
     * @returns bytes that the caller owns.
     * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
     */
    serialize(value: T, context: ValueContext): Buffer;
    /**
     * @throws AuthenticationError when the key, tenant, cache key or bytes are not those that were sealed; UnknownKeyError when
     *   the value names a key that is not held; SealedFormatError for another wire's frame; EnvelopeError and
     *   SerializationError for a content that this serializer does not read; KeyError after `destroy`.
     */
    deserialize(sealed: Uint8Array, context: ValueContext): T;
    /** Serializes now and seals off the event loop. @throws (rejects) as {@link serialize}, or with the signal's reason. */
    serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer>;
    /** Opens off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link deserialize}, or with the signal's reason. */
    deserializeAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T>;
    /**
     * Seals a stored value again as `serialize` would now: with the current key, and with the header or frame that goes with
     * it. The payload is the same bytes and is never decoded, so nothing is lost that JavaScript's types do not keep; a
     * frame keeps its metadata.
     *
     * @example
     * const again = wrapper.rewrap(stored, { cacheKey: 'users:1' });
     * if (again !== undefined) await store.set('users:1', again);
     *
     * @returns undefined when the value is sealed with the current key already, behind the header that is written now.
     * @throws as {@link deserialize}; what only the serializer would refuse is not looked at.
     */
    rewrap(sealed: Uint8Array, context: ValueContext): Buffer | undefined;
    /** Rewraps off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link rewrap}, or with the signal's reason. */
    rewrapAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<Buffer | undefined>;
    /**
     * Seals a batch with one native call per key. The results share one allocation.
     *
     * @throws as {@link serialize} for the first item that fails; nothing is returned then.
     */
    serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[];
    /** Opens a batch with one native call per key. Each item has its own result. @throws TypeError for a wrong argument only. */
    deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[];
    /**
     * What can be seen of stored bytes without opening them: header, frame and sizes, and which of the keys that are held is named,
     * if it is one of the wrapper's own tenant.
     *
     * @throws SealedFormatError for a broken frame.
     */
    inspect(sealed: Uint8Array): InspectedValue;
    /** Wipes the keys of a wrapper that was made with `masterKey`; a `keyring` is left alone. Any later use is a KeyError. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/**
 * Dates and times on the wire: a map of two entries, a marker that is `true` and an ISO 8601 string.
 * MessagePack's own timestamp type is never written, because no peer reads it.
 *
 *   { "__datetime__": true, "value": "2025-01-02T03:04:05.678000+00:00" }
 *   { "__date__": true,     "value": "2025-01-02" }
 *   { "__time__": true,     "value": "10:30:00" }
 */
type TemporalType = 'datetime' | 'date' | 'time';
/** Makes the value that stands for a date or time that was read; `iso` has been checked to be one. */
type TemporalReviver = (type: TemporalType, iso: string) => unknown;
/**
 * A calendar date without a time or a zone: what Python's `datetime.date` is read as. It is written back as it was read.
 *
 * @throws TypeError for anything but a string, RangeError unless it is `YYYY-MM-DD` of a day that exists in the years 1 to 9999.
 */
declare class PlainDate {
    /** `YYYY-MM-DD` */
    readonly iso: string;
    constructor(iso: string);
    get year(): number;
    /** 1 to 12 */
    get month(): number;
    /** 1 to 31 */
    get day(): number;
    toString(): string;
    toJSON(): string;
}
/**
 * A time of day without a date: what Python's `datetime.time` is read as. It is written back as it was read,
 * with all its digits and its offset.
 *
 * @throws TypeError for anything but a string, RangeError unless it is `HH:MM[:SS[.fraction]]` with an optional offset from UTC.
 */
declare class PlainTime {
    /** `HH:MM:SS`, with up to nine digits of a fraction and an offset where there are any. */
    readonly iso: string;
    constructor(iso: string);
    /** 0 to 23 */
    get hour(): number;
    /** 0 to 59 */
    get minute(): number;
    /** 0 to 59 */
    get second(): number;
    /** 0 to 999,999 */
    get microsecond(): number;
    toString(): string;
    toJSON(): string;
}

/**
 * Values of a class of one's own, or of another package, as something that MessagePack carries. Only this package reads them.
 *
 * @example
 * const objectId: ValueType<ObjectId> = {
 *   name: 'ObjectId/1',
 *   is: (value) => value instanceof ObjectId,
 *   encode: (id) => id.id,
 *   decode: (bytes) => new ObjectId(bytes as Uint8Array),
 * };
 */
interface ValueType<T = unknown> {
    /**
     * What stands for the type in stored values: up to 64 letters, digits, `.`, `_` and `-`, a slash, and a version. When `encode` changes so
     * that `decode` of before cannot read it, the name gets another version; the type of before stays behind it in the list, to be read.
     */
    readonly name: string;
    /** Whether a value is written as this type. Asked for objects that are no plain ones; the first type that says so writes it. */
    is(value: object): boolean;
    /** What stands for it: anything that the serializer carries, values of own types among it; not `undefined`. */
    encode(value: T): unknown;
    /** Makes it of that again. What it throws, and `undefined`, is a SerializationError, and so a miss. */
    decode(encoded: unknown): T;
}

interface StandardSerializerOptions {
    /**
     * `portable` (the default) carries what every CacheKit SDK reads. `node` also carries Map, Set, the typed arrays,
     * BigInt of up to 1 MiB, and `undefined` in arrays, Maps and Sets, as MessagePack extensions that only this package reads.
     * A list of own types carries those and values of these types.
     */
    types?: 'portable' | 'node' | readonly ValueType[];
    /**
     * Makes the value that stands for a date or time that is read, from its ISO 8601 string. The default makes a Date
     * (without an offset taken as UTC; microseconds are cut), a PlainDate or a PlainTime.
     * `(type, iso) => iso` keeps the string, with all its digits.
     */
    reviver?: TemporalReviver;
    /**
     * How an error says where in the value the refused part is. `names` (the default): `[3].customer`, with names that are
     * identifiers of at most 40 characters; any other property, and what is in a Map or a Set, by its position: `{2}`.
     * `positions` leaves all names out.
     */
    errorPaths?: ErrorPaths;
}
/**
 * MessagePack, the default: a value is read back exactly as it was written, or is refused.
 *
 * | written | read back |
 * |---|---|
 * | null, booleans, strings, numbers (also NaN, the infinities, -0), arrays, plain objects | the same |
 * | BigInt beyond ±(2^53−1), within 64 bits | the same |
 * | Uint8Array, Buffer | Uint8Array with its own memory |
 * | Date in the years 1 to 9999, PlainDate, PlainTime | the same |
 * | a property that is `undefined` | left out |
 * | Map, Set, other typed arrays, smaller or larger BigInt, `undefined` in a list | refused, unless `types: 'node'` |
 * | values of own types | what `decode` makes of them, with `types: [...]` |
 * | `undefined` alone, functions, symbols, instances of classes, invalid Dates, lone surrogates, cycles, more than 1,024 levels | refused |
 * | arrays with holes; arrays, Dates, Maps, Sets and typed arrays with properties of their own | refused; those of bytes are not looked for, and lost |
 *
 * From other SDKs come integers beyond ±(2^53−1) as BigInt, and maps with keys that are no strings as Map. What belongs to another realm (`node:vm`, a test runner) counts as what it is.
 * `toJSON` is not called. The prototype of an object is not kept: one with a null prototype is read back as a plain object.
 *
 * Protocol: docs/protocol.md, "Dates and times".
 */
declare class StandardSerializer implements Serializer {
    #private;
    readonly format = "msgpack";
    readonly container = "envelope";
    readonly compressed = true;
    readonly originalType: undefined;
    /** @throws TypeError for a wrong type, RangeError for unknown `types` or `errorPaths`. */
    constructor(options?: StandardSerializerOptions);
    /**
     * @throws SerializationError for a value that would not be read back as it is, ValueTooLargeError over 512 MiB.
     */
    serialize(value: unknown): Uint8Array;
    /**
     * @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document.
     */
    deserialize(payload: Uint8Array): unknown;
}

/**
 * How entries are kept and functions run. Of a cache; a function or a call of it may have its own, and what these leave out is the
 * cache's.
 */
interface PolicyOptions {
    /**
     * For so long after its TTL, an entry still answers at once, while the function runs in the background and replaces it.
     * The backend keeps entries for this time longer. false: never.
     */
    swr?: Duration | false;
    /**
     * For so long after its TTL, an entry answers when the function throws or times out. The backend keeps entries for this time
     * longer. false: never.
     */
    staleIfError?: Duration | false;
    /**
     * After a run that failed, or that a caller did not wait for, stale values (`swr`, `staleIfError`) answer for a while without
     * another run; `refresh` is not held back. Default `{ first: '1s', max: '1m' }`; false: the next caller tries again.
     */
    backoff?: boolean | BackoffOptions;
    /**
     * For so long after it, what the function has thrown is thrown again, the same object, without another run; in this process
     * only, for 1,000 entries at most. Not for timeouts, aborts and configuration errors. Default false: each call runs the
     * function.
     */
    errorTtl?: Duration | false;
    /** Shortens each TTL at random by up to this part of it, from 0 to less than 1, so that entries do not end all at once. Default 0. */
    jitter?: number;
    /** A TTL of its own for `null`, as for something that does not exist yet. Default false: as any value. */
    negativeTtl?: Duration | false;
    /**
     * One process at a time runs the function for an entry; the others wait for its result. Needs a backend that has locks.
     * Default false: once per process.
     */
    lock?: boolean | LockOptions;
    /** Of each operation of the backend. Default `'5s'`. As an object also of the function. */
    timeout?: Span | TimeoutOptions;
    /** How often an operation of the backend is tried again after a failure that may pass. Default 1. */
    retry?: number;
    /**
     * A schema (Standard Schema: zod, valibot, arktype …) for values. One that was stored and does not pass is a miss; what a function returns,
     * or `set` is given, and does not pass is a ValidationError and not stored. Callers get the schema's output; stored is its input.
     */
    validate?: StandardSchema | false;
}

/**
 * How long entries live: a {@link Duration}, or `'never'` for entries that do not end by themselves. Text from the environment
 * becomes one by `parseTtl`, and without `'never'` by `parseDuration`.
 */
type Ttl = Duration | 'never';
/** Where values are stored, and as what. */
interface StorageOptions extends KeyOptions, PolicyOptions {
    /** Default 600 seconds. */
    ttl?: Ttl;
    /** `null` or left out: in this process only. Else a store, or the URL of one. */
    backend?: Backend | KeyvInstance | KeyvStorageAdapter | string | null;
    /** Default: StandardSerializer. An EncryptionWrapper encrypts. */
    serializer?: Serializer | EncryptionWrapper;
    /**
     * What the StandardSerializer of the cache carries besides what is portable: `'node'`, or own types. Not beside `serializer`, nor in the
     * interop wires.
     */
    types?: StandardSerializerOptions['types'];
    /** Entries in this process in front of the backend. Default true. */
    l1?: boolean | L1Options;
    /** A circuit breaker for a backend that keeps failing. Default `{ failures: 5, rest: '1s' }`. */
    breaker?: boolean | BreakerOptions;
    /** Concurrent operations of the backend at most; above, functions are called as if it failed. Default 10,000. */
    maxConcurrent?: number;
    /**
     * Hides cache keys and tags from the backend: it sees `{namespace}:p:{HMAC of the cache key}`, under a key derived for the
     * tenant. Needs encryption, a namespace and wire `protocol`; no other SDK finds such entries. Default false.
     */
    privateKeys?: boolean;
    /**
     * Keeps the ids of tenants, and that functions have namespaces and keys of their own, in one sealed entry
     * (`ns:{namespace}:registry`), so that `rewrap` and `keyReport` of any process find all values. Of backends that list their
     * entries, with a namespace and encryption. Default true.
     */
    registry?: boolean;
    /**
     * Seals an entry with the current key when it is read and a previous one has sealed it: for backends that cannot list their
     * entries, and for `privateKeys`, where `rewrap` finds nothing. Default false.
     */
    rewrapOnRead?: boolean;
    /**
     * Tells other processes of what is changed here, and hears of what they change, so that their copies (`l1`) end, too: where the
     * backend does not do that itself. All of them need it. `redisBus(client)` is one. Default: as the backend does it.
     */
    bus?: InvalidationBus;
    /** Given to every operation of the backend: when it aborts, functions are called without the cache (bypass). */
    signal?: AbortSignal;
    /** What an entry that does not open is: `'miss'` (counted, and deleted unless it was replaced), or an error. */
    onAuthenticationFailure?: 'miss' | 'throw';
    /** Called with every failure that is counted rather than thrown. Errors have no keys and no values in them. */
    onError?: (error: unknown) => void;
}
/** How a function's entries are named, and what of the cache's policy is its own. */
interface FunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> extends PolicyOptions {
    /** Required with a backend. Part of the cache key: no colon, no white space. */
    namespace?: string;
    /** What the function is called in cache keys. This or `key` is required with a backend. */
    operation?: string;
    /**
     * The whole cache key of a call, used as it is. Default: made of namespace, operation and a hash of the arguments,
     * in which `5n` and `5`, `-0` and `0`, `new Date(5000)` and `5`, or a Set and its sorted array are the same.
     */
    key?: (...args: K) => string;
    /** The tenant that a call's entry belongs to, apart from every other tenant's: from the arguments or an AsyncLocalStorage. */
    tenant?: ((...args: T) => string) | TenantStore;
    /** Default: the cache's, or 600 seconds. */
    ttl?: Ttl;
    /** Names under which `invalidateTags` finds the entry, always these or made from a call's arguments. */
    tags?: readonly string[] | ((...args: K) => readonly string[]);
}
type CacheOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = StorageOptions & FunctionOptions<K, T>;

interface ClearOptions {
    /** Ends it between two steps, of 500 entries each. */
    signal?: AbortSignal;
}

/** A value and what is known of where it came from. */
interface Entry<T> {
    value: T;
    /** `'hit'`: it was stored. `'miss'`: the function ran. `'stale'`: it was stored, and its TTL is over (`swr`, `staleIfError`). */
    status: 'hit' | 'miss' | 'stale';
    /** Milliseconds since it was stored, where the store tells; with `jitter` and where the function gave it a TTL of its own, at most so many. */
    ageMs?: number;
    /** Milliseconds until its TTL ends; absent when it never does, when it is not known, and when it was not stored. */
    expiresInMs?: number;
}
/**
 * What a cached function has beside its call, for the arguments `A` and the result `R`; of an overloaded function, those of
 * any overload. Members need no `this` and may be taken apart: `const { entry, invalidate } = user`.
 */
interface CachedMembers<A extends unknown[], R> extends AsyncDisposable {
    /** As a call, with what is known of the entry. On a method: `cachedMethod(object, 'method').entry(…)`. */
    readonly entry: (...args: A) => Promise<Entry<R>>;
    /** The cache key that a call with these arguments is stored under. */
    readonly keyFor: (...args: A) => string;
    /** Removes the entry of a call; whether there was one. Rejects when the backend fails. */
    readonly invalidate: (...args: A) => Promise<boolean>;
    /** Runs the original and replaces what is stored. On a method: `cachedMethod(object, 'method').refresh(…)`. */
    readonly refresh: (...args: A) => Promise<R>;
    /**
     * Removes the entries of all calls, of every tenant, and no other function's; 500 at a time, as {@link TenantCache.clear}.
     *
     * @returns how many, as far as the backend can tell.
     * @throws as {@link TenantCache.clear}; ConfigurationError also for a function with a `key` of its own, and without a backend for one
     *   with tenants in a shared cache.
     */
    readonly clear: (options?: ClearOptions) => Promise<number>;
    readonly stats: () => CacheStats;
    /**
     * Ends the function: any later use of it is a BackendError, and what `stats` has counted stays counted. Of `cache(…)(fn)`, with the last
     * function that was wrapped by it: forgets what this process holds, wipes the keys that were made of its options and closes the backend that
     * was made of a URL. A function of {@link createCache} leaves all that to its cache. Closing twice is harmless.
     */
    readonly close: () => Promise<void>;
}
/**
 * A function whose results are cached. It takes what the original takes and always returns a Promise.
 *
 * Every hit is an object of its own. Callers who wait for the same run of the original share its result.
 * `this` is handed to the original and is no part of the cache key.
 */
interface CachedFunction<This, A extends unknown[], R> extends CachedMembers<A, R> {
    (this: This, ...args: A): Promise<R>;
}
type AnyFunction = (this: any, ...args: any) => any;
type Signature = [args: unknown[], result: unknown];
/** The signatures of a function; of an overloaded one the last four. TypeScript fills up with the first one. */
type Signatures<F> = F extends {
    (this: any, ...args: infer A1): infer R1;
    (this: any, ...args: infer A2): infer R2;
    (this: any, ...args: infer A3): infer R3;
    (this: any, ...args: infer A4): infer R4;
} ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4]] : never;
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
type Distinct<S> = S extends [infer First, infer Second, ...infer Rest] ? Same<First, Second> extends true ? Distinct<[Second, ...Rest]> : [First, ...Distinct<[Second, ...Rest]>] : S;
/** What a function is called with, by any of its overloads. */
type ArgumentsOf<F> = Signatures<F>[number][0];
/** Whether a Promise of the result is what the function returns already. */
type GivesPromise<R> = 0 extends 1 & R ? false : [R] extends [Promise<unknown>] ? [Promise<Awaited<R>>] extends [R] ? true : false : false;
type EachGivesPromise<S> = S extends [args: unknown, result: infer R] ? GivesPromise<R> : never;
/** Whether all of a function's overloads return a Promise, so that its cached form has its type. */
type ReturnsPromise<F> = [EachGivesPromise<Signatures<F>[number]>] extends [true] ? true : false;
type Call<F, A extends unknown[], R> = unknown extends ThisParameterType<F> ? (...args: A) => Promise<R> : (this: ThisParameterType<F>, ...args: A) => Promise<R>;
type Calls<F, S> = S extends [[infer A extends unknown[], infer R], ...infer Rest] ? Call<F, A, Awaited<R>> & Calls<F, Rest> : unknown;
type MembersOf<S> = [S] extends [Signature] ? CachedMembers<S[0], Awaited<S[1]>> : never;
/**
 * The cached form of a function: its own type where it returns a Promise, so that it stays generic and overloaded; else its
 * signatures, which return a Promise then. And {@link CachedMembers}.
 */
type Cached<F> = 0 extends 1 & F ? CachedFunction<any, any[], any> : F extends AnyFunction ? ReturnsPromise<F> extends true ? F & MembersOf<Signatures<F>[number]> : Calls<F, Distinct<Signatures<F>>> & MembersOf<Signatures<F>[number]> : F extends Function ? CachedFunction<unknown, unknown[], unknown> : never;
/**
 * In an error: why a function cannot be cached so. The call signature is part of how a function's literal result becomes
 * `string` or `number`: without one to infer from, `() => 'x'` would be a Promise of `'x'`.
 */
interface DoesNotFit<Reason extends string, Takes, Given> {
    (...args: never): Given;
    readonly reason: Reason;
    readonly takes: Takes;
    readonly given: Given;
}
/** Those of the arguments that a function of `Own` cannot be called with. */
type NotTaken<Own extends unknown[], Given> = Given extends unknown[] ? ((...args: Own) => void) extends (...args: Given) => void ? never : Given : never;
type Takes<Own extends unknown[], F, Reason extends string> = [NotTaken<Own, ArgumentsOf<F>>] extends [never] ? unknown : DoesNotFit<Reason, Own, ArgumentsOf<F>>;
/**
 * `unknown` for a function that takes what `key`, `tags` (`K`) and `tenant` (`T`) take, else {@link DoesNotFit}.
 *
 * The parameters of the function have no contextual type of it, or `n = 3` would be `unknown`: hence `Function`, which is
 * what TypeScript first tries in the place of a function with such parameters.
 */
type Fits<F, K extends unknown[], T extends unknown[]> = Function extends F ? unknown : F extends AnyFunction ? Takes<K, F, 'key or tags take other arguments than this function'> & Takes<T, F, 'tenant takes other arguments than this function'> : DoesNotFit<'cache(options) wraps functions and methods', AnyFunction, ArgumentsOf<F>>;
/** As {@link Fits}, of a method, which other code calls as it is declared: it must return a Promise. */
type FitsMethod<F, K extends unknown[], T extends unknown[]> = ReturnsPromise<F> extends true ? Fits<F, K, T> : DoesNotFit<'a cached method returns a Promise: declare it async', Promise<unknown>, F>;

/** Of a batch function alone. */
interface BatchSize {
    /** Ids that the function gets at once at most; of more, it runs several times. Default: as many as are asked for. */
    maxBatch?: number;
}
interface BatchOptions<Id = unknown> extends FunctionOptions<[id: Id], [id: Id]>, BatchSize {
}
type CacheBatchOptions<Id = unknown> = CacheOptions<[id: Id], [id: Id]> & BatchSize;
/** A row for each id in their order, or by id. An Error is thrown to whoever asked for that id; `undefined`, or no row in a Map, is `null`. */
type BatchRows<Id, Row> = readonly Row[] | ReadonlyMap<Id, Row>;
/** A function of one id that loads many at once. */
interface BatchFunction<Id, Row> extends CachedFunction<unknown, [id: Id], Row> {
    /** The rows of many ids, in their order. Rejects with the first error. */
    many(ids: readonly Id[]): Promise<Row[]>;
}
/** Gives a function of many ids a cache, with an entry for each id. */
type BatchWrap<Id> = <I extends Id, Row>(fn: (ids: I[]) => BatchRows<I, Row> | PromiseLike<BatchRows<I, Row>>) => BatchFunction<I, Exclude<Row, Error | undefined> | null>;

/** The cached form of a function whose results are checked: what it resolves to is the schema's output. */
type Validated<F extends Function, V> = F extends AnyFunction ? CachedFunction<ThisParameterType<F>, Parameters<F>, V> : CachedFunction<unknown, unknown[], V>;
/** As {@link CacheWrap}, of functions whose results are checked. */
interface ValidatedWrap<K extends unknown[], T extends unknown[], V> {
    <F extends Function>(fn: F & Fits<F, K, T>, context?: ClassMethodDecoratorContext<any, any>): Validated<F, V>;
    <F extends AnyFunction>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F> & FitsMethod<F, K, T>): TypedPropertyDescriptor<F>;
}

/**
 * Gives a function a cache: call it with the function, or write it as a decorator in front of a method, a standard one or one
 * of `experimentalDecorators`. The function must take what `key` and `tags` (`K`) and `tenant` (`T`) take.
 */
interface CacheWrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> {
    <F extends Function>(fn: F & Fits<F, K, T>, context?: MethodContext): Cached<F>;
    <F extends AnyFunction>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F> & FitsMethod<F, K, T>): TypedPropertyDescriptor<F>;
}
type MethodContext = ClassMethodDecoratorContext<any, any>;

/** What `cache` is: call it for a cache as its options say, `cache.secure` for one that always encrypts. */
interface CacheFunction {
    /**
     * Caches the results of a function. Values are stored as they are serialized, unless `masterKey`, `keyring` or an
     * EncryptionWrapper as `serializer` encrypts them; CACHEKIT_MASTER_KEY alone encrypts nothing.
     *
     * Default TTL 600 s. When the backend fails, the wrapped function is called (cache bypass).
     *
     * @example
     * const user = cache({ namespace: 'users', operation: 'user', backend: 'redis://localhost' })(fetchUser);
     * await user(42);
     *
     * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
     */
    <V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options: CacheOptions<K, T> & {
        validate: StandardSchema<V>;
    }): ValidatedWrap<K, T, V>;
    <K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /**
     * As {@link cache}, and every value is sealed with AES-256-GCM: neither the backend nor L1 ever holds plaintext.
     * The key is `masterKey` (64 hex digits), `keyring` or CACHEKIT_MASTER_KEY.
     *
     * Default TTL 600 s. When the backend fails, the wrapped function is called (cache bypass).
     *
     * @example
     * const ssn = cache.secure({ namespace: 'users', operation: 'ssn', backend: 'redis://localhost' })(fetchSsn);
     * await ssn(42);
     *
     * @throws as {@link cache}, and ConfigurationError when there is no key.
     */
    secure<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options: CacheOptions<K, T> & {
        validate: StandardSchema<V>;
    }): ValidatedWrap<K, T, V>;
    secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /**
     * As {@link cache}, for what is cheap to make again: nothing is tried twice, the backend is asked even while it fails, and
     * L1 is not told what other processes change.
     *
     * Default TTL 300 s. When the backend fails, the wrapped function is called, each time after the backend's own timeout.
     */
    minimal<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /**
     * As {@link cache}, for a busy service: a stale value answers for a minute while the function runs in the background, and
     * for an hour when it fails; TTLs differ by up to a tenth.
     *
     * Default TTL 600 s. When the backend fails, it is tried once more; after 5 consecutive failures the circuit breaker opens for 1 s.
     */
    production<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /**
     * As {@link CacheFunction.production}, in the hosted cache: CACHEKIT_API_URL (default https://api.cachekit.io) with
     * CACHEKIT_API_KEY.
     *
     * Default TTL 3,600 s. When the hosted cache cannot be reached, the wrapped function is called.
     */
    io<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /** As {@link Cache.batch}, in a cache of its own. Values are encrypted as by {@link cache}. */
    batch<Id = unknown>(options?: CacheBatchOptions<Id>): BatchWrap<Id>;
    /** As {@link CacheFunction.batch}, sealed as by {@link CacheFunction.secure}. */
    secureBatch<Id = unknown>(options?: CacheBatchOptions<Id>): BatchWrap<Id>;
    /**
     * The AbortSignal of the run that this is called in, however deep: it fires when `timeout.load` is over, with a TimeoutError
     * as its reason. `undefined` outside of a run, and in one without `timeout: { load, signal: true }`; a cached function inside
     * another has its own or none. Of every cache, also those of {@link createCache}.
     *
     * @example
     * const user = cache({ timeout: { load: '2s', signal: true } })((id: string) =>
     *   fetch(`https://example.com/users/${id}`, { signal: cache.signal() }).then((answer) => answer.json()),
     * );
     */
    signal(): AbortSignal | undefined;
}
/** Caches the results of a function: `cache(options)(fn)`, or `cache.secure(options)(fn)` to encrypt them. */
declare const cache: CacheFunction;

/**
 * A decorated method with its members, which TypeScript does not see on the method itself: a decorator cannot change a type.
 * With an object and a method's name, the call, `entry` and `refresh` have the object as their `this`; with the method
 * alone, they have it by `.call`.
 *
 * @example
 * await cachedMethod(users, 'byId').invalidate(42);
 * await cachedMethod(users, 'byId').entry(42);
 * await cachedMethod(users.byId).entry.call(users, 42);
 *
 * @throws TypeError for something else than a cached function.
 */
declare function cachedMethod<F extends AnyFunction>(method: F): Cached<F>;
declare function cachedMethod<O extends object, N extends keyof O>(object: O, name: N): Cached<O[N]>;

/** How a value is read. `swr` and `staleIfError` say for how long the entry is kept after its TTL; a mere read answers with none that has ended. */
interface GetOptions extends Pick<PolicyOptions, 'swr' | 'staleIfError' | 'retry' | 'validate'> {
    /** Of the operation of the backend. */
    timeout?: PolicyOptions['timeout'];
}
/** How a value is stored. */
interface SetOptions extends Pick<PolicyOptions, 'swr' | 'staleIfError' | 'jitter' | 'retry' | 'validate'> {
    /** Default: the cache's. */
    ttl?: Ttl;
    /** Names under which `invalidateTags` finds the entry. */
    tags?: readonly string[];
    /** Of the operation of the backend. */
    timeout?: PolicyOptions['timeout'];
}
/** How a value is read, or loaded and stored. Callers who share a run share the options of the one who began it, but for `timeout.load`. */
interface LoadOptions extends PolicyOptions {
    /** Default: the cache's. */
    ttl?: Ttl;
    /** Names under which `invalidateTags` finds the entry. */
    tags?: readonly string[];
    /** Loads whatever is stored, and replaces it. Default false. */
    forceFresh?: boolean;
}

/** What has become of the entries so far: `seen` is the sum of the others. */
interface RewrapReport {
    /** Entries looked at: all that the cache, its tenants and its functions have stored. */
    seen: number;
    /** Sealed again with the current key. */
    rewrapped: number;
    /** Sealed with the current key already. */
    current: number;
    /**
     * Sealed with a previous or a staged key, and still so: in a dry run, or because the backend can neither replace an entry nor
     * says when it ends.
     */
    left: number;
    /** Of tenants whose ids are neither named nor registered: which key they need cannot be known. */
    unnamed: number;
    /** Did not open: of keys that are not held, altered, or not sealed at all. They were left as they are. */
    unopened: number;
    /** Ended during the work, or replaced by values that are sealed with the current key (or by many, one behind the other). */
    changed: number;
}
/** How many stored values need which key. */
interface KeyReport extends RewrapReport {
    /** When it was made. */
    at: Date;
    /** Of each key that is held, by the fingerprint of the master key. */
    keys: (Pick<KeyUsage, 'fingerprint' | 'position'> & {
        values: number;
    })[];
    /** Values that name a key which is not held, by the fingerprint of their tenant's key; at most 100 of those. */
    notHeld: {
        tenantFingerprint: string;
        values: number;
    }[];
    /** Tenants that nobody named, by what their cache keys begin with: the first 16 hex digits of SHA-256 of the id. At most 1,000. */
    unnamedTenants: {
        hash: string;
        values: number;
    }[];
    /** Why there may be more than was counted. Empty: every value was. */
    cannotKnow: CannotKnow[];
}
/**
 * - `unnamed-tenants`: see `unnamed`.
 * - `private-keys`: the namespace has entries whose names tell neither tenant nor cache key.
 * - `no-listing`: the backend cannot list its entries.
 * - `unregistered`: without a registry, or with one that does not open, tenants and functions of other processes are not known,
 *   which may have entries under a `key` of their own.
 * - `match`: only a part was asked for.
 */
type CannotKnow = 'unnamed-tenants' | 'private-keys' | 'no-listing' | 'unregistered' | 'match';

/** How far the work is. */
interface RewrapProgress extends RewrapReport {
    /** How many entries there were when it began: with the option `total`, and not after a `cursor`. */
    total: number | undefined;
    /** Continues the work, also in another process; undefined where the backend's listings cannot be continued. */
    cursor: string | undefined;
}
interface KeyReportOptions {
    /** Tenants beyond those that the registry of the namespace and this process know; without a registry, of caches too (`tenantId`). */
    tenants?: readonly string[];
    /** Only entries whose cache key, without the tenant's part, is like this: `*` stands for any characters, `?` for one. */
    match?: string;
    /** Entries a second at most. Default: as many as the backend takes. */
    rate?: number;
    /** Entries under way at once, about. Default 100. */
    concurrency?: number;
    /** Lists the store once more before the work, so that progress has a `total`. Default false. */
    total?: boolean;
    /** Called after about every hundred entries. */
    onProgress?: (progress: RewrapProgress) => void;
    /** Stops after the entries that are under way. */
    signal?: AbortSignal;
}
interface RewrapOptions extends KeyReportOptions {
    /** Counts what would be sealed again as `left`, and changes nothing. */
    dryRun?: boolean;
    /** Of a progress: goes on from there. Entries that were under way then are counted twice. */
    cursor?: string;
}

/**
 * The entries of one tenant, by their cache keys.
 *
 * `undefined` is never stored: it means that there is nothing. `null` is a value like any other.
 * Reading never fails because of the backend; what it fails is counted and reported.
 */
declare class TenantCache {
    #private;
    /** The stored value, or `undefined`. */
    get<V>(cacheKey: string, options: GetOptions & {
        validate: StandardSchema<V>;
    }): Promise<V | undefined>;
    get<V = unknown>(cacheKey: string, options?: GetOptions): Promise<V | undefined>;
    /**
     * The stored value, or else what `load` returns, which is stored. Concurrent calls for an entry share one
     * run of `load` and its result.
     */
    getOrSet<V>(cacheKey: string, load: () => unknown, options: LoadOptions & {
        validate: StandardSchema<V>;
    }): Promise<V>;
    getOrSet<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<V>;
    /** As `getOrSet`, with what is known of the entry. */
    entry<V>(cacheKey: string, load: () => unknown, options: LoadOptions & {
        validate: StandardSchema<V>;
    }): Promise<Entry<V>>;
    entry<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: LoadOptions): Promise<Entry<V>>;
    /**
     * @returns whether it was stored; false when the backend failed, which is counted.
     * @throws TypeError for `undefined`, SerializationError for a value that the serializer refuses, ValueTooLargeError over a limit.
     */
    set(cacheKey: string, value: unknown, options?: SetOptions): Promise<boolean>;
    /**
     * The stored value, which is removed: for what is used once. Of several callers, in whatever process, one gets it, where the backend
     * compares and deletes in one step (all but HTTP and Keyv, and unless a backend of your own says otherwise); without a backend, in this process.
     *
     * @returns `undefined` when there is none, or the backend did not answer.
     * @throws what the backend throws when it fails to delete: the value may be gone then, and nobody has it.
     */
    pull<V = unknown>(cacheKey: string): Promise<V | undefined>;
    /** As {@link set}, for an entry that does not end by itself. */
    setForever(cacheKey: string, value: unknown, options?: Omit<SetOptions, 'ttl'>): Promise<boolean>;
    /** The stored values in the order of the keys, `undefined` for what is not there. */
    getMany<V = unknown>(cacheKeys: readonly string[]): Promise<(V | undefined)[]>;
    /**
     * Stores `[cacheKey, value]` pairs, for instance of a Map; nothing when one of the values is refused.
     *
     * @returns whether all were stored.
     * @throws as {@link set}.
     */
    setMany(entries: Iterable<readonly [string, unknown]>, options?: SetOptions): Promise<boolean>;
    /**
     * @returns whether there was an entry, as far as the backend can tell.
     * @throws what the backend throws: an invalidation that failed must not pass for done.
     */
    delete(cacheKey: string): Promise<boolean>;
    /**
     * @returns how many entries there were, as far as the backend can tell.
     * @throws as {@link delete}.
     */
    deleteMany(cacheKeys: readonly string[]): Promise<number>;
    /**
     * Removes every entry that was stored with one of the tags, values and results of functions alike.
     *
     * @param options `signal` ends it between two steps, where the backend has steps (Redis: 500 entries); each has the
     *   `timeout` of the cache.
     * @returns how many, as far as the backend can tell.
     * @throws ConfigurationError for a backend without tags; what the backend throws, or the signal's reason: as the cause of
     *   an IncompleteError, whose `counts.removed` says how many, when some were removed before.
     */
    invalidateTags(tags: string | readonly string[], options?: {
        signal?: AbortSignal;
    }): Promise<number>;
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
    clear(options?: ClearOptions): Promise<number>;
    /**
     * The cache keys of stored values that begin with `prefix`, in no order; in a namespace, without those of functions. One
     * that changes during the listing may come twice or not at all.
     *
     * @throws ConfigurationError with `privateKeys`, BackendError for a backend that cannot list its entries.
     */
    keys(options?: {
        prefix?: string;
    }): AsyncGenerator<string, void, undefined>;
    /** Whether an entry is stored; it is not opened. */
    has(cacheKey: string): Promise<boolean>;
    /** Seconds until an entry ends, `Infinity` for never; `undefined` when there is none or the backend does not say. */
    ttl(cacheKey: string): Promise<number | undefined>;
    /**
     * Gives an entry a new time to live, from now.
     *
     * @returns whether there was an entry, as far as the backend can tell.
     * @throws BackendError for a backend that cannot do it, and what the backend throws.
     */
    expire(cacheKey: string, ttl: Duration): Promise<boolean>;
    /** In a function that `getOrSet`, `entry` or `wrap` runs: as {@link cache.signal}. */
    signal(): AbortSignal | undefined;
    /** What an entry is stored under. */
    keyFor(cacheKey: string): string;
}

interface CreateCacheOptions extends StorageOptions {
    /**
     * Keeps this cache's entries apart from those of other namespaces in the same backend: with it, an entry is stored under
     * `ns:{namespace}:key:{cacheKey}` (wire `protocol`), without it under the cache key itself. Default for wrapped functions.
     */
    namespace?: string;
}
/** The key's default is the cache's own, or else CACHEKIT_MASTER_KEY. */
interface SecureFunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> extends FunctionOptions<K, T>, SecretOptions {
}
type SecretOptions = Pick<KeyOptions, 'masterKey' | 'keyring' | 'nonces'>;
/** A cache of values and functions: one backend, one L1. Made by {@link createCache}. */
declare class Cache extends TenantCache implements AsyncDisposable {
    #private;
    /** Caches a function's results here; as {@link cache}. */
    wrap<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options: FunctionOptions<K, T> & {
        validate: StandardSchema<V>;
    }): ValidatedWrap<K, T, V>;
    wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: FunctionOptions<K, T>): CacheWrap<K, T>;
    /** Caches a function's results here, sealed, whatever the cache itself does; as {@link cache.secure}. */
    secure<V, K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options: SecureFunctionOptions<K, T> & {
        validate: StandardSchema<V>;
    }): ValidatedWrap<K, T, V>;
    secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: SecureFunctionOptions<K, T>): CacheWrap<K, T>;
    /**
     * Caches what a function returns for many ids, an entry for each: the calls of one tick are one read, one run for all that are missing, and
     * one request that stores them. An entry is the one that a function of a single argument would have, with the same names.
     *
     * @example
     * const user = users.batch({ operation: 'user' })(async (ids: string[]) => db.usersByIds(ids));
     * await Promise.all([user('a'), user('b')]); // or user.many(['a', 'b'])
     */
    batch<Id = unknown>(options?: BatchOptions<Id>): BatchWrap<Id>;
    /** As {@link Cache.batch}, sealed as by {@link Cache.secure}. */
    secureBatch<Id = unknown>(options?: BatchOptions<Id> & SecretOptions): BatchWrap<Id>;
    /** The entries of one tenant, apart from every other tenant's: sealed with a key of its own, and stored under a prefix of its own. */
    tenant(tenantId: string): TenantCache;
    /**
     * Re-seals every stored entry that a previous key has sealed, so that the key can be dropped: after `startRotation`, and before
     * `completeRotation`. Entries keep their TTL and their bytes are never decoded; the cache stays in use. With a
     * `namespace`, those are its entries, those of its tenants, as far as they are registered or named, and those of functions
     * wrapped here or elsewhere in its name, whatever namespace or `key` these have.
     *
     * @returns what became of the entries.
     * @throws ConfigurationError without encryption, without a backend and with `privateKeys` (where an entry gets the current
     *   key when it is next stored, or read: `rewrapOnRead`); BackendError for a backend that cannot list its entries; what the
     *   backend throws when it goes on doing so, or the signal's reason: as the cause of an IncompleteError, with the report as
     *   its `counts`, when entries were looked at before. Called again, it does the rest.
     */
    rewrap(options?: RewrapOptions): Promise<RewrapReport>;
    /**
     * As {@link rewrap}, a step of some hundred entries at a time: work goes on when the next step is asked for. The last one
     * returns the report of {@link keyReport}.
     *
     * @example
     * for await (const { seen, cursor } of users.rewrapSteps({ rate: 2000 })) await saveCursor(cursor);
     */
    rewrapSteps(options?: RewrapOptions): AsyncGenerator<RewrapProgress, KeyReport, undefined>;
    /**
     * How many stored values need which key: of all that {@link rewrap} would look at, which are opened, and left as they are.
     * While values need a previous key, `completeRotation` of the keyring refuses.
     *
     * @throws as {@link rewrap}; where the entries cannot be found, the report says why in `cannotKnow`.
     */
    keyReport(options?: KeyReportOptions): Promise<KeyReport>;
    /** Of this cache, its tenants and its functions together. */
    stats(): CacheStats;
    /**
     * Forgets what this process holds, wipes the keys that this cache has made and closes the backend that it made of a URL,
     * unless another cache or function uses the same Redis URL. What was passed in is left to its owner. Any later use is an error.
     */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A cache to put values into by name, and functions. It encrypts when `masterKey`, `keyring` or an EncryptionWrapper as
 * `serializer` is given; `cache.secure(options)(fn)` encrypts a function's results in any case.
 *
 * Default TTL 600 s.
 *
 * @example
 * await using sessions = createCache({ namespace: 'sessions', backend: 'redis://localhost', masterKey });
 * await sessions.set(id, session, { ttl: '30m' });
 *
 * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
 */
declare function createCache(options?: CreateCacheOptions): Cache;

/** What a function says of its own result. */
interface LoadedOptions {
    /** Instead of the TTL that the cache has. */
    ttl?: Ttl;
    /** Beside the tags that the options name. */
    tags?: readonly string[];
}
/**
 * Returned by a cached function or a loader: its caller gets `value`, and nothing is stored.
 *
 * @example
 * const user = cache(options)(async (id: string) => {
 *   const found = await db.user(id);
 *   return found ?? skip(null);
 * });
 */
declare function skip<T = undefined>(value?: T): T;
/**
 * Returned by a cached function or a loader: its caller gets `value`, which is stored for `ttl`, as a token that says
 * itself when it ends.
 *
 * @example
 * const token = cache.secure(options)(async () => {
 *   const { accessToken, expiresIn } = await login();
 *   return withTtl(accessToken, Math.max(1, expiresIn - 30));
 * });
 *
 * @throws TypeError, RangeError for a bad TTL or tag.
 */
declare function withTtl<T>(value: T, ttl: Ttl | LoadedOptions): T;

/** How `clear` of an encryptedStore goes about it. Whatever stops it, what was removed stays removed, and another call goes on. */
interface EncryptedStoreClearOptions {
    /** Removes the entries whose keys begin with it and a colon. Default: that of the Keyv 5 instances, otherwise all. */
    namespace?: string | undefined;
    /**
     * The longest that one step may take, in milliseconds: to list up to a thousand names, to remove them, or the inner
     * store's own `clear`. A store that scans past many entries of others needs long for one. Default: no limit.
     */
    timeoutMs?: number | undefined;
    /** Stops it, and rejects with its reason. */
    signal?: AbortSignal | undefined;
    /** Called after each step with how many entries were removed so far; not where the inner store clears by itself. */
    onProgress?: ((report: {
        removed: number;
    }) => void) | undefined;
}

interface EncryptedStoreOptions extends KeyOptions, Pick<EncryptionWrapperOptions, 'compress'> {
    /** Called with why a stored value could not be opened; the value is a miss. What it throws is not caught. */
    onError?: ((error: unknown) => void) | undefined;
}

/** A driver of bentocache's second layer (`type` `'l2'`, all promises) or of its first (`'l1'`, none). */
interface CacheDriver {
    type: 'l1' | 'l2';
    namespace(namespace: string): unknown;
    get(key: string): unknown;
    pull(key: string): unknown;
    set(key: string, value: string, ttl?: number): unknown;
    delete(key: string): unknown;
    deleteMany(keys: string[]): unknown;
    clear(): unknown;
    disconnect(): unknown;
    prune?(): unknown;
    getRemainingTtl?(key: string): number | undefined;
}
/** What bentocache's `memoryDriver`, `redisDriver` and the others return. */
interface DriverFactory<D> {
    options: Record<string, any>;
    factory: (config: any) => D;
}
/**
 * Encryption for bentocache: a driver that seals each value under its key, the prefix and namespaces included, before
 * it reaches `driver`. What does not open is a miss. Each layer has a driver of its own: wrap both, or values lie in
 * the first layer as they are.
 *
 * @example
 * bentostore().useL1Layer(encryptedDriver(memoryDriver(), options)).useL2Layer(encryptedDriver(redisDriver({ connection }), options))
 *
 * @throws TypeError for what is no driver; as the constructor of EncryptionWrapper for the options.
 */
declare function encryptedDriver<D extends object>(driver: DriverFactory<D>, options?: EncryptedStoreOptions): DriverFactory<D>;

/** What `encryptedStore` wraps. */
type InnerStore = Map<string, unknown> | KeyvStorageAdapter | KeyvInstance;
/** A storage adapter for Keyv 5 and 6, and so for cacheable and cache-manager: what `new Keyv({ store })` takes. */
interface EncryptedStore {
    /** Stored values that could not be opened so far, each of which was a miss. */
    readonly failures: number;
    get(key: string): Promise<unknown>;
    getMany(keys: string[]): Promise<unknown[]>;
    /** `ttl` in milliseconds. */
    set(key: string, value: unknown, ttl?: number): Promise<boolean>;
    setMany(entries: {
        key: string;
        value: unknown;
        ttl?: number | undefined;
    }[]): Promise<boolean[]>;
    delete(key: string): Promise<boolean>;
    /** Whether each was there; for Keyv 5 one answer, whether any was. */
    deleteMany(keys: string[]): Promise<boolean[]>;
    has(key: string): Promise<boolean>;
    hasMany(keys: string[]): Promise<boolean[]>;
    /**
     * Removes the entries of the namespace, those that do not open too, and no others. Without a namespace these are
     * those of the inner store's own, if it has one; otherwise it is the inner store's `clear`, whatever that removes.
     * `keyv.clear()` calls it without options; call it with a namespace for limits, a signal and counts.
     *
     * @throws ConfigurationError when Keyv 5 does not tell the namespace: instances with different ones share this
     * store, or another Keyv instance has changed the inner store's. BackendError when the inner store cannot list its
     * entries. Then nothing is removed.
     */
    clear(options?: EncryptedStoreClearOptions): Promise<void>;
    /**
     * Entries that open; with a namespace, which is how Keyv 6 calls it, of keys that begin with it and a colon. Those
     * have their values when they are destructured, and an empty key then if they do not open.
     *
     * @throws as `clear`.
     */
    iterator(namespace?: string): AsyncGenerator<[key: string, value: unknown], void>;
    disconnect(): Promise<void>;
    /** Of events there are those of the inner store's errors, `error`. */
    on(event: string, listener: (...args: unknown[]) => void): this;
    off(event: string, listener: (...args: unknown[]) => void): this;
}
/**
 * Encryption for Keyv, cacheable and cache-manager: seals each value under the key that the store sees, every namespace
 * included, that of `inner` too, and puts the sealed bytes, as base64, into `inner`. The inner store never gets anything else, and nothing
 * else that it holds ever comes out: what does not open under its key is a miss. Keys stay as they are. A library with
 * several layers has a store for each, cacheable one in memory by default: what is not wrapped holds plaintext.
 *
 * @example
 * const keyv = new Keyv({ store: encryptedStore(new KeyvRedis('redis://localhost'), { masterKey }) });
 *
 * @param inner a Map, a storage adapter of Keyv 5 or 6, or a Keyv instance.
 * @throws TypeError for another store; as the constructor of EncryptionWrapper for the options.
 */
declare function encryptedStore(inner: InnerStore, options?: EncryptedStoreOptions): EncryptedStore;

/**
 * What a keyring publishes on `node:diagnostics_channel`. Keys are named by their fingerprints, as in `usage()`.
 *
 * | channel | when | with |
 * |---|---|---|
 * | `cachekit-native:keys-changed` | the keyring has followed its provider | `current`, `added`, `dropped` |
 * | `cachekit-native:keys-failed` | a call of the provider has failed, and is repeated | `code`, `failures`, `starting` |
 * | `cachekit-native:nonces` | half of a sequence of nonces is used (2^31 seals), or a sequence of counters has ended and another one has begun | `event`, `fingerprint` |
 */
interface KeyEvent {
    /** The key that seals. */
    current?: string;
    added?: readonly string[];
    /** No longer held. */
    dropped?: readonly string[];
    /** The error's fixed code; none for an error that is not of this package. */
    code?: string | undefined;
    /** How many calls in a row have failed. */
    failures?: number;
    /** Whether there are no keys yet. */
    starting?: boolean;
    event?: 'half-used' | 'renewed';
    /** The key that seals. */
    fingerprint?: string;
}

/**
 * One tenant's encryption key, derived in Rust and never visible to JavaScript, with a nonce sequence.
 * Seals bytes as nonce (12) | ciphertext | tag (16) with AES-256-GCM.
 *
 * Protocol: docs/protocol.md, "Ciphertext Format".
 */
declare class Sealer implements Disposable {
    #private;
    /**
     * @param tenantId 1 to 1,024 bytes as UTF-8.
     * @throws TypeError for a wrong type, KeyError for a malformed master key, RangeError for a tenant's length.
     */
    constructor(masterKey: MasterKeyInput, tenantId: string);
    /**
     * @param aad what the value is bound to; an empty array is allowed.
     * @returns `plaintext.length + 28` bytes that the caller owns.
     * @throws NonceExhaustedError after 2^32 seals, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
     */
    seal(plaintext: Uint8Array, aad: Uint8Array): Buffer;
    /**
     * @returns the plaintext in a Buffer that the caller owns; a small one shares its memory with others opened by this sealer.
     * @throws AuthenticationError when the key, the AAD or the bytes are not those that were sealed; KeyError after `destroy`.
     */
    open(sealed: Uint8Array, aad: Uint8Array): Buffer;
    /**
     * Seals off the event loop. The inputs are copied at the call and the nonce is taken then.
     *
     * @throws (rejects) as {@link seal}; with the signal's reason when it aborts before the work has started.
     */
    sealAsync(plaintext: Uint8Array, aad: Uint8Array, options?: {
        signal?: AbortSignal;
    }): Promise<Buffer>;
    /** Opens off the event loop. The inputs are copied at the call. @throws (rejects) as {@link open}. */
    openAsync(sealed: Uint8Array, aad: Uint8Array, options?: {
        signal?: AbortSignal;
    }): Promise<Buffer>;
    /**
     * Seals into the caller's memory; nothing is allocated.
     *
     * @param out room for `plaintext.length + 28` bytes, not overlapping an input.
     * @returns the bytes written.
     * @throws RangeError when `out` is too small or overlaps; else as {@link seal}.
     */
    sealInto(out: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): number;
    /**
     * Opens into the caller's memory; nothing is allocated. A failed open leaves zeros there.
     *
     * @param out room for `sealed.length - 28` bytes, not overlapping an input.
     * @returns the bytes written.
     * @throws RangeError when `out` is too small or overlaps; else as {@link open}.
     */
    openInto(out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): number;
    /**
     * Seals the plaintext at `buffer[12 .. 12 + plaintextLen]` where it lies.
     *
     * @param buffer has 12 bytes of headroom and at least 16 of tailroom around the plaintext.
     * @returns `buffer[0 .. plaintextLen + 28]`, a view; `buffer` itself when that is all of it.
     * @throws RangeError when the lengths do not fit; else as {@link seal}.
     */
    sealInPlace(buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): Uint8Array;
    /**
     * Opens all of `buffer` where it lies. A failed open leaves zeros in it.
     *
     * @returns the plaintext, `buffer[12 .. -16]`, a view.
     * @throws as {@link open}.
     */
    openInPlace(buffer: Uint8Array, aad: Uint8Array): Uint8Array;
    /** Fingerprint of the derived key: 32 hex digits. */
    get fingerprint(): string;
    /** The first 8 bytes of every nonce; goes up by one per sequence in a process, from a random start. */
    get instanceId(): bigint;
    /** 2^32 less the seals done. */
    get sealsRemaining(): number;
    /** Wipes the key; any later use is a KeyError. Async work under way finishes. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/** Whether this machine has instructions for AES, and what they are called. */
declare function hardwareAcceleration(): {
    aes: boolean;
    name: string;
};

interface InteropSerializerOptions {
    /** As for the StandardSerializer. */
    reviver?: TemporalReviver;
    /** As for the StandardSerializer. */
    errorPaths?: ErrorPaths;
}
/**
 * Values that every CacheKit SDK reads: one canonical MessagePack document, with no envelope.
 *
 * It carries what the StandardSerializer carries, except NaN and the infinities. Object keys are written in the order of
 * their code points. An object `{ __datetime__: true, value: iso }`, `{ __date__ … }` or `{ __time__ … }` is a date or time
 * of the protocol, with digits that a Date has not; it is read back as one.
 * It reads any well-formed document; an extension is read as an `ExtData` of `@msgpack/msgpack`.
 *
 * Protocol: docs/protocol.md, "Interop/v1".
 */
declare class InteropSerializer implements Serializer {
    #private;
    readonly format = "msgpack";
    readonly container = "none";
    readonly compressed = false;
    readonly originalType: undefined;
    /** @throws TypeError for a wrong type, RangeError for unknown `errorPaths`. */
    constructor(options?: InteropSerializerOptions);
    /** @throws SerializationError for a value that another SDK would not read as it is, ValueTooLargeError over 512 MiB. */
    serialize(value: unknown): Uint8Array;
    /** @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document. */
    deserialize(payload: Uint8Array): unknown;
}

interface JsonSerializerOptions {
    /** As for the StandardSerializer. */
    errorPaths?: ErrorPaths;
}
/**
 * JSON, with a checksum in front and no compression: what the documents call OrjsonSerializer.
 *
 * It carries null, booleans, strings, finite numbers, arrays and plain objects, and reads them back exactly. A property
 * that is `undefined` is left out. Whatever `JSON.stringify` would turn into something else is refused: -0, NaN, the
 * infinities, `undefined` elsewhere, BigInt, Date, Map, Set, bytes, instances of classes, functions, symbols, lone
 * surrogates, cycles, more than 1,024 levels. `toJSON` is not called.
 * From other SDKs come integers beyond ±(2^53−1), as BigInt.
 */
declare class JsonSerializer implements Serializer {
    #private;
    readonly format = "orjson";
    readonly container = "checksum";
    readonly compressed = false;
    readonly originalType: undefined;
    /** @throws TypeError for a wrong type, RangeError for unknown `errorPaths`. */
    constructor(options?: JsonSerializerOptions);
    /** @throws SerializationError for a value that would not be read back as it is, ValueTooLargeError over 512 MiB. */
    serialize(value: unknown): Uint8Array;
    /** @throws TypeError for a wrong type, SerializationError for bytes that are not one JSON text in UTF-8. */
    deserialize(payload: Uint8Array): unknown;
}

/**
 * A duration of text that TypeScript does not know, as an environment variable: `'250ms'`, `'30s'`, `'10m'`, `'1h'`, `'7d'`.
 * The unit is required: whether a bare `600` means seconds or milliseconds, nobody can tell.
 *
 * @example
 * cache({ ttl: parseDuration(process.env.CACHE_TTL ?? '10m') })(fetchUser);
 *
 * @throws TypeError for another spelling, and when it is not a string; RangeError for zero, and for more than 2^53 − 1 ms.
 */
declare function parseDuration(text: string): Exclude<Duration, number>;
/** As {@link parseDuration}, and `'never'`, as the option `ttl` takes it. */
declare function parseTtl(text: string): Exclude<Duration, number> | 'never';

export { ArrowSerializer, AuthenticationError, BackendError, type Cache, CacheKitError, ConfigurationError, EncryptionWrapper, EnvelopeError, FileBackend, HttpBackend, IncompleteError, InternalError, InteropSerializer, JsonSerializer, KeyError, KeyProviderError, Keyring, KeyvBackend, LmdbBackend, MemoryBackend, NativeLoadError, NonceExhaustedError, JsonSerializer as OrjsonSerializer, PlainDate, PlainTime, RedisBackend, SealedFormatError, Sealer, SerializationError, StandardSerializer, type TenantCache, TimeoutError, UnknownKeyError, ValidationError, ValueTooLargeError, cache, cachedMethod, createCache, encryptedDriver, encryptedStore, hardwareAcceleration, parseDuration, parseTtl, redisBus, skip, withTtl };
export type { ArrowModule, ArrowSerializerOptions, ArrowTable, AsyncValueContext, Backend, BackendDeleteOptions, BackendEntry, BackendErrorOptions, BackendGetOptions, BackendItem, BackendKeysOptions, BackendLock, BackendOptions, BackendSetOptions, BackendTagOptions, BackendUnchanged, BackoffOptions, BatchFunction, BatchOptions, BatchRows, BatchSize, BatchWrap, BreakerOptions, CacheBatchOptions, CacheDriver, CacheEvent, CacheFunction, CacheKitErrorCode, CacheOptions, CacheStats, CacheWrap, CachedFunction, CachedMembers, CannotKnow, ClearOptions, CreateCacheOptions, DeserializeResult, DriverFactory, Duration, EncryptedStore, EncryptedStoreClearOptions, EncryptedStoreOptions, EncryptionWrapperOptions, Entry, ErrorPaths, FailureKind, FileBackendOptions, FunctionOptions, GetOptions, HttpBackendOptions, HttpHealth, HttpMetrics, InnerStore, InspectedValue, InteropSerializerOptions, InvalidationBus, JsonSerializerOptions, KeyEvent, KeyFingerprints, KeyProvider, KeyProviderOptions, KeyReport, KeyReportOptions, KeyUsage, KeyringOptions, KeyvBackendOptions, L1Options, L1Status, LatencyStats, LmdbBackendOptions, LoadOptions, LoadedOptions, LockOptions, MasterKeyInput, MemoryBackendOptions, NonceMode, PolicyOptions, ProvidedKeys, RedisBackendOptions, RedisBusOptions, RewrapOptions, RewrapProgress, RewrapReport, SchemaResult, SecureFunctionOptions, Serializer, SetOptions, Span, StandardSchema, StandardSerializerOptions, StorageOptions, TemporalReviver, TemporalType, TenantStore, TimeoutOptions, Ttl, ValidatedWrap, ValueContext, ValueToDeserialize, ValueToSerialize, ValueType, Wire };
