import type { BackendLock } from '../../backends/backend.js';
import { now } from '../../util/clock.js';
import { clearInterval, setInterval } from '../../util/timers.js';
import type { Target } from './entry-target.js';
import { FAILED, type L2 } from './l2.js';

export interface LeaseSettings {
  readonly leaseMs: number;
  /** For how long it is renewed. */
  readonly maxMs: number;
}

/** A lock, and when it was asked for. */
export interface Taken {
  readonly lock: BackendLock;
  readonly asked: number;
}

/** The lease of a lock that this process has taken, renewed until it is ended. */
export class Lease {
  readonly #l2: L2;
  readonly #target: Target;
  readonly #lock: BackendLock;
  readonly #leaseMs: number;
  readonly #renewal: NodeJS.Timeout;
  /** Until when this process has the lock, if the store never answers again. */
  #heldUntil: number;
  #ended = false;

  constructor(l2: L2, target: Target, { lock, asked }: Taken, { leaseMs, maxMs }: LeaseSettings) {
    this.#l2 = l2;
    this.#target = target;
    this.#lock = lock;
    this.#leaseMs = leaseMs;
    const begun = now();
    this.#heldUntil = asked + leaseMs;
    const renew = () => {
      if (now() - begun >= maxMs) this.end();
      // A lease that could not be renewed ends, and another process may run the function too: that is all it costs.
      else quietly(() => this.#extend());
    };
    this.#renewal = setInterval(renew, leaseMs / 3).unref();
  }

  /** Whether the lock is held, and stays so long enough for something to be stored now. */
  async renewed(): Promise<boolean> {
    if (this.#ended) return false;
    const lock = this.#lock;
    const extended = await this.#l2.extend(this.#target, () => lock.held?.() ?? this.#extend());
    return extended === FAILED ? now() < this.#heldUntil : extended;
  }

  /** Gives the lock back. Not waited for: the value is there, and a lock that stays ends with its lease. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#renewal);
    quietly(() => this.#lock.release());
  }

  async #extend(): Promise<boolean> {
    const asked = now();
    const extended = await this.#lock.extend(this.#leaseMs);
    this.#heldUntil = extended ? asked + this.#leaseMs : Number.NEGATIVE_INFINITY;
    return extended;
  }
}

/** Whatever becomes of it. */
function quietly(work: () => Promise<unknown>): void {
  (async () => work())().catch(() => {});
}
