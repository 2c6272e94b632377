import type { Backend } from '../backends/backend.js';
import type { KeyvInstance, KeyvStorageAdapter } from '../backends/keyv.js';
import type { EncryptionWrapper } from '../codec/encryption-wrapper.js';
import type { Keyring, NonceMode } from '../keys/keyring.js';
import { assertName } from '../protocol/cache-key.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import type { Wire } from '../protocol/wire.js';
import type { Serializer } from '../serializers/serializer.js';
import { assertWellFormed, kindOf } from '../util/bytes.js';
import { type Duration, durationMs } from '../util/duration.js';
import { assertKnown } from '../util/options-object.js';

/** How long entries live: a {@link Duration}, or `'never'` for entries that do not end by themselves. */
export type Ttl = Duration | 'never';

/** A number with its unit, as {@link Duration} without the bare number: `500` would be seconds, and be meant as milliseconds. */
export type Span = Exclude<Duration, number>;

/** How long things may take. */
export interface TimeoutOptions {
  /** One operation of the backend. Default `'5s'`; the function then runs, as for a miss. */
  backend?: Span;
  /**
   * How long each caller waits for the function, and then gets a TimeoutError (or a stale value). The function goes on: whoever
   * asks meanwhile waits for the same run, and its result is stored, unless it takes longer than ten times this time (without
   * `load`: 10 minutes), after which another run may begin. Default: as long as it takes.
   */
  load?: Span;
  /**
   * The function can ask for an AbortSignal, `cache.signal()`, that fires `load` after it began. The run then ends: its callers
   * get a TimeoutError, another run may begin, and what the function still returns is not stored. Needs `load`. Default false.
   */
  signal?: boolean;
}

/** How long after a failure a function is not run again, while a stale value can answer. */
export interface BackoffOptions {
  /** After the first failure; twice as long after each further one, and in fact at random between half of that and all of it. Default `'1s'`. */
  first?: Span;
  /** At most. Default `'1m'`. */
  max?: Span;
}

export interface LockOptions {
  /** After how long the lock of a process that died is free; one that lives renews it. Default `'5s'`. */
  lease?: Span;
  /** How long to wait for the process that has the lock, before running the function all the same. Default `'30s'`. */
  wait?: Span;
}

/** When the backend is left alone because it fails. */
export interface BreakerOptions {
  /** Failures in a row. Default 5. */
  failures?: number;
  /** How long until one operation tries again. Default `'1s'`. */
  rest?: Span;
}

/** Entries held in this process. */
export interface L1Options {
  /** Bytes held at most, keys and a fixed cost of 256 an entry included. Default 64 MiB. */
  maxBytes?: number;
  /** The longest that a copy of what the backend has is kept. Default: as long as the entry lives. */
  ttl?: Duration;
  /**
   * Keep the decoded objects and hand out those same objects. They are plaintext in memory, also in a secure cache,
   * and must not be changed by whoever gets them. Default false: bytes, in a secure cache ciphertext.
   */
  values?: boolean;
  /**
   * Forget an entry when another process changes it, where the backend can tell (Redis with client-side caching).
   * Default true.
   */
  invalidation?: boolean;
}

/** Where values are stored, and as what. */
export interface StorageOptions {
  /** Default 600 seconds. */
  ttl?: Ttl;
  /** `null` or left out: in this process only. Else a store, or the URL of one. */
  backend?: Backend | KeyvInstance | KeyvStorageAdapter | string | null;
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
  /**
   * For so long after its TTL, an entry still answers at once, while the function runs in the background and replaces it.
   * The backend keeps entries for this time longer.
   */
  swr?: Duration;
  /** For so long after its TTL, an entry answers when the function throws or times out. The backend keeps entries for this time longer. */
  staleIfError?: Duration;
  /**
   * After a run that failed, or that a caller did not wait for, stale values (`swr`, `staleIfError`) answer for a while without
   * another run; `refresh` is not held back. Default `{ first: '1s', max: '1m' }`; false: the next caller tries again.
   */
  backoff?: boolean | BackoffOptions;
  /**
   * For so long after it, what the function has thrown is thrown again, the same object, without another run; in this process
   * only, for 1,000 entries at most. Not for timeouts, aborts and configuration errors. Default: each call runs the function.
   */
  errorTtl?: Duration;
  /** Shortens each TTL at random by up to this part of it, from 0 to less than 1, so that entries do not end all at once. Default 0. */
  jitter?: number;
  /** A TTL of its own for `null`, as for something that does not exist yet. Default: as any value. */
  negativeTtl?: Duration;
  /**
   * One process at a time runs the function for an entry; the others wait for its result. Needs a backend that has locks.
   * Default false: once per process.
   */
  lock?: boolean | LockOptions;
  /** Of each operation of the backend. Default `'5s'`. As an object also of the function. */
  timeout?: Span | TimeoutOptions;
  /** How often an operation of the backend is tried again after a failure that may pass. Default 1. */
  retry?: number;
  /** Leaves a backend alone for a while that fails again and again. Default `{ failures: 5, rest: '1s' }`. */
  breaker?: boolean | BreakerOptions;
  /** Operations of the backend under way at most; above, functions run as if it failed. Default 10,000. */
  maxConcurrent?: number;
  /**
   * Hides cache keys and tags from the backend: it sees `{namespace}:p:{HMAC of the cache key}`, under a key derived for the
   * tenant. Needs encryption, a namespace and wire `protocol`; no other SDK finds such entries. Default false.
   */
  privateKeys?: boolean;
  /** Given to every operation of the backend: when it aborts, functions simply run. */
  signal?: AbortSignal;
  /** What an entry that does not open is: `'miss'` (counted, and deleted when nobody replaced it), or an error. */
  onAuthenticationFailure?: 'miss' | 'throw';
  /** Told of every failure that is counted rather than thrown. Errors have no keys and no values in them. */
  onError?: (error: unknown) => void;
}

/** How a function's entries are named. */
export interface FunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> {
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

/** An AsyncLocalStorage that holds the tenant id of the request. Outside of one, a call is a TypeError. */
export interface TenantStore {
  getStore(): string | undefined;
}

export type CacheOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = StorageOptions &
  FunctionOptions<K, T>;

export const STORAGE_OPTIONS = [
  'ttl',
  'backend',
  'serializer',
  'masterKey',
  'keyring',
  'tenantId',
  'wire',
  'nonces',
  'l1',
  'swr',
  'staleIfError',
  'backoff',
  'errorTtl',
  'jitter',
  'negativeTtl',
  'lock',
  'timeout',
  'retry',
  'breaker',
  'maxConcurrent',
  'privateKeys',
  'signal',
  'onAuthenticationFailure',
  'onError',
] as const satisfies readonly (keyof StorageOptions)[];
export const FUNCTION_OPTIONS = [
  'namespace',
  'operation',
  'key',
  'tenant',
  'ttl',
  'tags',
] as const satisfies readonly (keyof FunctionOptions)[];
export const CACHE_OPTIONS = [...new Set<string>([...STORAGE_OPTIONS, ...FUNCTION_OPTIONS])];

/** Milliseconds, `Infinity` for `'never'`. */
export function ttlOf(ttl: unknown): number | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 'never' ? Number.POSITIVE_INFINITY : durationMs('ttl', ttl);
}

/** @throws TypeError unless it is an object, ConfigurationError for an option that there is not. */
export function assertOptions(
  options: unknown,
  known: readonly string[],
  of?: 'l1' | 'lock' | 'timeout' | 'breaker' | 'backoff',
): asserts options is object {
  if (typeof options !== 'object' || options === null || kindOf(options) === 'an array') {
    if (of !== undefined) throw new TypeError(`${of} must be ${SHORT_FORMS[of]} or an object, not ${kindOf(options)}`);
    const hint = typeof options === 'function' ? '; write cache(options)(fn)' : '';
    throw new TypeError(`The options must be an object, not ${kindOf(options)}${hint}`);
  }
  assertKnown(options, known, of);
}

/** What may stand in the place of an option's own options. */
const SHORT_FORMS = {
  l1: 'a boolean',
  lock: 'a boolean',
  breaker: 'a boolean',
  backoff: 'a boolean',
  timeout: "a string like '250ms'",
};

/** Checks the options of one function. */
export function assertFunctionOptions(options: FunctionOptions<never, never>): void {
  if (options.namespace !== undefined) assertName('namespace', options.namespace);
  if (options.operation !== undefined) assertName('operation', options.operation);
  assertFunction('key', options.key);
  if (!isTenantStore(options.tenant)) assertFunction('tenant', options.tenant);
  const { tags } = options;
  if (tags !== undefined && typeof tags !== 'function') assertTags(tags);
}

export function isTenantStore(tenant: unknown): tenant is TenantStore {
  return typeof (tenant as Partial<TenantStore> | null | undefined)?.getStore === 'function';
}

/** @throws TypeError unless it is an array of strings, RangeError for an empty one. */
export function assertTags(tags: unknown): asserts tags is readonly string[] {
  if (!Array.isArray(tags)) throw new TypeError(`tags must be an array, not ${kindOf(tags)}`);
  for (const tag of tags) {
    assertWellFormed('A tag', tag);
    if (tag === '') throw new RangeError('A tag must not be empty');
  }
}

export function assertFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new TypeError(`${name} must be a function, not ${kindOf(value)}`);
  }
}
