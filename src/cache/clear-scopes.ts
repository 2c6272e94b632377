import { isInterop } from '../codec/wire-profile.js';
import { ConfigurationError } from '../errors.js';
import { signalOf } from '../native/abort.js';
import { hasTenantPrefix, TENANT_PREFIX_LEN } from '../protocol/cache-key.js';
import { assertOptionsObject } from '../util/options-object.js';
import type { ClearScope } from './engine/clearing.js';
import { type EntryNames, prefixOf } from './key-builder.js';
import type { Storage } from './resolve-storage.js';
import { namespacePrefix } from './rewrap/coverage.js';

/* Which entries a `clear` removes. */

export interface ClearOptions {
  /** Ends it between two steps, of 500 entries each. */
  signal?: AbortSignal;
}

/** @throws TypeError and ConfigurationError for wrong and unknown options, the reason of a signal that has fired. */
export function clearSignal(options: ClearOptions | undefined): AbortSignal | undefined {
  if (options !== undefined) assertOptionsObject(options, ['signal']);
  return signalOf(options);
}

/** What every cache key of a tenant begins with. */
const TENANTS = 't:';

/** All of a cache: its namespace, with those of its tenants. @throws ConfigurationError where nothing tells which entries these are. */
export function cacheScope(storage: Storage): ClearScope {
  const { backend, namespace, privateKeys, profile, secure, tenantId, registry } = storage;
  if (backend === undefined) return { prefixes: [], has: always, hasKey: always, of: undefined };
  if (privateKeys) {
    const prefix = `${namespace}:p:`;
    // No name tells whose it is: whatever runs stores nothing.
    return { prefixes: [prefix], has: (name) => name.startsWith(prefix), hasKey: always, of: undefined };
  }
  const prefix = namespaceOf(storage);
  if (!secure && tenantId !== undefined) return under([prefixOf(tenantId) + prefix]);
  const has = (cacheKey: string) => withoutTenant(cacheKey).startsWith(prefix) && cacheKey !== registry?.cacheKey;
  const prefixes = profile.wire === 'protocol' ? [prefix, TENANTS] : [prefix];
  return { prefixes, has, hasKey: has, of: undefined };
}

/** The entries of one tenant of a cache. @throws as {@link cacheScope}, and with private keys. */
export function tenantScope(storage: Storage, tenantId: string): ClearScope {
  if (storage.backend === undefined) return { prefixes: [], has: always, hasKey: always, of: { tenantId } };
  assertVisible(storage);
  return under([prefixOf(tenantId) + namespaceOf(storage)]);
}

/** The entries of one function. @param alone whether the store has no other entries. @throws as {@link tenantScope}, and with a `key`. */
export function functionScope(storage: Storage, names: EntryNames, alone: boolean): ClearScope {
  if (storage.backend === undefined && alone) return cacheScope(storage);
  assertVisible(storage);
  const { ofCalls } = names;
  if (ofCalls === undefined) {
    throw new ConfigurationError(
      'The entries of a function with a key of its own, or a very long name, cannot be told from others: use tags',
    );
  }
  const { before, after, length, tenant } = ofCalls;
  const has = (cacheKey: string) => {
    const own = tenant === 'each' ? withoutTenant(cacheKey) : cacheKey;
    return own.length === length && own.startsWith(before) && own.endsWith(after);
  };
  if (storage.backend !== undefined) {
    return { prefixes: [tenant === 'each' ? TENANTS : before], has, hasKey: has, of: undefined };
  }
  if (tenant === 'each') {
    throw new ConfigurationError(
      'Without a backend, the entries of a function with tenants are found by tenant: cache.tenant(id).clear()',
    );
  }
  return { prefixes: [], has, hasKey: has, of: { tenantId: storage.tenantId } };
}

function under(prefixes: readonly string[]): ClearScope {
  const has = (cacheKey: string) => prefixes.some((prefix) => cacheKey.startsWith(prefix));
  return { prefixes, has, hasKey: has, of: undefined };
}

function withoutTenant(cacheKey: string): string {
  return hasTenantPrefix(cacheKey) ? cacheKey.slice(TENANT_PREFIX_LEN) : cacheKey;
}

function namespaceOf({ namespace, profile: { wire } }: Storage): string {
  if (namespace === undefined) {
    throw new ConfigurationError(
      'clear() needs a namespace: without one, nothing tells which entries of the backend are of this cache',
    );
  }
  if (wire !== 'protocol' && !isInterop(wire)) {
    throw new ConfigurationError(`In wire '${wire}' nothing tells which entries are of a namespace`);
  }
  return namespacePrefix(namespace, wire);
}

function assertVisible({ privateKeys }: Storage): void {
  if (privateKeys) {
    throw new ConfigurationError(
      'With privateKeys the backend stores only hashed keys: clear() is for the whole cache, tags are for a part of it',
    );
  }
}

function always(): boolean {
  return true;
}
