// The public types of the package. Generated from index.ts by `npm run build`: do not edit.

import { LookupFunction } from 'node:net';

/** What a store holds at a cache key. */
interface BackendEntry {
    /**
     * The stored bytes. Nobody changes them afterwards, and the caller must not either when it asked for them with
     * `readOnly`. They may be a view on a larger chunk: copy what is kept for long.
     */
    bytes: Uint8Array;
    /**
     * Milliseconds until the store forgets the entry; `Infinity` when it never does, `0` when it must not be kept
     * elsewhere at all, absent when the store did not say.
     */
    expiresInMs?: number;
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
    /** The bytes are given away: nobody changes them again, so that they need no copy. */
    owned?: boolean;
}
interface BackendDeleteOptions extends BackendOptions {
    /** Delete only when the stored bytes are exactly these. */
    ifBytes?: Uint8Array;
}
interface BackendItem {
    cacheKey: string;
    bytes: Uint8Array;
    /** As in {@link BackendSetOptions}. */
    ttlMs?: number;
}
/**
 * A store of bytes. It never looks into them, never changes them and adds nothing to a cache key.
 *
 * An operation rejects with `BackendError` when the store fails or has been closed, with `TimeoutError` when it does
 * not answer in time, with `TypeError` or `RangeError` for arguments it cannot take (an empty cache key, a lone
 * surrogate, a TTL of 0), and with `signal.reason` when aborted. No message contains a cache key or a value.
 * `cachekit-native`'s own backends may be used by any number of caches at once.
 */
interface Backend {
    /** `undefined` is a miss. */
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    /** Replaces what was there, its TTL included. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    /** Whether an entry was removed, as far as the store can tell. */
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    /** One answer for each cache key, in their order. */
    getMany?(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    /** When it rejects, some items may have been stored. */
    setMany?(items: readonly BackendItem[], options?: Omit<BackendSetOptions, 'ttlMs'>): Promise<void>;
    /** How many entries were removed, as far as the store can tell. */
    deleteMany?(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has?(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    /** Every stored cache key that begins with `prefix`, in no order; one that changes meanwhile may come twice or not. */
    keys?(options?: BackendOptions & {
        prefix?: string;
    }): AsyncIterable<string>;
    /** Gives an entry a new TTL in milliseconds; whether there was one, as far as the store can tell. */
    expire?(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    /** Gives up connections and memory; every later operation rejects with `BackendError`. Closing twice is harmless. */
    close?(): Promise<void>;
}

interface FileBackendOptions {
    /** Created, for its owner only, when it is missing. */
    directory: string;
    /** After how many milliseconds an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
    /** Unix time in milliseconds, for tests. Default `Date.now`. */
    now?: () => number;
}
/**
 * A store of one file for each cache key, shared with the other SDKs of a machine. Protocol: file backend.
 *
 * TTLs are whole seconds, rounded up. `ifBytes` compares before it deletes, not in one step.
 */
declare class FileBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError for an empty directory or a timeout outside its limits. */
    constructor(options: FileBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    /** @throws BackendError also when the file there is of a newer format. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

interface HttpBackendOptions {
    /** `https://host[:port][/path]`; requests go to its path + `/v1/cache/…`. Default: CACHEKIT_API_URL. */
    url?: string;
    /** Sent as `Authorization: Bearer …`. Default: CACHEKIT_API_KEY. */
    apiKey?: string;
    /** Permit private and loopback hosts, and `http://` on loopback. Link-local and reserved addresses stay refused. */
    allowPrivateHosts?: boolean;
    /** Replaces the transport. The rules for the URL hold, but nobody checks which address a name resolves to. */
    fetch?: typeof globalThis.fetch;
    /** Replaces `dns.lookup`; what it answers is checked all the same. */
    lookup?: LookupFunction;
    /** After how many milliseconds without a whole answer an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
    /** An answer over this many bytes is a BackendError. Default 32 MiB; the hosted service stores at most 25 MB. */
    maxResponseBytes?: number;
    /** Most connections open at once. Default 32. */
    connections?: number;
}
/**
 * A store behind the CacheKit HTTP API. Protocol: SaaS API.
 *
 * TTLs are whole seconds there, rounded up, at most 30 days. `delete` and `expire` cannot tell whether an entry
 * existed, and `ifBytes` compares before it deletes, not in one step.
 */
declare class HttpBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError, ConfigurationError for a URL or API key that is missing or not allowed. */
    constructor(options?: HttpBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

interface MemoryBackendOptions {
    /** Bytes held in all, cache keys and a fixed cost of 256 an entry included. Default 64 MiB; the least recently used go first. */
    maxBytes?: number;
    /** A monotonic clock in milliseconds, for tests. Default `performance.now`. */
    now?: () => number;
}
/**
 * The store inside this process, bounded in bytes.
 *
 * What is stored is copied in and copied out, so that no buffer on either side shares memory with the store; `owned`
 * on `set` and `readOnly` on `get` leave the copies out for callers who keep to those words.
 */
declare class MemoryBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError for `maxBytes` outside 1 … 2^53 − 1. */
    constructor(options?: MemoryBackendOptions);
    /** Bytes held, as `maxBytes` counts them. */
    get size(): number;
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    /** @throws ValueTooLargeError for an entry that alone is over `maxBytes`; the one it was to replace is gone. */
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    setMany(items: readonly BackendItem[], options?: Omit<BackendSetOptions, 'ttlMs'>): Promise<void>;
    deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    keys({ prefix, ...options }?: BackendOptions & {
        prefix?: string;
    }): AsyncGenerator<string>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** An ioredis or iovalkey client, as far as it is used here. */
interface IoredisClient {
    readonly options: {
        readonly keyPrefix?: string | undefined;
    };
    readonly status: string;
    callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>;
    pipeline(): IoredisPipeline;
    on(event: 'error', listener: (error: Error) => void): unknown;
    off(event: 'error', listener: (error: Error) => void): unknown;
}
interface IoredisPipeline {
    callBuffer(name: string, ...args: (string | Buffer)[]): unknown;
    exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}
/** A client of the package `redis` (5 or later), as far as it is used here. */
interface NodeRedisClient {
    readonly isReady?: boolean;
    sendCommand(args: readonly (string | Buffer)[], options?: {
        typeMapping?: Record<number, unknown>;
    }): Promise<unknown>;
    withTypeMapping(mapping: Record<number, unknown>): unknown;
    on(event: 'error', listener: (error: Error) => void): unknown;
    off(event: 'error', listener: (error: Error) => void): unknown;
}
type RedisClient = IoredisClient | NodeRedisClient;

type RedisLibrary = 'ioredis' | 'redis';

interface RedisBackendOptions {
    /** `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. Either this or `client`. */
    url?: string;
    /**
     * A client of `ioredis`, `iovalkey` or `redis` (5 or later), connected and closed by its owner. A `keyPrefix` of an
     * ioredis client is written to Redis and not part of the cache key that a value is bound to.
     */
    client?: RedisClient;
    /** Which package to use for `url`. Default: `ioredis` when it is installed, else `redis`. */
    library?: RedisLibrary;
    /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
    timeoutMs?: number;
}
/**
 * A store in Redis or Valkey: one string for each cache key, under exactly that name, with its TTL in milliseconds.
 *
 * With a URL the connection is made by the first operation and again, when it was lost, by the next one.
 */
declare class RedisBackend implements Backend {
    #private;
    /** @throws TypeError, RangeError, ConfigurationError for a bad URL or a missing package. */
    constructor(options: RedisBackendOptions);
    get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined>;
    set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void>;
    delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean>;
    getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]>;
    setMany(items: readonly BackendItem[], options?: Omit<BackendSetOptions, 'ttlMs'>): Promise<void>;
    deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number>;
    has(cacheKey: string, options?: BackendOptions): Promise<boolean>;
    keys({ prefix, ...options }?: BackendOptions & {
        prefix?: string;
    }): AsyncGenerator<string>;
    expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean>;
    /** Waits up to a second for what is under way. A client that was passed in stays open. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The envelope around a payload: LZ4 block, xxh3-64 checksum, original size and a format string, as a MessagePack array of four.
 *
 * Source: protocol, "ByteStorage" (wire format 1.1).
 */
declare class ByteStorage {
    /**
     * @param format any string; returned by `retrieve`, not checked. Default `msgpack`.
     * @throws TypeError for a wrong type, ValueTooLargeError over 512 MiB.
     */
    static store(data: Uint8Array, format?: string): Buffer;
    /**
     * Reads what every CacheKit writer has written, also the older forms. Sizes are checked before anything is allocated.
     *
     * @throws TypeError for a wrong type, EnvelopeError for what is malformed, over a limit or does not match its checksum.
     */
    static retrieve(envelope: Uint8Array): {
        data: Buffer;
        format: string;
    };
}
/**
 * BLAKE2b with a hash of 32 bytes, no key.
 *
 * @throws TypeError for a wrong type.
 */
declare function blake2b256(data: Uint8Array): Buffer;
/** Whether this machine has instructions for AES, and what they are called. */
declare function hardwareAcceleration(): {
    aes: boolean;
    name: string;
};

/** What has happened so far, in plain numbers: nothing here tells of a key or a value. */
interface CacheStats {
    /** Calls answered with a stored value. */
    hits: number;
    /** Of those, the ones answered from this process's own first tier. */
    l1Hits: number;
    /** Calls for which nothing usable was stored. */
    misses: number;
    /** How often a function ran, which is less than `misses` when calls shared a run. */
    loads: number;
    /** Values stored. */
    sets: number;
    /** Entries that did not open: another key, tenant or cache key, altered bytes, a foreign format. */
    authenticationFailures: number;
    /** Entries sealed with a key that the keyring does not hold. */
    unknownKeys: number;
    /** Entries whose envelope or payload could not be read. */
    unreadableValues: number;
    /** Values that were returned but not stored, because the serializer or the sealer refused them. */
    refusedValues: number;
    /** Values that were returned but not stored, because they are over a limit. */
    oversizeValues: number;
    /** Operations that the backend failed. */
    backendErrors: number;
    /** Entries held in this process now. */
    l1Entries: number;
    /** Bytes they take, as `l1.maxBytes` counts them. */
    l1Bytes: number;
}

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

/**
 * Who shares the stored bytes: every process of this package (`protocol`), every CacheKit SDK (`interop`),
 * or a Python `@cache` function (`python`). A reader never guesses it from bytes.
 */
type Wire = 'protocol' | 'interop' | 'python';

/** The fixed codes of every {@link CacheKitError}; branch on `error.code` or on the class. */
type CacheKitErrorCode = 'ERR_CONFIGURATION' | 'ERR_KEY' | 'ERR_UNKNOWN_KEY' | 'ERR_AUTHENTICATION' | 'ERR_SEALED_FORMAT' | 'ERR_ENVELOPE' | 'ERR_NONCE_EXHAUSTED' | 'ERR_SERIALIZATION' | 'ERR_VALUE_TOO_LARGE' | 'ERR_BACKEND' | 'ERR_TIMEOUT' | 'ERR_NATIVE_LOAD' | 'ERR_INTERNAL';
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
/** A value sealed for this tenant with a key that the keyring does not hold. */
declare class UnknownKeyError extends CacheKitError {
    /** Fingerprint in the value's header: 32 hex digits. */
    readonly fingerprint: string;
    /** Fingerprint of the current key for this tenant: 32 hex digits. */
    readonly currentFingerprint: string;
    readonly code = "ERR_UNKNOWN_KEY";
    constructor(
    /** Fingerprint in the value's header: 32 hex digits. */
    fingerprint: string, 
    /** Fingerprint of the current key for this tenant: 32 hex digits. */
    currentFingerprint: string);
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
/** A nonce sequence has sealed 2^32 values; this sealer refuses for ever. */
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
/** The native addon for this platform could not be loaded. */
declare class NativeLoadError extends CacheKitError {
    readonly code = "ERR_NATIVE_LOAD";
}
/** A defect in this package that was caught before it could end the process. Please report it. */
declare class InternalError extends CacheKitError {
    readonly code = "ERR_INTERNAL";
}

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
/** Values to stored bytes and back: what a cache needs to know of serialization and encryption. */
interface ValueCodec<T = unknown> {
    serialize(value: T, context: ValueContext): Buffer;
    deserialize(sealed: Uint8Array, context: ValueContext): T;
    serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer>;
    deserializeAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T>;
    serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[];
    deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[];
}

/** A value and what is known of where it came from. */
interface Entry<T> {
    value: T;
    /** `'hit'`: it was stored. `'miss'`: the function ran. */
    status: 'hit' | 'miss';
    /** Milliseconds since it was stored, where the store tells. */
    ageMs?: number;
    /** Milliseconds until it ends; absent when it never does, when it is not known, and when it was not stored. */
    expiresInMs?: number;
}
/**
 * A function whose results are cached. It takes what the original takes and always returns a Promise.
 *
 * Every hit is an object of its own. Callers who wait for the same run of the original share its result.
 * `this` is handed to the original and is no part of the cache key.
 */
interface CachedFunction<This, A extends unknown[], R> {
    (this: This, ...args: A): Promise<R>;
    /** As a call, with what is known of the entry. On a method: `object.method.entry.call(object, …)`. */
    entry(...args: A): Promise<Entry<R>>;
    /** The cache key that a call with these arguments is stored under. */
    keyFor(...args: A): string;
    /** Removes the entry of a call; whether there was one. Rejects when the backend fails. */
    invalidate(...args: A): Promise<boolean>;
    /** Runs the original and replaces what is stored. On a method: `object.method.refresh.call(object, …)`. */
    refresh(...args: A): Promise<R>;
    stats(): CacheStats;
}

/** Seconds as a number, or a number with its unit: `'250ms'`, `'30s'`, `'10m'`, `'1h'`, `'7d'`. */
type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

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
    /** The two halves of the nonce. */
    instanceId?: bigint;
    counter?: number;
}

/**
 * A master key: a string of hex digits (at least 64, so 32 bytes), or at least 16 raw bytes,
 * with one warning in a process for fewer than 32. Exactly 32 bytes is what every SDK takes.
 */
type MasterKeyInput = string | Uint8Array;

/** The keys that a key management service holds for an application. */
interface ProvidedKeys {
    masterKey: MasterKeyInput;
    /** Newest first, at most 3. */
    previousMasterKeys?: readonly MasterKeyInput[];
}
/** Fetches keys, for instance by unwrapping them with a KMS. */
type KeyProvider = (options: {
    signal: AbortSignal;
}) => Promise<ProvidedKeys> | ProvidedKeys;
interface KeyProviderOptions {
    signal?: AbortSignal;
    /** Default `'10s'`. */
    timeout?: `${number}${'ms' | 's' | 'm'}`;
}

/** How nonces are made: a counter per process, or 12 random bytes, for platforms that clone a running process's memory. */
type NonceMode = 'counter' | 'random';
interface KeyringOptions {
    /** Seals and opens. Default: CACHEKIT_MASTER_KEY, and with it CACHEKIT_PREVIOUS_MASTER_KEYS. */
    masterKey?: MasterKeyInput | undefined;
    /** Open only, newest first, at most 3. */
    previousMasterKeys?: readonly MasterKeyInput[];
}
/** How often one master key was used by this process. */
interface KeyUsage {
    /** Fingerprint of the master key: 32 hex digits. */
    fingerprint: string;
    position: 'current' | 'previous' | 'staged';
    seals: number;
    /** Opens that succeeded. */
    opens: number;
    lastUsed: Date | undefined;
}
/**
 * One master key that seals and up to three that only open, so that a key can be replaced while values
 * sealed with the old one are still stored.
 *
 * In a fleet: `stage(new)` in every process, then `startRotation(new)` in every process, then, when
 * `usage()` shows that the old key is not needed any more, `completeRotation()`.
 *
 * Source: protocol text, "Encryption Header (Key Rotation)".
 */
declare class Keyring implements Disposable {
    #private;
    /**
     * @throws ConfigurationError when there is no key, KeyError for a malformed or repeated one and for more than 3 previous keys.
     */
    constructor(options?: KeyringOptions);
    /** Keys from a key management service: calls `provider` once and makes a keyring of what it returns. */
    static fromProvider(provider: KeyProvider, options?: KeyProviderOptions): Promise<Keyring>;
    /**
     * Adds a key that only opens, ahead of a rotation to it.
     *
     * @throws KeyError when it is held already or three keys besides the current one are.
     */
    stage(key: MasterKeyInput): void;
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
     * Drops and wipes the previous keys; what was sealed with them cannot be opened any more.
     *
     * @param options.ifUnusedFor refuses while a previous key has sealed or opened something, in this process, within this time.
     * @throws KeyError when there is no previous key, or one was needed.
     */
    completeRotation(options?: {
        ifUnusedFor?: Duration;
    }): void;
    /** Whether previous keys are held. */
    get rotating(): boolean;
    /** Every key held: the current one first, then the previous ones, newest first, then the staged ones. */
    usage(): KeyUsage[];
    /** Wipes every key; any later use is a KeyError. Async work under way finishes. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/** What a value is bound to: it opens only where all of it is the same. */
interface AadParts {
    tenantId: string;
    /** The full cache key; may be empty here, the wrapper refuses an empty one. */
    cacheKey: string;
    /** The serializer's format, for instance `msgpack`. */
    format: string;
    /** Written as ASCII `True` or `False`, whatever the language. */
    compressed: boolean;
    /** Left out when absent or empty. */
    originalType?: string | null;
}
/**
 * The additional authenticated data, version 0x03, in a fresh array:
 *
 * | offset | bytes |
 * |---|---|
 * | 0 | `03` |
 * | then, for each part | u32 big-endian byte length, UTF-8 bytes |
 *
 * The parts are tenant, cache key, format, `True`/`False`, and the original type when there is one.
 * Every part carries its length, so that different parts never give the same bytes.
 *
 * @throws TypeError for a wrong type or a lone surrogate.
 * Source: protocol text, "Additional Authenticated Data (AAD)".
 */
declare function createAad(parts: AadParts): Uint8Array;

type RotationHeaderMode = 'auto' | 'always' | 'never';

interface EncryptionWrapperOptions<T = unknown> {
    /** Default: StandardSerializer (InteropSerializer for wire `interop`). */
    serializer?: Serializer<T> | Serializer;
    /** Default: CACHEKIT_MASTER_KEY. Not together with `keyring`. */
    masterKey?: MasterKeyInput | undefined;
    /** Shared with whoever else uses it; `destroy` leaves it alone. */
    keyring?: Keyring | undefined;
    /** 1 to 1,024 bytes as UTF-8. Default `'default'`. */
    tenantId?: string | undefined;
    /** Default `'protocol'`. */
    wire?: Wire;
    /** When a header names the key in front of a value: `'auto'` is while keys are being rotated. */
    rotationHeader?: RotationHeaderMode;
    /** `'random'` for platforms that clone a running process's memory. Default `'counter'`. */
    nonces?: NonceMode;
    /** False: no compression, so that a value's length does not tell what parts of it have in common. Default true. */
    compress?: boolean;
}
/**
 * Serializes values and seals them, each bound to its tenant and cache key: a serializer with encryption.
 *
 * @example
 * const wrapper = new EncryptionWrapper({ masterKey: process.env.CACHEKIT_MASTER_KEY });
 * const sealed = wrapper.serialize({ ssn: '123-45-6789' }, { cacheKey: 'users:1' });
 * wrapper.deserialize(sealed, { cacheKey: 'users:1' }); // { ssn: '123-45-6789' }
 *
 * Source: protocol text, "Encryption Flow" and "Decryption Flow".
 */
declare class EncryptionWrapper<T = unknown> implements ValueCodec<T>, Disposable {
    #private;
    /**
     * @throws ConfigurationError for no key, two keys, or a combination that the wire does not have;
     *   KeyError for a malformed key; TypeError and RangeError for wrong options.
     */
    constructor(options?: EncryptionWrapperOptions<T>);
    /**
     * @returns bytes that nobody else holds.
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
     * Seals a batch with one native call per key. The results share one allocation.
     *
     * @throws as {@link serialize} for the first item that fails; nothing is returned then.
     */
    serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[];
    /** Opens a batch with one native call per key. Each item has its own result. @throws TypeError for a wrong argument only. */
    deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[];
    /** What can be seen of stored bytes without a key: header, frame and sizes. @throws SealedFormatError for a broken frame. */
    inspect(sealed: Uint8Array): InspectedValue;
    /** Wipes the keys of a wrapper that was made with `masterKey`; a `keyring` is left alone. Any later use is a KeyError. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/** How long entries live: a {@link Duration}, or `'never'` for entries that do not end by themselves. */
type Ttl = Duration | 'never';
/** Entries held in this process. */
interface L1Options {
    /** Bytes held at most, keys and a fixed cost of 256 an entry included. Default 64 MiB. */
    maxBytes?: number;
    /** The longest that a copy of what the backend has is kept. Default: as long as the entry lives. */
    ttl?: Duration;
    /**
     * Keep the decoded objects and hand out those same objects. They are plaintext in memory, also in a secure cache,
     * and must not be changed by whoever gets them. Default false: bytes, in a secure cache ciphertext.
     */
    values?: boolean;
}
/** Where values are stored, and as what. */
interface StorageOptions {
    /** Default 600 seconds. */
    ttl?: Ttl;
    /** `null` or left out: in this process only. Else a store, or the URL of one. */
    backend?: Backend | string | null;
    /** Default: StandardSerializer. An EncryptionWrapper encrypts. */
    serializer?: Serializer | EncryptionWrapper;
    /** Encrypts with this key. */
    masterKey?: MasterKeyInput | undefined;
    /** Encrypts with the keys of this keyring, which its owner destroys. */
    keyring?: Keyring | undefined;
    /** The tenant that all entries belong to. Default: the wrapper's, which is `'default'`. */
    tenantId?: string | undefined;
    wire?: Wire;
    /** With encryption: as in EncryptionWrapper. */
    nonces?: NonceMode;
    /** Entries in this process in front of the backend. Default true. */
    l1?: boolean | L1Options;
    /** Given to every operation of the backend: when it aborts, functions simply run. */
    signal?: AbortSignal;
    /** What an entry that does not open is: `'miss'` (counted, and deleted when nobody replaced it), or an error. */
    onAuthenticationFailure?: 'miss' | 'throw';
    /** Told of every failure that is counted rather than thrown. Errors have no keys and no values in them. */
    onError?: (error: unknown) => void;
}
/** How a function's entries are named. */
interface FunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> {
    /** Required with a backend. Part of the cache key: no colon, no white space. */
    namespace?: string;
    /** What the function is called in cache keys. This or `key` is required with a backend. */
    operation?: string;
    /** The whole cache key of a call, used as it is. Default: made of namespace, operation and a hash of the arguments. */
    key?: (...args: K) => string;
    /** The tenant that a call's entry belongs to, apart from every other tenant's. */
    tenant?: (...args: T) => string;
    /** Default: the cache's, or 600 seconds. */
    ttl?: Ttl;
}
type CacheOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = StorageOptions & FunctionOptions<K, T>;

/**
 * Gives a function a cache: call it with the function, or write it as a standard decorator in front of a method.
 * The function must take what `key` (`K`) and `tenant` (`T`) take.
 */
type CacheWrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = <This, A extends [...K, ...unknown[]] & [...T, ...unknown[]], R>(fn: (this: This, ...args: A) => R, context?: ClassMethodDecoratorContext<This, (this: This, ...args: A) => R>) => CachedFunction<This, A, Awaited<R>>;
/** What `cache` is: call it for a cache as its options say, `cache.secure` for one that always encrypts. */
interface CacheFunction {
    /**
     * Caches the results of a function. Values are stored as they are serialized, unless `masterKey`, `keyring` or an
     * EncryptionWrapper as `serializer` encrypts them; CACHEKIT_MASTER_KEY alone encrypts nothing.
     *
     * Default TTL 600 s. When the backend fails, the function runs.
     *
     * @example
     * const user = cache({ namespace: 'users', operation: 'user', backend: 'redis://localhost' })(fetchUser);
     * await user(42);
     *
     * @throws TypeError and RangeError for wrong options, ConfigurationError for missing and contradicting ones.
     */
    <K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
    /**
     * As {@link cache}, and every value is sealed with AES-256-GCM: neither the backend nor L1 ever holds plaintext.
     * The key is `masterKey` (64 hex digits), `keyring` or CACHEKIT_MASTER_KEY.
     *
     * Default TTL 600 s. When the backend fails, the function runs.
     *
     * @example
     * const ssn = cache.secure({ namespace: 'users', operation: 'ssn', backend: 'redis://localhost' })(fetchSsn);
     * await ssn(42);
     *
     * @throws as {@link cache}, and ConfigurationError when there is no key.
     */
    secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: CacheOptions<K, T>): CacheWrap<K, T>;
}
/** Caches the results of a function: `cache(options)(fn)`, or `cache.secure(options)(fn)` to encrypt them. */
declare const cache: CacheFunction;

interface SetOptions {
    /** Default: the cache's. */
    ttl?: Ttl;
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
    get<V = unknown>(cacheKey: string): Promise<V | undefined>;
    /**
     * The stored value, or else what `load` returns, which is stored. Callers who wait for the same entry at the same time
     * share one run of `load` and its result.
     */
    getOrSet<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: SetOptions): Promise<V>;
    /** As `getOrSet`, with what is known of the entry. */
    entry<V>(cacheKey: string, load: () => V | PromiseLike<V>, options?: SetOptions): Promise<Entry<V>>;
    /**
     * @returns whether it was stored; false when the backend failed, which is counted.
     * @throws TypeError for `undefined`, SerializationError for a value that the serializer refuses, ValueTooLargeError over a limit.
     */
    set(cacheKey: string, value: unknown, options?: SetOptions): Promise<boolean>;
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
interface SecureFunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> extends FunctionOptions<K, T> {
    /** Default: the cache's own key, or else CACHEKIT_MASTER_KEY. */
    masterKey?: MasterKeyInput | undefined;
    keyring?: Keyring | undefined;
    nonces?: NonceMode | undefined;
}
/** A cache of values and functions: one backend, one L1. Made by {@link createCache}. */
declare class Cache extends TenantCache implements AsyncDisposable {
    #private;
    /** Caches a function's results here; as {@link cache}. */
    wrap<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: FunctionOptions<K, T>): CacheWrap<K, T>;
    /** Caches a function's results here, sealed, whatever the cache itself does; as {@link cache.secure}. */
    secure<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>(options?: SecureFunctionOptions<K, T>): CacheWrap<K, T>;
    /** The entries of one tenant, apart from every other tenant's: sealed with a key of its own, and stored under a prefix of its own. */
    tenant(tenantId: string): TenantCache;
    /** Of this cache, its tenants and its functions together. */
    stats(): CacheStats;
    /**
     * Forgets what this process holds, wipes the keys that this cache has made and closes the backend that it made of a URL.
     * What was passed in is left to its owner. Any later use is an error.
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

/** The three keys of a tenant, 32 bytes each. */
interface DerivedTenantKeys {
    encryption: Uint8Array;
    authentication: Uint8Array;
    /** Salt for names in a store that should not show what they are of. */
    cacheKeys: Uint8Array;
}
/**
 * HKDF-SHA256 of the master key, with the domain and the tenant in a length-prefixed salt.
 *
 * This is one of the two functions whose purpose is to hand a derived key to JavaScript: wipe it after use.
 *
 * @param domain 1 to 255 bytes as UTF-8.
 * @param tenantSalt 1 to 1,024 bytes; a string is taken as UTF-8.
 * @returns 32 bytes.
 * @throws TypeError for a wrong type, KeyError for a malformed master key, RangeError for a wrong length.
 * Source: protocol text, "Key Derivation".
 */
declare function deriveDomainKey(masterKey: MasterKeyInput, domain: string, tenantSalt: string | Uint8Array): Uint8Array;
/**
 * The domains `encryption`, `authentication` and `cache_keys` of one tenant.
 *
 * @param tenantId 1 to 1,024 bytes as UTF-8.
 * @throws as {@link deriveDomainKey}.
 * Source: protocol text, "Per-Tenant Keys".
 */
declare function deriveTenantKeys(masterKey: MasterKeyInput, tenantId: string): DerivedTenantKeys;
/**
 * SHA-256("key_fingerprint_v1" | key)[0..16]: names a key without revealing it.
 *
 * @param key of any length, also empty.
 * @returns 16 bytes.
 * Source: protocol text, "Key Fingerprint".
 */
declare function keyFingerprint(key: Uint8Array): Uint8Array;

/**
 * One tenant's encryption key, derived in Rust and never visible to JavaScript, with a nonce sequence.
 * Seals bytes as nonce (12) | ciphertext | tag (16) with AES-256-GCM.
 *
 * Source: protocol text, "Ciphertext Format" and "Nonce Generation".
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
     * @returns `plaintext.length + 28` bytes that nobody else holds.
     * @throws NonceExhaustedError after 2^32 seals, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
     */
    seal(plaintext: Uint8Array, aad: Uint8Array): Buffer;
    /**
     * @returns the plaintext in a Buffer of its own.
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

/**
 * The canonical MessagePack of a call's arguments: one flat array, the same bytes in every SDK.
 *
 * Numbers are canonical: `-0`, `2.0` and a Date of whole seconds become integers, other Dates float64 seconds. Object
 * keys sort by code point, a Set becomes its sorted elements, a property that is `undefined` is left out.
 *
 * @throws TypeError, naming the option `key`, for an argument outside the interop model: `undefined`, NaN, infinities,
 *   BigInt beyond 64 bits, Map, instances of classes, functions, lone surrogates, cycles, more than 1,024 levels.
 * Source: protocol, "Interop/v1".
 */
declare function encodeInteropArgs(args: readonly unknown[]): Uint8Array;

/**
 * The cache key that every SDK computes for the same call: `{namespace}:{operation}:{BLAKE2b-256 of the arguments}`.
 *
 * @param namespace and `operation` match `[a-z0-9][a-z0-9._-]{0,63}` without `..`; the namespace is not `ns` or `nsapi`.
 * @param args every bound argument, in order, defaults included.
 * @throws TypeError for an argument outside the interop model, RangeError for a segment that is not allowed.
 * Source: protocol, "Interop/v1".
 */
declare function interopKey(namespace: string, operation: string, args: readonly unknown[]): string;

/** Says which key sealed a value; written in front of it while keys are being rotated. Not part of the AAD. */
interface RotationHeader {
    version: 1;
    /** 0 is AES-256-GCM, the only one. */
    algorithm: 0;
    /** 16 bytes: the fingerprint of the tenant's encryption key. */
    keyFingerprint: Uint8Array;
    /** 8 bytes: the start of SHA-256 of the tenant's id. */
    tenantIdHash: Uint8Array;
    domain: 'ench';
    /** 1 when the sealing key replaced another one. Informative: the fingerprint selects the key. */
    keyVersion: 0 | 1;
}
/**
 * | offset | length | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 1 | algorithm, 0 |
 * | 2 | 16 | key fingerprint |
 * | 18 | 8 | tenant id hash |
 * | 26 | 4 | `ench` |
 * | 30 | 1 | key version, 0 or 1 |
 * | 31 | 1 | 0 |
 *
 * @returns 32 bytes.
 * @throws TypeError for a wrong type, RangeError for a wrong length or number.
 * Source: protocol text, "Encryption Header (Key Rotation)".
 */
declare function encodeRotationHeader(header: RotationHeader): Uint8Array;
/**
 * Reads the first 32 bytes; what follows them is not looked at.
 *
 * @throws TypeError for a wrong type, SealedFormatError when they are not a rotation header.
 * Source: protocol text, "Encryption Header (Key Rotation)".
 */
declare function parseRotationHeader(bytes: Uint8Array): RotationHeader;

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
    tableToIPC(table: never, type: 'file'): Uint8Array;
    tableFromIPC(bytes: Uint8Array): unknown;
}
interface ArrowSerializerOptions<T extends ArrowTable = ArrowTable> {
    /**
     * Your `import * as arrow from 'apache-arrow'`. It is needed only when there is more than one copy of the package.
     * Default: the one that `import 'apache-arrow'` gives.
     */
    arrow?: ArrowModule<T>;
    /** The flag that is authenticated with every sealed value; it compresses nothing. Default: false. */
    compressed?: boolean;
}
/**
 * Tables of `apache-arrow` as Arrow IPC files, which is what other SDKs hold DataFrames in.
 *
 * Files are written without compression. A compressed one is read when its codec is in `apache-arrow`'s
 * `compressionRegistry`. The columns of a table that was read are views of the payload where its memory is aligned to
 * eight bytes: no copy is made, and the payload stays in memory as long as the table.
 *
 * @throws TypeError for a wrong type, ConfigurationError when `apache-arrow` is not installed.
 */
declare class ArrowSerializer<T extends ArrowTable = ArrowTable> implements Serializer<T> {
    #private;
    readonly format = "arrow";
    readonly container = "checksum";
    readonly compressed: boolean;
    readonly originalType: undefined;
    constructor(options?: ArrowSerializerOptions<T>);
    /** @throws SerializationError for anything but a Table, and for one that another copy of `apache-arrow` made. */
    serialize(value: T): Uint8Array;
    /** @throws TypeError for a wrong type, SerializationError for bytes that are not an Arrow file that can be read here. */
    deserialize(payload: Uint8Array): T;
}

interface InteropSerializerOptions {
    /** As for the StandardSerializer. */
    reviver?: TemporalReviver;
}
/**
 * Values that every CacheKit SDK reads: one canonical MessagePack document, with no envelope.
 *
 * It carries what the StandardSerializer carries, except NaN and the infinities. Object keys are written in the order of
 * their code points. An object `{ __datetime__: true, value: iso }`, `{ __date__ … }` or `{ __time__ … }` is a date or time
 * of the protocol, with digits that a Date has not; it is read back as one.
 * It reads any well-formed document; an extension is read as an `ExtData` of `@msgpack/msgpack`.
 *
 * Source: protocol, "Interop/v1".
 */
declare class InteropSerializer implements Serializer {
    #private;
    readonly format = "msgpack";
    readonly container = "none";
    readonly compressed = false;
    readonly originalType: undefined;
    /** @throws TypeError for a wrong type. */
    constructor(options?: InteropSerializerOptions);
    /** @throws SerializationError for a value that another SDK would not read as it is, ValueTooLargeError over 512 MiB. */
    serialize(value: unknown): Uint8Array;
    /** @throws TypeError for a wrong type, SerializationError for bytes that are not exactly one MessagePack document. */
    deserialize(payload: Uint8Array): unknown;
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
    /** @throws SerializationError for a value that would not be read back as it is, ValueTooLargeError over 512 MiB. */
    serialize(value: unknown): Uint8Array;
    /** @throws TypeError for a wrong type, SerializationError for bytes that are not one JSON text in UTF-8. */
    deserialize(payload: Uint8Array): unknown;
}

interface StandardSerializerOptions {
    /**
     * `portable` (the default) carries what every CacheKit SDK reads. `node` also carries Map, Set, the typed arrays and
     * BigInt of up to 1 MiB, as MessagePack extensions that only this package reads.
     */
    types?: 'portable' | 'node';
    /**
     * Makes the value that stands for a date or time that is read, from its ISO 8601 string. The default makes a Date
     * (without an offset taken as UTC; microseconds are cut), a PlainDate or a PlainTime.
     * `(type, iso) => iso` keeps the string, with all its digits.
     */
    reviver?: TemporalReviver;
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
 * | Map, Set, other typed arrays, smaller or larger BigInt | refused, unless `types: 'node'` |
 * | `undefined` elsewhere, functions, symbols, instances of classes, invalid Dates, lone surrogates, cycles, more than 1,024 levels | refused |
 *
 * From other SDKs come integers beyond ±(2^53−1) as BigInt, and maps with keys that are no strings as Map.
 * `toJSON` is not called. The prototype of an object is not kept: one with a null prototype is read back as a plain object.
 *
 * Source: protocol, "Serializer traps".
 */
declare class StandardSerializer implements Serializer {
    #private;
    readonly format = "msgpack";
    readonly container = "envelope";
    readonly compressed = true;
    readonly originalType: undefined;
    /** @throws TypeError for a wrong type, RangeError for unknown `types`. */
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

export { ArrowSerializer, AuthenticationError, BackendError, ByteStorage, Cache, CacheKitError, ConfigurationError, EncryptionWrapper, EnvelopeError, FileBackend, HttpBackend, InternalError, InteropSerializer, JsonSerializer, KeyError, Keyring, MemoryBackend, NativeLoadError, NonceExhaustedError, JsonSerializer as OrjsonSerializer, PlainDate, PlainTime, RedisBackend, SealedFormatError, Sealer, SerializationError, StandardSerializer, TenantCache, TimeoutError, UnknownKeyError, ValueTooLargeError, blake2b256, cache, createAad, createCache, deriveDomainKey, deriveTenantKeys, encodeInteropArgs, encodeRotationHeader, hardwareAcceleration, interopKey, keyFingerprint, parseRotationHeader };
export type { AadParts, ArrowModule, ArrowSerializerOptions, ArrowTable, AsyncValueContext, Backend, BackendDeleteOptions, BackendEntry, BackendErrorOptions, BackendGetOptions, BackendItem, BackendOptions, BackendSetOptions, CacheFunction, CacheKitErrorCode, CacheOptions, CacheStats, CacheWrap, CachedFunction, CreateCacheOptions, DerivedTenantKeys, DeserializeResult, Duration, EncryptionWrapperOptions, Entry, FileBackendOptions, FunctionOptions, HttpBackendOptions, InspectedValue, InteropSerializerOptions, IoredisClient, IoredisPipeline, KeyProvider, KeyProviderOptions, KeyUsage, KeyringOptions, L1Options, L1Status, MasterKeyInput, MemoryBackendOptions, NodeRedisClient, NonceMode, ProvidedKeys, RedisBackendOptions, RedisClient, RotationHeader, SecureFunctionOptions, Serializer, SetOptions, StandardSerializerOptions, StorageOptions, TemporalReviver, TemporalType, Ttl, ValueContext, ValueToDeserialize, ValueToSerialize, Wire };
