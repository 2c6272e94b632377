import { cacheScope, tenantScope } from './clear-scopes.js';
import { assertCanTag } from './engine/coherence.js';
import type { Counters } from './engine/counters.js';
import type { EntryStore } from './engine/entry-store.js';
import { openStore } from './engine/open-store.js';
import { prefixOf, tagName } from './key-builder.js';
import type { StorageOptions } from './options.js';
import { resolveStorage, type Storage } from './resolve-storage.js';
import type { TaggedStore, ViewParts } from './view.js';

/** Values that are stored alike. */
export interface Home {
  readonly storage: Storage;
  readonly store: EntryStore;
}

export function openHome(options: StorageOptions & { namespace?: string }, secure: boolean): Home {
  const storage = resolveStorage(options, secure);
  return { storage, store: openStore(storage) };
}

/** What of a home the cache itself or a tenant sees. @param tenantId undefined: the cache itself. */
export function viewOf(
  { storage, store }: Home,
  stores: () => readonly TaggedStore[],
  counters: Counters,
  tenantId: string | undefined,
): ViewParts {
  const { ttlMs, profile, privateKeys, backend, namespace } = storage;
  const tenantPrefix = tenantPrefixOf(storage, tenantId);
  const { wire } = profile;
  return {
    store,
    stores,
    counters,
    ttlMs,
    wire,
    namespace,
    privateKeys,
    backend,
    tenantId: tenantId ?? storage.tenantId,
    scope: () => (tenantId === undefined ? cacheScope(storage) : tenantScope(storage, tenantId)),
    prefix: tenantPrefix + (namespace === undefined || wire !== 'protocol' ? '' : `ns:${namespace}:key:`),
    tagName: (tag) => {
      assertCanTag(backend, tag);
      return tagName(tenantPrefix, namespace, tag);
    },
  };
}

/** What the keys and tags of a view's tenant begin with, `undefined` being the cache's own. */
export function tenantPrefixOf({ secure, tenantId: own }: Storage, tenantId: string | undefined): string {
  // Where nothing is encrypted, only the stored key keeps a tenant's entries apart.
  const inKey = tenantId ?? (secure ? undefined : own);
  return inKey === undefined ? '' : prefixOf(inKey);
}
