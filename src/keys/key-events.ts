import { channel } from 'node:diagnostics_channel';

/**
 * What a keyring that follows a key provider publishes on `node:diagnostics_channel`. Keys are named by their fingerprints, as in
 * `usage()`.
 *
 * | channel | when | with |
 * |---|---|---|
 * | `cachekit-native:keys-changed` | the keyring has followed its provider | `current`, `added`, `dropped` |
 * | `cachekit-native:keys-failed` | a call of the provider has failed, and is repeated | `code`, `failures`, `starting` |
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
}

export const keyEvents = {
  changed: channel('cachekit-native:keys-changed'),
  failed: channel('cachekit-native:keys-failed'),
} as const;
