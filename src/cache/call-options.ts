import type { Backend } from '../backends/backend.js';
import { assertOptionsObject, ownOptions, ttlMsOf } from '../util/options-object.js';
import type { Policies, Policy } from './engine/policy.js';
import { assertTags } from './key-builder.js';
import type { Ttl } from './options.js';
import { boolean } from './parsers.js';
import { ownPolicy, POLICY_NAMES, type PolicyOptions } from './policy-options.js';

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
/** As `set`, without what `setForever` says itself. */
export const SET_FOREVER = SET.filter((name) => name !== 'ttl');
const LOAD: readonly (keyof LoadOptions)[] = ['ttl', 'tags', 'forceFresh', ...POLICY_NAMES];

const KNOWN = { get: GET, set: SET, load: LOAD };

export type CallKind = keyof typeof KNOWN;

interface Cached {
  readonly store: { readonly policies: Policies };
  readonly backend: Backend | undefined;
}

export interface ReadCall {
  readonly policy: Policy;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[] | undefined;
}

/** @throws TypeError, RangeError and ConfigurationError for wrong and unknown options. */
export function readCall(options: object, what: CallKind, { store, backend }: Cached): ReadCall {
  assertOptionsObject(options, KNOWN[what]);
  const own = ownOptions(options as LoadOptions);
  const { tags } = own;
  if (tags !== undefined) assertTags(tags);
  const { policies } = store;
  const policy = policies.with(ownPolicy(own, policies.own, backend));
  return { policy, ttlMs: ttlMsOf(own.ttl), tags };
}

/** @throws TypeError unless it is a boolean. */
export function isForced({ forceFresh = false }: LoadOptions): boolean {
  return boolean('forceFresh', forceFresh);
}
