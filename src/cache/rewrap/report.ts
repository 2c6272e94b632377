import type { KeyUsage } from '../../keys/held-key.js';
import type { Keyring } from '../../keys/keyring.js';

/** What has become of the entries so far: `seen` is the sum of the others. */
export interface RewrapReport {
  /** Entries looked at: all that the cache, its tenants and its functions have stored. */
  seen: number;
  /** Sealed again with the current key. */
  rewrapped: number;
  /** Sealed with the current key already. */
  current: number;
  /**
   * Sealed with a previous or a staged key, and still so: in a dry run, or because the backend can neither replace an entry nor
   * says when it ends.
   */
  left: number;
  /** Of tenants whose ids are neither named nor registered: which key they need cannot be known. */
  unnamed: number;
  /** Did not open: of keys that are not held, altered, or not sealed at all. They were left as they are. */
  unopened: number;
  /** Ended during the work, or replaced by values that are sealed with the current key (or by many, one behind the other). */
  changed: number;
}

/** How many stored values need which key. */
export interface KeyReport extends RewrapReport {
  /** When it was made. */
  at: Date;
  /** Of each key that is held, by the fingerprint of the master key. */
  keys: (Pick<KeyUsage, 'fingerprint' | 'position'> & { values: number })[];
  /** Values that name a key which is not held, by the fingerprint of their tenant's key; at most 100 of those. */
  notHeld: { tenantFingerprint: string; values: number }[];
  /** Tenants that nobody named, by what their cache keys begin with: the first 16 hex digits of SHA-256 of the id. At most 1,000. */
  unnamedTenants: { hash: string; values: number }[];
  /** Why there may be more than was counted. Empty: every value was. */
  cannotKnow: CannotKnow[];
}

/**
 * - `unnamed-tenants`: see `unnamed`.
 * - `private-keys`: the namespace has entries whose names tell neither tenant nor cache key.
 * - `no-listing`: the backend cannot list its entries.
 * - `unregistered`: without a registry, or with one that does not open, tenants and functions of other processes are not known,
 *   which may have entries under a `key` of their own.
 * - `match`: only a part was asked for.
 */
export type CannotKnow = 'unnamed-tenants' | 'private-keys' | 'no-listing' | 'unregistered' | 'match';

const MAX_NOT_HELD = 100;
const MAX_UNNAMED = 1_000;

/** Counts what becomes of entries. */
export class Tally {
  readonly report: RewrapReport = {
    seen: 0,
    rewrapped: 0,
    current: 0,
    left: 0,
    unnamed: 0,
    unopened: 0,
    changed: 0,
  };
  /** Values by the master key that they need. */
  readonly byKey = new Map<string, number>();
  readonly notHeld = new Map<string, number>();
  readonly byTenant = new Map<string, number>();

  count(what: Exclude<keyof RewrapReport, 'seen'>): void {
    this.report.seen++;
    this.report[what]++;
  }

  unnamed(hash: string): void {
    this.count('unnamed');
    add(this.byTenant, hash, MAX_UNNAMED);
  }

  unopened(tenantFingerprint: string | undefined): void {
    this.count('unopened');
    if (tenantFingerprint !== undefined) add(this.notHeld, tenantFingerprint, MAX_NOT_HELD);
  }

  /** An entry that needs this master key from now on. */
  needs(fingerprint: string, what: 'rewrapped' | 'current' | 'left'): void {
    this.count(what);
    add(this.byKey, fingerprint, Number.POSITIVE_INFINITY);
  }

  keyReport(keyrings: Iterable<Keyring>, cannotKnow: readonly CannotKnow[], at: Date): KeyReport {
    const keys = [...keyrings].flatMap((keyring) =>
      keyring.usage().map(({ fingerprint, position }) => {
        return { fingerprint, position, values: this.byKey.get(fingerprint) ?? 0 };
      }),
    );
    return {
      at,
      ...this.report,
      keys,
      notHeld: [...this.notHeld].map(([tenantFingerprint, values]) => ({ tenantFingerprint, values })),
      unnamedTenants: [...this.byTenant].map(([hash, values]) => ({ hash, values })),
      cannotKnow: [...cannotKnow, ...(this.report.unnamed > 0 ? (['unnamed-tenants'] as const) : [])],
    };
  }
}

function add(counts: Map<string, number>, name: string, most: number): void {
  const before = counts.get(name);
  if (before !== undefined || counts.size < most) counts.set(name, (before ?? 0) + 1);
}
