import { ValidationError } from '../../errors.js';
import type { EntryRef } from './entry-ref.js';
import type { Failures } from './failure-policy.js';
import type { Found } from './found.js';
import type { Check } from './policy.js';
import type { Tiers } from './tiers.js';

/** Thrown by a {@link Check}. */
export class CheckFailed extends Error {
  readonly issues: number;

  constructor(issues: number) {
    super();
    this.issues = issues;
  }
}

/** Values that were stored, as the policy of who reads them wants them. Stored is what the function returned, not what a check makes of it. */
export class Checks {
  readonly #tiers: Tiers;
  readonly #failures: Failures;

  constructor(tiers: Tiers, failures: Failures) {
    this.#tiers = tiers;
    this.#failures = failures;
  }

  /**
   * What was found, with what the check makes of its value; undefined: it does not pass. That is counted, and the entry stays: a process
   * with another schema may want it. A copy in L1 ends, so that the backend is asked.
   */
  async passed(found: Found, ref: EntryRef): Promise<Found | undefined> {
    const { check } = ref.policy;
    if (check === undefined) return found;
    try {
      const value = await checked(check, await this.#tiers.take(found, ref));
      return { ...found, value, bytes: undefined, taken: false };
    } catch (error) {
      const { l1, l2 } = this.#tiers;
      // What the backend has is looked at next, and counted.
      if (found.inL1 && l2 !== undefined) l1?.delete(ref.cacheKey, ref.tenantId);
      else this.#failures.invalid(error, ref);
      return undefined;
    }
  }
}

/** @throws ValidationError for a value that does not pass, without anything of it: what a schema says may have its parts. */
export async function checked(check: Check, value: unknown): Promise<unknown> {
  let output: unknown;
  try {
    output = await check(value);
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw new ValidationError('The schema of validate threw an error');
    throw new ValidationError(`The value does not pass validate (issues: ${error.issues})`);
  }
  if (output === undefined) throw new ValidationError('The schema of validate made undefined of the value');
  return output;
}
