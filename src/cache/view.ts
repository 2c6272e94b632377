import type { Backend } from '../backends/backend.js';
import { assertOwnKey } from '../protocol/cache-key.js';
import type { Wire } from '../protocol/wire.js';
import { kindOf } from '../util/bytes.js';
import { type CallKind, type ReadCall, readCall } from './call-options.js';
import type { ClearScope } from './engine/clearing.js';
import type { Counters } from './engine/counters.js';
import type { EntryRef } from './engine/entry-ref.js';
import type { EntryStore } from './engine/entry-store.js';

/** What of a cache a tenant sees. */
export interface ViewParts {
  readonly store: EntryStore;
  /** All that hold entries of this view: functions may be sealed apart. */
  readonly stores: () => readonly TaggedStore[];
  readonly counters: Counters;
  readonly ttlMs: number;
  readonly wire: Wire;
  readonly backend: Backend | undefined;
  readonly tenantId: string | undefined;
  readonly prefix: string;
  readonly namespace: string | undefined;
  readonly privateKeys: boolean;
  /** What `clear` removes. @throws ConfigurationError where that cannot be found. */
  readonly scope: () => ClearScope;
  /** The full name of a tag. @throws ConfigurationError for a backend without tags. */
  readonly tagName: (tag: string) => string;
}

/** A store, and what the names of tags in it begin with. */
export interface TaggedStore {
  readonly store: EntryStore;
  readonly tenantPrefix: string;
}

/** References to the entries of a view. */
export class ViewRefs {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** What an entry is stored under. @throws TypeError, RangeError for what is no cache key. */
  full(cacheKey: string): string {
    const { wire, prefix } = this.#parts;
    assertOwnKey('cacheKey', cacheKey, wire);
    return prefix + cacheKey;
  }

  /** What the options of a call say; undefined: it has none. @throws as {@link readCall}. */
  call(what: CallKind, options: object | undefined): ReadCall | undefined {
    return options === undefined ? undefined : readCall(options, what, this.#parts);
  }

  /** @param full of {@link full}. */
  of(full: string, call?: ReadCall): EntryRef {
    const { store, tenantId, counters, namespace, tagName, ttlMs } = this.#parts;
    return {
      cacheKey: full,
      tenantId,
      ttlMs: call?.ttlMs ?? ttlMs,
      counters,
      policy: call?.policy ?? store.policies.own,
      namespace,
      tags: call?.tags?.map(tagName),
      tagName,
    };
  }

  /** For a call with options. @throws as {@link full} and {@link call}. */
  with(cacheKey: string, what: CallKind, options: object | undefined): EntryRef {
    return this.of(this.full(cacheKey), this.call(what, options));
  }

  many(cacheKeys: readonly string[]): EntryRef[] {
    if (!Array.isArray(cacheKeys)) throw new TypeError(`cacheKeys must be an array, not ${kindOf(cacheKeys)}`);
    return cacheKeys.map((cacheKey: string) => this.of(this.full(cacheKey)));
  }
}
