import type { Backend } from '../backends/backend.js';
import type { InvalidationBus } from '../backends/invalidation-bus.js';
import type { KeyvInstance, KeyvStorageAdapter } from '../backends/keyv.js';
import type { EncryptionWrapper } from '../codec/encryption-wrapper.js';
import type { KeyOptions } from '../keys/key-options.js';
import { assertName } from '../protocol/cache-key.js';
import { assertTenantId } from '../protocol/derive.js';
import type { Serializer } from '../serializers/serializer.js';
import type { StandardSerializerOptions } from '../serializers/standard.js';
import { kindOf } from '../util/bytes.js';
import { type Duration, ttlMsOf } from '../util/options-object.js';
import { isAbortSignal } from '../util/realms.js';
import { assertTags, isTenantStore, type NamingOptions, type TenantStore } from './key-builder.js';
import { type BreakerOptions, type L1Options, parseBreaker, parseL1 } from './option-groups.js';
import { assertFunction, boolean, count } from './parsers.js';
import { POLICY, type PolicyOptions } from './policy-options.js';

/**
 * How long entries live: a {@link Duration}, or `'never'` for entries that do not end by themselves. Text from the environment
 * becomes one by `parseTtl`, and without `'never'` by `parseDuration`.
 */
export type Ttl = Duration | 'never';

/** Where values are stored, and as what. */
export interface StorageOptions extends KeyOptions, PolicyOptions {
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

const DEFAULT_TTL_MS = 600_000;
const DEFAULT_CONCURRENT = 10_000;

/** Each option by its name, with what the engine takes of it. An option that is not here is refused. */
export const STORAGE = {
  ttl: (ttl: unknown) => ({ ttlMs: ttlMsOf(ttl) ?? DEFAULT_TTL_MS }),
  backend: elsewhere,
  serializer: elsewhere,
  types: elsewhere,
  masterKey: elsewhere,
  keyring: elsewhere,
  tenantId: (tenantId?: string) => {
    if (tenantId !== undefined) assertTenantId(tenantId);
    return { tenantId };
  },
  nonces: elsewhere,
  wire: elsewhere,
  l1: (value: unknown) => ({ l1: parseL1(value) }),
  ...POLICY,
  breaker: (value: unknown) => ({ breaker: parseBreaker(value) }),
  maxConcurrent: (value: unknown = DEFAULT_CONCURRENT) => ({ maxConcurrent: count('maxConcurrent', value, 1) }),
  privateKeys: (value: unknown = false) => ({ privateKeys: boolean('privateKeys', value) }),
  registry: (value: unknown = true) => ({ registry: boolean('registry', value) }),
  rewrapOnRead: (value: unknown = false) => ({ rewrapOnRead: boolean('rewrapOnRead', value) }),
  bus: (bus: unknown) => ({ bus: parseBus(bus) }),
  signal: (signal?: AbortSignal) => {
    if (signal === undefined || isAbortSignal(signal)) return { signal };
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  },
  onAuthenticationFailure: (value: unknown = 'miss') => {
    if (value !== 'miss' && value !== 'throw')
      throw new RangeError("onAuthenticationFailure must be 'miss' or 'throw'");
    return { throwUnopened: value === 'throw' };
  },
  onError: (onError: StorageOptions['onError']) => {
    assertFunction('onError', onError);
    return { onError };
  },
} satisfies Record<keyof StorageOptions, (value: never) => object>;

/** How a function's entries are named, and what of the cache's policy is its own. */
export interface FunctionOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]>
  extends PolicyOptions {
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

/** As {@link STORAGE}, of one function. */
export const FUNCTION = {
  namespace: (namespace?: string) => {
    if (namespace !== undefined) assertName('namespace', namespace);
    return { namespace };
  },
  operation: (operation?: string) => {
    if (operation !== undefined) assertName('operation', operation);
    return { operation };
  },
  key: (key: NamingOptions['key']) => {
    assertFunction('key', key);
    return { key };
  },
  tenant: (tenant: NamingOptions['tenant']) => {
    if (!isTenantStore(tenant)) assertFunction('tenant', tenant);
    return { tenant };
  },
  tags: (tags: NamingOptions['tags']) => {
    if (tags !== undefined && typeof tags !== 'function') assertTags(tags);
    return { tags };
  },
  ttl: (ttl: unknown) => ({ ttlMs: ttlMsOf(ttl) }),
} satisfies Record<Exclude<keyof FunctionOptions, keyof PolicyOptions>, (value: never) => object>;

export type CacheOptions<K extends unknown[] = unknown[], T extends unknown[] = unknown[]> = StorageOptions &
  FunctionOptions<K, T>;

function parseBus(bus: unknown): InvalidationBus | undefined {
  if (bus === undefined) return undefined;
  const { publish, subscribe } = (bus ?? {}) as Record<keyof InvalidationBus, unknown>;
  if (typeof publish === 'function' && typeof subscribe === 'function') return bus as InvalidationBus;
  throw new TypeError('bus must be an object with the methods publish and subscribe, as redisBus(client) makes one');
}

/** Codecs and backends are made of these options, and check them: what holds a key is kept nowhere else. */
function elsewhere(): object {
  return {};
}
