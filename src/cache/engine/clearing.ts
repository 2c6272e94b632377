import { IncompleteError } from '../../errors.js';
import { assertCacheKey } from '../../util/bytes.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { Tiers } from './tiers.js';

/** Which entries are to be removed. */
export interface ClearScope {
  /** What their names in a backend begin with; no entry is under two of them. */
  readonly prefixes: readonly string[];
  /** Whether an entry under one of them is one of these, by its name in the backend. */
  readonly has: (name: string) => boolean;
  /** As `has`, by its cache key. */
  readonly hasKey: (cacheKey: string) => boolean;
  /** Without a backend: of which tenant they are; undefined: the whole store. */
  readonly of: { readonly tenantId: string | undefined } | undefined;
}

/** Entries that are removed in one request. */
const STEP = 500;

/**
 * Removes many entries, step by step, and what this process knows of them. A function that runs meanwhile in this process stores
 * nothing; in another one, nothing in the place of an entry that was removed.
 *
 * @returns how many, as far as the store can tell.
 * @throws BackendError for a backend that cannot list its entries; what ended it, as an IncompleteError when some were removed before.
 */
export async function clear(
  { tiers, coherence }: { readonly tiers: Tiers; readonly coherence: Coherence },
  ref: EntryRef,
  scope: ClearScope,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { l2 } = tiers;
  coherence.cleared(scope.hasKey);
  if (l2 === undefined) return clearFirstTier(tiers, scope);
  let removed = 0;
  const remove = async (names: readonly string[]) => {
    signal?.throwIfAborted();
    removed += await l2.deleteNamed(ref, names);
  };
  try {
    for (const prefix of scope.prefixes) {
      let names: string[] = [];
      for await (const name of l2.keys(prefix)) {
        // From a backend of the user's, perhaps, which lists what it was not asked for.
        assertCacheKey(name);
        if (!name.startsWith(prefix) || !scope.has(name)) continue;
        names.push(name);
        if (names.length < STEP) continue;
        await remove(names);
        names = [];
      }
      if (names.length > 0) await remove(names);
    }
    signal?.throwIfAborted();
  } catch (error) {
    throw removed === 0 ? error : new IncompleteError({ removed }, error);
  } finally {
    coherence.cleared(scope.hasKey);
    coherence.bus?.everything();
  }
  if (events.invalidate.hasSubscribers) publish(events.invalidate, ref, { tags: 0, entries: removed });
  return removed;
}

function clearFirstTier({ l1 }: Tiers, { hasKey, of }: ClearScope): number {
  if (l1 === undefined) return 0;
  if (of === undefined) {
    const { l1Entries } = l1.usage;
    l1.clear();
    return l1Entries;
  }
  const cacheKeys = [...l1.keys(of.tenantId, '')].filter(hasKey);
  for (const cacheKey of cacheKeys) l1.delete(cacheKey, of.tenantId);
  return cacheKeys.length;
}
