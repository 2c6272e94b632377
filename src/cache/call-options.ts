import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions, ttlMsOf } from '../util/options-object.js';
import type { Policy } from './engine/policy.js';
import { assertTags } from './key-builder.js';
import type { Ttl } from './options.js';
import { boolean } from './parsers.js';
import { ownPolicy, POLICY_NAMES, type PolicyOptions } from './policy-options.js';
import type { ViewParts } from './view.js';

/* What a single call may have of its own. What it leaves out is the cache's. */

/** How a value is read. `swr` and `staleIfError` say for how long the entry is kept after its TTL; a mere read answers with none that has ended. */
export interface GetOptions extends Pick<PolicyOptions, 'swr' | 'staleIfError' | 'retry' | 'validate'> {
  /** Of the operation of the backend. */
  timeout?: PolicyOptions['timeout'];
}

/** How a value is stored. */
export interface SetOptions extends Pick<PolicyOptions, 'swr' | 'staleIfError' | 'jitter' | 'retry' | 'validate'> {
  /** Default: the cache's. */
  ttl?: Ttl;
  /** Names under which `invalidateTags` finds the entry. */
  tags?: readonly string[];
  /** Of the operation of the backend. */
  timeout?: PolicyOptions['timeout'];
}

/** How a value is read, or loaded and stored. Callers who share a run share the options of the one who began it, but for `timeout.load`. */
export interface LoadOptions extends PolicyOptions {
  /** Default: the cache's. */
  ttl?: Ttl;
  /** Names under which `invalidateTags` finds the entry. */
  tags?: readonly string[];
  /** Loads whatever is stored, and replaces it. Default false. */
  forceFresh?: boolean;
}

const GET: readonly (keyof GetOptions)[] = ['swr', 'staleIfError', 'timeout', 'retry', 'validate'];
const SET: readonly (keyof SetOptions)[] = ['ttl', 'tags', 'jitter', ...GET];
const LOAD: readonly (keyof LoadOptions)[] = ['ttl', 'tags', 'forceFresh', ...POLICY_NAMES];

const KNOWN = { get: GET, set: SET, load: LOAD };

export type CallKind = keyof typeof KNOWN;

export interface ReadCall {
  readonly policy: Policy;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[] | undefined;
}

/** @throws TypeError, RangeError and ConfigurationError for wrong and unknown options. */
export function readCall(options: object, what: CallKind, parts: ViewParts): ReadCall {
  assertOptionsObject(options, KNOWN[what]);
  const own = ownOptions(options as LoadOptions);
  const { tags } = own;
  if (tags !== undefined) assertTags(tags);
  const { policies } = parts.store;
  const policy = policies.with(ownPolicy(own, policies.own, parts.backend));
  return { policy, ttlMs: ttlMsOf(own.ttl), tags };
}

/** @throws TypeError unless it is a boolean. */
export function isForced({ forceFresh = false }: LoadOptions): boolean {
  return boolean('forceFresh', forceFresh);
}

/** @throws TypeError unless it is a function. */
export function assertLoader(load: unknown): void {
  if (typeof load !== 'function') throw new TypeError(`load must be a function, not ${kindOf(load)}`);
}

/** @throws TypeError for `undefined`. */
export function assertValue(value: unknown): void {
  if (value === undefined)
    throw new TypeError('undefined cannot be stored: it means that there is nothing; use delete');
}
