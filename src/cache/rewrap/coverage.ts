import { hasTenantPrefix, KEPT_LEN, TENANT_PREFIX_LEN } from '../../protocol/cache-key.js';
import type { Wire } from '../../protocol/wire.js';
import { prefixOf } from '../key-builder.js';

/** What a cache's entries are told by. */
export interface CoverageParts {
  readonly wire: Wire;
  /** The cache's and those of its functions; undefined: the cache has none, and everything in the store counts as its. */
  readonly namespaces: ReadonlySet<string> | undefined;
  readonly tenants: Iterable<string>;
  /** Whether functions with a `key` of their own have entries anywhere in the store. */
  readonly ownKeys: boolean;
  /** What is not an entry: of the registry. */
  readonly except: string | undefined;
  /** Of cache keys without their tenant's part; undefined: all. */
  readonly match: ((cacheKey: string) => boolean) | undefined;
}

/** Whose an entry is. */
export interface Owner {
  /** undefined: the cache's own tenant. */
  readonly tenantId: string | undefined;
  /** Of a tenant whose id is not known: 16 hex digits. `tenantId` says nothing then. */
  readonly unnamed?: string;
  /** False: of the cache only if one of its keys opens it. */
  readonly certain: boolean;
}

/** Keys that were shortened have a colon and 32 digits behind what was kept. */
const SHORTENED = /:[0-9a-f]{32}$/;

/** Which entries of a store are a cache's, with those of its functions and its tenants, by their cache keys. */
export class Coverage {
  /** What to list; no entry is under two of them. */
  readonly prefixes: readonly string[];
  readonly #parts: CoverageParts;
  readonly #namespaces: readonly string[] | undefined;
  readonly #tenants: ReadonlyMap<string, string>;

  constructor(parts: CoverageParts) {
    const { wire, namespaces, tenants, ownKeys } = parts;
    this.#parts = parts;
    // Nothing in a Python function's own key tells its namespace.
    const all = namespaces === undefined || wire === 'python';
    this.#namespaces = all ? undefined : [...namespaces].map((name) => namespacePrefix(name, wire));
    this.#tenants = new Map(Array.from(tenants, (tenantId) => [prefixOf(tenantId), tenantId]));
    this.prefixes =
      this.#namespaces === undefined || ownKeys
        ? ['']
        : distinct([...this.#namespaces.map(kept), ...(wire === 'protocol' ? ['t:'] : [])]);
  }

  /** What it was made of, as far as it decides which entries these are. */
  get names(): readonly unknown[] {
    const { wire, namespaces, ownKeys } = this.#parts;
    return [wire, [...(namespaces ?? [])].sort(), [...this.#tenants.keys()].sort(), ownKeys];
  }

  /** Whose an entry is; undefined: not of this cache. */
  ownerOf(cacheKey: string): Owner | undefined {
    const { wire, ownKeys, match, except } = this.#parts;
    if (cacheKey === except) return undefined;
    const ofTenant = wire === 'protocol' && hasTenantPrefix(cacheKey);
    const rest = ofTenant ? cacheKey.slice(TENANT_PREFIX_LEN) : cacheKey;
    if (match !== undefined && !match(rest)) return undefined;
    const certain = this.#namespaces?.some((prefix) => isUnder(rest, prefix)) ?? true;
    if (!certain && !ownKeys) return undefined;
    if (!ofTenant) return { tenantId: undefined, certain };
    const tenantId = this.#tenants.get(cacheKey.slice(0, TENANT_PREFIX_LEN));
    if (tenantId !== undefined) return { tenantId, certain };
    // Another namespace's, which no key here could tell.
    if (!certain && rest.startsWith('ns:')) return undefined;
    return { tenantId: undefined, unnamed: cacheKey.slice(2, TENANT_PREFIX_LEN - 1), certain };
  }
}

/** What every entry of a namespace begins with. */
export function namespacePrefix(namespace: string, wire: Wire): string {
  return wire === 'protocol' ? `ns:${namespace}:` : `${namespace}:`;
}

function isUnder(cacheKey: string, prefix: string): boolean {
  if (cacheKey.startsWith(prefix)) return true;
  const short = kept(prefix);
  return short !== prefix && cacheKey.startsWith(short) && SHORTENED.test(cacheKey);
}

/** What is left of a prefix in keys that were shortened. */
function kept(prefix: string): string {
  return prefix.length <= KEPT_LEN ? prefix : Array.from(prefix).slice(0, KEPT_LEN).join('');
}

/** Without prefixes of which others are a part: what is under them would be listed twice. */
function distinct(prefixes: readonly string[]): string[] {
  const all = [...new Set(prefixes)];
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}
