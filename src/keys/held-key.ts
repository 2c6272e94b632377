import { type NativeMasterKey, type NativeSealer, type NativeSequence, native } from '../native/addon.js';
import { checked, guarded } from '../native/result.js';
import { type MasterKeyInput, masterKeyBytes } from '../protocol/master-key.js';
import { dateOf, now } from '../util/clock.js';
import { LruMap } from '../util/lru-map.js';
import type { EvictedKeys } from './evicted-keys.js';

/** One tenant's key, derived in Rust from a held master key. */
export interface TenantKey {
  readonly sealer: NativeSealer;
  /** 16 bytes. */
  readonly fingerprint: Uint8Array;
  readonly fingerprintHex: string;
  readonly master: HeldKey;
  /** Whether the native sealer has what makes private names: derived at the first one. */
  names: boolean;
}

/** How often one master key was used by this process. */
export interface KeyUsage {
  /** Fingerprint of the master key: 32 hex digits. */
  fingerprint: string;
  position: 'current' | 'previous' | 'staged';
  seals: number;
  /** Opens that succeeded. */
  opens: number;
  lastUsed: Date | undefined;
  /** When this keyring got the key: what it does not know of use is before that. */
  heldSince: Date;
}

/** Keys that a keyring holds besides the current one. */
export const MAX_OPEN_ONLY = 3;
/** A key by its two names: 32 hex digits each. */
export interface KeyFingerprints extends Pick<KeyUsage, 'fingerprint' | 'position'> {
  tenantId: string;
  /** Of the key that is derived from it for this tenant: what rotation headers, frames and an UnknownKeyError name. */
  tenantFingerprint: string;
}

/** Derived keys kept for one master key; the others are derived again (some microseconds). */
const MAX_TENANTS = 10_000;

/** A master key whose bytes live in Rust, with the tenants' keys derived from it and counts of their use. */
export class HeldKey {
  /** SHA-256("key_fingerprint_v1" | master key)[0..16] as hex: names the key without revealing it. */
  readonly fingerprint: string;
  seals = 0;
  opens = 0;
  /** On the clock of `now()`. */
  lastSealed = Number.NEGATIVE_INFINITY;
  lastOpened = Number.NEGATIVE_INFINITY;
  readonly #heldSince = dateOf(now());
  readonly #native: NativeMasterKey;
  readonly #tenants: LruMap<TenantKey>;

  /** @param evicted gets the derived keys that are kept no longer. */
  constructor(name: string, input: MasterKeyInput, evicted?: EvictedKeys) {
    this.#tenants = new LruMap(MAX_TENANTS, ({ sealer }) => evicted?.add(sealer));
    const bytes = masterKeyBytes(name, input);
    try {
      this.#native = guarded(() => new native.MasterKey(bytes));
    } finally {
      bytes.fill(0);
    }
    const fingerprint = Buffer.alloc(16);
    checked(this.#native.fingerprint(fingerprint));
    this.fingerprint = fingerprint.toString('hex');
  }

  /** One tenant's key that takes its nonces from `sequence`, the keyring's sequence of that kind. */
  tenantKey(nonces: 'counter' | 'random', tenantId: string, sequence: NativeSequence): TenantKey {
    const slot = `${nonces}:${tenantId}`;
    const held = this.#tenants.get(slot);
    if (held !== undefined) return held;
    const sealer = guarded(() => this.#native.sealer(Buffer.from(tenantId), sequence));
    const fingerprint = Buffer.alloc(16);
    checked(native.fingerprint(sealer.handle, fingerprint));
    const key = { sealer, fingerprint, fingerprintHex: fingerprint.toString('hex'), master: this, names: false };
    this.#tenants.set(slot, key);
    return key;
  }

  /** Makes a key of this master key ready for private names. @param tenantId the tenant that it was derived for. */
  deriveNameKey(key: TenantKey, tenantId: string): void {
    guarded(() => this.#native.deriveNameKey(key.sealer.handle, Buffer.from(tenantId)));
    key.names = true;
  }

  /** On the clock of `now()`; minus infinity for a key that was never used. */
  get lastUsed(): number {
    return Math.max(this.lastSealed, this.lastOpened);
  }

  usage(position: KeyUsage['position']): KeyUsage {
    const { fingerprint, seals, opens, lastUsed: at } = this;
    const lastUsed = at === Number.NEGATIVE_INFINITY ? undefined : dateOf(at);
    return { fingerprint, position, seals, opens, lastUsed, heldSince: new Date(this.#heldSince) };
  }

  /** Derives every tenant's key again at its next use, for a new nonce sequence. */
  forgetTenants(): void {
    this.#tenants.clear();
  }

  /** Wipes the key and all that was derived from it, also for tenants whose keys are not kept any more. */
  destroy(): void {
    this.#tenants.clear();
    try {
      guarded(() => this.#native.destroySealers());
    } finally {
      this.#native.destroy();
    }
  }
}
