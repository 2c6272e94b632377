import type { BackendSetOptions, BackendUnchanged } from '../../backends/backend.js';
import { now, Stopwatch } from '../../util/clock.js';
import { clearInterval, MAX_TIMER_MS, setInterval } from '../../util/timers.js';
import type { EntryRef } from './entry-ref.js';
import type { Invalidations, Moment } from './invalidations.js';
import { FAILED, type L2 } from './l2.js';

export interface RunSettings {
  /** How long the function may run for its result to be stored. */
  readonly maxMs: number;
  /** Asked right before the result is stored: whether the lock that the function runs under is still held. */
  readonly isLocked: (() => Promise<boolean>) | undefined;
}

/** One run of a function until its result is stored: what it began with, and what has happened to the entry since. */
export class Run {
  /** What the backend held before; undefined: nothing, or it is not known. */
  readonly #found: Uint8Array | undefined;
  readonly isLocked: RunSettings['isLocked'];
  readonly #until: number;
  readonly #stopwatch = new Stopwatch();
  readonly #invalidations: Invalidations;
  readonly #moment: Moment;
  #timer: NodeJS.Timeout | undefined;
  /** Since the backend was last asked and knew of no change. */
  #checked: Stopwatch | undefined;
  #changed = false;

  constructor(
    ref: EntryRef,
    found: Uint8Array | undefined,
    invalidations: Invalidations,
    l2: L2 | undefined,
    { maxMs, isLocked }: RunSettings,
  ) {
    this.#found = found;
    this.isLocked = isLocked;
    this.#until = now() + maxMs;
    this.#invalidations = invalidations;
    this.#moment = invalidations.begin();
    if (l2 === undefined) return;
    const { remembersMs, setIfUnchanged, changedSince } = l2.backend;
    if (remembersMs === undefined || setIfUnchanged === undefined || changedSince === undefined) return;
    // Often enough that one unanswered request does no harm.
    this.#timer = setInterval(() => void this.#ask(l2, ref), Math.min(remembersMs / 3, MAX_TIMER_MS)).unref();
  }

  /** The function has been running for too long: another run may begin, and its result is not stored. */
  get over(): boolean {
    return now() >= this.#until;
  }

  /** The options of `setIfUnchanged`. Each attempt reads the times again. */
  condition(options: BackendSetOptions): BackendSetOptions & BackendUnchanged {
    const sinceMs = () => this.#stopwatch.ms;
    const checkedMs = () => this.#checked?.ms;
    return {
      ...options,
      found: this.#found,
      get sinceMs() {
        return sinceMs();
      },
      get checkedMs() {
        return checkedMs();
      },
    };
  }

  /** The backend has said that the entry was deleted, or given another TTL, since the function began. */
  get changed(): boolean {
    return this.#changed;
  }

  /** When one of the tags was last invalidated here since the function began, as a tick of {@link Invalidations}. */
  invalidatedAt(tags: readonly string[] | undefined): number | undefined {
    return tags && this.#invalidations.since(this.#moment, tags);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#invalidations.end(this.#moment);
  }

  async #ask(l2: L2, ref: EntryRef): Promise<void> {
    if (this.over) {
      this.end();
      return;
    }
    const asked = new Stopwatch();
    const changed = await l2.ask(ref, (options) =>
      l2.backend.changedSince?.(l2.name(ref), this.#stopwatch.ms, options),
    );
    if (changed === true) this.#changed = true;
    else if (changed !== FAILED) this.#checked = asked;
  }
}
