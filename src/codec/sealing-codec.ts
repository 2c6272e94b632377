import type { Keyring } from '../keys/keyring.js';
import type { Serializer } from '../serializers/serializer.js';
import { assertWellFormed } from '../util/bytes.js';
import { append } from '../util/own-property.js';
import { openBatch, sealBatch } from './batch.js';
import { SealedAccess } from './native-access.js';
import { openAsync, openSync } from './open.js';
import { Payloads } from './payloads.js';
import { allNames, currentName, type NameKind } from './private-names.js';
import { rewrapAsync, rewrapSync } from './rewrap.js';
import { sealAsync, sealSync } from './seal.js';
import type { CodecSettings, Tenants } from './tenant-context.js';
import {
  ASYNC_FROM,
  type DeserializeResult,
  type EntryContext,
  type NativeAccess,
  type PrefixedStore,
  type Rewrapped,
  Unopened,
  type ValueCodec,
} from './value-codec.js';
import { type WireProfile, wireProfile } from './wire-profile.js';

type ToSerialize<T> = EntryContext & { readonly value: T };
type ToDeserialize = EntryContext & { readonly sealed: Uint8Array };

/** Serializes values and seals them. It trusts its arguments, which `EncryptionWrapper` or the cache has checked. */
export class SealingCodec<T = unknown> implements ValueCodec<T> {
  readonly profile: WireProfile;
  readonly #settings: CodecSettings;
  readonly #tenants: Tenants;
  readonly #payloads: Payloads<T>;
  readonly #store: PrefixedStore | undefined;
  /** The one that was checked last: a store may get another. */
  #prefix = '';

  constructor(
    settings: CodecSettings,
    tenants: Tenants,
    payloads = new Payloads<T>(settings.profile.serializer as Serializer<T>),
    store?: PrefixedStore,
  ) {
    this.profile = settings.profile;
    this.#settings = settings;
    this.#tenants = tenants;
    this.#payloads = payloads;
    this.#store = store;
  }

  boundTo(store: PrefixedStore): SealingCodec<T> {
    if (store.keyPrefix === undefined) return this;
    return new SealingCodec(this.#settings, this.#tenants, this.#payloads, store);
  }

  /** The same keys and store for values of this package's own, whatever serializer the cache has. */
  forOwnValues<V>(): SealingCodec<V> {
    const settings = { ...this.#settings, profile: wireProfile('protocol') };
    return new SealingCodec<V>(settings, this.#tenants.with(settings), undefined, this.#store);
  }

  get keyring(): Keyring {
    return this.#settings.keyring;
  }

  /** The one of calls that bring none. */
  get tenantId(): string {
    return this.#tenants.tenantId;
  }

  serialize(value: T, context: EntryContext): Buffer | Promise<Buffer> {
    const { prefixLen } = this.#tenants.of(context.tenantId).snapshot();
    return this.sealPayload(this.#payloads.encodeBorrowed(value, prefixLen), context);
  }

  sealPayload(payload: Uint8Array, { cacheKey, tenantId }: EntryContext): Buffer | Promise<Buffer> {
    const tenant = this.#tenants.of(tenantId);
    if (payload.length < ASYNC_FROM) return sealSync(this.#settings, tenant, payload, this.#bound(cacheKey));
    return sealAsync(this.#settings, tenant, this.#payloads.toOwned(payload), this.#bound(cacheKey), undefined);
  }

  deserialize(sealed: Uint8Array, context: EntryContext): T | Promise<T> {
    return sealed.length < ASYNC_FROM ? this.deserializeSync(sealed, context) : this.deserializeAsync(sealed, context);
  }

  serializeSync(value: T, { cacheKey, tenantId }: EntryContext): Buffer {
    const tenant = this.#tenants.of(tenantId);
    const payload = this.#payloads.encodeBorrowed(value, tenant.snapshot().prefixLen);
    return sealSync(this.#settings, tenant, payload, this.#bound(cacheKey));
  }

  deserializeSync(sealed: Uint8Array, { cacheKey, tenantId }: EntryContext): T {
    return openSync(this.#settings, this.#payloads, this.#tenants.of(tenantId), sealed, this.#bound(cacheKey));
  }

  async serializeAsync(value: T, { cacheKey, tenantId }: EntryContext, signal?: AbortSignal): Promise<Buffer> {
    const tenant = this.#tenants.of(tenantId);
    const payload = this.#payloads.encodeOwned(value, tenant.snapshot().prefixLen);
    return sealAsync(this.#settings, tenant, payload, this.#bound(cacheKey), signal);
  }

  async deserializeAsync(sealed: Uint8Array, { cacheKey, tenantId }: EntryContext, signal?: AbortSignal): Promise<T> {
    const tenant = this.#tenants.of(tenantId);
    const layout = tenant.parsePrefix(sealed);
    const { payload } = await openAsync(this.#settings, tenant, layout, sealed, this.#bound(cacheKey), signal);
    return this.#payloads.decodeOwned(payload);
  }

  /** Whether stored bytes begin as those that are written now: with the same header, or with none while none is written. */
  isAsWritten(sealed: Uint8Array, tenantId: string | undefined): boolean {
    const tenant = this.#tenants.of(tenantId);
    const { prefix, prefixLen } = tenant.snapshot();
    if (prefix === undefined) return true;
    return sealed.length >= prefixLen && prefix.compare(sealed, 0, prefixLen) === 0;
  }

  rewrap(sealed: Uint8Array, context: EntryContext, dry: boolean): Rewrapped | Promise<Rewrapped> {
    if (sealed.length >= ASYNC_FROM) return this.rewrapAsync(sealed, context, dry);
    return this.rewrapSync(sealed, context, dry);
  }

  rewrapSync(sealed: Uint8Array, { cacheKey, tenantId }: EntryContext, dry: boolean): Rewrapped {
    return rewrapSync(this.#settings, this.#tenants.of(tenantId), sealed, this.#bound(cacheKey), dry);
  }

  rewrapAsync(
    sealed: Uint8Array,
    { cacheKey, tenantId }: EntryContext,
    dry: boolean,
    signal?: AbortSignal,
  ): Promise<Rewrapped> {
    return rewrapAsync(this.#settings, this.#tenants.of(tenantId), sealed, this.#bound(cacheKey), dry, signal);
  }

  serializeMany(items: readonly ToSerialize<T>[]): Buffer[] {
    const batch = items.map(({ value, cacheKey, tenantId }) => {
      const tenant = this.#tenants.of(tenantId);
      return { payload: this.#payloads.encodeOwned(value), cacheKey: this.#bound(cacheKey), tenant };
    });
    return sealBatch(this.#settings, batch);
  }

  deserializeMany(items: readonly ToDeserialize[]): DeserializeResult<T>[] {
    const results = items.map((): DeserializeResult<T> | undefined => undefined);
    const byTenant = new Map<string | undefined, number[]>();
    for (const [i, { tenantId }] of items.entries()) {
      const places = byTenant.get(tenantId);
      if (places === undefined) byTenant.set(tenantId, [i]);
      else append(places, i);
    }
    for (const [tenantId, places] of byTenant) {
      const some = places.map((i) => items[i] as ToDeserialize);
      const opened = this.openMany(
        tenantId,
        some,
        some.map(({ sealed }) => sealed),
      );
      for (const [n, i] of places.entries()) {
        const value = opened[n];
        results[i] = value instanceof Unopened ? { ok: false, error: value.error } : { ok: true, value: value as T };
      }
    }
    return results as DeserializeResult<T>[];
  }

  openMany(
    tenantId: string | undefined,
    entries: readonly { readonly cacheKey: string }[],
    stored: readonly (Uint8Array | undefined)[],
  ): (T | Unopened | undefined)[] {
    const cacheKeys = entries.map(({ cacheKey }) => this.#bound(cacheKey));
    return openBatch(this.#settings, this.#payloads, this.#tenants.of(tenantId), cacheKeys, stored);
  }

  native(tenantId: string | undefined): NativeAccess<T> {
    return new SealedAccess(this.#settings, this.#tenants, tenantId, this.#payloads, this.#store !== undefined);
  }

  /** The name of an entry or tag in a store that must not learn it, under the current key: 64 hex digits. */
  privateName(kind: NameKind, text: string, tenantId?: string): string {
    return currentName(this.#tenants.of(tenantId), kind, text);
  }

  /** As `privateName`, under every key: the current one, the previous ones, newest first, and the staged ones. */
  privateNames(kind: NameKind, text: string, tenantId?: string): readonly string[] {
    return allNames(this.#tenants.of(tenantId), kind, text);
  }

  #bound(cacheKey: string): string {
    if (this.#store === undefined) return cacheKey;
    const prefix = this.#store.keyPrefix ?? '';
    if (prefix !== this.#prefix) {
      assertWellFormed('backend.keyPrefix', prefix);
      this.#prefix = prefix;
    }
    return prefix + cacheKey;
  }
}
