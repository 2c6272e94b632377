import type { Backend } from '../../backends/backend.js';
import { ConfigurationError } from '../../errors.js';
import type { BusLink } from './bus-link.js';
import type { EntryRef } from './entry-ref.js';
import { events, publish } from './events.js';
import type { FailedLoads } from './failed-loads.js';
import type { Failures } from './failure-policy.js';
import type { FirstTier } from './first-tier.js';
import type { Invalidations } from './invalidations.js';
import type { L2 } from './l2.js';
import type { SingleFlight } from './single-flight.js';

export interface CoherenceParts {
  /** What other caches of this process may share; undefined: L1 is the store. */
  readonly backend: Backend | undefined;
  /** Tells of entries that other processes changed; undefined: the backend does not. */
  readonly watch: Backend['watch'];
  /** Carries changes to other processes, and theirs here, unless `watch` tells of them. */
  readonly bus: BusLink | undefined;
  /** Whether the bus is listened to where `watch` is undefined. */
  readonly listens: boolean;
  readonly l1: FirstTier | undefined;
  readonly l2: L2 | undefined;
  readonly invalidations: Invalidations;
  readonly flights: SingleFlight<unknown, unknown>;
  readonly failed: FailedLoads;
  readonly failures: Failures;
}

type Members = Set<WeakRef<Coherence>>;

const membersOf = new WeakMap<object, Members>();

/**
 * Ends copies and running work when entries are changed elsewhere, or removed by a tag. The caches of a process that share a
 * backend notify each other: no backend does that for changes of its own process. Members are held weakly.
 */
export class Coherence {
  readonly #parts: CoherenceParts;
  /** The caches of this process over the same backend, this one among them. */
  readonly members: Members;
  #unwatch: (() => void) | undefined;
  /** Who else has to be told of changes, in other processes. */
  readonly bus: BusLink | undefined;
  /** Why the backend tells of no changes, until that is reported: which needs an entry, so the next operation does it. */
  untracked: unknown;

  constructor(parts: CoherenceParts) {
    this.#parts = parts;
    const { backend, watch, bus, listens } = parts;
    this.bus = bus;
    this.members = backend === undefined ? new Set() : membersFor(backend);
    this.members.add(new WeakRef(this));
    const changed = (cacheKey: string | undefined) => this.#changedElsewhere(cacheKey);
    const state = (tracked: boolean, error: unknown) => this.#trackingChanged(tracked, error);
    if (watch !== undefined) this.#unwatch = watch(changed, state);
    else if (listens) this.#unwatch = bus?.listen({ changed, state, tagsRemoved: (tags) => this.#tagsRemoved(tags) });
  }

  /** This cache has changed an entry of the backend, or tried to: the others forget their copies. */
  publish(cacheKey: string): void {
    this.bus?.changed(cacheKey);
    for (const other of this.#others()) other.#changed(cacheKey);
  }

  /**
   * Removes every entry with one of the tags from both tiers. @returns how many, as far as the store can tell.
   * @throws BackendError for a backend without tags; what ended it, as an IncompleteError when entries were removed before.
   */
  async invalidateTags(ref: EntryRef, tags: readonly string[], signal?: AbortSignal): Promise<number> {
    const { l2 } = this.#parts;
    let entries = this.#tagsRemoved(tags, ref);
    if (l2 !== undefined) {
      try {
        entries = await l2.invalidateTags(ref, tags, signal);
      } finally {
        this.#tagsRemoved(tags, ref);
        for (const other of this.#others()) other.#tagsRemoved(tags);
        this.bus?.tagsRemoved(tags);
      }
    }
    if (events.invalidate.hasSubscribers) publish(events.invalidate, ref, { tags: tags.length, entries });
    return entries;
  }

  /** All entries that `are` are being removed from the backend: copies end, in every cache of this process, and running work. */
  cleared(are: (cacheKey: string) => boolean): void {
    this.#cleared(are);
    for (const other of this.#others()) other.#cleared(are);
  }

  /** Reports, once, that the backend tells of no changes. */
  report(ref: EntryRef): void {
    const error = this.untracked;
    this.untracked = undefined;
    this.#parts.failures.untracked(error, ref);
  }

  /** Resolves when others were told of what has changed here, or could not be. */
  async close(): Promise<void> {
    this.#unwatch?.();
    await this.bus?.close();
  }

  *#others(): Generator<Coherence> {
    for (const member of this.members) {
      const other = member.deref();
      if (other !== undefined && other !== this) yield other;
    }
  }

  /** The entry of a cache key, of whatever tenant, has changed. */
  #changed(cacheKey: string): void {
    const { flights, failed, l1 } = this.#parts;
    flights.invalidateKey(cacheKey);
    failed.forget(cacheKey);
    l1?.forget(cacheKey);
  }

  /** @param of a tenant; undefined: of any. @returns how many copies had one of the tags. */
  #tagsRemoved(tags: readonly string[], of?: EntryRef): number {
    const { failed, invalidations, l1 } = this.#parts;
    // Which of the runs in progress will have one of the tags is not known yet.
    invalidations.invalidated(tags);
    invalidations.read(of);
    failed.forgetTagged(tags);
    return l1?.invalidateTags(tags, of) ?? 0;
  }

  #cleared(are: (cacheKey: string) => boolean): void {
    const { backend, flights, failed, invalidations, l1 } = this.#parts;
    flights.removeAll(are);
    invalidations.read(undefined);
    failed.clear();
    // Which copies are of these entries is not looked up: the others are read again.
    if (backend !== undefined) l1?.clear();
  }

  /** Another process has changed an entry; undefined: perhaps any of them. */
  #changedElsewhere(cacheKey: string | undefined): void {
    if (cacheKey !== undefined) {
      this.#changed(cacheKey);
      return;
    }
    const { flights, failed, l1 } = this.#parts;
    flights.invalidateAllReads();
    failed.forgetErrors();
    l1?.clear();
  }

  /** While the backend does not tell of changes, copies are short-lived. */
  #trackingChanged(tracked: boolean, error: unknown): void {
    const { l1 } = this.#parts;
    if (l1 !== undefined) l1.tracked = tracked;
    this.untracked = tracked ? undefined : (error ?? this.untracked);
  }
}

/** The members over a backend, without those that were collected. */
function membersFor(backend: object): Members {
  const members = membersOf.get(backend) ?? new Set();
  membersOf.set(backend, members);
  for (const other of members) if (other.deref() === undefined) members.delete(other);
  return members;
}

/** @throws ConfigurationError for tags that the backend would forget. */
export function assertCanTag(backend: Pick<Backend, 'invalidateTags'> | undefined, tags: unknown): void {
  if (tags !== undefined && backend !== undefined && backend.invalidateTags === undefined) {
    throw new ConfigurationError('This backend has no tags: it has no invalidateTags');
  }
}
