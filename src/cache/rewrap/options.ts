import { signalOf } from '../../native/abort.js';
import { assertTenantId } from '../../protocol/derive.js';
import { assertWellFormed, kindOf } from '../../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../../util/options-object.js';
import { assertFunction, boolean, count } from '../parsers.js';
import type { RewrapReport } from './report.js';

/** How far the work is. */
export interface RewrapProgress extends RewrapReport {
  /** How many entries there were when it began: with the option `total`, and not after a `cursor`. */
  total: number | undefined;
  /** Continues the work, also in another process; undefined where the backend's listings cannot be continued. */
  cursor: string | undefined;
}

export interface KeyReportOptions {
  /** Tenants beyond those that the registry of the namespace and this process know; without a registry, of caches too (`tenantId`). */
  tenants?: readonly string[];
  /** Only entries whose cache key, without the tenant's part, is like this: `*` stands for any characters, `?` for one. */
  match?: string;
  /** Entries a second at most. Default: as many as the backend takes. */
  rate?: number;
  /** Entries under way at once, about. Default 100. */
  concurrency?: number;
  /** Lists the store once more before the work, so that progress has a `total`. Default false. */
  total?: boolean;
  /** Called after about every hundred entries. */
  onProgress?: (progress: RewrapProgress) => void;
  /** Stops after the entries that are under way. */
  signal?: AbortSignal;
}

export interface RewrapOptions extends KeyReportOptions {
  /** Counts what would be sealed again as `left`, and changes nothing. */
  dryRun?: boolean;
  /** Of a progress: goes on from there. Entries that were under way then are counted twice. */
  cursor?: string;
}

const REPORT = ['tenants', 'match', 'rate', 'concurrency', 'total', 'onProgress', 'signal'] as const;
const REWRAP = [...REPORT, 'dryRun', 'cursor'] as const satisfies readonly (keyof RewrapOptions)[];

export interface CheckedRewrap {
  readonly tenants: readonly string[];
  readonly match: ((cacheKey: string) => boolean) | undefined;
  /** The option `match`. */
  readonly pattern: string | undefined;
  readonly dryRun: boolean;
  readonly rate: number;
  readonly concurrency: number;
  readonly total: boolean;
  readonly cursor: string | undefined;
  readonly onProgress: ((progress: RewrapProgress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws TypeError, RangeError and ConfigurationError for wrong and unknown options. */
export function rewrapOptions(options: RewrapOptions, only: 'report' | 'rewrap'): CheckedRewrap {
  assertOptionsObject(options, only === 'report' ? REPORT : REWRAP);
  const own = ownOptions(options);
  const { tenants = [], match, dryRun = only === 'report', rate, concurrency = 100, total = false, cursor } = own;
  if (!Array.isArray(tenants)) throw new TypeError(`tenants must be an array, not ${kindOf(tenants)}`);
  for (const tenantId of tenants) assertTenantId(tenantId);
  assertFunction('onProgress', own.onProgress);
  if (cursor !== undefined) assertWellFormed('cursor', cursor);
  return {
    tenants: [...tenants],
    match: match === undefined ? undefined : pattern(match),
    pattern: match,
    dryRun: boolean('dryRun', dryRun),
    rate: rate === undefined ? Number.POSITIVE_INFINITY : count('rate', rate, 1),
    concurrency: count('concurrency', concurrency, 1),
    total: boolean('total', total),
    cursor,
    onProgress: own.onProgress,
    signal: signalOf(own),
  };
}

/** In a time that grows with the two lengths only: a regular expression of many stars could hold the event loop for hours. */
function pattern(match: unknown): (cacheKey: string) => boolean {
  assertWellFormed('match', match);
  if (match === '') throw new RangeError('match must not be empty');
  const wanted = [...match];
  return (cacheKey) => {
    const given = [...cacheKey];
    let [at, star, tried] = [0, -1, 0];
    for (let i = 0; i < given.length; ) {
      if (wanted[at] === '*') [star, tried] = [at++, i];
      else if (wanted[at] === '?' || wanted[at] === given[i]) {
        at++;
        i++;
      } else if (star < 0) return false;
      // The last star takes one character more.
      else [at, i] = [star + 1, ++tried];
    }
    return wanted.slice(at).every((one) => one === '*');
  };
}
