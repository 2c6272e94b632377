import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';

/* How a call was answered: counted, published, and noted where it is traced. */

export function countHit({ inL1 }: { readonly inL1: boolean }, ref: EntryRef): void {
  const { counters } = ref;
  counters.hits++;
  if (inL1) counters.l1Hits++;
  const tier = inL1 ? 'l1' : 'backend';
  if (events.hit.hasSubscribers) publish(events.hit, ref, { tier });
  ref.span?.note({ status: 'hit', tier });
}

export function countMiss(ref: EntryRef): void {
  ref.counters.misses++;
  if (events.miss.hasSubscribers) publish(events.miss, ref);
  ref.span?.note({ status: 'miss' });
}

export function countStale(ref: EntryRef, reason: 'swr' | 'error'): void {
  ref.counters.staleHits++;
  if (events.stale.hasSubscribers) publish(events.stale, ref, { reason });
  ref.span?.note({ status: 'stale' });
}
