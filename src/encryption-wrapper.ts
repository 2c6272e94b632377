import { LRUCache } from 'lru-cache';
import { signalOf } from './abort.js';
import { openBatch, sealBatch } from './batch.js';
import { allocate, assertBytes, hasBytes, kindOf } from './bytes.js';
import { ConfigurationError, KeyError } from './errors.js';
import { type InspectedValue, inspectStored } from './inspect-stored.js';
import { assertTenantId } from './keys/derive.js';
import { Keyring, type NonceMode } from './keys/keyring.js';
import type { MasterKeyInput } from './keys/master-key.js';
import { openLater, openNow } from './opening.js';
import { Payloads } from './payloads.js';
import { SCRATCH_LEN } from './scratch.js';
import { sealLater, sealNow } from './sealing.js';
import type { Serializer } from './serializers/serializer.js';
import { type RotationHeaderMode, TenantContext, type WrapperSettings } from './tenant-context.js';
import {
  ASYNC_FROM,
  type AsyncValueContext,
  assertCacheKey,
  assertContext,
  assertItems,
  type DeserializeResult,
  type ValueCodec,
  type ValueContext,
  type ValueToDeserialize,
  type ValueToSerialize,
} from './value-codec.js';
import { type Wire, type WireProfile, wireProfile } from './wire.js';

export interface EncryptionWrapperOptions<T = unknown> {
  /** Default: StandardSerializer (InteropSerializer for wire `interop`). */
  serializer?: Serializer<T> | Serializer;
  /** Default: CACHEKIT_MASTER_KEY. Not together with `keyring`. */
  masterKey?: MasterKeyInput | undefined;
  /** Shared with whoever else uses it; `destroy` leaves it alone. */
  keyring?: Keyring | undefined;
  /** 1 to 1,024 bytes as UTF-8. Default `'default'`. */
  tenantId?: string | undefined;
  /** Default `'protocol'`. */
  wire?: Wire;
  /** When a header names the key in front of a value: `'auto'` is while keys are being rotated. */
  rotationHeader?: RotationHeaderMode;
  /** `'random'` for platforms that clone a running process's memory. Default `'counter'`. */
  nonces?: NonceMode;
  /** False: no compression, so that a value's length does not tell what parts of it have in common. Default true. */
  compress?: boolean;
}

/** Tenants whose keys and templates a wrapper keeps. */
const MAX_TENANTS = 10_000;

/**
 * Serializes values and seals them, each bound to its tenant and cache key: a serializer with encryption.
 *
 * @example
 * const wrapper = new EncryptionWrapper({ masterKey: process.env.CACHEKIT_MASTER_KEY });
 * const sealed = wrapper.serialize({ ssn: '123-45-6789' }, { cacheKey: 'users:1' });
 * wrapper.deserialize(sealed, { cacheKey: 'users:1' }); // { ssn: '123-45-6789' }
 *
 * Source: protocol text, "Encryption Flow" and "Decryption Flow".
 */
export class EncryptionWrapper<T = unknown> implements ValueCodec<T>, Disposable {
  readonly #settings: WrapperSettings;
  readonly #profile: WireProfile;
  readonly #payloads: Payloads<T>;
  readonly #ownsKeyring: boolean;
  readonly #tenantId: string;
  // By size, because a cache by number allocates all its slots at once.
  readonly #tenants = new LRUCache<string, TenantContext>({ maxSize: MAX_TENANTS, sizeCalculation: () => 1 });
  #own: TenantContext | undefined;
  #destroyed = false;

  /**
   * @throws ConfigurationError for no key, two keys, or a combination that the wire does not have;
   *   KeyError for a malformed key; TypeError and RangeError for wrong options.
   */
  constructor(options: EncryptionWrapperOptions<T> = {}) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError(`The options must be an object, not ${kindOf(options)}`);
    }
    const { tenantId = 'default', rotationHeader = 'auto', nonces = 'counter', masterKey, keyring } = options;
    assertTenantId(tenantId);
    assertChoice('rotationHeader', rotationHeader, ['auto', 'always', 'never']);
    assertChoice('nonces', nonces, ['counter', 'random']);
    if (masterKey !== undefined && keyring !== undefined) {
      throw new ConfigurationError('Pass masterKey or keyring, not both');
    }
    if (keyring !== undefined && !(keyring instanceof Keyring)) {
      throw new TypeError(`keyring must be a Keyring, not ${kindOf(keyring)}`);
    }
    this.#profile = wireProfile(options.wire, options.serializer as Serializer | undefined, options.compress);
    if (rotationHeader === 'always' && this.#profile.wire !== 'protocol') {
      throw new ConfigurationError("A rotation header exists in wire 'protocol' only");
    }
    this.#payloads = new Payloads<T>(this.#profile.serializer as Serializer<T>);
    this.#ownsKeyring = keyring === undefined;
    this.#settings = {
      keyring: keyring ?? new Keyring({ masterKey }),
      profile: this.#profile,
      rotationHeader,
      nonces,
    };
    this.#tenantId = tenantId;
  }

  /**
   * @returns bytes that nobody else holds.
   * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
   */
  serialize(value: T, context: ValueContext): Buffer {
    assertContext(context);
    // Read once, before the value is serialized: a getter is a stranger's code and the payload lies in a shared buffer.
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const tenant = this.#tenant(tenantId);
    return sealNow(this.#settings, tenant, this.#payloads.shared(value), cacheKey);
  }

  /**
   * @throws AuthenticationError when the key, tenant, cache key or bytes are not those that were sealed; UnknownKeyError when
   *   the value names a key that is not held; SealedFormatError for another wire's frame; EnvelopeError and
   *   SerializationError for a content that this serializer does not read; KeyError after `destroy`.
   */
  deserialize(sealed: Uint8Array, context: ValueContext): T {
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    // The native addon sees what `hasBytes` does not, but a frame is parsed, and a large output allocated, before that.
    if (!hasBytes(sealed) || sealed.length > SCRATCH_LEN || this.#profile.wire === 'python') {
      assertBytes('sealed', sealed);
    }
    return openNow(this.#settings, this.#payloads, this.#tenant(tenantId), sealed, cacheKey);
  }

  /** Serializes now and seals off the event loop. @throws (rejects) as {@link serialize}, or with the signal's reason. */
  async serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer> {
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const signal = signalOf(context);
    const tenant = this.#tenant(tenantId);
    return sealLater(this.#settings, tenant, this.#payloads.owned(value), cacheKey, signal);
  }

  /** @internal */
  serializeSized(value: T, context: ValueContext): Buffer | Promise<Buffer> {
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const tenant = this.#tenant(tenantId);
    const payload = this.#payloads.shared(value);
    if (payload.length < ASYNC_FROM) return sealNow(this.#settings, tenant, payload, cacheKey);
    return sealLater(this.#settings, tenant, this.#payloads.exclusive(payload), cacheKey, undefined);
  }

  /** @internal */
  deserializeSized(sealed: Uint8Array, context: ValueContext): T | Promise<T> {
    return sealed.length < ASYNC_FROM ? this.deserialize(sealed, context) : this.deserializeOwnedAsync(sealed, context);
  }

  /** Opens off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link deserialize}, or with the signal's reason. */
  async deserializeAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T> {
    assertBytes('sealed', sealed);
    const copy = allocate(sealed.length);
    copy.set(sealed);
    return this.deserializeOwnedAsync(copy, context);
  }

  /** @internal As `deserializeAsync`, for bytes that nobody changes until the promise settles. */
  async deserializeOwnedAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T> {
    assertBytes('sealed', sealed);
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const signal = signalOf(context);
    const tenant = this.#tenant(tenantId);
    return openLater(this.#settings, this.#payloads, tenant, sealed, cacheKey, signal);
  }

  /**
   * Seals a batch with one native call per key. The results share one allocation.
   *
   * @throws as {@link serialize} for the first item that fails; nothing is returned then.
   */
  serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[] {
    this.#assertUsable();
    assertItems(items);
    const batch = items.map(({ value, cacheKey, tenantId }) => {
      assertCacheKey(cacheKey);
      const tenant = this.#tenant(tenantId);
      return { payload: this.#payloads.owned(value), cacheKey, tenant };
    });
    return sealBatch(this.#settings, batch);
  }

  /** Opens a batch with one native call per key. Each item has its own result. @throws TypeError for a wrong argument only. */
  deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[] {
    this.#assertUsable();
    assertItems(items);
    const batch = items.map(({ sealed, cacheKey, tenantId }) => {
      assertCacheKey(cacheKey);
      assertBytes('sealed', sealed);
      return { sealed, cacheKey, tenant: this.#tenant(tenantId) };
    });
    return openBatch(
      this.#settings,
      batch,
      (payload) => this.#payloads.decodeShared(payload, payload.length),
      ({ tenant, sealed, cacheKey }) => openNow(this.#settings, this.#payloads, tenant, sealed, cacheKey),
    );
  }

  /** @internal */
  get profile(): WireProfile {
    return this.#profile;
  }

  /** What can be seen of stored bytes without a key: header, frame and sizes. @throws SealedFormatError for a broken frame. */
  inspect(sealed: Uint8Array): InspectedValue {
    this.#assertUsable();
    assertBytes('sealed', sealed);
    return inspectStored(sealed, this.#profile.wire);
  }

  /** Wipes the keys of a wrapper that was made with `masterKey`; a `keyring` is left alone. Any later use is a KeyError. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#tenants.clear();
    this.#own = undefined;
    if (this.#ownsKeyring) this.#settings.keyring.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #assertUsable(): void {
    if (this.#destroyed) throw new KeyError('This wrapper was destroyed');
  }

  #tenant(tenantId: string | undefined): TenantContext {
    this.#assertUsable();
    if (tenantId === undefined || tenantId === this.#tenantId) {
      this.#own ??= new TenantContext(this.#settings, this.#tenantId);
      return this.#own;
    }
    const held = this.#tenants.get(tenantId);
    if (held !== undefined) return held;
    assertTenantId(tenantId);
    const made = new TenantContext(this.#settings, tenantId);
    this.#tenants.set(tenantId, made);
    return made;
  }
}

function assertChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (!choices.includes(value))
    throw new RangeError(`${name} must be one of ${choices.map((c) => `'${c}'`).join(', ')}`);
}
