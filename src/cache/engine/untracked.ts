import type { Subject } from './events.js';
import type { Failures } from './failure-policy.js';
import type { Tiers } from './tiers.js';

/** The longest that L1 keeps a copy while the backend does not tell what other processes change. */
const UNTOLD_TTL_MS = 5_000;

/** What a cache does while its backend, which should, does not tell of changes: copies are short-lived, and the reason is reported once. */
export class Untold {
  readonly #tiers: Tiers;
  readonly #failures: Failures;
  /** Not reported yet: there is no entry, and no counter, that it belongs to before the next operation. */
  #error: unknown;

  constructor(tiers: Tiers, failures: Failures) {
    this.#tiers = tiers;
    this.#failures = failures;
  }

  readonly state = (told: boolean, error?: unknown): void => {
    this.#tiers.copyTtlMs = told ? Number.POSITIVE_INFINITY : UNTOLD_TTL_MS;
    this.#error = told ? undefined : (error ?? this.#error);
  };

  report(subject: Subject): void {
    if (this.#error === undefined) return;
    const error = this.#error;
    this.#error = undefined;
    this.#failures.untold(error, subject);
  }
}
