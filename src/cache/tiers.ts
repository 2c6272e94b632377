import type { Backend, BackendEntry, L1Status } from '../backends/backend.js';
import { now } from '../clock.js';
import { BackendError, TimeoutError, ValueTooLargeError } from '../errors.js';
import { ASYNC_FROM, type DeserializeResult, type ValueCodec } from '../value-codec.js';
import type { Counters } from './counters.js';
import type { Failures } from './failures.js';
import type { L1, L1Entry } from './l1.js';
import type { Reader, Writer } from './single-flight.js';

/** How long L1 keeps an entry of which the backend does not say when it ends. */
const UNKNOWN_EXPIRY_MS = 30_000;

/** What {@link Tiers.hit} answers when there is more to do than open a small entry of L1. */
export const NOTHING: unique symbol = Symbol('nothing');

/** One entry, and who asks for it. Its identity is (tenantId, cacheKey). */
export interface Target {
  /** As stored, and as in the AAD. */
  readonly cacheKey: string;
  /** undefined: the codec's own. */
  readonly tenantId: string | undefined;
  /** `Infinity` for never. */
  readonly ttlMs: number;
  readonly counters: Counters;
  /** Whether the arguments still name this entry, for a call whose arguments somebody may have changed meanwhile. */
  readonly unchanged?: (() => boolean) | undefined;
  /** The backend did not answer in time: it is not asked to store the result, for which the caller would wait as long again. */
  unanswered?: boolean;
}

export interface TierSettings {
  readonly codec: ValueCodec;
  /** undefined: L1 is the store. */
  readonly backend: Backend | undefined;
  readonly l1: L1 | undefined;
  /** The longest that L1 keeps a copy of what the backend has. */
  readonly l1TtlMs: number;
  /** L1 keeps decoded values instead of bytes. */
  readonly keepValues: boolean;
  readonly signal: AbortSignal | undefined;
  readonly failures: Failures;
}

/** A stored value. */
export interface Found {
  /** As stored; undefined where L1 keeps decoded values. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  /** When the entry ends, on the clock of {@link now}: `Infinity` for never, NaN when unknown. */
  readonly expiresAt: number;
  readonly inL1: boolean;
  /** Whether somebody was given `value`; the next one decodes its own. */
  taken: boolean;
}

/**
 * Entries in this process (L1) and in the backend, or in this process alone, with the codec between values and bytes.
 * Every value of a cache is read and written here, so that every path has the same identity, encryption and failures.
 */
export class Tiers {
  readonly l1: L1 | undefined;
  readonly backend: Backend | undefined;
  readonly #settings: TierSettings;
  readonly #codec: ValueCodec;
  readonly #failures: Failures;
  #closed = false;

  constructor(settings: TierSettings) {
    this.#settings = settings;
    this.#codec = settings.codec;
    this.#failures = settings.failures;
    this.backend = settings.backend;
    this.l1 = settings.l1;
  }

  /**
   * The value of a small entry in L1, at once. `NOTHING` also when it does not open: {@link read} meets that again
   * and deals with it.
   */
  hit(cacheKey: string, tenantId: string | undefined, counters: Counters): unknown {
    const held = this.l1?.get(cacheKey, tenantId);
    if (held === undefined) return NOTHING;
    const { bytes } = held;
    let { value } = held;
    if (bytes !== undefined) {
      if (bytes.length >= ASYNC_FROM) return NOTHING;
      try {
        value = this.#codec.deserialize(bytes, { cacheKey, tenantId });
      } catch {
        return NOTHING;
      }
      if (value === undefined) return NOTHING;
    }
    counters.hits++;
    counters.l1Hits++;
    return value;
  }

  async read(target: Target, reader: Reader): Promise<Found | undefined> {
    const held = this.l1?.get(target.cacheKey, target.tenantId);
    if (held !== undefined) {
      const value = held.bytes === undefined ? held.value : await this.#openHeld(held, held.bytes, target);
      if (value !== undefined) {
        return { bytes: held.bytes, value, expiresAt: held.expiresAt, inL1: true, taken: false };
      }
    }
    const at = now();
    const stored = await this.stored(target);
    return stored && this.accept(target, stored, at, await this.#open(stored.bytes, target), reader);
  }

  /** What came from the backend by a request of the time `at`, once it is opened. */
  accept(target: Target, stored: BackendEntry, at: number, value: unknown, reader: Reader): Found | undefined {
    if (value === undefined) return undefined;
    const { bytes, expiresInMs } = stored;
    const expiresAt = at + (expiresInMs ?? Number.NaN);
    const most = Math.min(target.ttlMs, expiresInMs ?? UNKNOWN_EXPIRY_MS);
    if (reader.current()) this.#keep(target, bytes, value, at + most, expiresAt);
    return { bytes, value, expiresAt, inL1: false, taken: false };
  }

  /** The value for one of those who shared a read: an object of their own. */
  async take(found: Found, target: Target): Promise<unknown> {
    if (!found.taken || found.bytes === undefined || this.#settings.keepValues) {
      found.taken = true;
      return found.value;
    }
    const { cacheKey, tenantId } = target;
    return this.#codec.deserializeSized(found.bytes, { cacheKey, tenantId });
  }

  /**
   * @returns whether it was stored. A failure of the backend is counted, and then it was not.
   * @throws what the codec throws, and ValueTooLargeError of either tier.
   */
  async write(target: Target, value: unknown, writer: Writer): Promise<boolean> {
    const { cacheKey, tenantId, ttlMs, counters } = target;
    const sealed = this.#codec.serializeSized(value, { cacheKey, tenantId });
    const bytes = sealed instanceof Promise ? await sealed : sealed;
    if (this.#closed || !writer.current()) return false;
    const at = now();
    if (this.backend !== undefined) {
      try {
        await this.backend.set(cacheKey, bytes, { ttlMs, owned: true, ...this.backendOptions });
      } catch (error) {
        this.l1?.delete(cacheKey, tenantId);
        if (error instanceof ValueTooLargeError) throw error;
        this.#failures.backend(error, counters);
        return false;
      }
    }
    this.written(target, bytes, value, at, writer);
    return true;
  }

  /** L1's part of a write that the backend, if there is one, has taken by a request of the time `at`. */
  written(target: Target, bytes: Uint8Array, value: unknown, at: number, writer: Writer): void {
    const { cacheKey, tenantId, ttlMs, counters } = target;
    if (!writer.claim()) {
      // Which of the two writes the backend kept is not known here.
      this.l1?.delete(cacheKey, tenantId);
    } else if (!this.#keep(target, bytes, value, at + ttlMs, at + ttlMs) && this.backend === undefined) {
      throw new ValueTooLargeError(`An entry of ${bytes.length} bytes does not fit into l1.maxBytes`);
    }
    counters.sets++;
  }

  /** Forgets L1; what is still under way leaves nothing in either tier. */
  close(): void {
    this.#closed = true;
    this.l1?.clear();
  }

  /** What every operation of the backend is told. */
  get backendOptions(): { signal: AbortSignal | undefined; l1: L1Status } {
    return { signal: this.#settings.signal, l1: this.l1 === undefined ? 'disabled' : 'miss' };
  }

  /** What the backend has; its failure is counted, and then it has nothing. */
  async stored(target: Target, ttl = this.l1 !== undefined): Promise<BackendEntry | undefined> {
    return this.asked(target.counters, undefined, async (backend) => {
      try {
        return usable(await backend.get(target.cacheKey, { readOnly: true, ttl, ...this.backendOptions }));
      } catch (error) {
        if (error instanceof TimeoutError) target.unanswered = true;
        throw error;
      }
    });
  }

  /** Asks the backend, if there is one; its failure is counted and answered with `otherwise`. */
  async asked<R>(counters: Counters, otherwise: R, ask: (backend: Backend) => Promise<R>): Promise<R> {
    if (this.backend === undefined) return otherwise;
    try {
      return await ask(this.backend);
    } catch (error) {
      this.#failures.backend(error, counters);
      return otherwise;
    }
  }

  /** `undefined` when it does not open, which was dealt with then. */
  async #open(bytes: Uint8Array, target: Target): Promise<unknown> {
    const { cacheKey, tenantId } = target;
    try {
      return await this.#codec.deserializeSized(bytes, { cacheKey, tenantId });
    } catch (error) {
      await this.unopened(target, bytes, error);
      return undefined;
    }
  }

  /** Opens a batch in one native call per key; a place without bytes stays empty. */
  openMany(
    targets: readonly Target[],
    stored: readonly (BackendEntry | undefined)[],
  ): (DeserializeResult<unknown> | undefined)[] {
    const places = targets.flatMap((_, i) => (stored[i] === undefined ? [] : [i]));
    const items = places.map((i) => {
      const { cacheKey, tenantId } = targets[i] as Target;
      return { cacheKey, tenantId, sealed: (stored[i] as BackendEntry).bytes };
    });
    const results = new Array<DeserializeResult<unknown> | undefined>(targets.length);
    for (const [n, result] of this.#codec.deserializeMany(items).entries()) results[places[n] as number] = result;
    return results;
  }

  /** @throws for the first value that is refused, and then nothing is sealed. */
  sealMany(items: readonly { target: Target; value: unknown }[]): Buffer[] {
    return this.#codec.serializeMany(
      items.map(({ target: { cacheKey, tenantId }, value }) => ({ cacheKey, tenantId, value })),
    );
  }

  /** Counts an entry of the backend that did not open, and deletes it when it is of no use to anybody. */
  async unopened(target: Target, bytes: Uint8Array, error: unknown): Promise<void> {
    if (!this.#failures.unopened(error, target.counters)) return;
    // Somebody may have written a good one meanwhile: only what failed is deleted.
    const options = { ifBytes: bytes, ...this.backendOptions };
    await this.asked(target.counters, false, (backend) => backend.delete(target.cacheKey, options));
  }

  async #openHeld(held: L1Entry, bytes: Uint8Array, target: Target): Promise<unknown> {
    const { cacheKey, tenantId, counters } = target;
    try {
      return await this.#codec.deserializeSized(bytes, { cacheKey, tenantId });
    } catch (error) {
      const worthless = this.#failures.unopened(error, counters);
      const same = this.l1?.get(cacheKey, tenantId) === held;
      if (same && (worthless || this.backend !== undefined)) this.l1?.delete(cacheKey, tenantId);
      return undefined;
    }
  }

  #keep(target: Target, bytes: Uint8Array, value: unknown, until: number, expiresAt: number): boolean {
    const { l1TtlMs, keepValues } = this.#settings;
    if (this.l1 === undefined || this.#closed) return false;
    const { cacheKey, tenantId } = target;
    const entry: L1Entry = {
      tenantId,
      bytes: keepValues ? undefined : exact(bytes),
      value: keepValues ? value : undefined,
      until: Math.min(until, now() + l1TtlMs),
      expiresAt,
    };
    return this.l1.set(cacheKey, entry, bytes.length);
  }
}

/** What a backend returned, unless it is past its freshness. @throws BackendError when it is no entry. */
export function usable(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  if (!(entry.bytes instanceof Uint8Array)) throw new BackendError('The backend returned something that is no entry');
  return entry.stale ? undefined : entry;
}

/** Bytes that keep no larger allocation alive, of which L1 would not know. */
function exact(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
