import { elapsed } from '../../util/clock.js';
import { isScriptRefused } from './error.js';

/** After so long it is looked whether scripts are allowed by now. */
const REFUSED_MS = 60_000;

/** Scripts, or something else where the user has no right to run them. */
export class Scripts {
  #refusedUntil = Number.NEGATIVE_INFINITY;

  /**
   * Does one or the other; a refused script has done nothing.
   *
   * @param otherwise gets the refusal when it was met just now.
   */
  async either<T>(byScript: () => Promise<T>, otherwise: (refusal: unknown) => Promise<T>): Promise<T> {
    if (elapsed() < this.#refusedUntil) return otherwise(undefined);
    try {
      return await byScript();
    } catch (error) {
      if (!isScriptRefused(error)) throw error;
      this.#refusedUntil = elapsed() + REFUSED_MS;
      return otherwise(error);
    }
  }
}

/** The refusal of what cannot be done without scripts, where it was not met just now. */
export function scriptsRefused(): Error {
  return new Error("NOPERM no permissions to run the 'eval' command");
}
