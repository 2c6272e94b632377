import { LRUCache } from 'lru-cache';
import { KeyError } from '../errors.js';
import { signalOf } from '../native/abort.js';
import { SCRATCH_LEN } from '../native/scratch.js';
import { assertTenantId } from '../protocol/derive.js';
import type { Serializer } from '../serializers/serializer.js';
import { assertBytes, assertWellFormed, bytesOf, copyOf, countedBytes, hasCountedBytes } from '../util/bytes.js';
import { lengthOf } from '../util/slots.js';
import { openBatch, sealBatch } from './batch.js';
import { type InspectedValue, inspectStored } from './inspect.js';
import { openLater, openNow } from './open.js';
import { Payloads } from './payloads.js';
import { allNames, currentName, type NameKind } from './private-names.js';
import { rewrapLater, rewrapNow } from './rewrap.js';
import { sealLater, sealNow } from './seal.js';
import { TenantContext, type WrapperSettings } from './tenant-context.js';
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
import type { WireProfile } from './wire-profile.js';
import { checkedOptions, type EncryptionWrapperOptions } from './wrapper-options.js';

export type { EncryptionWrapperOptions };

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
    const { settings, tenantId, ownsKeyring } = checkedOptions(options);
    this.#settings = settings;
    this.#profile = settings.profile;
    this.#payloads = new Payloads<T>(settings.profile.serializer as Serializer<T>);
    this.#ownsKeyring = ownsKeyring;
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
    return sealNow(this.#settings, tenant, this.#payloads.shared(value, tenant.headLen), cacheKey);
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
    // The native addon sees what JavaScript does not, but a frame is parsed, and a large output allocated, before that.
    const small = hasCountedBytes(sealed) && sealed.length <= SCRATCH_LEN && this.#profile.wire !== 'python';
    const bytes = small ? sealed : countedBytes('sealed', sealed);
    return openNow(this.#settings, this.#payloads, this.#tenant(tenantId), bytes, cacheKey);
  }

  /** Serializes now and seals off the event loop. @throws (rejects) as {@link serialize}, or with the signal's reason. */
  async serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer> {
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const signal = signalOf(context);
    const tenant = this.#tenant(tenantId);
    return sealLater(this.#settings, tenant, this.#payloads.owned(value, tenant.headLen), cacheKey, signal);
  }

  /** @internal */
  serializeSized(value: T, context: ValueContext): Buffer | Promise<Buffer> {
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const tenant = this.#tenant(tenantId);
    const payload = this.#payloads.shared(value, tenant.headLen);
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
    return this.deserializeOwnedAsync(copyOf(sealed), context);
  }

  /** @internal As `deserializeAsync`, for bytes that nobody changes until the promise settles. */
  async deserializeOwnedAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T> {
    assertBytes('sealed', sealed);
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const signal = signalOf(context);
    const tenant = this.#tenant(tenantId);
    const { payload } = await openLater(this.#settings, tenant, sealed, cacheKey, signal);
    return this.#payloads.decodeOwned(payload);
  }

  /**
   * Seals a stored value again as `serialize` would now: with the current key, and with the header or frame that goes with
   * it. The payload is the same bytes and is never decoded, so nothing is lost that JavaScript's types do not keep; a
   * frame keeps its metadata.
   *
   * @example
   * const again = wrapper.rewrap(stored, { cacheKey: 'users:1' });
   * if (again !== undefined) await store.set('users:1', again);
   *
   * @returns undefined when the value is sealed with the current key already, behind the header that is written now.
   * @throws as {@link deserialize}; what only the serializer would refuse is not looked at.
   */
  rewrap(sealed: Uint8Array, context: ValueContext): Buffer | undefined {
    assertContext(context);
    // Before the bytes are looked at: a getter is a stranger's code, and may take them away.
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    return rewrapNow(this.#settings, this.#tenant(tenantId), bytesOf('sealed', sealed), cacheKey);
  }

  /** Rewraps off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link rewrap}, or with the signal's reason. */
  async rewrapAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<Buffer | undefined> {
    assertBytes('sealed', sealed);
    const copy = copyOf(sealed);
    assertContext(context);
    const { cacheKey, tenantId } = context;
    assertCacheKey(cacheKey);
    const signal = signalOf(context);
    return rewrapLater(this.#settings, this.#tenant(tenantId), copy, cacheKey, signal);
  }

  /** @internal */
  rewrapSized(sealed: Uint8Array, context: ValueContext): Buffer | undefined | Promise<Buffer | undefined> {
    assertBytes('sealed', sealed);
    return lengthOf(sealed) < ASYNC_FROM ? this.rewrap(sealed, context) : this.rewrapAsync(sealed, context);
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
      return { sealed: countedBytes('sealed', sealed), cacheKey, tenant: this.#tenant(tenantId) };
    });
    return openBatch(
      this.#settings,
      batch,
      (payload) => this.#payloads.decodeShared(payload, payload.length),
      ({ tenant, sealed, cacheKey }) => openNow(this.#settings, this.#payloads, tenant, sealed, cacheKey),
    );
  }

  /**
   * @internal The name of an entry or tag in a store that must not learn it, under the current key: 64 hex digits.
   * @throws KeyError after `destroy`.
   */
  privateName(kind: NameKind, text: string, tenantId?: string): string {
    assertWellFormed(kind, text);
    return currentName(this.#tenant(tenantId), kind, text);
  }

  /** @internal As `privateName`, under every key: the current one, the previous ones, newest first, and the staged ones. */
  privateNames(kind: NameKind, text: string, tenantId?: string): readonly string[] {
    assertWellFormed(kind, text);
    return allNames(this.#tenant(tenantId), kind, text);
  }

  /** @internal */
  get profile(): WireProfile {
    return this.#profile;
  }

  /** What can be seen of stored bytes without a key: header, frame and sizes. @throws SealedFormatError for a broken frame. */
  inspect(sealed: Uint8Array): InspectedValue {
    this.#assertUsable();
    return inspectStored(bytesOf('sealed', sealed), this.#profile.wire);
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
