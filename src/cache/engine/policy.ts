import type { Backend } from '../../backends/backend.js';
import type { GuardedBackends } from './backend-guard.js';

/** How long after a failure a function is not run again, in milliseconds. */
export interface BackoffSettings {
  readonly firstMs: number;
  readonly maxMs: number;
}

export interface LockSettings {
  readonly leaseMs: number;
  readonly waitMs: number;
}

/** What callers get in the place of a value. @throws CheckFailed for one that does not pass; whatever user code throws. */
export type Check = (value: unknown) => Promise<unknown>;

/** How entries are kept and functions run: of a cache, of a function or of one call. Times are in milliseconds. */
export interface PolicySettings {
  /** For so long after its TTL, an entry answers while a background run replaces it. */
  readonly swrMs: number;
  /** For so long after its TTL, an entry answers when the function fails. */
  readonly staleIfErrorMs: number;
  /** undefined: off. */
  readonly backoff: BackoffSettings | undefined;
  /** undefined: off. */
  readonly errorTtlMs: number | undefined;
  /** By which part of itself a TTL is shortened at most. */
  readonly jitter: number;
  /** TTL of `null`; undefined: as any value. */
  readonly negativeTtlMs: number | undefined;
  /** One run in all processes; undefined: once in this process. */
  readonly lock: LockSettings | undefined;
  /** How long one operation of the backend takes at most. */
  readonly timeoutMs: number;
  readonly retries: number;
  /** How long each caller waits for functions; undefined: as long as it takes. */
  readonly loadTimeoutMs: number | undefined;
  /** After so long a run ends, and its signal fires; undefined: it has none. */
  readonly signalMs: number | undefined;
  /** After so long another run may begin, and a lock is no longer renewed, whatever has become of the first. */
  readonly maxRunMs: number;
  /** What values are checked by; undefined: not. */
  readonly check: Check | undefined;
}

/** Settings with what follows from them. */
export interface Policy extends PolicySettings {
  /**
   * How much longer than its TTL an entry is kept. Who reads an entry of the backend takes it to be fresh while more than this
   * is left, so it is never less than the cache's: all who leave their windows to the cache agree.
   */
  readonly graceMs: number;
  /** The backend with this policy's time limit and retries; undefined: as the store has it. */
  readonly backend: Backend | undefined;
}

/** The policies of one store. */
export class Policies {
  /** The cache's own. */
  readonly own: Policy;
  readonly #backends: GuardedBackends | undefined;
  /** Told of each policy under which entries are kept for longer than before. */
  readonly #keepFor: (graceMs: number) => void;
  #graceMs: number;

  constructor(settings: PolicySettings, backends: GuardedBackends | undefined, keepFor: (graceMs: number) => void) {
    this.own = { ...policySettings(settings), graceMs: graceOf(settings), backend: undefined };
    this.#backends = backends;
    this.#keepFor = keepFor;
    this.#graceMs = this.own.graceMs;
  }

  /** The policy of a function or a call. @param given what it has of its own; undefined: nothing. */
  with(given: Partial<PolicySettings> | undefined): Policy {
    if (given === undefined) return this.own;
    const settings = { ...this.own, ...given };
    const { timeoutMs, retries } = settings;
    const graceMs = Math.max(this.own.graceMs, graceOf(settings));
    if (graceMs > this.#graceMs) {
      this.#graceMs = graceMs;
      this.#keepFor(graceMs);
    }
    const asOwn = timeoutMs === this.own.timeoutMs && retries === this.own.retries;
    return { ...settings, graceMs, backend: asOwn ? undefined : this.#backends?.with({ timeoutMs, retries }) };
  }
}

function graceOf({ swrMs, staleIfErrorMs }: PolicySettings): number {
  return Math.max(swrMs, staleIfErrorMs);
}

function policySettings(all: PolicySettings): PolicySettings {
  const { swrMs, staleIfErrorMs, backoff, errorTtlMs, jitter, negativeTtlMs } = all;
  const { lock, timeoutMs, retries, loadTimeoutMs, signalMs, maxRunMs, check } = all;
  return {
    swrMs,
    staleIfErrorMs,
    backoff,
    errorTtlMs,
    jitter,
    negativeTtlMs,
    lock,
    timeoutMs,
    retries,
    loadTimeoutMs,
    signalMs,
    maxRunMs,
    check,
  };
}
