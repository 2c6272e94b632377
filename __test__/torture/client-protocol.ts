import type { Reading } from './history.js';

export interface ClientSettings {
  readonly name: string;
  readonly seed: number;
  readonly backend: string;
  readonly keys: number;
  readonly tags: boolean;
  /** Whether other processes' changes reach this one's first tier. */
  readonly near: boolean;
}

export const masterKey = '7e'.repeat(32);
export const tagOf = (key: string) => `tag${Number(key.slice(1)) % 5}`;
export const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

/** What the parent is asked. */
export type Question =
  | { ask: 'row'; key: string }
  | { ask: 'time' }
  | { ask: 'begin'; keys: string[]; byTag: boolean }
  | { ask: 'end'; change: number; acknowledged: boolean }
  | { ask: 'check'; key: string; reading: Reading; askedAt: number; value: unknown }
  | { ask: 'count'; what: string };
