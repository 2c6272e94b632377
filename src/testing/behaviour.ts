import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend, BackendEntry } from '../../index.js';

/** Where stores may differ; everything else is the same for all of them. */
export interface BackendTraits {
  /** `delete`, `expire` and `invalidateTags` answer whether there were entries. Default true. */
  tellsExistence?: boolean;
  /** The smallest TTL, in milliseconds. Default 1. */
  shortestTtlMs?: number;
  /** The longest TTL, in milliseconds, beyond which one is refused with a RangeError. Default: none. */
  longestTtlMs?: number;
  /** The smallest lease of a lock, in milliseconds. Default 1. */
  shortestLeaseMs?: number;
  /** The lease of a lock can be extended. Default true; where it cannot, `extend` answers false. */
  extendsLeases?: boolean;
}

export interface Behaviour {
  /** What a backend does, in one sentence. */
  readonly title: string;
  /**
   * Runs it on a backend: `'skipped'` when that has none of the optional methods it is about.
   *
   * @throws AssertionError where the backend behaves otherwise.
   */
  run(backend: Backend, traits: BackendTraits): Promise<'passed' | 'skipped'>;
}

/** A behaviour of the backends that have the optional methods `needs`. */
export function behaviour<K extends keyof Backend>(
  title: string,
  needs: readonly K[],
  check: (backend: Backend & Required<Pick<Backend, K>>, traits: BackendTraits) => Promise<void>,
): Behaviour {
  return {
    title,
    async run(backend, traits) {
      if (needs.some((method) => backend[method] === undefined)) return 'skipped';
      await check(backend as Backend & Required<Pick<Backend, K>>, traits);
      return 'passed';
    },
  };
}

/** A prefix of unused cache keys: the store need not be empty. */
export function fresh(): string {
  return `t:${randomBytes(9).toString('hex')}:`;
}

/** The bytes of an entry that must be there. */
export async function stored(backend: Backend, cacheKey: string): Promise<Buffer> {
  const entry = await backend.get(cacheKey);
  assert.ok(entry, 'expected a hit');
  return Buffer.from(entry.bytes);
}

/** What is left of an entry's TTL, in milliseconds. A store that knows only for how long it is fresh says that. */
export function timeLeft(entry: BackendEntry | undefined): number | undefined {
  return entry?.expiresInMs ?? entry?.freshInMs;
}

/** Waits for a condition that time brings about, however slow the machine. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await pause(25);
  }
  assert.fail('it did not happen within 15 s');
}

/* `assert.ok` always has a message: without one, Node reads and parses the caller's source to make one up. */

/** A value of a wrong type, as a caller without types would pass it. */
export const wrong = (value: unknown): never => value as never;
