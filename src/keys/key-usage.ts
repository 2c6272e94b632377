import { dateOf } from '../util/clock.js';
import type { HeldKey } from './held-key.js';

/** How often one master key was used by this process. */
export interface KeyUsage {
  /** Fingerprint of the master key: 32 hex digits. */
  fingerprint: string;
  position: 'current' | 'previous' | 'staged';
  seals: number;
  /** Opens that succeeded. */
  opens: number;
  lastUsed: Date | undefined;
}

export function usageOf(key: HeldKey, position: KeyUsage['position']): KeyUsage {
  const at = lastUsed(key);
  return {
    fingerprint: key.fingerprint,
    position,
    seals: key.seals,
    opens: key.opens,
    lastUsed: at === Number.NEGATIVE_INFINITY ? undefined : dateOf(at),
  };
}

/** On the clock of `now()`; minus infinity for a key that was never used. */
export function lastUsed(key: HeldKey): number {
  return Math.max(key.lastSealed, key.lastOpened);
}
