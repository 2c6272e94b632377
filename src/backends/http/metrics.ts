import { randomUUID } from 'node:crypto';

/** What the API's metrics headers tell. A cache's `stats()` has all of it. */
export interface HttpMetrics {
  /** Calls answered with a stored value, from either tier. */
  hits: number;
  /** Of those, the ones answered in this process. */
  l1Hits: number;
  /** Calls answered with a value past its freshness, beside `hits`. Default 0. */
  staleHits?: number;
  misses: number;
}

let session: { readonly id: string; readonly start: string } | undefined;

/** The headers of one request. Protocol: docs/protocol.md, "Optional Metrics Headers". */
export function metricsHeaders({ hits, l1Hits, staleHits = 0, misses }: HttpMetrics): Record<string, string> {
  session ??= { id: randomUUID(), start: String(Math.floor(performance.timeOrigin)) };
  const l2Hits = hits - l1Hits + staleHits;
  const asked = l1Hits + l2Hits + misses;
  const headers: Record<string, string> = {
    'x-cachekit-session-id': session.id,
    'x-cachekit-session-start': session.start,
  };
  // Numbers of the caller's: what is no count is not sent.
  if (![l1Hits, l2Hits, misses].every((count) => Number.isSafeInteger(count) && count >= 0)) return headers;
  headers['x-cachekit-l1-hits'] = String(l1Hits);
  headers['x-cachekit-l2-hits'] = String(l2Hits);
  headers['x-cachekit-misses'] = String(misses);
  headers['x-cachekit-l1-hit-rate'] = (asked === 0 ? 0 : l1Hits / asked).toFixed(3);
  return headers;
}
