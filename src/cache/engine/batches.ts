import { now } from '../../util/clock.js';
import type { EntryStore } from './entry-store.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import type { Work } from './fetching.js';
import type { Validity } from './invalidations.js';
import { FAILED } from './l2.js';
import type { Writer } from './single-flight.js';
import { NOTHING } from './tiers.js';

/** The fresh values of many entries, in the order of the targets; `undefined` for a miss. */
export async function readMany(store: EntryStore, targets: readonly Target[]): Promise<unknown[]> {
  const { l2 } = store.tiers;
  const missing: number[] = [];
  const values = targets.map((target, i) => {
    const value = store.tiers.hitL1(target.cacheKey, target.tenantId, target.counters);
    if (value !== NOTHING) return value;
    missing.push(i);
    return undefined;
  });
  const wanted = missing.map((i) => targets[i] as Target);
  const found =
    l2 === undefined || wanted.length < 2
      ? await Promise.all(wanted.map(async (target) => (await store.peek(target))?.value))
      : await store.joinedAll(wanted, (flights) => fromBackend(store, wanted, flights));
  for (const [n, i] of missing.entries()) values[i] = found[n];
  return values;
}

async function fromBackend({ tiers }: EntryStore, targets: readonly Target[], flights: Work[]): Promise<unknown[]> {
  const readers = flights.map((flight) => flight.begin());
  const at = now();
  const validities = targets.map(({ tenantId }) => tiers.invalidations.validity(tenantId));
  const answers = (await tiers.l2?.getMany(targets)) ?? [];
  const stored = answers.map((answer) => (answer === FAILED ? undefined : answer));
  const opened = tiers.openMany(targets, stored);
  return Promise.all(
    targets.map(async (target, i) => {
      const { counters } = target;
      const entry = stored[i];
      const result = opened[i];
      if (entry !== undefined && result?.ok === false) await tiers.unopened(target, entry.bytes, result.error);
      const value = result?.ok ? result.value : undefined;
      const reader = readers[i];
      const found = entry && reader && tiers.accept(target, entry, at, value, reader, validities[i] as Validity);
      if (reader !== undefined && answers[i] === undefined) tiers.absent(target, reader);
      if (!found?.fresh) {
        counters.misses++;
        if (events.miss.hasSubscribers) publish(events.miss, target);
        return undefined;
      }
      counters.hits++;
      if (events.hit.hasSubscribers) publish(events.hit, target, { tier: 'backend' });
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
  if (items.length === 0) return true;
  const sealed = tiers.sealMany(items);
  store.assertOpen();
  const { invalidations } = tiers;
  const begun = invalidations.begin();
  return store
    .joinedAll(
      items.map((item) => item.target),
      async (flights) => {
        const writers = flights.map((flight) => {
          flight.supersede();
          store.failed.forget(flight.cacheKey);
          return flight.begin();
        });
        const at = now();
        const all = items.map(({ target }, i) => {
          return { target, bytes: sealed[i] as Buffer, ttlMs: tiers.jittered(target.ttlMs) };
        });
        let stored = false;
        try {
          stored = tiers.l2 === undefined || (await tiers.l2.setMany(all));
        } finally {
          for (const [i, { target }] of all.entries()) {
            if (!stored) tiers.unwritten(target, writers[i] as Writer);
            tiers.changed(target);
          }
        }
        if (!stored) return false;
        const takenBack = all.map(({ target, bytes, ttlMs }, i) => {
          const removed = invalidations.since(begun, target.tags ?? []) !== undefined;
          return tiers.written(target, bytes, (items[i] as Item).value, at + ttlMs, writers[i] as Writer, removed);
        });
        await Promise.all(takenBack);
        return true;
      },
    )
    .finally(() => invalidations.end(begun));
}

/**
 * Removes many entries.
 *
 * @returns how many there were, as far as the store can tell.
 * @throws what the backend throws.
 */
export async function deleteMany(store: EntryStore, targets: readonly Target[]): Promise<number> {
  const { l1, l2 } = store.tiers;
  if (events.delete.hasSubscribers) for (const target of targets) publish(events.delete, target);
  return store.joinedAll(targets, async (flights) => {
    for (const flight of flights) flight.remove();
    const forget = () => {
      for (const flight of flights) {
        flight.supersede();
        store.failed.forget(flight.cacheKey);
      }
      return targets.filter(({ cacheKey, tenantId }) => l1?.delete(cacheKey, tenantId) ?? false).length;
    };
    const held = forget();
    if (l2 === undefined) return held;
    try {
      return await l2.deleteMany(targets);
    } finally {
      forget();
      for (const target of targets) store.tiers.changed(target);
    }
  });
}
