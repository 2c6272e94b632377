import { IncompleteError } from '../errors.js';
import { signalOf } from '../native/abort.js';
import { assertOptionsObject } from '../util/options-object.js';
import { type ClearOptions, clearSignal } from './clear-scopes.js';
import { assertTags, tagName } from './key-builder.js';
import type { ViewParts } from './view.js';

/** As {@link TenantCache.invalidateTags}. */
export async function invalidateTags(
  parts: ViewParts,
  tags: string | readonly string[],
  options: { signal?: AbortSignal } | undefined,
): Promise<number> {
  if (options !== undefined) assertOptionsObject(options, ['signal']);
  const signal = signalOf(options);
  const { namespace, tenantId, counters, stores, tagName: own } = parts;
  const list = typeof tags === 'string' ? [tags] : tags;
  assertTags(list);
  list.forEach(own);
  let count = 0;
  for (const { store, tenantPrefix } of stores()) {
    const { own: policy } = store.policies;
    const ref = { cacheKey: tenantPrefix, tenantId, counters, namespace, policy, ttlMs: Number.POSITIVE_INFINITY };
    const named = list.map((tag) => tagName(tenantPrefix, namespace, tag));
    try {
      count += await store.invalidateTags(ref, named, signal);
    } catch (error) {
      throw incomplete(count, error);
    }
  }
  return count;
}

/** As {@link TenantCache.clear}. */
export async function clear(parts: ViewParts, options: ClearOptions | undefined): Promise<number> {
  const signal = clearSignal(options);
  const { namespace, tenantId, counters, stores, scope: own, backend, prefix } = parts;
  const scope = own();
  let count = 0;
  for (const { store } of stores()) {
    const { own: policy } = store.policies;
    const ref = { cacheKey: prefix, tenantId, counters, namespace, policy, ttlMs: Number.POSITIVE_INFINITY };
    count += await store.clear(ref, scope, signal);
    // Functions that are sealed apart are in the same backend.
    if (backend !== undefined) break;
  }
  return count;
}

/** What ended an invalidation, with what was removed from the stores before. */
function incomplete(before: number, error: unknown): unknown {
  if (before === 0) return error;
  if (!(error instanceof IncompleteError)) return new IncompleteError({ removed: before }, error);
  return new IncompleteError({ removed: before + (error.counts.removed ?? 0) }, error.cause);
}
