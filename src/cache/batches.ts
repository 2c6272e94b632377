import { now } from '../clock.js';
import type { EntryStore, Work } from './entry-store.js';
import { NOTHING, type Target, usable } from './tiers.js';

/** The values of many entries, in the order of the targets; `undefined` for a miss. */
export async function readMany(store: EntryStore, targets: readonly Target[]): Promise<unknown[]> {
  const { backend } = store.tiers;
  const missing: number[] = [];
  const values = targets.map((target, i) => {
    const value = store.tiers.hit(target.cacheKey, target.tenantId, target.counters);
    if (value !== NOTHING) return value;
    missing.push(i);
    return undefined;
  });
  const wanted = missing.map((i) => targets[i] as Target);
  const found =
    backend?.getMany === undefined || wanted.length < 2
      ? await Promise.all(wanted.map(async (target) => (await store.peek(target))?.value))
      : await store.joinedAll(wanted, (flights) => fromBackend(store, wanted, flights));
  for (const [n, i] of missing.entries()) values[i] = found[n];
  return values;
}

async function fromBackend({ tiers }: EntryStore, targets: readonly Target[], flights: Work[]): Promise<unknown[]> {
  const readers = flights.map((flight) => flight.begin());
  const cacheKeys = targets.map((target) => target.cacheKey);
  const at = now();
  const stored = await tiers.asked((targets[0] as Target).counters, [], async (backend) => {
    const options = { readOnly: true, ttl: tiers.l1 !== undefined, ...tiers.backendOptions };
    return ((await backend.getMany?.(cacheKeys, options)) ?? []).map(usable);
  });
  const opened = tiers.openMany(targets, stored);
  return Promise.all(
    targets.map(async (target, i) => {
      const entry = stored[i];
      const result = opened[i];
      if (entry !== undefined && result?.ok === false) await tiers.unopened(target, entry.bytes, result.error);
      const value = result?.ok ? result.value : undefined;
      const reader = readers[i];
      if (entry !== undefined && reader !== undefined) tiers.accept(target, entry, at, value, reader);
      if (value === undefined) target.counters.misses++;
      else target.counters.hits++;
      return value;
    }),
  );
}

export interface Item {
  readonly target: Target;
  readonly value: unknown;
}

/**
 * Writes many entries; nothing is written when a value is refused.
 *
 * @returns whether all were stored.
 */
export async function writeMany(store: EntryStore, items: readonly Item[]): Promise<boolean> {
  const { tiers } = store;
  const [first] = items;
  if (first === undefined) return true;
  const sealed = tiers.sealMany(items);
  return store.joinedAll(
    items.map((item) => item.target),
    async (flights) => {
      const writers = flights.map((flight) => {
        flight.supersede();
        return flight.begin();
      });
      const at = now();
      const toStore = items.map(({ target: { cacheKey, ttlMs } }, i) => ({
        cacheKey,
        bytes: sealed[i] as Buffer,
        ttlMs,
      }));
      const options = { owned: true, ...tiers.backendOptions };
      const stored =
        tiers.backend === undefined ||
        (await tiers.asked(first.target.counters, false, async (backend) => {
          const one = ({ cacheKey, bytes, ttlMs }: (typeof toStore)[0]) =>
            backend.set(cacheKey, bytes, { ttlMs, ...options });
          await (backend.setMany === undefined ? Promise.all(toStore.map(one)) : backend.setMany(toStore, options));
          return true;
        }));
      for (const [i, { target, value }] of items.entries()) {
        const writer = writers[i];
        if (stored && writer !== undefined) tiers.written(target, sealed[i] as Buffer, value, at, writer);
        else tiers.l1?.delete(target.cacheKey, target.tenantId);
      }
      return stored;
    },
  );
}
