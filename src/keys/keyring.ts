import { KeyError, NonceExhaustedError } from '../errors.js';
import { type NativeSequence, native } from '../native/addon.js';
import { guarded } from '../native/result.js';
import { assertTenantId } from '../protocol/derive.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { latest, now } from '../util/clock.js';
import { letObserve } from '../util/observed.js';
import { assertOptionsObject, type Duration, durationMs, ownOptions } from '../util/options-object.js';
import { FollowedKeys } from './followed-keys.js';
import { HeldKey, type KeyUsage, MAX_OPEN_ONLY, type TenantKey } from './held-key.js';
import { announceNonces } from './key-events.js';
import { discard, repeated, tooMany } from './key-refusals.js';
import { type KeyProviderOptions, KeySource } from './key-source.js';
import { type KeyringOptions, keyringOptions } from './keyring-options.js';
import type { KeyProvider } from './provider.js';
import { ReportedNeeds, type ValuesByKey } from './reported-needs.js';

/** How nonces are made: a counter per process, or 12 random bytes, for platforms that clone a running process's memory. */
export type NonceMode = 'counter' | 'random';

export type { KeyringOptions, KeyUsage };

/** A key by its two names: 32 hex digits each. */
export interface KeyFingerprints extends Pick<KeyUsage, 'fingerprint' | 'position'> {
  tenantId: string;
  /** Of the key that is derived from it for this tenant: what rotation headers, frames and an UnknownKeyError name. */
  tenantFingerprint: string;
}

const NONCES_OF_A_SEQUENCE = 2 ** 32;
/** Seals, after which `announceHalfUsed` is called. */
export const HALF_OF_A_SEQUENCE = NONCES_OF_A_SEQUENCE / 2;

/** What codecs read and count for each value, without a call. */
export interface KeyringState {
  /** Goes up when the keys change, so that others may keep what `tenantKeys` returned. */
  generation: number;
  /** Nonces that were used since the sequence began. */
  sequenceSeals: number;
}

export let stateOf: (keyring: Keyring) => KeyringState;

/**
 * One master key that seals and up to three that only open, so that a key can be replaced while values
 * sealed with the old one are still stored.
 *
 * In a fleet: `stage(new)` in every process, then `startRotation(new)` in every process, then, when
 * `usage()` shows that the old key is not needed any more, `completeRotation()`.
 *
 * Protocol: docs/protocol.md, "Rotation Header".
 */
export class Keyring implements Disposable {
  readonly #state: KeyringState = { generation: 0, sequenceSeals: 0 };
  #current: HeldKey;
  #previous: HeldKey[] = [];
  #staged: HeldKey[] = [];
  #replaced = false;
  #destroyed = false;
  #sequence: NativeSequence = guarded(() => new native.NonceSequence(false));
  #announced = false;
  /** On the clock of `now()`. */
  readonly #begun = now();
  readonly #needs = new ReportedNeeds();
  #randomSequence: NativeSequence | undefined;
  #source: KeySource | undefined;

  static {
    stateOf = (keyring) => keyring.#state;
  }

  /**
   * @throws ConfigurationError when there is no key or an option that there is not, KeyError for a malformed or repeated key
   *   and for more than 3 previous ones.
   */
  constructor(options: KeyringOptions = {}) {
    const keys = keyringOptions(options);
    this.#current = new HeldKey(keys.current.name, keys.current.input);
    for (const { name, input } of keys.previous) this.#previous.push(this.#unheld(name, input));
    this.#replaced = this.#previous.length > 0;
    letObserve(this, { keyrings: () => [this] });
    keys.held();
  }

  /**
   * Keys from a key management service. With `refresh` it is asked again in the background, and what it answers is followed:
   * docs/key-providers.md.
   *
   * @throws TimeoutError when the provider takes too long, ConfigurationError for an unknown option or field and for no key, the
   *   signal's reason, and what the provider throws.
   */
  static async fromProvider(provider: KeyProvider, options?: KeyProviderOptions): Promise<Keyring> {
    const source = new KeySource(provider, options);
    const keyring = await source.first((keys) => new Keyring(keys));
    keyring.#source = source;
    // What others seal with reaches this process within one interval; the second one is for calls that fail.
    const followed = new FollowedKeys(keyring, 2 * (source.refreshMs ?? 0));
    source.repeat((keys) => followed.follow(keys));
    return keyring;
  }

  /**
   * Adds a key that only opens, ahead of a rotation to it.
   *
   * @throws KeyError when it is held already or three keys besides the current one are.
   */
  stage(key: MasterKeyInput): void {
    this.#assertUsable();
    const staged = this.#unheld('key', key);
    if (this.#openOnlyCount() >= MAX_OPEN_ONLY) throw discard(staged, tooMany());
    this.#staged.push(staged);
    this.#state.generation++;
  }

  /**
   * Drops and wipes a key that was staged: by mistake, or for a rotation that is called off. What another process has sealed with it
   * cannot be opened here any more.
   *
   * @throws KeyError when it is not staged.
   */
  unstage(key: MasterKeyInput): void {
    this.#assertUsable();
    const named = new HeldKey('key', key);
    const index = this.#staged.findIndex(({ fingerprint }) => fingerprint === named.fingerprint);
    named.destroy();
    if (index < 0) throw new KeyError('key is not staged');
    for (const staged of this.#staged.splice(index, 1)) staged.destroy();
    this.#state.generation++;
  }

  /**
   * Seals with `key` from now on; the current key becomes the newest previous one. A key that is staged
   * or previous is promoted, an unknown one is added.
   *
   * @throws KeyError when it is the current key, or when three previous keys are held already.
   */
  startRotation(key: MasterKeyInput): void {
    this.#assertUsable();
    const next = new HeldKey('key', key);
    if (next.fingerprint === this.#current.fingerprint) throw discard(next, repeated('key'));
    const promoted = this.#take(next.fingerprint);
    if (promoted === undefined && this.#openOnlyCount() >= MAX_OPEN_ONLY) throw discard(next, tooMany());
    if (promoted !== undefined) next.destroy();
    this.#previous.unshift(this.#current);
    this.#current = promoted ?? next;
    this.#replaced = true;
    this.#state.generation++;
  }

  /** Swaps the current key with the newest previous one. @throws KeyError when there is none. */
  rollback(): void {
    this.#assertUsable();
    const [newest] = this.#previous;
    if (newest === undefined) throw new KeyError('There is no previous key to roll back to');
    this.#previous[0] = this.#current;
    this.#current = newest;
    this.#replaced = true;
    this.#state.generation++;
  }

  /**
   * Drops and wipes the previous keys; what was sealed with them cannot be opened any more. Refused while the newest
   * `keyReport` or `rewrap` of a cache in this process says that stored values need one of them, or that it cannot know of some.
   *
   * @param options.ifUnusedFor refuses while a previous key has sealed or opened something, in this process, within this time,
   *   and while the keyring itself is younger than that: it cannot know.
   * @param options.force drops them whatever is reported or used.
   * @throws KeyError when there is no previous key, or one is needed.
   */
  completeRotation(options: { ifUnusedFor?: Duration; force?: boolean } = {}): void {
    this.#assertUsable();
    assertOptionsObject(options, ['ifUnusedFor', 'force']);
    const { ifUnusedFor, force = false } = ownOptions(options);
    if (typeof force !== 'boolean') throw new TypeError(`force must be a boolean, not ${kindOf(force)}`);
    const window = ifUnusedFor === undefined ? 0 : durationMs('ifUnusedFor', ifUnusedFor);
    if (this.#previous.length === 0) throw new KeyError('There is no rotation to complete: no previous key is held');
    if (!force) this.#assertUnneeded(window);
    for (const key of this.#previous) key.destroy();
    this.#previous = [];
    this.#state.generation++;
  }

  #assertUnneeded(window: number): void {
    const since = now() - window;
    if (window > 0 && this.#previous.some((key) => latest(key.lastUsed) >= since)) {
      throw new KeyError('A previous key was still in use within that time');
    }
    if (window > 0 && this.#begun > since) {
      throw new KeyError('This keyring is younger than that time, and does not know whether a previous key was in use');
    }
    this.#needs.assertNone(this.#previous.map(({ fingerprint }) => fingerprint));
  }

  /** Whether previous keys are held. */
  get rotating(): boolean {
    this.#assertUsable();
    return this.#previous.length > 0;
  }

  /** Nonces left in the sequence of each kind, of 2^32. The counters are renewed when they end; random ones are not: then seals fail. */
  get sealsRemaining(): { counter: number; random: number } {
    this.#assertUsable();
    const left = (sequence: NativeSequence | undefined) => NONCES_OF_A_SEQUENCE - (sequence?.used ?? 0);
    return { counter: left(this.#sequence), random: left(this.#randomSequence) };
  }

  /** Every key held: the current one first, then the previous ones, newest first, then the staged ones. */
  usage(): KeyUsage[] {
    this.#assertUsable();
    return [
      this.#current.usage('current'),
      ...this.#previous.map((key) => key.usage('previous')),
      ...this.#staged.map((key) => key.usage('staged')),
    ];
  }

  /**
   * Every key held, as {@link usage} orders them, by what two places name it: an error, a header and `inspect` name the key that is
   * derived for a tenant, `usage` and metrics the master key.
   *
   * @param options.tenantId default `'default'`.
   */
  fingerprints(options: { tenantId?: string } = {}): KeyFingerprints[] {
    this.#assertUsable();
    assertOptionsObject(options, ['tenantId']);
    const { tenantId = 'default' } = ownOptions(options);
    assertTenantId(tenantId);
    const derived = this.tenantKeys(tenantId, 'counter');
    return this.usage().map(({ fingerprint, position }, i) => {
      return { position, fingerprint, tenantId, tenantFingerprint: (derived[i] as TenantKey).fingerprintHex };
    });
  }

  /** Wipes every key; any later use is a KeyError. Async work under way finishes. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#source?.end(undefined);
    this.#state.generation++;
    for (const key of this.#keys()) key.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** @internal Of the master key. */
  get currentFingerprint(): string {
    return this.#current.fingerprint;
  }

  /** @internal What a look at stored values has found: see {@link ReportedNeeds.report}. */
  report(subject: string, byKey: ValuesByKey, whole: boolean): void {
    this.#needs.report(subject, byKey, whole);
  }

  /** @internal Drops and wipes a key that only opens, if it is held. */
  drop(fingerprint: string): void {
    this.#assertUsable();
    const dropped = this.#take(fingerprint);
    if (dropped === undefined) return;
    dropped.destroy();
    this.#state.generation++;
  }

  /** @internal 1 when the sealing key replaced another one. */
  get keyVersion(): 0 | 1 {
    return this.#replaced ? 1 : 0;
  }

  /** @internal Whether values need a rotation header for readers to find their key. */
  get needsHeader(): boolean {
    return this.#replaced || this.#staged.length > 0;
  }

  /** @internal The keys of one tenant: the current one, which seals, the previous ones, newest first, and the staged ones. */
  tenantKeys(tenantId: string, nonces: NonceMode): readonly [TenantKey, ...TenantKey[]] {
    this.#assertUsable();
    const sequence = nonces === 'counter' ? this.#sequence : this.#random();
    const openOnly = [...this.#previous, ...this.#staged];
    return [
      this.#current.tenantKey(nonces, tenantId, sequence),
      ...openOnly.map((key) => key.tenantKey('counter', tenantId, this.#sequence)),
    ];
  }

  /** @internal Announces, once, that half of the nonces of a sequence are used. @param key the one that seals. */
  announceHalfUsed(key: HeldKey): void {
    if (this.#announced) return;
    this.#announced = true;
    announceNonces('half-used', key.fingerprint);
  }

  /**
   * @internal After exhaustion: a fresh counter sequence. More random nonces would not be safer, so those stay exhausted.
   */
  renewSequence(nonces: NonceMode): void {
    this.#assertUsable();
    if (nonces === 'random') throw new NonceExhaustedError();
    this.#sequence = guarded(() => new native.NonceSequence(false));
    this.#state.sequenceSeals = 0;
    this.#announced = false;
    for (const key of this.#keys()) key.forgetTenants();
    this.#state.generation++;
    announceNonces('renewed', this.#current.fingerprint);
  }

  #random(): NativeSequence {
    this.#randomSequence ??= guarded(() => new native.NonceSequence(true));
    return this.#randomSequence;
  }

  #keys(): HeldKey[] {
    return [this.#current, ...this.#previous, ...this.#staged];
  }

  #openOnlyCount(): number {
    return this.#previous.length + this.#staged.length;
  }

  /** Makes a key that is not held yet. */
  #unheld(name: string, input: MasterKeyInput): HeldKey {
    const key = new HeldKey(name, input);
    if (this.#keys().some((held) => held.fingerprint === key.fingerprint)) throw discard(key, repeated(name));
    return key;
  }

  /** Removes an open-only key from its list. */
  #take(fingerprint: string): HeldKey | undefined {
    for (const list of [this.#staged, this.#previous]) {
      const index = list.findIndex((key) => key.fingerprint === fingerprint);
      if (index >= 0) return list.splice(index, 1)[0];
    }
    return undefined;
  }

  #assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This keyring was destroyed');
  }
}
