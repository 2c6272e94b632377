import type { BackendEntry } from '../../backends/backend.js';
import type { ValueCodec } from '../../codec/value-codec.js';
import { ValueTooLargeError } from '../../errors.js';
import { now } from '../../util/clock.js';
import { expiryOf, isFresh } from './backend-entry.js';
import type { Coherence } from './coherence.js';
import type { EntryRef } from './entry-ref.js';
import type { Failures } from './failure-policy.js';
import { type FirstTier, isSame, type L1Entry } from './first-tier.js';
import type { CopyRef, Found } from './found.js';
import type { Invalidations, Validity } from './invalidations.js';
import { type DirectWrite, L1 } from './l1.js';
import { FAILED, type L2, REFUSED } from './l2.js';
import type { Run } from './run.js';
import type { Reader, Writer } from './single-flight.js';

/** How long L1 keeps an entry of which the backend does not say when it ends. */
const UNKNOWN_EXPIRY_MS = 30_000;

export interface TierSettings {
  readonly codec: ValueCodec;
  readonly l1: FirstTier | undefined;
  /** undefined: L1 is the store. */
  readonly l2: L2 | undefined;
  readonly keepValues: boolean;
  readonly failures: Failures;
  readonly invalidations: Invalidations;
  readonly coherence: Coherence;
  readonly onRead: ((ref: EntryRef, stored: BackendEntry) => void) | undefined;
}

/** L1 and L2, or L1 alone, with the codec. All writes, and all reads that wait, go through here. */
export class Tiers {
  readonly l1: FirstTier | undefined;
  readonly l2: L2 | undefined;
  readonly invalidations: Invalidations;
  readonly #settings: TierSettings;
  /** L1, where it is the store and not of decoded values. */
  readonly #direct: L1 | undefined;
  closed = false;

  constructor(settings: TierSettings) {
    this.#settings = settings;
    this.l1 = settings.l1;
    this.l2 = settings.l2;
    this.invalidations = settings.invalidations;
    this.#direct = settings.l2 === undefined && settings.l1 instanceof L1 ? settings.l1 : undefined;
  }

  async read(ref: EntryRef, reader: Reader): Promise<Found | undefined> {
    const held = this.l1?.get(ref.cacheKey, ref.tenantId);
    const inL1 = held && (await this.#openHeld(held, ref));
    if (inL1 !== undefined) return inL1;
    const at = now();
    const validity = this.validity(ref.tenantId);
    const stored = this.l2 === undefined ? FAILED : await this.l2.get(ref);
    reader.saw(stored === FAILED ? undefined : stored?.bytes);
    if (stored === FAILED) return this.readInGrace(ref);
    if (stored === undefined) {
      this.absent(ref, reader.current());
      return undefined;
    }
    const { bytes } = stored;
    let value: unknown;
    try {
      const opened = this.#settings.codec.deserialize(bytes, ref);
      value = opened instanceof Promise ? await opened : opened;
    } catch (error) {
      if (await this.unopened(ref, bytes, error)) reader.saw(undefined);
    }
    return this.accept(ref, stored, at, value, reader.current(), validity);
  }

  /** Ends when a tag is invalidated that what is read from now on of a tenant may have. */
  validity(tenantId: string | undefined): Validity {
    const { invalidations } = this;
    return tenantId === undefined ? invalidations.own : invalidations.validity(tenantId);
  }

  /** Reads what a run is to replace, where the backend compares. */
  async look(ref: EntryRef, reader: Reader): Promise<void> {
    if (this.l2?.backend.setIfUnchanged === undefined) return;
    const stored = await this.l2.get(ref);
    reader.saw(stored === FAILED ? undefined : stored?.bytes);
  }

  /** The backend has no entry: a copy past its TTL must not answer for one that was removed, should the backend fail later. */
  absent({ cacheKey, tenantId, policy }: EntryRef, current: boolean): void {
    if (current && policy.graceMs > 0) this.l1?.delete(cacheKey, tenantId);
  }

  /**
   * Takes an answer of the backend, once it is opened, to a request of the time `at`.
   *
   * @param current whether the entry has not changed since then, as far as the backend tells of every change.
   */
  accept(
    ref: EntryRef,
    stored: BackendEntry,
    at: number,
    value: unknown,
    current: boolean,
    validity: Validity | undefined,
  ): Found | undefined {
    if (value === undefined) return undefined;
    const expiresAt = expiryOf(stored, at, ref.policy.graceMs);
    const fresh = isFresh(stored, expiresAt);
    this.#settings.onRead?.(ref, stored);
    if (fresh && current) this.keepCopy(ref, stored, at, expiresAt, value, validity);
    return { bytes: stored.bytes, value, expiresAt, fresh, inL1: false, taken: false };
  }

  /** Keeps a copy of a fresh entry of the backend in L1, unless the store forbids that. */
  keepCopy(
    ref: CopyRef,
    { bytes, freshInMs, expiresInMs }: BackendEntry,
    at: number,
    expiresAt: number,
    value: unknown,
    validity: Validity | undefined,
  ): void {
    if (this.l1 === undefined || freshInMs === 0 || expiresInMs === 0) return;
    const known = Number.isNaN(expiresAt) ? at + UNKNOWN_EXPIRY_MS : expiresAt;
    this.l1.keep(ref, bytes, value, { until: Math.min(at + ref.ttlMs, known), expiresAt, tags: undefined, validity });
  }

  /** The value for one of the callers that shared a read: an object of its own. */
  take(found: Found, ref: EntryRef): unknown {
    if (!found.taken || found.bytes === undefined || this.#settings.keepValues) {
      found.taken = true;
      return found.value;
    }
    const { cacheKey, tenantId } = ref;
    return this.#settings.codec.deserialize(found.bytes, { cacheKey, tenantId });
  }

  /**
   * @param run of the function that made the value; undefined: it is stored unconditionally.
   * @returns when the entry's TTL ends, or undefined when it was not stored; a failure of the backend is counted.
   * @throws what the codec throws, and ValueTooLargeError of either tier.
   */
  async write(ref: EntryRef, value: unknown, writer: Writer, run?: Run): Promise<number | undefined | typeof REFUSED> {
    const { cacheKey, tenantId, tags } = ref;
    const { codec, coherence } = this.#settings;
    const direct = this.#direct?.direct(ref, value);
    if (typeof direct === 'function') return this.#writeDirect(ref, direct, writer, run);
    const context = { cacheKey, tenantId };
    const sealed = direct === undefined ? codec.serialize(value, context) : codec.sealPayload(direct, context);
    const bytes = sealed instanceof Promise ? await sealed : sealed;
    // Without the lock it may be too late: another process may have run the function since.
    if (run?.isLocked !== undefined && !(await run.isLocked())) return undefined;
    if (this.closed || run?.over || !writer.mayStore()) return undefined;
    if (run?.invalidatedAt(tags) !== undefined) return REFUSED;
    // No backend tells of an invalidation that this process makes from now on.
    const begun = tags?.length && run === undefined ? this.invalidations.begin() : undefined;
    try {
      const at = now();
      const ttlMs = jittered(ref);
      let stored: boolean | typeof REFUSED = false;
      try {
        stored = this.l2 === undefined || (await this.l2.set({ ref, bytes, ttlMs }, run));
      } finally {
        if (stored !== true) this.unwritten(ref, writer);
        if (coherence.bus !== undefined || coherence.members.size > 1) coherence.publish(cacheKey);
      }
      if (stored !== true) return stored === REFUSED ? REFUSED : undefined;
      const removed = begun ? this.invalidations.since(begun, tags ?? []) : run?.invalidatedAt(tags);
      const takenBack = this.written(ref, bytes, value, at + ttlMs, writer, removed !== undefined);
      if (takenBack !== undefined) await takenBack;
      return at + ttlMs;
    } finally {
      if (begun !== undefined) this.invalidations.end(begun);
    }
  }

  /** Where L1 is the store, and seals in the same call. */
  #writeDirect(
    ref: EntryRef,
    direct: DirectWrite,
    writer: Writer,
    run: Run | undefined,
  ): number | undefined | typeof REFUSED {
    const { cacheKey, tenantId, tags = [], counters } = ref;
    if (this.closed || run?.over || !writer.mayStore()) return undefined;
    if (run?.invalidatedAt(tags) !== undefined) return REFUSED;
    const until = now() + jittered(ref);
    writer.commit();
    try {
      direct(until, tags);
    } catch (error) {
      this.l1?.delete(cacheKey, tenantId);
      throw error;
    }
    counters.sets++;
    return until;
  }

  /** L1's part of a write that the backend has not taken, or perhaps has: a copy of either value might be the wrong one. */
  unwritten({ cacheKey, tenantId }: EntryRef, writer: Writer): void {
    writer.commit();
    this.l1?.delete(cacheKey, tenantId);
  }

  /**
   * L1's part of a write that the backend, if any, has taken. When the entry was removed meanwhile (`tagRemoved`: by a tag), the
   * write may have reached the backend after the removal: it is taken back.
   */
  written(
    ref: EntryRef,
    bytes: Uint8Array,
    value: unknown,
    expiresAt: number,
    writer: Writer,
    tagRemoved: boolean,
  ): Promise<void> | undefined {
    const { cacheKey, tenantId, tags = [], counters } = ref;
    let takenBack: Promise<void> | undefined;
    if (!writer.commit() || tagRemoved) {
      // Which of the two writes the backend kept is not known here.
      this.l1?.delete(cacheKey, tenantId);
      if (tagRemoved || writer.removed()) takenBack = this.l2?.deleteBytes(ref, bytes);
    } else {
      const kept = this.l1?.keep(ref, bytes, value, { until: expiresAt, expiresAt, tags, validity: undefined });
      if (!kept && this.l2 === undefined) {
        throw new ValueTooLargeError(`An entry of ${bytes.length} bytes does not fit into l1.maxBytes`);
      }
    }
    counters.sets++;
    return takenBack;
  }

  /** Forgets L1; what is still under way leaves nothing in either tier. */
  close(): void {
    this.closed = true;
    this.l1?.close();
  }

  /** Counts an entry of the backend that did not open, and deletes it when it is of no use to anybody: whether it did. */
  async unopened(ref: EntryRef, bytes: Uint8Array, error: unknown): Promise<boolean> {
    // Its keys are gone since it was closed, which says nothing of the entry.
    if (this.closed || !this.#settings.failures.unopened(error, ref)) return false;
    await this.l2?.deleteBytes(ref, bytes);
    return true;
  }

  /** The value of an entry of the backend; undefined when it does not open. */
  async open(ref: EntryRef, bytes: Uint8Array): Promise<unknown> {
    try {
      return await this.#settings.codec.deserialize(bytes, ref);
    } catch (error) {
      await this.unopened(ref, bytes, error);
      return undefined;
    }
  }

  /** A copy that may be stale, where there is no backend or it does not answer. */
  readInGrace(ref: EntryRef): Promise<Found | undefined> | undefined {
    return ref.policy.graceMs === 0 ? undefined : this.#readInGrace(ref);
  }

  async #readInGrace(ref: EntryRef): Promise<Found | undefined> {
    const held = this.l1?.withinGrace(ref.cacheKey, ref.tenantId, ref.policy.graceMs);
    const found = held && (await this.#openHeld(held, ref));
    // Whatever its TTL, a copy that has ended is good for little more than an emergency.
    return found && { ...found, fresh: false };
  }

  /** What L1 holds; undefined when it does not open. */
  async #openHeld(held: L1Entry, ref: EntryRef): Promise<Found | undefined> {
    const { bytes, expiresAt } = held;
    const { cacheKey, tenantId } = ref;
    let { value } = held;
    try {
      if (bytes !== undefined) value = await this.#settings.codec.deserialize(bytes, { cacheKey, tenantId });
    } catch (error) {
      const current = this.l1?.withinGrace(cacheKey, tenantId, ref.policy.graceMs);
      const same = current !== undefined && isSame(current, held);
      // A copy of before a rotation that was completed: the backend's entry tells whether anything is wrong.
      const worthless = this.l2 !== undefined || this.#settings.failures.unopened(error, ref);
      if (worthless && same) this.l1?.delete(cacheKey, tenantId);
      return undefined;
    }
    if (value === undefined) return undefined;
    return { bytes, value, expiresAt, fresh: !(expiresAt <= now()), inL1: true, taken: false };
  }
}

/** An entry's TTL, at random a little shorter, so that what was stored together does not end together. */
export function jittered({ ttlMs, policy: { jitter } }: EntryRef): number {
  if (jitter === 0 || ttlMs === Number.POSITIVE_INFINITY) return ttlMs;
  return Math.max(1, ttlMs * (1 - jitter * Math.random()));
}
