import { isWithoutBytes } from '../../codec/payloads.js';
import { hasCode, isCacheKitError } from '../../errors.js';
import { events, type FailureKind, publish, type Subject } from './events.js';

export interface FailurePolicy {
  /** Throw what does not open, instead of a miss. */
  readonly throwUnopened: boolean;
  /** Told of everything that is counted and not thrown. */
  readonly onError: ((error: unknown) => void) | undefined;
}

/** Failure policy: backend errors degrade to misses, are counted and reported; configuration errors are always thrown. */
export class Failures {
  readonly #policy: FailurePolicy;
  readonly #warned = new Set<string>();

  constructor(policy: FailurePolicy) {
    this.#policy = policy;
  }

  /**
   * An entry that does not open, which is a miss.
   *
   * @returns whether it may be deleted, as no process can use it. A value with an unknown key, or with what this serializer does
   *   not know, may be good for a process that is ahead in a rotation or an update.
   */
  unopened(error: unknown, subject: Subject): boolean {
    throwIfMisconfigured(error);
    const { counters } = subject;
    const foreign = hasCode(error, 'ERR_AUTHENTICATION') || hasCode(error, 'ERR_SEALED_FORMAT');
    const unknownKey = hasCode(error, 'ERR_UNKNOWN_KEY');
    if (foreign) counters.authenticationFailures++;
    else if (unknownKey) counters.unknownKeys++;
    else counters.unreadableValues++;
    if (foreign && this.#policy.throwUnopened) throw error;
    if (foreign) {
      this.#warn(
        'CACHEKIT_NOT_OPENED',
        'A stored value does not open and is a miss: is the master key the one that sealed it?',
      );
    }
    this.#report(error, foreign ? 'unopened' : unknownKey ? 'unknown-key' : 'unreadable', subject);
    return !unknownKey && !hasCode(error, 'ERR_SERIALIZATION');
  }

  /** A stored value that does not pass `validate`, which is a miss. */
  invalid(error: unknown, subject: Subject): void {
    subject.counters.invalidValues++;
    this.#report(error, 'invalid', subject);
  }

  /** A value that its caller gets but the cache does not. */
  unstored(error: unknown, subject: Subject): void {
    throwIfMisconfigured(error);
    const { counters } = subject;
    const oversize = hasCode(error, 'ERR_VALUE_TOO_LARGE');
    if (oversize) {
      counters.oversizeValues++;
      this.#warn('CACHEKIT_OVERSIZE_VALUE', `A value was not cached: ${error.message}`);
    } else {
      counters.refusedValues++;
      const reason = hasCode(error, 'ERR_SERIALIZATION') || isWithoutBytes(error) ? `: ${error.message}` : '';
      this.#warn('CACHEKIT_REFUSED_VALUE', `A value was not cached${reason}`);
    }
    this.#report(error, oversize ? 'oversize' : 'refused', subject);
  }

  backend(error: unknown, subject: Subject): void {
    throwIfMisconfigured(error);
    subject.counters.backendErrors++;
    const reason = isCacheKitError(error) ? `: ${error.message}` : '';
    this.#warn('CACHEKIT_BACKEND_FAILED', `The backend of a cache failed, and functions run instead${reason}`);
    this.#report(error, 'backend', subject);
  }

  /** The backend does not tell of changes, as it should: copies in this process are short-lived until it does. */
  untracked(error: unknown, subject: Subject): void {
    subject.counters.backendErrors++;
    this.#warn('CACHEKIT_NOT_TOLD', isCacheKitError(error) ? error.message : 'The backend does not tell of changes');
    this.#report(error, 'backend', subject);
  }

  /** A function failed, and its caller got a stale value instead. */
  refresh(error: unknown, subject: Subject): void {
    throwIfMisconfigured(error);
    this.#report(error, 'refresh', subject);
  }

  #report(error: unknown, kind: FailureKind, subject: Subject): void {
    const code = isCacheKitError(error) ? error.code : undefined;
    if (events.failure.hasSubscribers) publish(events.failure, subject, { kind, code });
    subject.span?.note({ failure: kind, code });
    try {
      const told: unknown = this.#policy.onError?.(error);
      // A promise of any realm, or what is like one.
      if (told !== undefined) Promise.resolve(told).catch(() => {});
    } catch {
      // What a listener throws must not change what a caller of the cache gets.
    }
  }

  // Without onError, a failure would show only as a cache that never hits. Each kind of failure emits one warning per cache.
  #warn(code: string, message: string): void {
    if (this.#policy.onError !== undefined || this.#warned.has(code)) return;
    this.#warned.add(code);
    process.emitWarning(message, { type: 'CacheKitWarning', code });
  }
}

export function isMisconfiguration(error: unknown): boolean {
  return hasCode(error, 'ERR_CONFIGURATION') || hasCode(error, 'ERR_KEY');
}

function throwIfMisconfigured(error: unknown): void {
  if (isMisconfiguration(error)) throw error;
}
