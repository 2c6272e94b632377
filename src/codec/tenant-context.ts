import { AuthenticationError, KeyError, SealedFormatError, UnknownKeyError } from '../errors.js';
import type { TenantKey } from '../keys/held-key.js';
import type { Keyring, NonceMode, TenantKeys } from '../keys/keyring.js';
import { AadTemplate } from '../protocol/aad.js';
import { encodeFramePrefix, type Frame, parseFrame } from '../protocol/frame.js';
import {
  encodeRotationHeader,
  headerHasFingerprint,
  headerHasTenant,
  isRotationHeader,
  parseRotationHeader,
  ROTATION_HEADER_LEN,
  tenantIdHash,
} from '../protocol/rotation-header.js';
import { modeOf, type WireProfile } from './wire-profile.js';

export type RotationHeaderMode = 'auto' | 'always' | 'never';

/** What a wrapper is made of, for its tenants. */
export interface WrapperSettings {
  readonly keyring: Keyring;
  readonly profile: WireProfile;
  readonly rotationHeader: RotationHeaderMode;
  readonly nonces: NonceMode;
}

/** Where a sealed value starts, and what opens it. */
export interface Located {
  offset: number;
  /** The one key that may open it; undefined: the current one, then the previous ones. */
  key: TenantKey | undefined;
  aad: AadTemplate;
  mode: number;
}

/** One tenant in one wrapper: keys, AAD template and the bytes in front of a sealed value, each made once. */
export class TenantContext {
  readonly tenantId: string;
  readonly aad: AadTemplate;
  readonly mode: number;
  readonly #settings: WrapperSettings;
  readonly #tenantIdHash: Uint8Array;
  readonly #located: Located;
  #generation = -1;
  #keys: TenantKeys | undefined;
  #head: Buffer | undefined;

  constructor(settings: WrapperSettings, tenantId: string) {
    const { profile } = settings;
    this.tenantId = tenantId;
    this.#settings = settings;
    this.#tenantIdHash = tenantIdHash(tenantId);
    this.aad = new AadTemplate(tenantId, profile.format, profile.compressed, profile.originalType);
    this.mode = modeOf(profile, this.aad.formatLen);
    this.#located = { offset: 0, key: undefined, aad: this.aad, mode: this.mode };
  }

  /** The tenant's keys as the keyring has them now. @throws KeyError when the keyring was destroyed. */
  get keys(): TenantKeys {
    const { keyring } = this.#settings;
    if (this.#keys === undefined || this.#generation !== keyring.generation) this.#refresh();
    if (this.#keys === undefined) throw new KeyError('This keyring was destroyed');
    return this.#keys;
  }

  /** What goes in front of a sealed value: a rotation header, a frame or nothing. Good until the keys change. */
  get head(): Buffer | undefined {
    return this.#head;
  }

  /** Length of what is written in front of a sealed value, under the keys of now. */
  get headLen(): number {
    // Asked first, as a rotation makes another head.
    const { keys } = this;
    return keys === undefined ? 0 : (this.#head?.length ?? 0);
  }

  /**
   * Finds the sealed bytes and the key in stored bytes. The result is good until the next call.
   *
   * @throws UnknownKeyError, SealedFormatError, AuthenticationError as DESIGN of the failures of open.
   */
  locate(stored: Uint8Array): Located {
    const { wire } = this.#settings.profile;
    if (wire === 'python') return this.#locateFramed(stored);
    const located = this.#located;
    located.offset = 0;
    located.key = undefined;
    if (wire === 'protocol' && isRotationHeader(stored) && headerHasTenant(stored, this.#tenantIdHash)) {
      located.offset = ROTATION_HEADER_LEN;
      located.key = this.#find((key) => headerHasFingerprint(stored, key.fingerprint));
      if (located.key === undefined) {
        const { keyFingerprint } = parseRotationHeader(stored);
        throw new UnknownKeyError(Buffer.from(keyFingerprint).toString('hex'), this.keys.current.fingerprintHex);
      }
    }
    return located;
  }

  #locateFramed(stored: Uint8Array): Located {
    const { profile } = this.#settings;
    const frame = parseFrame(stored);
    const { metadata } = frame;
    if (frame.serializerName !== profile.frameName) throw new SealedFormatError('The frame names another serializer');
    if (!metadata.encrypted) throw new SealedFormatError('The frame claims that its value is not encrypted');
    if (metadata.tenantId === undefined) throw new SealedFormatError('The frame names no tenant');
    if (metadata.tenantId !== this.tenantId) throw new AuthenticationError();
    const { keyFingerprint } = metadata;
    const key = keyFingerprint === undefined ? undefined : this.#find((held) => held.fingerprintHex === keyFingerprint);
    if (keyFingerprint !== undefined && key === undefined) {
      throw new UnknownKeyError(hexOnly(keyFingerprint), this.keys.current.fingerprintHex);
    }
    const aad = this.#templateFor(frame);
    return { offset: frame.payloadOffset, key, aad, mode: modeOf(profile, aad.formatLen) };
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

  #find(matches: (key: TenantKey) => boolean): TenantKey | undefined {
    const { current, previous } = this.keys;
    return matches(current) ? current : previous.find(matches);
  }

  #refresh(): void {
    const { keyring, profile, rotationHeader, nonces } = this.#settings;
    this.#keys = undefined;
    const keys = keyring.tenantKeys(this.tenantId, nonces);
    if (profile.wire === 'python' && profile.frameName !== undefined) {
      this.#head = encodeFramePrefix(profile.frameName, {
        format: profile.format as 'msgpack' | 'orjson' | 'arrow',
        compressed: profile.compressed,
        originalType: profile.originalType ?? null,
        encrypted: true,
        tenantId: this.tenantId,
        keyFingerprint: keys.current.fingerprintHex,
      });
    } else if (
      rotationHeader === 'always' ||
      (rotationHeader === 'auto' && profile.wire === 'protocol' && keyring.needsHeader)
    ) {
      const header = encodeRotationHeader({
        version: 1,
        algorithm: 0,
        keyFingerprint: keys.current.fingerprint,
        tenantIdHash: this.#tenantIdHash,
        domain: 'ench',
        keyVersion: keyring.keyVersion,
      });
      this.#head = Buffer.from(header);
    } else this.#head = undefined;
    this.#keys = keys;
    this.#generation = keyring.generation;
  }
}

/** A fingerprint from an unauthenticated header, fit for a message. */
function hexOnly(fingerprint: string): string {
  return /^[0-9a-f]{32}$/.test(fingerprint) ? fingerprint : '(malformed)';
}
