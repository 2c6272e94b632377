import type { BackendEntry } from '../../backends/backend.js';
import { ASYNC_FROM, type DeserializeResult, type ValueCodec } from '../../codec/value-codec.js';
import { ValueTooLargeError } from '../../errors.js';
import { copyOf } from '../../util/bytes.js';
import { now } from '../../util/clock.js';
import type { Counters } from './counters.js';
import type { Target } from './entry-target.js';
import { events, publish } from './events.js';
import type { Failures } from './failure-policy.js';
import { expiryOf, isFresh } from './freshness.js';
import { Invalidations, type Validity } from './invalidations.js';
import type { L1, L1Entry } from './l1.js';
import { FAILED, type L2, REFUSED } from './l2.js';
import { Run, type RunSettings } from './run.js';
import type { Reader, Writer } from './single-flight.js';

/** How long L1 keeps an entry of which the backend does not say when it ends. */
const UNKNOWN_EXPIRY_MS = 30_000;

type Place = Pick<Target, 'cacheKey' | 'tenantId' | 'ttlMs'>;

/** What {@link Tiers.hit} answers when there is more to do than open a small entry of L1. */
export const NOTHING: unique symbol = Symbol('nothing');

export interface TierSettings {
  /** Told of each entry of the backend that was changed from here, or perhaps was. */
  readonly changed: (target: Target) => void;
  readonly codec: ValueCodec;
  readonly l1: L1 | undefined;
  /** undefined: L1 is the store. */
  readonly l2: L2 | undefined;
  /** The longest that L1 keeps a copy of what the backend has. */
  readonly l1TtlMs: number;
  /** L1 keeps decoded values instead of bytes. */
  readonly keepValues: boolean;
  /** How much longer than its TTL an entry is kept, in milliseconds. */
  readonly windowMs: number;
  /** By which part of itself a TTL is shortened at most. */
  readonly jitter: number;
  readonly failures: Failures;
}

/** A stored value. */
export interface Found {
  /** As stored; undefined where L1 keeps decoded values. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  /** When the entry's TTL ends, on the clock of {@link now}: `Infinity` for never, NaN when unknown. */
  readonly expiresAt: number;
  /** Whether its TTL has not ended. */
  readonly fresh: boolean;
  readonly inL1: boolean;
  /** Whether somebody was given `value`; the next one decodes its own. */
  taken: boolean;
}

/**
 * Entries in this process (L1) and in the backend (L2), or in this process alone, with the codec between values and bytes.
 * Every value of a cache is read and written here, so that every path has the same identity, encryption and failures.
 */
export class Tiers {
  readonly l1: L1 | undefined;
  readonly l2: L2 | undefined;
  readonly invalidations = new Invalidations();
  readonly #settings: TierSettings;
  readonly #codec: ValueCodec;
  readonly #failures: Failures;
  #closed = false;
  /** The longest that L1 keeps a copy now, where that is shorter than `l1TtlMs`. */
  copyTtlMs = Number.POSITIVE_INFINITY;

  constructor(settings: TierSettings) {
    this.#settings = settings;
    this.#codec = settings.codec;
    this.#failures = settings.failures;
    this.l1 = settings.l1;
    this.l2 = settings.l2;
  }

  /**
   * The value of a small, fresh entry in L1, or in a store that need not wait, at once. `NOTHING` also when it does not open:
   * {@link read} meets that again and deals with it.
   */
  hit(cacheKey: string, tenantId: string | undefined, ttlMs: number, counters: Counters): unknown {
    const value = this.hitL1(cacheKey, tenantId, counters);
    return value !== NOTHING || this.l2 === undefined || this.#closed
      ? value
      : this.#hitNow(cacheKey, tenantId, ttlMs, counters);
  }

  /** As `hit`, of L1 alone. */
  hitL1(cacheKey: string, tenantId: string | undefined, counters: Counters): unknown {
    const held = this.l1?.get(cacheKey, tenantId);
    if (held === undefined) return NOTHING;
    const { bytes } = held;
    const value = bytes === undefined ? held.value : this.#openNow(bytes, cacheKey, tenantId);
    if (value === NOTHING) return NOTHING;
    counters.hits++;
    counters.l1Hits++;
    if (events.hit.hasSubscribers) publish(events.hit, { cacheKey, counters }, { tier: 'l1' });
    return value;
  }

  #hitNow(cacheKey: string, tenantId: string | undefined, ttlMs: number, counters: Counters): unknown {
    const stored = this.l2?.getNow(cacheKey);
    if (stored === undefined) return NOTHING;
    const { windowMs } = this.#settings;
    // A store that answers at once has looked at the clock itself.
    const at = this.l1 === undefined && windowMs === 0 ? Number.NaN : now();
    const expiresAt = expiryOf(stored, at, windowMs);
    if (!isFresh(stored, expiresAt)) return NOTHING;
    const value = this.#openNow(stored.bytes, cacheKey, tenantId);
    if (value === NOTHING) return NOTHING;
    // Whoever is changing the entry sees to L1 afterwards. The store may overwrite its bytes.
    if (this.l1 !== undefined) {
      const copy = { ...stored, bytes: copyOf(stored.bytes) };
      const validity = this.invalidations.validity(tenantId);
      this.#keepFound({ cacheKey, tenantId, ttlMs }, copy, at, expiresAt, value, validity);
    }
    counters.hits++;
    if (events.hit.hasSubscribers) publish(events.hit, { cacheKey, counters }, { tier: 'backend' });
    return value;
  }

  #openNow(bytes: Uint8Array, cacheKey: string, tenantId: string | undefined): unknown {
    if (bytes.length >= ASYNC_FROM) return NOTHING;
    try {
      const value = this.#codec.deserialize(bytes, { cacheKey, tenantId });
      return value === undefined ? NOTHING : value;
    } catch {
      return NOTHING;
    }
  }

  /** What is stored, fresh or stale. */
  async read(target: Target, reader: Reader): Promise<Found | undefined> {
    const held = this.l1?.get(target.cacheKey, target.tenantId);
    const inL1 = held && (await this.#held(held, target));
    if (inL1 !== undefined) return inL1;
    const at = now();
    const validity = this.invalidations.validity(target.tenantId);
    const stored = this.l2 === undefined ? FAILED : await this.l2.get(target);
    reader.saw(stored === FAILED ? undefined : stored?.bytes);
    if (stored === FAILED) return this.#kept(target);
    if (stored === undefined) {
      this.absent(target, reader);
      return undefined;
    }
    const { bytes } = stored;
    let value: unknown;
    try {
      const opened = this.#codec.deserialize(bytes, target);
      value = opened instanceof Promise ? await opened : opened;
    } catch (error) {
      if (await this.unopened(target, bytes, error)) reader.saw(undefined);
    }
    return this.accept(target, stored, at, value, reader, validity);
  }

  /** A function begins, of which the result is to be stored; {@link Run.end} must follow. */
  run(target: Target, writer: Writer, settings: RunSettings): Run {
    return new Run(target, writer.seen(), this.invalidations, this.l2, settings);
  }

  /** What a run is to replace, where the backend compares. */
  async look(target: Target, reader: Reader): Promise<void> {
    if (this.l2?.backend.setIfUnchanged === undefined) return;
    const stored = await this.l2.get(target);
    reader.saw(stored === FAILED ? undefined : stored?.bytes);
  }

  /** The backend has no entry: a copy past its TTL must not answer for one that was removed, should the backend fail later. */
  absent({ cacheKey, tenantId }: Target, reader: Reader): void {
    if (this.#settings.windowMs > 0 && reader.current()) this.l1?.delete(cacheKey, tenantId);
  }

  /** What came from the backend by a request of the time `at`, once it is opened. */
  accept(
    target: Target,
    stored: BackendEntry,
    at: number,
    value: unknown,
    reader: Reader,
    validity: Validity,
  ): Found | undefined {
    if (value === undefined) return undefined;
    const { windowMs } = this.#settings;
    const { bytes } = stored;
    const expiresAt = expiryOf(stored, at, windowMs);
    const fresh = isFresh(stored, expiresAt);
    if (fresh && reader.current()) this.#keepFound(target, stored, at, expiresAt, value, validity);
    return { bytes, value, expiresAt, fresh, inL1: false, taken: false };
  }

  /** The value for one of those who shared a read: an object of their own. */
  take(found: Found, target: Target): unknown {
    if (!found.taken || found.bytes === undefined || this.#settings.keepValues) {
      found.taken = true;
      return found.value;
    }
    const { cacheKey, tenantId } = target;
    return this.#codec.deserialize(found.bytes, { cacheKey, tenantId });
  }

  /**
   * @param run of the function that has made the value; undefined: it is stored whatever has happened.
   * @returns when the entry's TTL ends, or undefined when it was not stored; a failure of the backend is counted.
   * @throws what the codec throws, and ValueTooLargeError of either tier.
   */
  async write(target: Target, value: unknown, writer: Writer, run?: Run): Promise<number | undefined | typeof REFUSED> {
    const { cacheKey, tenantId, tags } = target;
    const sealed = this.#codec.serialize(value, { cacheKey, tenantId });
    const bytes = sealed instanceof Promise ? await sealed : sealed;
    // Who has lost the lock meanwhile may be too late: another process has been at it since.
    if (run?.isLocked !== undefined && !(await run.isLocked())) return undefined;
    if (this.#closed || run?.over || !writer.mayStore()) return undefined;
    if (run?.invalidatedAt(tags) !== undefined) return REFUSED;
    // An invalidation here and now is told of by no backend.
    const begun = tags?.length && run === undefined ? this.invalidations.begin() : undefined;
    try {
      const at = now();
      const ttlMs = this.jittered(target.ttlMs);
      let stored: boolean | typeof REFUSED = false;
      try {
        stored = this.l2 === undefined || (await this.l2.set({ target, bytes, ttlMs }, run));
      } finally {
        if (stored !== true) this.unwritten(target, writer);
        this.changed(target);
      }
      if (stored !== true) return stored === REFUSED ? REFUSED : undefined;
      const removed = begun ? this.invalidations.since(begun, tags ?? []) : run?.invalidatedAt(tags);
      const takenBack = this.written(target, bytes, value, at + ttlMs, writer, removed !== undefined);
      if (takenBack !== undefined) await takenBack;
      return at + ttlMs;
    } finally {
      if (begun !== undefined) this.invalidations.end(begun);
    }
  }

  /** L1's part of a write that the backend has not taken, or perhaps has: a copy of either value might be the wrong one. */
  unwritten({ cacheKey, tenantId }: Target, writer: Writer): void {
    writer.claim();
    this.l1?.delete(cacheKey, tenantId);
  }

  /**
   * L1's part of a write that the backend, if there is one, has taken. When the entry was removed meanwhile, the write may
   * have reached the backend after the removal: it is taken back.
   *
   * @param tagRemoved one of its tags was invalidated meanwhile.
   */
  written(
    target: Target,
    bytes: Uint8Array,
    value: unknown,
    expiresAt: number,
    writer: Writer,
    tagRemoved: boolean,
  ): Promise<void> | undefined {
    const { cacheKey, tenantId, tags = [], counters } = target;
    let takenBack: Promise<void> | undefined;
    if (!writer.claim() || tagRemoved) {
      // Which of the two writes the backend kept is not known here.
      this.l1?.delete(cacheKey, tenantId);
      if (tagRemoved || writer.removed()) takenBack = this.l2?.deleteBytes(target, bytes);
    } else if (
      !this.#keep(target, bytes, value, { until: expiresAt, expiresAt, tags, validity: undefined }) &&
      this.l2 === undefined
    ) {
      throw new ValueTooLargeError(`An entry of ${bytes.length} bytes does not fit into l1.maxBytes`);
    }
    counters.sets++;
    return takenBack;
  }

  /** This process has changed an entry of the backend, or tried to: others in it that share the backend forget their copies. */
  changed(target: Target): void {
    if (this.l2 !== undefined) this.#settings.changed(target);
  }

  /** A TTL that is at random a little shorter, so that what was stored together does not end together. */
  jittered(ttlMs: number): number {
    const { jitter } = this.#settings;
    return jitter === 0 || ttlMs === Number.POSITIVE_INFINITY
      ? ttlMs
      : Math.max(1, ttlMs * (1 - jitter * Math.random()));
  }

  /** Forgets L1; what is still under way leaves nothing in either tier. */
  close(): void {
    this.#closed = true;
    this.l1?.clear();
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
    const results = targets.map((): DeserializeResult<unknown> | undefined => undefined);
    for (const [n, result] of this.#codec.deserializeMany(items).entries()) results[places[n] as number] = result;
    return results;
  }

  /** @throws for the first value that is refused, and then nothing is sealed. */
  sealMany(items: readonly { target: Target; value: unknown }[]): Buffer[] {
    return this.#codec.serializeMany(
      items.map(({ target: { cacheKey, tenantId }, value }) => ({ cacheKey, tenantId, value })),
    );
  }

  /** Counts an entry of the backend that did not open, and deletes it when it is of no use to anybody: whether it did. */
  async unopened(target: Target, bytes: Uint8Array, error: unknown): Promise<boolean> {
    if (!this.#failures.unopened(error, target)) return false;
    await this.l2?.deleteBytes(target, bytes);
    return true;
  }

  /** A copy that may be stale, where there is no backend or it does not answer. */
  async #kept(target: Target): Promise<Found | undefined> {
    if (this.#settings.windowMs === 0) return undefined;
    const held = this.l1?.kept(target.cacheKey, target.tenantId);
    const found = held && (await this.#held(held, target));
    // Whatever its TTL, a copy that has lapsed is good for little more than an emergency.
    return found && { ...found, fresh: false };
  }

  async #held(held: L1Entry, target: Target): Promise<Found | undefined> {
    const { bytes, expiresAt } = held;
    const value = bytes === undefined ? held.value : await this.#openHeld(held, bytes, target);
    if (value === undefined) return undefined;
    return { bytes, value, expiresAt, fresh: !(expiresAt <= now()), inL1: true, taken: false };
  }

  async #openHeld(held: L1Entry, bytes: Uint8Array, target: Target): Promise<unknown> {
    const { cacheKey, tenantId } = target;
    try {
      return await this.#codec.deserialize(bytes, { cacheKey, tenantId });
    } catch (error) {
      const same = this.l1?.kept(cacheKey, tenantId) === held;
      // A copy of before a rotation that was completed: the backend's entry tells whether anything is wrong.
      if (this.l2 !== undefined) {
        if (same) this.l1?.delete(cacheKey, tenantId);
        return undefined;
      }
      if (this.#failures.unopened(error, target) && same) this.l1?.delete(cacheKey, tenantId);
      return undefined;
    }
  }

  /** A copy of a fresh entry of the backend, unless the store forbids that. */
  #keepFound(
    target: Place,
    entry: BackendEntry,
    at: number,
    expiresAt: number,
    value: unknown,
    validity: Validity,
  ): void {
    const { bytes, freshInMs, expiresInMs } = entry;
    if (freshInMs === 0 || expiresInMs === 0) return;
    const known = Number.isNaN(expiresAt) ? at + UNKNOWN_EXPIRY_MS : expiresAt;
    const until = Math.min(at + target.ttlMs, known);
    this.#keep(target, bytes, value, { until, expiresAt, tags: undefined, validity });
  }

  #keep(
    { cacheKey, tenantId }: Place,
    bytes: Uint8Array,
    value: unknown,
    { until, expiresAt, tags, validity }: Pick<L1Entry, 'until' | 'expiresAt' | 'tags' | 'validity'>,
  ): boolean {
    const { l1TtlMs, keepValues, windowMs } = this.#settings;
    if (this.l1 === undefined || this.#closed) return false;
    const copyUntil = Math.min(until, now() + Math.min(l1TtlMs, this.copyTtlMs));
    const entry: L1Entry = {
      tenantId,
      bytes: keepValues ? undefined : exact(bytes),
      value: keepValues ? value : undefined,
      until: copyUntil,
      expiresAt,
      keptUntil: copyUntil + windowMs,
      tags,
      validity,
    };
    return this.l1.set(cacheKey, entry, bytes.length);
  }
}

/** Bytes that keep no larger allocation alive, of which L1 would not know. */
function exact(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
