import { randomBytes } from 'node:crypto';
import { isInterop } from '../codec/wire-profile.js';
import { ConfigurationError } from '../errors.js';
import { assertOwnKey, functionKeys, givenArguments, HashedKeys, tenantPrefix } from '../protocol/cache-key.js';
import { assertTenantId } from '../protocol/derive.js';
import type { ArgumentsContext, SharedBytes } from '../protocol/interop-args.js';
import { validateSegment } from '../protocol/interop-key.js';
import type { ErrorPaths } from '../protocol/refusal.js';
import type { Wire } from '../protocol/wire.js';
import { assertWellFormed, kindOf } from '../util/bytes.js';
import { LruMap } from '../util/lru-map.js';

/** An AsyncLocalStorage that holds the tenant id of the request. Outside of one, a call is a TypeError. */
export interface TenantStore {
  getStore(): string | undefined;
}

export interface NamingOptions {
  readonly namespace: string | undefined;
  readonly operation: string | undefined;
  readonly key: ((...args: never) => unknown) | undefined;
  readonly tenant: ((...args: never) => unknown) | TenantStore | undefined;
  readonly tags: readonly string[] | ((...args: never) => readonly string[]) | undefined;
}

/** How and where its values are stored. */
export interface NamingContext {
  readonly wire: Wire;
  readonly keySuffix: string;
  /** Whether an error of an argument names properties. */
  readonly errorPaths: ErrorPaths;
  /** Whether others share the store, so that a function needs a name. */
  readonly shared: boolean;
  /** The tenant of every call, unless calls bring their own. */
  readonly tenantId: string | undefined;
  /** Whether that tenant is part of the stored key: always, where no encryption keeps tenants apart. */
  readonly tenantInKey: boolean;
  /** The namespace that tags are of, which is the whole cache's. */
  readonly tagNamespace: string | undefined;
}

type CallFn = (...args: readonly unknown[]) => unknown;

/** How a function's cache keys are made: by its option `key`, or of the canonical arguments that are given. */
interface CallKeys {
  of(args: readonly unknown[]): string;
  readonly hashed?: { readonly keys: HashedKeys; given(args: readonly unknown[]): readonly unknown[] };
}

/** Prefixes that are kept, as making one costs a hash. */
const prefixes = new LruMap<string>(1_000);

// Names of functions that have none: no other process uses this part of a cache key.
const ownNames = `local:${randomBytes(8).toString('hex')}`;
let ownNamesGiven = 0;

export interface KeysOfArguments {
  /** The canonical arguments, until others are encoded. @throws as {@link EntryNames.cacheKey}. */
  encode(args: readonly unknown[]): SharedBytes;
  /** The cache key of what `encode` has just answered. */
  cacheKey(encoded: SharedBytes, tenantId: string | undefined): string;
  /** What cache keys have before and after the digest; undefined where they are shortened. */
  readonly around: ((tenantId: string | undefined) => readonly [before: string, after: string]) | undefined;
}

export interface CallForm {
  readonly before: string;
  readonly after: string;
  readonly length: number;
  readonly tenant: 'all' | 'each';
}

/** What a function's call is stored under: a tenant and a cache key. */
export class EntryNames {
  readonly #keys: CallKeys;
  readonly #tenantOf: CallFn | undefined;
  readonly #tenantId: string | undefined;
  readonly #inKey: boolean;
  readonly #fixedPrefix: string;
  readonly #tags: NamingOptions['tags'];
  readonly #tagNamespace: string | undefined;
  /** In front of private names. */
  readonly namespace: string | undefined;

  /** @throws ConfigurationError for a function that has no name in a shared store; TypeError and RangeError for a bad one. */
  constructor(options: NamingOptions, context: NamingContext) {
    if (options.tenant !== undefined && context.wire !== 'protocol') {
      throw new ConfigurationError("Calls bring their own tenant in wire 'protocol' only: elsewhere pass tenantId");
    }
    this.#keys = callKeys(options, context);
    const { tenant } = options;
    this.#tenantOf = isTenantStore(tenant) ? () => tenant.getStore() : (tenant as CallFn | undefined);
    this.#tags = options.tags;
    this.#tagNamespace = context.tagNamespace;
    this.namespace = options.namespace ?? context.tagNamespace;
    this.#tenantId = context.tenantId;
    this.#inKey = this.#tenantOf !== undefined || context.tenantInKey;
    this.#fixedPrefix = context.tenantInKey && context.tenantId !== undefined ? prefixOf(context.tenantId) : '';
  }

  /** @throws TypeError and RangeError for what `tenant` returns, unless it is a tenant id. */
  tenantId(args: readonly unknown[]): string | undefined {
    if (this.#tenantOf === undefined) return this.#tenantId;
    const tenantId = this.#tenantOf(...args);
    // Never the default tenant: a request without one must not meet everybody else's.
    if (tenantId === undefined) {
      throw new TypeError('tenant answered undefined: the call has no tenant, or is outside of its AsyncLocalStorage');
    }
    assertTenantId(tenantId);
    return tenantId;
  }

  /** Whether arguments name this entry. */
  name(cacheKey: string, tenantId: string | undefined, args: readonly unknown[]): boolean {
    try {
      return this.tenantId(args) === tenantId && this.cacheKey(args, tenantId) === cacheKey;
    } catch {
      return false;
    }
  }

  /** @throws TypeError for arguments that cannot be part of a cache key, and for what `key` returns unless it is one. */
  cacheKey(args: readonly unknown[], tenantId: string | undefined): string {
    const cacheKey = this.#keys.of(args);
    return this.#inKey ? this.#prefix(tenantId) + cacheKey : cacheKey;
  }

  /** Of keys that are made of the arguments, how; undefined: another function makes them. */
  get ofArguments(): KeysOfArguments | undefined {
    const { hashed } = this.#keys;
    if (hashed === undefined) return undefined;
    const { keys, given } = hashed;
    const prefix = (tenantId: string | undefined) => (this.#inKey ? this.#prefix(tenantId) : '');
    return {
      encode: (args) => keys.encode(given(args)),
      cacheKey: (encoded, tenantId) => prefix(tenantId) + keys.keyOfEncoded(encoded),
      around: keys.areWhole ? (tenantId) => [prefix(tenantId) + keys.before, keys.after] : undefined,
    };
  }

  /**
   * What the cache keys of calls look like, of those that are made of arguments and never shortened: `length` characters.
   * `tenant`: whether `before` has the tenant of all calls, or none, or stands behind that of each.
   */
  get ofCalls(): CallForm | undefined {
    const { hashed } = this.#keys;
    if (!hashed?.keys.areWhole) return undefined;
    const { before, after, length } = hashed.keys;
    const prefix = this.#fixedPrefix;
    const tenant = this.#tenantOf === undefined ? 'all' : 'each';
    return { before: prefix + before, after, length: prefix.length + length, tenant };
  }

  /** The full names of a call's tags; undefined: none. @throws TypeError, RangeError for what `tags` returns. */
  tags(args: readonly unknown[], tenantId: string | undefined): readonly string[] | undefined {
    if (this.#tags === undefined) return undefined;
    const tags = typeof this.#tags === 'function' ? (this.#tags as CallFn)(...args) : this.#tags;
    assertTags(tags);
    return tags.map((tag) => this.tag(tag, tenantId));
  }

  tag(tag: string, tenantId: string | undefined): string {
    return tagName(this.#inKey ? this.#prefix(tenantId) : '', this.#tagNamespace, tag);
  }

  #prefix(tenantId: string | undefined): string {
    return this.#tenantOf === undefined ? this.#fixedPrefix : prefixOf(tenantId as string);
  }
}

export function tagName(tenantPrefix: string, namespace: string | undefined, tag: string): string {
  return `${tenantPrefix}${namespace === undefined ? '' : `ns:${namespace}:`}tag:${tag}`;
}

export function prefixOf(tenantId: string): string {
  let prefix = prefixes.get(tenantId);
  if (prefix === undefined) {
    prefix = tenantPrefix(tenantId);
    prefixes.set(tenantId, prefix);
  }
  return prefix;
}

function callKeys(options: NamingOptions, context: NamingContext): CallKeys {
  const { namespace, operation } = options;
  const { wire, keySuffix, shared, errorPaths } = context;
  const key = options.key as CallFn | undefined;
  if (shared && (namespace === undefined || (operation === undefined && key === undefined))) {
    throw new ConfigurationError('With a backend, namespace and one of operation and key are required');
  }
  if (key !== undefined) {
    const of = (args: readonly unknown[]) => {
      const cacheKey = key(...args);
      assertOwnKey('What key returns', cacheKey, wire);
      return cacheKey;
    };
    return { of };
  }
  if (wire === 'python' && shared) {
    throw new ConfigurationError("wire 'python' needs key: the Python function's own cache key");
  }
  // The other SDKs have nothing like `undefined`.
  const ofArguments: ArgumentsContext = { allowUndefined: !isInterop(wire), errorPaths };
  if (namespace === undefined || operation === undefined) {
    const keys = new HashedKeys(`${ownNames}:${++ownNamesGiven}:args:`, '', ofArguments);
    return hashedKeys(keys, givenArguments);
  }
  if (isInterop(wire)) {
    validateSegment('namespace', namespace);
    validateSegment('operation', operation);
    // Every argument counts here: the other SDKs hash a call's full list, in which nothing is left out.
    const keys = new HashedKeys(`${namespace}:${operation}:`, '', ofArguments);
    return hashedKeys(keys, (args) => args);
  }
  const keys = functionKeys(namespace, operation, keySuffix, ofArguments);
  return hashedKeys(keys, givenArguments);
}

function hashedKeys(keys: HashedKeys, given: (args: readonly unknown[]) => readonly unknown[]): CallKeys {
  return { of: (args) => keys.keyOf(given(args)), hashed: { keys, given } };
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
