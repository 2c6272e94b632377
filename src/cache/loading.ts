import { elapsed } from '../clock.js';
import { TimeoutError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { assertCanTag } from './entry-names.js';
import { events, publish } from './events.js';
import type { Failures } from './failures.js';
import { REFUSED } from './l2.js';
import { isLoaded, Loaded } from './loaded.js';
import type { EntryLock } from './lock.js';
import type { Run } from './run.js';
import type { Writer } from './single-flight.js';
import type { Target } from './target.js';
import type { Tiers } from './tiers.js';

/** What a caller of the cache is told of an entry. */
export interface Outcome {
  readonly value: unknown;
  readonly status: 'hit' | 'miss' | 'stale';
  /** When its TTL ends, on the clock of `now()`: `Infinity` for never, NaN when unknown or not stored. */
  readonly expiresAt: number;
  /** What a value that was just loaded was stored with. */
  readonly ttlMs?: number;
  /** The arguments were changed meanwhile: the value is of the one call that they belong to, and of no entry. */
  readonly changed?: boolean;
  /** The entry was deleted or written elsewhere while the function ran: nothing was stored, and what is there stays. */
  readonly refused?: boolean;
  /** When one of its tags was invalidated here while the function ran, as a tick of `Invalidations`. */
  readonly invalidatedAt?: number | undefined;
}

export interface LoadSettings {
  /** undefined: as long as it takes. */
  readonly loadTimeoutMs: number | undefined;
  /** TTL of `null`; undefined: as any value. */
  readonly negativeTtlMs: number | undefined;
  /** undefined: once in this process. */
  readonly lock: EntryLock | undefined;
}

/** Running functions and storing what they return. */
export class Loading {
  readonly #tiers: Tiers;
  readonly #failures: Failures;
  readonly #settings: LoadSettings;
  #closed = false;

  constructor(tiers: Tiers, failures: Failures, settings: LoadSettings) {
    this.#tiers = tiers;
    this.#failures = failures;
    this.#settings = settings;
  }

  /** Results are stored no more. */
  close(): void {
    this.#closed = true;
  }

  /** Runs `load` after a miss; with `lock` in one process only, and the others take what it stored. */
  async afterMiss(target: Target, writer: Writer, load: () => unknown): Promise<Outcome> {
    const { lock } = this.#settings;
    // A backend that does not answer would only make the caller wait longer.
    if (lock === undefined || target.unanswered) return this.run(target, writer, load);
    return lock.during<Outcome>(target, {
      look: () => this.#look(target, writer),
      work: () => this.run(target, writer, load),
    });
  }

  /** Replaces a stale entry; with `lock`, unless another process is at it. A failure is reported, and the entry stays. */
  async inBackground(target: Target, writer: Writer, load: () => unknown): Promise<Outcome | undefined> {
    const { lock } = this.#settings;
    try {
      if (lock === undefined) return await this.run(target, writer, load);
      // Another process may have replaced it before this one had the lock.
      return await lock.ifFree(
        target,
        async () => (await this.#look(target, writer)) ?? this.run(target, writer, load),
      );
    } catch (error) {
      this.#failures.refresh(error, target);
      return undefined;
    }
  }

  /** Runs `load` and stores its result. @throws what `load` throws, and TimeoutError. */
  async run(target: Target, writer: Writer, load: () => unknown): Promise<Outcome> {
    const run = this.#tiers.run(target, writer);
    try {
      return await this.#stored(target, writer, load, run);
    } finally {
      run.end();
    }
  }

  async #stored(target: Target, writer: Writer, load: () => unknown, run: Run): Promise<Outcome> {
    const unchanged = target.unchanged ?? always;
    const before = unchanged();
    const returned = await this.#loaded(target, load);
    const { value, stored, ...special } = returned;
    const unstored: Outcome = { value, status: 'miss', expiresAt: Number.NaN };
    if (!before || !unchanged()) return { ...unstored, changed: true };
    if (!stored || value === undefined || this.#closed || target.unanswered) return unstored;
    try {
      const own = this.#targetOf(target, value, special);
      const written = await this.#tiers.write(own, value, writer, run);
      const invalidatedAt = run.invalidatedAt(own.tags);
      if (written === REFUSED) return { ...unstored, ttlMs: own.ttlMs, refused: true, invalidatedAt };
      return { ...unstored, expiresAt: written ?? Number.NaN, ttlMs: own.ttlMs, invalidatedAt };
    } catch (error) {
      this.#failures.unstored(error, target);
      return unstored;
    }
  }

  async #look(target: Target, writer: Writer): Promise<Outcome | undefined> {
    const found = await this.#tiers.read(target, writer);
    if (!found?.fresh) return undefined;
    return { value: found.value, status: 'hit', expiresAt: found.expiresAt };
  }

  #targetOf(target: Target, value: unknown, { ttlMs, tags }: Partial<Pick<Loaded, 'ttlMs' | 'tags'>>): Target {
    const ownTtl = ttlMs ?? (value === null ? this.#settings.negativeTtlMs : undefined);
    if (ownTtl === undefined && tags === undefined) return target;
    if (tags !== undefined) assertCanTag(this.#tiers.l2?.backend, tags);
    const named = tags?.map((tag) => target.tagName?.(tag) ?? tag) ?? [];
    return { ...target, ttlMs: ownTtl ?? target.ttlMs, tags: [...(target.tags ?? []), ...named] };
  }

  async #loaded(target: Target, load: () => unknown): Promise<Loaded> {
    const { counters } = target;
    const { loadTimeoutMs } = this.#settings;
    counters.loads++;
    const begun = elapsed();
    let ok = false;
    try {
      const returned = loadTimeoutMs === undefined ? await loadedBy(load) : await within(loadTimeoutMs, load);
      ok = true;
      return returned;
    } catch (error) {
      counters.loadErrors++;
      throw error;
    } finally {
      const ms = elapsed() - begun;
      counters.loaded(ms);
      if (events.load.hasSubscribers) publish(events.load, target, { ms, ok });
    }
  }
}

/** @throws TimeoutError; the function is then left to itself, and its result to nobody. */
async function within(ms: number, load: () => unknown): Promise<Loaded> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`The function took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([loadedBy(load), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function loadedBy(load: () => unknown): Promise<Loaded> {
  const returned = await load();
  if (!isLoaded(returned)) return new Loaded(returned, true);
  // `withTtl(fetchToken(), 60)`: what is stored is what the promise brings.
  const { ttlMs, tags } = returned;
  let { stored } = returned;
  let value = await returned.value;
  while (isLoaded(value)) {
    stored &&= value.stored;
    value = await value.value;
  }
  return new Loaded(value, stored, ttlMs, tags);
}

function always(): boolean {
  return true;
}
