import { AuthenticationError, KeyError, SealedFormatError, UnknownKeyError } from '../errors.js';
import type { TenantKey } from '../keys/held-key.js';
import type { Keyring } from '../keys/keyring.js';
import type { KeyringState } from '../keys/keyring-state.js';
import { HALF_OF_A_SEQUENCE, type NonceMode } from '../keys/nonce-sequences.js';
import { AadTemplate } from '../protocol/aad.js';
import { assertTenantId } from '../protocol/derive.js';
import { type Frame, parseFrame } from '../protocol/frame.js';
import {
  encodeRotationHeader,
  headerHasFingerprint,
  headerHasTenant,
  isRotationHeader,
  parseRotationHeader,
  ROTATION_HEADER_LEN,
  ROTATION_HEADER_VERSION,
  tenantIdHash,
} from '../protocol/rotation-header.js';
import { recently } from '../util/clock.js';
import { LruMap } from '../util/lru-map.js';
import { framePrefix, modeOf, type WireProfile } from './wire-profile.js';

export type RotationHeaderMode = 'auto' | 'always' | 'never';

/** What a codec is made of, for its tenants. */
export interface CodecSettings {
  readonly keyring: Keyring;
  readonly keyState: KeyringState;
  readonly profile: WireProfile;
  readonly rotationHeader: RotationHeaderMode;
  readonly nonces: NonceMode;
}

/** Where a sealed value starts, and what opens it. */
export interface SealedLayout {
  readonly offset: number;
  /** Keys that may open it, in the order in which they are tried. */
  readonly keys: readonly TenantKey[];
  /** Whether the prefix names the one key. */
  readonly named: boolean;
  readonly aad: AadTemplate;
  readonly mode: number;
}

/** A tenant's keys, and what goes with them, in one state of the keyring. */
export interface TenantSnapshot {
  readonly generation: number;
  /** Seals. */
  readonly current: TenantKey;
  /** The current key, and then those that only open, newest first. */
  readonly keys: readonly TenantKey[];
  /** What is written in front of a sealed value: a rotation header, a frame or nothing. */
  readonly prefix: Buffer | undefined;
  readonly prefixLen: number;
  /** Of a value without a prefix. */
  readonly bare: SealedLayout;
  /** Of a value behind a rotation header, for each key. */
  readonly behindHeader: readonly SealedLayout[];
}

/** One tenant of one codec: keys, AAD template and the bytes in front of a sealed value, each made once. */
export class TenantContext {
  readonly tenantId: string;
  readonly aad: AadTemplate;
  readonly mode: number;
  readonly #settings: CodecSettings;
  readonly #tenantIdHash: Uint8Array;
  #snapshot: TenantSnapshot | undefined;

  constructor(settings: CodecSettings, tenantId: string) {
    const { profile } = settings;
    this.tenantId = tenantId;
    this.#settings = settings;
    this.#tenantIdHash = tenantIdHash(tenantId);
    this.aad = new AadTemplate(tenantId, profile.format, profile.compressed, profile.originalType);
    this.mode = modeOf(profile, this.aad.formatLen);
  }

  /** The keys as the keyring has them now: the same object until they change. @throws KeyError when the keyring was destroyed. */
  snapshot(): TenantSnapshot {
    const held = this.#snapshot;
    if (held !== undefined && held.generation === this.#settings.keyState.generation) return held;
    return this.#refresh();
  }

  /**
   * Finds the sealed bytes, and the keys that may open them.
   *
   * @throws KeyError when the keyring was destroyed, whatever is wrong with the bytes; UnknownKeyError, SealedFormatError,
   *   AuthenticationError as for a value that does not open.
   */
  parsePrefix(stored: Uint8Array): SealedLayout {
    const snapshot = this.snapshot();
    const { wire } = this.#settings.profile;
    if (wire === 'python') return this.#parseFrame(stored, snapshot);
    // Looked at first: of values without a header, one in 256 begins with this byte.
    if (wire !== 'protocol' || stored[0] !== ROTATION_HEADER_VERSION) return snapshot.bare;
    if (!isRotationHeader(stored) || !headerHasTenant(stored, this.#tenantIdHash)) return snapshot.bare;
    const { keys, behindHeader, current } = snapshot;
    const index = keys.findIndex(({ fingerprint }) => headerHasFingerprint(stored, fingerprint));
    if (index >= 0) return behindHeader[index] as SealedLayout;
    const { keyFingerprint } = parseRotationHeader(stored);
    throw unknownKey(Buffer.from(keyFingerprint).toString('hex'), current);
  }

  #parseFrame(stored: Uint8Array, { keys, current }: TenantSnapshot): SealedLayout {
    const { profile } = this.#settings;
    const frame = parseFrame(stored);
    const { metadata } = frame;
    if (frame.serializerName !== profile.frameName) throw new SealedFormatError('The frame names another serializer');
    if (!metadata.encrypted) throw new SealedFormatError('The frame claims that its value is not encrypted');
    if (metadata.tenantId === undefined) throw new SealedFormatError('The frame names no tenant');
    if (metadata.tenantId !== this.tenantId) throw new AuthenticationError();
    const { keyFingerprint } = metadata;
    const named = keyFingerprint !== undefined;
    const fitting = named ? keys.filter((key) => key.fingerprintHex === keyFingerprint) : keys;
    if (named && fitting.length === 0) throw unknownKey(hexOnly(keyFingerprint), current);
    const aad = this.#templateFor(frame);
    return { offset: frame.payloadOffset, keys: fitting, named, aad, mode: modeOf(profile, aad.formatLen) };
  }

  /** The AAD is what the writer's metadata say; the container and the decoder are the reader's. */
  #templateFor({ metadata }: Frame): AadTemplate {
    const { format, compressed, originalType } = this.#settings.profile;
    const same =
      metadata.format === format &&
      metadata.compressed === compressed &&
      metadata.originalType === (originalType ?? null);
    return same
      ? this.aad
      : new AadTemplate(this.tenantId, metadata.format, metadata.compressed, metadata.originalType);
  }

  #refresh(): TenantSnapshot {
    this.#snapshot = undefined;
    const { keyring, keyState, nonces } = this.#settings;
    const { generation } = keyState;
    const keys = keyring.tenantKeys(this.tenantId, nonces);
    const [current] = keys;
    const prefix = this.#prefixFor(current);
    const { aad, mode } = this;
    const bare = { offset: 0, keys, named: false, aad, mode };
    const behindHeader = keys.map((key) => ({ offset: ROTATION_HEADER_LEN, keys: [key], named: true, aad, mode }));
    this.#snapshot = { generation, current, keys, prefix, prefixLen: prefix?.length ?? 0, bare, behindHeader };
    return this.#snapshot;
  }

  #prefixFor(current: TenantKey): Buffer | undefined {
    const { keyring, profile, rotationHeader } = this.#settings;
    if (profile.wire === 'python') {
      return framePrefix(profile, { tenantId: this.tenantId, keyFingerprint: current.fingerprintHex });
    }
    const auto = rotationHeader === 'auto' && profile.wire === 'protocol' && keyring.needsHeader;
    if (rotationHeader !== 'always' && !auto) return undefined;
    const header = encodeRotationHeader({
      version: 1,
      algorithm: 0,
      keyFingerprint: current.fingerprint,
      tenantIdHash: this.#tenantIdHash,
      domain: 'ench',
      keyVersion: keyring.keyVersion,
    });
    return Buffer.from(header);
  }
}

/** Tenants whose keys and templates are kept. */
const MAX_TENANTS = 10_000;

/** The tenants of one codec. */
export class Tenants {
  readonly #settings: CodecSettings;
  readonly tenantId: string;
  readonly #others = new LruMap<TenantContext>(MAX_TENANTS);
  #own: TenantContext | undefined;
  #destroyed = false;

  /** @param tenantId the one of calls that bring none. */
  constructor(settings: CodecSettings, tenantId: string) {
    this.#settings = settings;
    this.tenantId = tenantId;
  }

  /** @throws KeyError after `destroy`; TypeError, RangeError for a wrong tenant id. */
  of(tenantId: string | undefined): TenantContext {
    this.assertUsable();
    if (tenantId === undefined || tenantId === this.tenantId) {
      this.#own ??= new TenantContext(this.#settings, this.tenantId);
      return this.#own;
    }
    const held = this.#others.get(tenantId);
    if (held !== undefined) return held;
    assertTenantId(tenantId);
    const made = new TenantContext(this.#settings, tenantId);
    this.#others.set(tenantId, made);
    return made;
  }

  /** The same tenants of another codec. */
  with(settings: CodecSettings): Tenants {
    return new Tenants(settings, this.tenantId);
  }

  /** @throws KeyError after `destroy`. */
  assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This wrapper was destroyed');
  }

  destroy(): void {
    this.#destroyed = true;
    this.#others.clear();
    this.#own = undefined;
  }
}

/** Counts an open that succeeded. */
export function countOpen({ master }: TenantKey): void {
  master.opens++;
  master.lastOpened = recently();
}

export function countSeals({ keyring, keyState }: CodecSettings, { master }: TenantKey, seals: number): void {
  master.seals += seals;
  master.lastSealed = recently();
  keyState.sequenceSeals += seals;
  if (keyState.sequenceSeals >= HALF_OF_A_SEQUENCE) keyring.announceHalfUsed(master);
}

function unknownKey(fingerprint: string, { fingerprintHex, master }: TenantKey): UnknownKeyError {
  return new UnknownKeyError(fingerprint, fingerprintHex, master.fingerprint);
}

/** A fingerprint from an unauthenticated header, fit for a message. */
function hexOnly(fingerprint: string): string {
  return /^[0-9a-f]{32}$/.test(fingerprint) ? fingerprint : '(malformed)';
}
