import type { TenantKey } from '../keys/held-key.js';
import { CHECKSUM_LEN, openedBehindHeadroom, openedScratch } from '../native/memory.js';
import type { Payloads } from './payloads.js';
import { type CodecSettings, countOpen, countSeals, type Tenants } from './tenant-context.js';
import { ASYNC_FROM, type NativeAccess, UNREADABLE } from './value-codec.js';
import type { WireProfile } from './wire-profile.js';

const NOTHING = new Uint8Array(0);

/** Where a payload is opened to, which the decoder reads at once, and where one comes from. */
abstract class Decoding<T> {
  readonly out = openedScratch;
  readonly outOffset: number;
  readonly #payloads: Payloads<T>;

  constructor({ container }: WireProfile, payloads: Payloads<T>) {
    this.#payloads = payloads;
    this.outOffset = container === 'checksum' ? CHECKSUM_LEN : 0;
  }

  value(length: number): T {
    return this.#payloads.decodeBorrowed(this.outOffset === 0 ? openedScratch : openedBehindHeadroom, length);
  }

  payload(value: T): Uint8Array {
    return this.#payloads.encodeBorrowed(value, this.prefix().length);
  }

  abstract prefix(): Uint8Array;
}

/** Of sealed values of one tenant. */
export class SealedAccess<T> extends Decoding<T> implements NativeAccess<T> {
  readonly aad: readonly [Uint8Array, Uint8Array];
  readonly format: Uint8Array;
  readonly mode: number;
  readonly #settings: CodecSettings;
  readonly #tenants: Tenants;
  readonly #tenantId: string | undefined;
  /** The store writes something before cache keys, which may change. */
  readonly #prefixed: boolean;
  /** Of the last `handle`. */
  #key: TenantKey | undefined;

  constructor(
    settings: CodecSettings,
    tenants: Tenants,
    tenantId: string | undefined,
    payloads: Payloads<T>,
    prefixed: boolean,
  ) {
    super(settings.profile, payloads);
    const { aad, mode } = tenants.of(tenantId);
    this.aad = aad.around;
    this.format = Buffer.from(settings.profile.format);
    this.mode = mode;
    this.#settings = settings;
    this.#tenants = tenants;
    this.#tenantId = tenantId;
    this.#prefixed = prefixed;
  }

  handle(): number {
    this.#key = this.#tenants.of(this.#tenantId).snapshot().current;
    return this.#key.sealer.handle;
  }

  opened(length: number): T {
    countOpen(this.#key as TenantKey);
    return this.value(length);
  }

  offsetOf(stored: Uint8Array): number {
    if (this.#prefixed || stored.length >= ASYNC_FROM || this.#settings.profile.wire === 'python') return UNREADABLE;
    try {
      const tenant = this.#tenants.of(this.#tenantId);
      const { offset, keys } = tenant.parsePrefix(stored);
      return keys[0] === tenant.snapshot().current ? offset : UNREADABLE;
    } catch {
      return UNREADABLE;
    }
  }

  canSeal(payload: Uint8Array): boolean {
    return !this.#prefixed && payload.length < ASYNC_FROM;
  }

  override prefix(): Uint8Array {
    return this.#tenants.of(this.#tenantId).snapshot().prefix ?? NOTHING;
  }

  sealed(): void {
    countSeals(this.#settings, this.#key as TenantKey, 1);
  }

  renew(): void {
    const { keyring, nonces } = this.#settings;
    keyring.renewSequence(nonces);
  }
}

/** Of values without encryption. */
export class PlainAccess<T> extends Decoding<T> implements NativeAccess<T> {
  readonly aad: readonly [Uint8Array, Uint8Array] = [NOTHING, NOTHING];
  readonly format: Uint8Array;
  readonly mode: number;
  readonly #framed: boolean;

  constructor(profile: WireProfile, payloads: Payloads<T>, format: Uint8Array, mode: number, framed: boolean) {
    super(profile, payloads);
    this.format = format;
    this.mode = mode;
    this.#framed = framed;
  }

  handle(): number {
    return 0;
  }

  opened(length: number): T {
    return this.value(length);
  }

  offsetOf(stored: Uint8Array): number {
    return this.#framed || stored.length >= ASYNC_FROM ? UNREADABLE : 0;
  }

  canSeal(payload: Uint8Array): boolean {
    return !this.#framed && payload.length < ASYNC_FROM;
  }

  override prefix(): Uint8Array {
    return NOTHING;
  }

  sealed(): void {}

  renew(): void {}
}
