import { types } from 'node:util';
import { clientPrefix, isKeyvInstance, ownPrefix, prefix5, takesExpires } from '../backends/keyv.js';

/** A name as the methods of the store take it, and what is stored there, if the listing tells. */
export type Listed = readonly [name: string, stored: unknown];

type Parts = Record<string, unknown>;
type Entries = AsyncIterable<readonly [unknown, unknown]> | Iterable<readonly [unknown, unknown]>;

/** The store in which entries end up. */
interface Bottom {
  readonly store: Parts;
  /** What the Keyv instances and adapters around it write in front of a name. */
  readonly above: string;
  /** Whether it is an adapter of Keyv 6 that wraps it, and has looked for the methods of a Map. */
  readonly wrapped: boolean;
}

/** Whether {@link listNames} has a way for this store. */
export function canListNames(inner: object): boolean {
  return listerOf(bottomOf(inner)) !== undefined;
}

/** Whether the store at the bottom, if it writes a namespace, still has that of the Keyv instance around it. */
export function hasNamespace(keyv: object, namespace: unknown): boolean {
  const { store } = bottomOf(keyv);
  return ownPrefix(store, undefined) === '' || store.namespace === namespace;
}

/**
 * The names in the store at the bottom that begin with `prefix`, some of them twice; undefined when it cannot list. The
 * iterators of
 * the Keyv instances around it leave out names that look like those of other namespaces.
 */
export function listNames(inner: object, prefix: string): AsyncGenerator<Listed, void> | undefined {
  const bottom = bottomOf(inner);
  const list = listerOf(bottom);
  return list && select(list(bottom.above + prefix), bottom, inner, prefix);
}

async function* select(entries: Entries, bottom: Bottom, inner: object, prefix: string): AsyncGenerator<Listed, void> {
  const { above, store } = bottom;
  for await (const [name, stored] of entries) {
    if (typeof name !== 'string' || !name.startsWith(above + prefix)) continue;
    // What lies below a Keyv instance is in its form.
    yield [name.slice(above.length), store === inner ? stored : undefined];
  }
}

function bottomOf(inner: object): Bottom {
  let above = '';
  let store = inner as Parts;
  let wrapped = false;
  for (;;) {
    const below = store.store;
    const keyv = isKeyvInstance(store);
    wrapped = typeof store.getKeyPrefix === 'function';
    if (typeof below !== 'object' || below === null || !(keyv || wrapped)) return { store, above, wrapped: false };
    above = (keyv ? prefix5(store) : ownPrefix(store, '::')) + above;
    store = below as Parts;
    if (wrapped && typeof store.iterator !== 'function') return { store, above, wrapped };
  }
}

/** Lists entries of which some begin with a prefix, as the store's methods take names. */
function listerOf({ store, wrapped }: Bottom): ((prefix: string) => Entries) | undefined {
  if (types.isMap(store)) return () => store.entries() as Entries;
  if (typeof store.iterator === 'function') return (prefix) => entriesOfAdapter(store as unknown as Adapter, prefix);
  const { entries } = store;
  return wrapped && typeof entries === 'function' ? () => entries.call(store) : undefined;
}

interface Adapter {
  iterator(namespace?: string): Entries;
  readonly capabilities?: unknown;
  readonly namespace?: unknown;
  readonly redis?: unknown;
  readonly keyPrefixSeparator?: unknown;
  _getKeyName?: unknown;
  /** Of `@keyv/redis`. */
  getMasterNodes(): Promise<ScanClient[]>;
}

interface ScanClient {
  scan(cursor: string, options: object): Promise<unknown>;
}

/** @param prefix of names as the adapter's methods take them. */
function entriesOfAdapter(adapter: Adapter, prefix: string): Entries {
  const own = ownPrefix(adapter, undefined);
  if (typeof adapter.keyPrefixSeparator === 'string') return entriesOfRedis(adapter, own, prefix);
  if (typeof adapter._getKeyName === 'function') return entriesOfValkey(adapter, prefix);
  if (takesExpires(adapter)) return adapter.iterator();
  // An adapter that writes a namespace itself takes it off again.
  if (own !== '') return adapter.iterator(adapter.namespace as string);
  return adapter.iterator(asNamespace(prefix));
}

/**
 * `@keyv/redis` leaves out names with its separator, and takes the namespace as a pattern. So it is asked for the exact prefix,
 * on a
 * view of the shared adapter that reads no values.
 */
async function* entriesOfRedis(adapter: Adapter, own: string, prefix: string): AsyncGenerator<Listed> {
  const full = own + prefix;
  if (full === '') return yield* adapter.iterator() as AsyncIterable<Listed>;
  const pattern = escapeGlob(full);
  const view: Adapter = Object.assign(Object.create(adapter), {
    namespace: pattern,
    keyPrefixSeparator: '',
    getKeyWithoutPrefix: (name: string) => name,
    getMasterNodes: async () => (await adapter.getMasterNodes()).map(scanningMore),
    mget: async () => [],
  });
  for await (const [name, stored] of view.iterator(pattern)) {
    if (typeof name === 'string' && name.startsWith(full)) yield [name.slice(own.length), stored];
  }
}

function scanningMore(client: ScanClient): ScanClient {
  return { scan: (cursor, options) => client.scan(cursor, { ...options, COUNT: 1_000 }) };
}

/** `@keyv/valkey` gives names as they are in the server, the client's prefix and its own part included. */
async function* entriesOfValkey(adapter: Adapter, prefix: string): AsyncGenerator<Listed> {
  const own = clientPrefix(adapter.redis) + (adapter._getKeyName as (key: string) => string)('');
  const full = own + prefix;
  if (!full.endsWith(':')) return;
  for await (const [name, stored] of adapter.iterator(escapeGlob(full.slice(0, -1)))) {
    // Behind a prefix of its client it has read values under names that have the prefix twice.
    if (typeof name === 'string' && name.startsWith(full)) {
      yield [name.slice(own.length), own === '' ? stored : undefined];
    }
  }
}

/** What makes adapters list names with `prefix`: they add a colon and may read a pattern in it; undefined: all names. */
function asNamespace(prefix: string): string | undefined {
  return prefix.endsWith(':') && !/[*?[\]\\^$+(){}|]/.test(prefix) ? prefix.slice(0, -1) : undefined;
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}
