import { elapsed } from '../clock.js';
import { isError } from '../realms.js';

/** After so long it is looked whether scripts are allowed by now. */
const REFUSED_MS = 60_000;

/** Scripts, or something else where the user has no right to run them. */
export class Scripts {
  #refusedUntil = Number.NEGATIVE_INFINITY;

  /** Does one or the other. `otherwise` is not asked for where `byScript` has begun. */
  async either<T>(byScript: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    if (elapsed() < this.#refusedUntil) return otherwise();
    try {
      return await byScript();
    } catch (error) {
      if (!isError(error) || !/^NOPERM .*\beval(sha)?\b/i.test(error.message)) throw error;
      this.#refusedUntil = elapsed() + REFUSED_MS;
      return otherwise();
    }
  }
}
