import { BackendError } from '../../errors.js';
import { now } from '../../util/clock.js';
import { retryAfterMs } from './headers.js';
import type { HttpAnswer } from './transport.js';

/** Where a server does not say for how long: doubled each time that it refuses again. */
const FIRST_PAUSE_MS = 1000;
const MOST_DOUBLED_MS = 60_000;
/** No server keeps a cache away for longer without being asked again. */
const MOST_PAUSE_MS = 5 * 60_000;

/** Keeps requests from a server that is busy (503) or limits their rate (429), for as long as it says. */
export class BackOff {
  #until = 0;
  #doubledMs = FIRST_PAUSE_MS;
  #status = 503;

  /** @throws BackendError, transient and with what is left of the pause. */
  assertOver(): void {
    const leftMs = this.#until - now();
    if (leftMs <= 0) return;
    const message = `The cache server asked for a pause (HTTP ${this.#status}) and is not asked until it is over`;
    throw new BackendError(message, { status: this.#status, transient: true, retryAfterMs: Math.ceil(leftMs) });
  }

  heard(answer: HttpAnswer): void {
    const { status } = answer;
    if (status !== 429 && status !== 503) {
      if (status < 500) this.#doubledMs = FIRST_PAUSE_MS;
      return;
    }
    this.#status = status;
    this.#until = Math.max(this.#until, now() + Math.min(retryAfterMs(answer) ?? this.#doubled(), MOST_PAUSE_MS));
  }

  /** At random between half of it and all of it, so that those who were refused together do not come back together. */
  #doubled(): number {
    // Others that were sent before the pause began are refused too: that is one refusal.
    if (this.#until > now()) return 0;
    const ms = this.#doubledMs * (1 - Math.random() / 2);
    this.#doubledMs = Math.min(2 * this.#doubledMs, MOST_DOUBLED_MS);
    return ms;
  }
}
