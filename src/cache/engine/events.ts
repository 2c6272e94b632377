import { createHmac, randomBytes } from 'node:crypto';
import { type Channel, channel } from 'node:diagnostics_channel';
import type { TraceSpan } from '../../util/observed.js';
import type { Counters } from './counters.js';

/**
 * What a cache publishes on `node:diagnostics_channel`, each under `cachekit-native:` and its name here. An event without
 * subscribers costs nothing.
 *
 * | event | when | beside {@link CacheEvent} |
 * |---|---|---|
 * | `hit` | a stored value answers a call | `tier`: `'l1'` or `'backend'` |
 * | `stale` | a value past its TTL answers | `reason`: `'swr'` or `'error'` |
 * | `miss` | nothing usable is stored | |
 * | `load` | a function has run | `ms`, `ok` |
 * | `read`, `write` | the backend has answered a cache miss of L1, or taken a value | `ms`, `bytes` |
 * | `delete` | an entry is removed by name | |
 * | `invalidate` | entries are removed by tags | `tags`: how many tags, `entries`: how many entries |
 * | `failure` | something is counted instead of thrown | `kind`, `code` |
 * | `lock` | another process has an entry's lock | `ms`: how long this one waited |
 * | `breaker` | the backend's circuit breaker changes | `state`: `'open'`, `'half-open'` or `'closed'` |
 *
 * Those of keyrings are in `KeyEvent`.
 */
export interface CacheEvent {
  /** The options' namespace and operation, where there are. */
  namespace?: string | undefined;
  operation?: string | undefined;
  /** 16 hex digits that tell entries apart: a hash of the cache key under a random key of this process. */
  entry?: string;
  tier?: 'l1' | 'backend';
  reason?: 'swr' | 'error';
  ms?: number;
  bytes?: number;
  ok?: boolean;
  kind?: FailureKind;
  /** The error's fixed code. */
  code?: string | undefined;
  tags?: number;
  entries?: number;
  state?: 'open' | 'half-open' | 'closed';
}

export type FailureKind =
  | 'backend'
  | 'unopened'
  | 'unreadable'
  | 'invalid'
  | 'unknown-key'
  | 'refused'
  | 'oversize'
  | 'refresh';

const named = (name: string): Channel => channel(`cachekit-native:${name}`);

export const events = {
  hit: named('hit'),
  stale: named('stale'),
  miss: named('miss'),
  load: named('load'),
  read: named('read'),
  write: named('write'),
  delete: named('delete'),
  invalidate: named('invalidate'),
  failure: named('failure'),
  lock: named('lock'),
  breaker: named('breaker'),
} as const;

/** Of whom an event tells. */
export interface Subject {
  readonly cacheKey: string;
  readonly counters: Counters;
  readonly span?: TraceSpan | undefined;
}

/** Publishes what happened to an entry. To be called only where the channel has subscribers. */
export function publish(to: Channel, { cacheKey, counters }: Subject, more: CacheEvent = {}): void {
  const { namespace, operation } = counters;
  to.publish({ namespace, operation, entry: entryHash(cacheKey), ...more } satisfies CacheEvent);
}

let hashKey: Buffer | undefined;

/** Who is told learns which events are of one entry, and nothing of its cache key. */
export function entryHash(cacheKey: string): string {
  hashKey ??= randomBytes(32);
  return createHmac('sha256', hashKey).update(cacheKey).digest('hex').slice(0, 16);
}
