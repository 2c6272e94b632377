import { KeyError } from '../errors.js';
import { assertTenantId } from '../protocol/derive.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { now } from '../util/clock.js';
import { letObserve } from '../util/observed.js';
import { assertOptionsObject, type Duration, durationMs, ownOptions } from '../util/options-object.js';
import { EvictedKeys } from './evicted-keys.js';
import { FollowedKeys } from './followed-keys.js';
import { HeldKey, type KeyFingerprints, type KeyUsage, MAX_OPEN_ONLY, type TenantKey } from './held-key.js';
import { assertUnused, discard, repeated, tooMany } from './key-refusals.js';
import { type KeyProviderOptions, KeySource } from './key-source.js';
import { type KeyringOptions, keyringOptions } from './keyring-options.js';
import type { KeyringState } from './keyring-state.js';
import { type NonceMode, NonceSequences } from './nonce-sequences.js';
import type { KeyProvider } from './provider.js';
import { ReportedNeeds, type ValuesByKey } from './reported-needs.js';

export type { KeyFingerprints, KeyringOptions, KeyUsage, NonceMode };

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
  readonly #nonces = new NonceSequences();
  readonly #evicted = new EvictedKeys(() => this.#state.generation++);
  /** On the clock of `now()`. */
  readonly #begun = now();
  readonly #needs = new ReportedNeeds();
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
    this.#current = new HeldKey(keys.current.name, keys.current.input, this.#evicted);
    for (const { name, input } of keys.previous) this.#previous.push(this.#unheld(name, input));
    this.#replaced = this.#previous.length > 0;
    keys.held();
    letObserve(this, { keyrings: () => [this] });
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
    const named = new HeldKey('key', key, this.#evicted);
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
    const next = new HeldKey('key', key, this.#evicted);
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
   * `keyReport` or `rewrap` of a cache in this process says that stored values need one of them, or may: those of tenants that nobody
   * named, of a store that it cannot list, and all behind where it was ended early.
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
    if (!force) {
      assertUnused(this.#previous, window, this.#begun);
      this.#needs.assertNone(this.#previous.map(({ fingerprint }) => fingerprint));
    }
    for (const key of this.#previous) key.destroy();
    this.#previous = [];
    this.#state.generation++;
  }

  /** Whether previous keys are held. */
  get rotating(): boolean {
    this.#assertUsable();
    return this.#previous.length > 0;
  }

  /** Nonces left in the sequence of each kind, of 2^32. The counters are renewed when they end; random ones are not: then seals fail. */
  get sealsRemaining(): { counter: number; random: number } {
    this.#assertUsable();
    return this.#nonces.left;
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

  /** @internal Drops and wipes a key that only opens, if it is held; false: a report says that values need it. */
  drop(fingerprint: string): boolean {
    this.#assertUsable();
    if (this.#needs.of([fingerprint]) > 0) return false;
    const dropped = this.#take(fingerprint);
    if (dropped === undefined) return true;
    dropped.destroy();
    this.#state.generation++;
    return true;
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
    const openOnly = [...this.#previous, ...this.#staged];
    return [
      this.#current.tenantKey(nonces, tenantId, this.#nonces.of(nonces)),
      ...openOnly.map((key) => key.tenantKey('counter', tenantId, this.#nonces.of('counter'))),
    ];
  }

  /** @internal Announces, once, that half of the nonces of a sequence are used. @param key the one that seals. */
  announceHalfUsed({ fingerprint }: HeldKey): void {
    this.#nonces.announceHalfUsed(fingerprint);
  }

  /** @internal After exhaustion: a fresh counter sequence. @throws NonceExhaustedError for random nonces. */
  renewSequence(nonces: NonceMode): void {
    this.#assertUsable();
    this.#nonces.renew(nonces, this.#current.fingerprint);
    this.#state.sequenceSeals = 0;
    for (const key of this.#keys()) key.forgetTenants();
    this.#state.generation++;
  }

  #keys(): HeldKey[] {
    return [this.#current, ...this.#previous, ...this.#staged];
  }

  #openOnlyCount(): number {
    return this.#previous.length + this.#staged.length;
  }

  /** Makes a key that is not held yet. */
  #unheld(name: string, input: MasterKeyInput): HeldKey {
    const key = new HeldKey(name, input, this.#evicted);
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
