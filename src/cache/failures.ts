import {
  AuthenticationError,
  ConfigurationError,
  KeyError,
  SealedFormatError,
  SerializationError,
  UnknownKeyError,
  ValueTooLargeError,
} from '../errors.js';
import type { Counters } from './counters.js';

export interface FailurePolicy {
  /** Throw what does not open, instead of a miss. */
  readonly throwUnopened: boolean;
  /** Told of everything that is counted and not thrown. */
  readonly onError: ((error: unknown) => void) | undefined;
}

/**
 * What becomes of each failure: a cache in trouble costs its callers time, never a wrong answer, and is never silent.
 * Misconfiguration is not trouble: it is always thrown.
 */
export class Failures {
  readonly #policy: FailurePolicy;
  #warned = false;

  constructor(policy: FailurePolicy) {
    this.#policy = policy;
  }

  /**
   * An entry that does not open, which is a miss.
   *
   * @returns whether it is worth nothing to anybody, and may be deleted. What was sealed with an unknown key, or holds what
   *   this serializer does not know, may be good for a neighbour that is ahead in a rotation or an update.
   */
  unopened(error: unknown, counters: Counters): boolean {
    throwIfMisconfigured(error);
    const foreign = error instanceof AuthenticationError || error instanceof SealedFormatError;
    const unknownKey = error instanceof UnknownKeyError;
    if (foreign) counters.authenticationFailures++;
    else if (unknownKey) counters.unknownKeys++;
    else counters.unreadableValues++;
    if (foreign && this.#policy.throwUnopened) throw error;
    this.report(error);
    return !unknownKey && !(error instanceof SerializationError);
  }

  /** A value that its caller gets but the cache does not. */
  unstored(error: unknown, counters: Counters): void {
    throwIfMisconfigured(error);
    if (error instanceof ValueTooLargeError) counters.oversizeValues++;
    else {
      counters.refusedValues++;
      if (this.#policy.onError === undefined) this.#warn(error);
    }
    this.report(error);
  }

  backend(error: unknown, counters: Counters): void {
    throwIfMisconfigured(error);
    counters.backendErrors++;
    this.report(error);
  }

  report(error: unknown): void {
    try {
      const told: unknown = this.#policy.onError?.(error);
      if (told instanceof Promise) told.catch(() => {});
    } catch {
      // What a listener throws must not change what a caller of the cache gets.
    }
  }

  // A refused value is a mistake in the program that would otherwise show only as a cache that never hits.
  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const reason = error instanceof SerializationError ? `: ${error.message}` : '';
    process.emitWarning(`A value was not cached${reason}`, { type: 'CacheKitWarning', code: 'CACHEKIT_REFUSED_VALUE' });
  }
}

function throwIfMisconfigured(error: unknown): void {
  if (error instanceof ConfigurationError || error instanceof KeyError) throw error;
}
