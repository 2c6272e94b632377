import { KeyError } from '../errors.js';
import { type MasterKeyInput, resolveMasterKeys } from '../protocol/master-key.js';
import { now } from '../util/clock.js';
import { HeldKey, type KeyUsage, MAX_OPEN_ONLY } from './held-key.js';
import { type KeyEvent, keyEvents } from './key-events.js';
import type { ProvidedKeys } from './provider.js';

/** What is followed with: the keyring. */
interface Follower {
  usage(): KeyUsage[];
  stage(key: MasterKeyInput): void;
  startRotation(key: MasterKeyInput): void;
  /** Wipes a key that only opens. */
  drop(fingerprint: string): void;
}

interface ListedKey {
  input: MasterKeyInput;
  fingerprint: string;
}

/**
 * Makes a keyring follow what a provider answers:
 *
 * - An answer like the last one changes nothing, so that what was done by hand in between stays.
 * - A key that is new opens. The current one seals, at once.
 * - A key that is listed no more goes on opening for `keepMs`, because processes that have not asked since still seal with it.
 *   A later answer ends it: while the provider fails, no key goes.
 *
 * What does not fit (a key twice, more than three besides the current one) is refused whole.
 */
export class FollowedKeys {
  readonly #keyring: Follower;
  readonly #keepMs: number;
  /** Fingerprints of the last answer, the current key's first. */
  #last: readonly string[];
  /** Keys that are listed no more, and since when: on the clock of `now()`. */
  readonly #leaving = new Map<string, number>();

  /** @param keyring as it was made of the first answer. */
  constructor(keyring: Follower, keepMs: number) {
    this.#keyring = keyring;
    this.#keepMs = keepMs;
    this.#last = keyring.usage().map(({ fingerprint }) => fingerprint);
  }

  /** @throws KeyError, TypeError for keys that are none or do not fit; then nothing is changed. */
  follow(keys: ProvidedKeys): void {
    const listed = listedKeys(keys);
    const fingerprints = listed.map(({ fingerprint }) => fingerprint);
    const dropped = this.#dropLeft(fingerprints);
    const added = same(fingerprints, this.#last) ? [] : this.#take(listed, fingerprints);
    const rotated = fingerprints[0] !== this.#last[0];
    this.#last = fingerprints;
    if (keyEvents.changed.hasSubscribers && (rotated || added.length > 0 || dropped.length > 0)) {
      const current = this.#keyring.usage()[0]?.fingerprint as string;
      keyEvents.changed.publish({ current, added, dropped } satisfies KeyEvent);
    }
  }

  /** @returns the fingerprints of the keys that were not held before. */
  #take(listed: readonly ListedKey[], fingerprints: readonly string[]): string[] {
    const [next, ...others] = listed as [ListedKey, ...ListedKey[]];
    const held = this.#keyring.usage().map(({ fingerprint }) => fingerprint);
    const rotates = next.fingerprint !== this.#last[0] && next.fingerprint !== held[0];
    const openOnly = new Set([...held, ...fingerprints]);
    openOnly.delete(rotates ? next.fingerprint : (held[0] as string));
    if (openOnly.size > MAX_OPEN_ONLY) {
      throw new KeyError(
        `The key provider lists keys for which there is no room: at most ${MAX_OPEN_ONLY} are held besides the current one, ` +
          'with the former current key and those that were staged by hand',
      );
    }
    const added = listed.filter(({ fingerprint }) => !held.includes(fingerprint));
    for (const key of rotates ? others : listed) if (added.includes(key)) this.#keyring.stage(key.input);
    if (rotates) this.#keyring.startRotation(next.input);
    for (const fingerprint of fingerprints) this.#leaving.delete(fingerprint);
    for (const fingerprint of this.#last) {
      if (!fingerprints.includes(fingerprint)) this.#leaving.set(fingerprint, now());
    }
    return added.map(({ fingerprint }) => fingerprint);
  }

  /** Drops what was not listed for long enough and is not listed now. @returns the fingerprints of the keys that were held. */
  #dropLeft(listed: readonly string[]): string[] {
    const held = this.#keyring.usage();
    const due = [...this.#leaving].filter(
      // One that seals, because somebody has rotated by hand, waits until it does not.
      ([fingerprint, since]) =>
        now() - since >= this.#keepMs && !listed.includes(fingerprint) && held[0]?.fingerprint !== fingerprint,
    );
    for (const [fingerprint] of due) {
      this.#keyring.drop(fingerprint);
      this.#leaving.delete(fingerprint);
    }
    return due.flatMap(([left]) => (held.some(({ fingerprint }) => fingerprint === left) ? [left] : []));
  }
}

/** @throws as a keyring of these keys would. */
function listedKeys({ masterKey, previousMasterKeys }: ProvidedKeys): ListedKey[] {
  const { current, previous } = resolveMasterKeys(masterKey, previousMasterKeys);
  const listed: ListedKey[] = [];
  for (const { name, input } of [current, ...previous]) {
    const key = new HeldKey(name, input);
    const { fingerprint } = key;
    key.destroy();
    if (listed.some((other) => other.fingerprint === fingerprint)) throw new KeyError(`${name} is listed twice`);
    listed.push({ input, fingerprint });
  }
  return listed;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((fingerprint, i) => fingerprint === b[i]);
}
