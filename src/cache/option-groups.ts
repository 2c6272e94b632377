import { ConfigurationError } from '../errors.js';
import { assertOptionsObject, type Duration, ownOptions } from '../util/options-object.js';
import type { PolicySettings } from './engine/policy.js';
import { boolean, count, optionalMs, type Parsed, parse, parseGroup, timerMs } from './parsers.js';

/* Options that have options of their own, each interface followed by its parser. Times become milliseconds. */

/** A number with its unit, as {@link Duration} without the bare number: `500` would be seconds, and be meant as milliseconds. */
export type Span = Exclude<Duration, number>;

/** How long things may take. */
export interface TimeoutOptions {
  /** One operation of the backend. Default `'5s'`; the function then runs, as for a miss. */
  backend?: Span;
  /**
   * How long each caller waits for the function, and then gets a TimeoutError (or a stale value). The function goes on: later
   * callers wait for the same run, and its result is stored, unless it takes longer than ten times this time (without
   * `load`: 10 minutes), after which another run may begin. Default false: as long as it takes.
   */
  load?: Span | false;
  /**
   * The function can ask for an AbortSignal, `cache.signal()`, that fires `load` after it began. The run then ends: its callers
   * get a TimeoutError, another run may begin, and what the function still returns is not stored. Needs `load`. Default false.
   */
  signal?: boolean;
}

const TIMEOUT = {
  backend: (value: unknown) => ({ backendMs: timerMs('timeout.backend', value) }),
  load: (value: unknown) => ({ loadMs: value === false ? (false as const) : timerMs('timeout.load', value) }),
  signal: (value: unknown) => ({ hasSignal: value === undefined ? undefined : boolean('timeout.signal', value) }),
};

const DEFAULT_TIMEOUT_MS = 5_000;
/** How long a function runs at most before another run may begin: so many times `timeout.load`, or without one so long. */
const MAX_RUN_TIMEOUTS = 10;
const DEFAULT_MAX_RUN_MS = 600_000;

export function parseTimeout(value: unknown) {
  const { backendMs, loadMs, hasSignal = false } = timeoutParts(value);
  return {
    timeoutMs: backendMs ?? DEFAULT_TIMEOUT_MS,
    /** What a backend gets that is made for the cache; undefined: none was asked for. */
    backendTimeoutMs: backendMs,
    ...loadTimes(loadMs || undefined, hasSignal),
  };
}

/** Of a function or a call, in a cache that has these times: each part for itself. */
export function timeoutWithin(value: unknown, base: Pick<PolicySettings, 'timeoutMs' | 'loadTimeoutMs' | 'signalMs'>) {
  const { backendMs, loadMs, hasSignal } = timeoutParts(value);
  const timeoutMs = backendMs ?? base.timeoutMs;
  if (loadMs === undefined && hasSignal === undefined) return { timeoutMs };
  if (loadMs === false) return { timeoutMs, ...loadTimes(undefined, hasSignal ?? false) };
  return { timeoutMs, ...loadTimes(loadMs ?? base.loadTimeoutMs, hasSignal ?? base.signalMs !== undefined) };
}

function loadTimes(loadMs: number | undefined, hasSignal: boolean) {
  if (hasSignal && loadMs === undefined)
    throw new ConfigurationError('timeout.signal needs timeout.load, after which it fires');
  return {
    loadTimeoutMs: loadMs,
    signalMs: hasSignal ? loadMs : undefined,
    maxRunMs: loadMs === undefined ? DEFAULT_MAX_RUN_MS : MAX_RUN_TIMEOUTS * loadMs,
  };
}

function timeoutParts(value: unknown): Parsed<typeof TIMEOUT> {
  if (value !== undefined && typeof value !== 'object') {
    return { backendMs: timerMs('timeout', value), loadMs: undefined, hasSignal: undefined };
  }
  const given = value === undefined ? Object.create(null) : value;
  assertOptionsObject(given, Object.keys(TIMEOUT), { name: 'timeout', or: "a string like '250ms'" });
  return parse(TIMEOUT, ownOptions(given));
}

/** How long after a failure a function is not run again, while a stale value can answer. */
export interface BackoffOptions {
  /** After the first failure; twice as long after each further one, and in fact at random between half of that and all of it. Default `'1s'`. */
  first?: Span;
  /** At most. Default `'1m'`. */
  max?: Span;
}

const BACKOFF = {
  first: (value: unknown) => ({ first: timerMs('backoff.first', value) }),
  max: (value: unknown) => ({ max: timerMs('backoff.max', value) }),
};

const DEFAULT_BACKOFF = { firstMs: 1_000, maxMs: 60_000 };

export function parseBackoff(value: unknown) {
  const own = parseGroup('backoff', value, BACKOFF);
  if (own === undefined) return undefined;
  // One that is given alone is the bound of the other's default.
  const firstMs = own.first ?? Math.min(DEFAULT_BACKOFF.firstMs, own.max ?? Number.POSITIVE_INFINITY);
  const maxMs = own.max ?? Math.max(DEFAULT_BACKOFF.maxMs, firstMs);
  if (maxMs < firstMs) throw new RangeError('backoff.max must not be less than backoff.first');
  return { firstMs, maxMs };
}

export interface LockOptions {
  /** After how long the lock of a process that died is free; one that lives renews it. Default `'5s'`. */
  lease?: Span;
  /** How long to wait for the process that has the lock, before running the function all the same. Default `'30s'`. */
  wait?: Span;
}

const LOCK = {
  lease: (value: unknown = '5s') => ({ leaseMs: timerMs('lock.lease', value) as number }),
  wait: (value: unknown = '30s') => ({ waitMs: timerMs('lock.wait', value) as number }),
};

export const parseLock = (value: unknown = false) => parseGroup('lock', value, LOCK);

/** When the backend is left alone because it fails. */
export interface BreakerOptions {
  /** Failures in a row. Default 5. */
  failures?: number;
  /** How long until one operation tries again. Default `'1s'`. */
  rest?: Span;
}

const BREAKER = {
  failures: (value: unknown = 5) => ({ failures: count('breaker.failures', value, 1) }),
  rest: (value: unknown = '1s') => ({ restMs: timerMs('breaker.rest', value) as number }),
};

export const parseBreaker = (value: unknown) => parseGroup('breaker', value, BREAKER);

/** Entries held in this process. */
export interface L1Options {
  /**
   * Bytes held at most, about as many as the memory of the process grows by: entries, tags and the tables that find them. They are
   * native memory, which a limit of the JavaScript heap does not bound. One entry takes six tenths of them at most. Default 64 MiB.
   */
  maxBytes?: number;
  /** The longest that a copy of what the backend has is kept. Default: as long as the entry lives. */
  ttl?: Duration;
  /**
   * Keep the decoded objects and hand out those same objects. They are plaintext in memory, also in a secure cache,
   * and callers must not change them. `maxBytes` then bounds what they are estimated to take in the JavaScript heap: an object that
   * several entries share counts in each, and what getters, closures and private fields hold is not seen. Default false: bytes, in a
   * secure cache ciphertext.
   */
  values?: boolean;
  /**
   * Forget an entry when another process changes it, where the backend can tell (Redis with client-side caching).
   * Default true.
   */
  invalidation?: boolean;
}

const DEFAULT_L1_BYTES = 64 * 1024 * 1024;

const L1 = {
  maxBytes: (value: unknown = DEFAULT_L1_BYTES) => ({ maxBytes: count('l1.maxBytes', value, 1) }),
  ttl: (value: unknown) => ({ ttlMs: optionalMs('l1.ttl', value) ?? Number.POSITIVE_INFINITY }),
  values: (value: unknown = false) => ({ values: boolean('l1.values', value) }),
  invalidation: (value: unknown = true) => ({ invalidation: boolean('l1.invalidation', value) }),
};

export const parseL1 = (value: unknown) => parseGroup('l1', value, L1);
