import type { Backend } from '../backends/backend.js';
import { kindOf } from '../bytes.js';
import { type Duration, durationMs } from '../duration.js';
import type { EncryptionWrapper } from '../encryption-wrapper.js';
import { ConfigurationError } from '../errors.js';
import type { Keyring, NonceMode } from '../keys/keyring.js';
import type { MasterKeyInput } from '../keys/master-key.js';
import { assertName } from '../protocol/cache-key.js';
import type { Serializer } from '../serializers/serializer.js';
import type { Wire } from '../wire.js';

/** How long entries live: a {@link Duration}, or `'never'` for entries that do not end by themselves. */
export type Ttl = Duration | 'never';

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
}

/** Where values are stored, and as what. */
export interface StorageOptions {
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
export interface FunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> {
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
] as const satisfies readonly (keyof FunctionOptions)[];
export const CACHE_OPTIONS = [...STORAGE_OPTIONS, ...FUNCTION_OPTIONS];
/** Milliseconds, `Infinity` for `'never'`. */
export function ttlOf(ttl: unknown): number | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 'never' ? Number.POSITIVE_INFINITY : durationMs('ttl', ttl);
}

/** @throws TypeError unless it is an object, ConfigurationError for an option that there is not. */
export function assertOptions(options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const hint = typeof options === 'function' ? '; write cache(options)(fn)' : '';
    throw new TypeError(`The options must be an object, not ${kindOf(options)}${hint}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new ConfigurationError(`There is no option '${name}'; there are ${known.join(', ')}`);
  }
}

/** Checks the options of one function. */
export function assertFunctionOptions(options: FunctionOptions<never, never>): void {
  if (options.namespace !== undefined) assertName('namespace', options.namespace);
  if (options.operation !== undefined) assertName('operation', options.operation);
  assertFunction('key', options.key);
  assertFunction('tenant', options.tenant);
}

export function assertFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new TypeError(`${name} must be a function, not ${kindOf(value)}`);
  }
}
