import { ConfigurationError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import { durationMs } from '../util/duration.js';
import { ownOptions } from '../util/options-object.js';
import type { GuardSettings } from './engine/backend-guard.js';
import type { BackoffSettings } from './engine/failed-loads.js';
import type { StaleWindows } from './engine/freshness.js';
import type { LockSettings } from './engine/lock.js';
import {
  assertOptions,
  type BackoffOptions,
  type BreakerOptions,
  type LockOptions,
  type StorageOptions,
  type TimeoutOptions,
} from './options.js';

/** What a cache does beyond storing, from its options. Times are in milliseconds. */
export interface Policies {
  readonly windows: StaleWindows;
  readonly jitter: number;
  readonly negativeTtlMs: number | undefined;
  readonly lock: LockSettings | undefined;
  /** How long each caller waits for the function. */
  readonly loadTimeoutMs: number | undefined;
  /** Whether a run ends after that time, with a signal that it can ask for. */
  readonly signal: boolean;
  /** After so long another run may begin, and a lock is no longer renewed. */
  readonly maxRunMs: number;
  /** undefined: off. */
  readonly backoff: BackoffSettings | undefined;
  /** undefined: off. */
  readonly errorTtlMs: number | undefined;
  readonly guard: Pick<GuardSettings, 'timeoutMs' | 'retries' | 'breaker' | 'maxConcurrent'>;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_LEASE_MS = 5_000;
const DEFAULT_WAIT_MS = 30_000;
const DEFAULT_BREAKER = { failures: 5, restMs: 1_000 };
const DEFAULT_BACKOFF: BackoffSettings = { firstMs: 1_000, maxMs: 60_000 };
/** How long a function runs at most before another run may begin: so many times `timeout.load`, or without one so long. */
const MAX_RUN_TIMEOUTS = 10;
const DEFAULT_MAX_RUN_MS = 600_000;
const DEFAULT_CONCURRENT = 10_000;
/** The longest that a timer of Node waits; longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws TypeError, RangeError, ConfigurationError. */
export function resolvePolicies(options: StorageOptions): Policies {
  const {
    swr,
    staleIfError,
    negativeTtl,
    errorTtl,
    jitter = 0,
    retry = 1,
    maxConcurrent = DEFAULT_CONCURRENT,
  } = options;
  if (typeof jitter !== 'number') throw new TypeError(`jitter must be a number, not ${kindOf(jitter)}`);
  if (!(jitter >= 0 && jitter < 1)) throw new RangeError('jitter must be at least 0 and less than 1');
  const timeouts = resolveTimeout(options.timeout);
  return {
    windows: {
      swrMs: swr === undefined ? 0 : durationMs('swr', swr),
      staleIfErrorMs: staleIfError === undefined ? 0 : durationMs('staleIfError', staleIfError),
    },
    jitter,
    negativeTtlMs: negativeTtl === undefined ? undefined : durationMs('negativeTtl', negativeTtl),
    lock: resolveLock(options),
    loadTimeoutMs: timeouts.load,
    signal: timeouts.signal ?? false,
    maxRunMs: timeouts.load === undefined ? DEFAULT_MAX_RUN_MS : MAX_RUN_TIMEOUTS * timeouts.load,
    backoff: resolveBackoff(options.backoff),
    errorTtlMs: errorTtl === undefined ? undefined : durationMs('errorTtl', errorTtl),
    guard: {
      timeoutMs: timeouts.backend ?? DEFAULT_TIMEOUT_MS,
      retries: count('retry', retry, 0),
      breaker: resolveBreaker(options.breaker),
      maxConcurrent: count('maxConcurrent', maxConcurrent, 1),
    },
  };
}

/** The time limit that a backend gets that is made for a cache; undefined: none was asked for. */
export function backendTimeoutMs(timeout: StorageOptions['timeout']): number | undefined {
  return resolveTimeout(timeout).backend;
}

interface Timeouts {
  backend?: number | undefined;
  load?: number | undefined;
  signal?: boolean | undefined;
}

function resolveTimeout(given: unknown): Timeouts {
  if (given === undefined) return {};
  if (typeof given !== 'object') return { backend: timerMs('timeout', given) };
  assertOptions(given, ['backend', 'load', 'signal'], 'timeout');
  const { backend, load, signal } = ownOptions(given as TimeoutOptions);
  if (signal !== undefined && typeof signal !== 'boolean') {
    throw new TypeError(`timeout.signal must be a boolean, not ${kindOf(signal)}`);
  }
  if (signal && load === undefined)
    throw new ConfigurationError('timeout.signal needs timeout.load, after which it fires');
  return {
    backend: backend === undefined ? undefined : timerMs('timeout.backend', backend),
    load: load === undefined ? undefined : timerMs('timeout.load', load),
    signal,
  };
}

function resolveLock({ lock, backend }: StorageOptions): LockSettings | undefined {
  if (lock === undefined || lock === false) return undefined;
  if (lock !== true) assertOptions(lock, ['lease', 'wait'], 'lock');
  // In one process, callers share a run without any lock.
  if (backend === undefined || backend === null) return undefined;
  const { lease, wait } = ownOptions((lock === true ? {} : lock) as LockOptions);
  return {
    leaseMs: lease === undefined ? DEFAULT_LEASE_MS : timerMs('lock.lease', lease),
    waitMs: wait === undefined ? DEFAULT_WAIT_MS : timerMs('lock.wait', wait),
  };
}

function resolveBreaker(given: unknown): Policies['guard']['breaker'] {
  if (given === false) return undefined;
  if (given === undefined || given === true) return DEFAULT_BREAKER;
  assertOptions(given, ['failures', 'rest'], 'breaker');
  const { failures = DEFAULT_BREAKER.failures, rest } = ownOptions(given as BreakerOptions);
  return {
    failures: count('breaker.failures', failures, 1),
    restMs: rest === undefined ? DEFAULT_BREAKER.restMs : timerMs('breaker.rest', rest),
  };
}

function resolveBackoff(given: unknown): BackoffSettings | undefined {
  if (given === false) return undefined;
  if (given === undefined || given === true) return DEFAULT_BACKOFF;
  assertOptions(given, ['first', 'max'], 'backoff');
  const own = ownOptions(given as BackoffOptions);
  const ownFirstMs = own.first === undefined ? undefined : timerMs('backoff.first', own.first);
  const ownMaxMs = own.max === undefined ? undefined : timerMs('backoff.max', own.max);
  // One that is given alone is the bound of the other's default.
  const firstMs = ownFirstMs ?? Math.min(DEFAULT_BACKOFF.firstMs, ownMaxMs ?? Number.POSITIVE_INFINITY);
  const maxMs = ownMaxMs ?? Math.max(DEFAULT_BACKOFF.maxMs, firstMs);
  if (maxMs < firstMs) throw new RangeError('backoff.max must not be less than backoff.first');
  return { firstMs, maxMs };
}

/** Of a string with its unit: nobody who writes 500 means 500 seconds. */
function timerMs(name: string, value: unknown): number {
  if (typeof value !== 'string') {
    throw new TypeError(`${name} must be a string with a unit, like '250ms' or '2s', not ${kindOf(value)}`);
  }
  const ms = durationMs(name, value);
  if (ms > MAX_TIMER_MS) throw new RangeError(`${name} must be less than 25 days`);
  return ms;
}

function count(name: string, value: unknown, least: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${kindOf(value)}`);
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name} must be an integer from ${least} on`);
  return value;
}

/** @throws ConfigurationError for a backend that lacks what the policies need. */
export function assertBackendCan(backend: { lock?: unknown }, { lock }: Policies): void {
  if (lock !== undefined && backend.lock === undefined) {
    throw new ConfigurationError('This backend has no locks: leave lock out, or use one that has');
  }
}
