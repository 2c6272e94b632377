import type { Backend } from '../backends/backend.js';
import { ConfigurationError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import type { Duration } from '../util/options-object.js';
import type { Policy, PolicySettings } from './engine/policy.js';
import {
  type BackoffOptions,
  type LockOptions,
  parseBackoff,
  parseLock,
  parseTimeout,
  type Span,
  type TimeoutOptions,
  timeoutWithin,
} from './option-groups.js';
import { count, offMs } from './parsers.js';
import { parseValidate, type StandardSchema } from './schema.js';

/**
 * How entries are kept and functions run. Of a cache; a function or a call of it may have its own, and what these leave out is the
 * cache's.
 */
export interface PolicyOptions {
  /**
   * For so long after its TTL, an entry still answers at once, while the function runs in the background and replaces it.
   * The backend keeps entries for this time longer. false: never.
   */
  swr?: Duration | false;
  /**
   * For so long after its TTL, an entry answers when the function throws or times out. The backend keeps entries for this time
   * longer. false: never.
   */
  staleIfError?: Duration | false;
  /**
   * After a run that failed, or that a caller did not wait for, stale values (`swr`, `staleIfError`) answer for a while without
   * another run; `refresh` is not held back. Default `{ first: '1s', max: '1m' }`; false: the next caller tries again.
   */
  backoff?: boolean | BackoffOptions;
  /**
   * For so long after it, what the function has thrown is thrown again, the same object, without another run; in this process
   * only, for 1,000 entries at most. Not for timeouts, aborts and configuration errors. Default false: each call runs the
   * function.
   */
  errorTtl?: Duration | false;
  /** Shortens each TTL at random by up to this part of it, from 0 to less than 1, so that entries do not end all at once. Default 0. */
  jitter?: number;
  /** A TTL of its own for `null`, as for something that does not exist yet. Default false: as any value. */
  negativeTtl?: Duration | false;
  /**
   * One process at a time runs the function for an entry; the others wait for its result. Needs a backend that has locks.
   * Default false: once per process.
   */
  lock?: boolean | LockOptions;
  /** Of each operation of the backend. Default `'5s'`. As an object also of the function. */
  timeout?: Span | TimeoutOptions;
  /** How often an operation of the backend is tried again after a failure that may pass. Default 1. */
  retry?: number;
  /**
   * A schema (Standard Schema: zod, valibot, arktype …) for values. One that was stored and does not pass is a miss; what a function returns,
   * or `set` is given, and does not pass is a ValidationError and not stored. Callers get the schema's output; stored is its input.
   */
  validate?: StandardSchema | false;
}

/** Each by its name, with what the engine takes of it. */
export const POLICY = {
  swr: (value: unknown) => ({ swrMs: offMs('swr', value) ?? 0 }),
  staleIfError: (value: unknown) => ({ staleIfErrorMs: offMs('staleIfError', value) ?? 0 }),
  backoff: (value: unknown) => ({ backoff: parseBackoff(value) }),
  errorTtl: (value: unknown) => ({ errorTtlMs: offMs('errorTtl', value) }),
  jitter: (jitter: unknown = 0) => {
    if (typeof jitter !== 'number') throw new TypeError(`jitter must be a number, not ${kindOf(jitter)}`);
    if (!(jitter >= 0 && jitter < 1)) throw new RangeError('jitter must be at least 0 and less than 1');
    return { jitter };
  },
  negativeTtl: (value: unknown) => ({ negativeTtlMs: offMs('negativeTtl', value) }),
  lock: (value: unknown) => ({ lock: parseLock(value) }),
  timeout: parseTimeout,
  retry: (value: unknown = 1) => ({ retries: count('retry', value, 0) }),
  validate: parseValidate,
} satisfies Record<keyof PolicyOptions, (value: never) => object>;

export const POLICY_NAMES = Object.keys(POLICY) as readonly (keyof PolicyOptions)[];

/**
 * What a function or a call has of its own, beside the policy of its cache; undefined: nothing.
 *
 * @throws TypeError and RangeError for wrong options; ConfigurationError for a lock without a backend that has locks, and for a
 *   signal without a time after which it fires.
 */
export function ownPolicy(
  own: PolicyOptions,
  base: Policy,
  backend: Backend | undefined,
): Partial<PolicySettings> | undefined {
  let settings: Partial<PolicySettings> | undefined;
  for (const name of POLICY_NAMES) {
    const value = own[name];
    if (value !== undefined) settings = { ...settings, ...settingsOf(name, value, base) };
  }
  assertCanLock(backend, settings?.lock);
  return settings;
}

function settingsOf(name: keyof PolicyOptions, value: unknown, base: Policy): Partial<PolicySettings> {
  if (name === 'timeout') return timeoutWithin(value, base);
  // Turned on, they are what the cache has.
  if (name === 'lock' && value === true && base.lock !== undefined) return { lock: base.lock };
  if (name === 'backoff' && value === true && base.backoff !== undefined) return { backoff: base.backoff };
  return POLICY[name](value as never);
}

/** @throws ConfigurationError for a lock in a backend that has none. */
export function assertCanLock(backend: Backend | undefined, lock: object | undefined): void {
  if (lock !== undefined && backend !== undefined && backend.lock === undefined) {
    throw new ConfigurationError('This backend has no locks: leave lock out, or use one that has');
  }
}
