import { channel } from 'node:diagnostics_channel';

/**
 * What a keyring publishes on `node:diagnostics_channel`. Keys are named by their fingerprints, as in `usage()`.
 *
 * | channel | when | with |
 * |---|---|---|
 * | `cachekit-native:keys-changed` | the keyring has followed its provider | `current`, `added`, `dropped` |
 * | `cachekit-native:keys-failed` | a call of the provider has failed, and is repeated | `code`, `failures`, `starting` |
 * | `cachekit-native:nonces` | half of a sequence of nonces is used (2^31 seals), or a sequence of counters has ended and another one has begun | `event`, `fingerprint` |
 */
export interface KeyEvent {
  /** The key that seals. */
  current?: string;
  added?: readonly string[];
  /** No longer held. */
  dropped?: readonly string[];
  /** The error's fixed code; none for an error that is not of this package. */
  code?: string | undefined;
  /** How many calls in a row have failed. */
  failures?: number;
  /** Whether there are no keys yet. */
  starting?: boolean;
  event?: 'half-used' | 'renewed';
  /** The key that seals. */
  fingerprint?: string;
}

export const keyEvents = {
  changed: channel('cachekit-native:keys-changed'),
  failed: channel('cachekit-native:keys-failed'),
  nonces: channel('cachekit-native:nonces'),
} as const;

/** In a microtask, because a subscriber is user code and a seal is in progress. */
export function announceNonces(event: 'half-used' | 'renewed', fingerprint: string): void {
  const { nonces } = keyEvents;
  if (nonces.hasSubscribers) queueMicrotask(() => nonces.publish({ event, fingerprint } satisfies KeyEvent));
}
