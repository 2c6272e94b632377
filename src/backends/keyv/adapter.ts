/** What Keyv puts into a store for a value: the value and when it expires, in Unix milliseconds. */
export interface KeyvEnvelope {
  value?: unknown;
  expires?: number | null | undefined;
  machineEnd?: unknown;
}

/**
 * A storage adapter for Keyv, version 5 or 6, as far as it is used here: what `new Keyv({ store })` takes. `set` gets
 * milliseconds to live, or the Unix time of the end when `capabilities.expires` is true.
 */
export interface KeyvStorageAdapter {
  readonly capabilities?: unknown;
  get(name: string): unknown;
  set(name: string, value: string, time?: number): unknown;
  delete(name: string): unknown;
  clear?(): unknown;
  getMany?(names: string[]): unknown;
  deleteMany?(names: string[]): unknown;
  iterator?(namespace?: string): AsyncIterable<readonly [name: string, value: unknown]>;
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}

/** A Keyv instance, version 5 or 6, as far as it is used here. */
export interface KeyvInstance {
  readonly namespace?: string | undefined;
  get(name: string): Promise<unknown>;
  set(name: string, value: unknown, ttl?: number): Promise<unknown>;
  delete(name: string): Promise<unknown>;
}

/** Both versions, and bare adapters, behind one face. Nothing of it is swallowed: what fails rejects. */
export interface KeyvAdapter {
  /** Where it writes, and where errors come out that a store keeps to itself. */
  readonly store: KeyvStorageAdapter;
  /** What a cache key is called in the store. */
  nameOf(cacheKey: string): string;
  /** What stands in front of a cache key where it ends up, the store's own part included. */
  prefix(): string;
  encode(envelope: KeyvEnvelope): Promise<unknown>;
  decode(stored: unknown): Promise<unknown>;
  set(name: string, encoded: unknown, expires: number | undefined): Promise<unknown>;
  /** Whether the store can list what it has. */
  readonly lists: boolean;
  /** The cache keys that it has, of other programs' entries as well. */
  keys(): AsyncIterable<string>;
}

type Parts = Record<string, unknown>;

/** Whether it has the marks of a Keyv instance or adapter of some version, which no {@link Backend} has. */
export function looksLikeKeyv(value: object): boolean {
  return 'opts' in value || 'ttlSupport' in value || 'capabilities' in value || isKeyv6(value) || isKeyv5(value);
}

/** `undefined` for anything else, Keyv before version 5 included. */
export function keyvAdapter(value: unknown): KeyvAdapter | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isKeyv6(value)) return keyv6(value as Keyv6);
  if (isKeyv5(value)) return keyv5(value as Keyv5);
  if (isAdapter(value)) return bareAdapter(value);
  return undefined;
}

export function isKeyvInstance(value: object): value is KeyvInstance {
  return isKeyv6(value) || isKeyv5(value);
}

/** Whether an adapter's `set` takes the Unix time of the end rather than milliseconds to live. */
export function takesExpires({ capabilities }: { capabilities?: unknown }): boolean {
  return typeof capabilities === 'object' && (capabilities as Parts | null)?.expires === true;
}

/** @throws nothing: an adapter that misses a method is none. */
export function isAdapter(value: object): value is KeyvStorageAdapter {
  const parts = value as Parts;
  // An instance of Keyv before version 5 has a store of its own among its options.
  const holdsStore = typeof parts.opts === 'object' && parts.opts !== null && 'store' in parts.opts;
  return !holdsStore && ['get', 'set', 'delete', 'clear'].every((method) => typeof parts[method] === 'function');
}

interface Keyv6 {
  store: KeyvStorageAdapter;
  encode(envelope: KeyvEnvelope): Promise<unknown>;
  decode(stored: unknown): Promise<unknown>;
}

function isKeyv6(value: object): boolean {
  const { encode, decode, store, getRaw } = value as Parts;
  return [encode, decode, getRaw].every((method) => typeof method === 'function') && typeof store === 'object';
}

/** Its store keeps the namespace. Not through its own `get` and `set`, which answer an error with a miss. */
function keyv6(keyv: Keyv6): KeyvAdapter {
  return {
    store: keyv.store,
    nameOf: (cacheKey) => cacheKey,
    prefix: () => storePrefix(keyv.store, '::'),
    encode: (envelope) => keyv.encode(envelope),
    decode: async (stored) => (typeof stored === 'string' ? keyv.decode(stored) : stored),
    set: async (name, encoded, expires) => keyv.store.set(name, encoded as string, expires),
    lists: lists(keyv.store),
    keys: () => namesIn(keyv.store, ''),
  };
}

interface Keyv5 {
  store: KeyvStorageAdapter;
  namespace?: string | undefined;
  useKeyPrefix: boolean;
  serializeData(envelope: KeyvEnvelope): Promise<unknown>;
  deserializeData(stored: unknown): Promise<unknown>;
  opts: { compression?: unknown };
}

function isKeyv5(value: object): boolean {
  const { serializeData, deserializeData, opts, store } = value as Parts;
  const functions = [serializeData, deserializeData].every((method) => typeof method === 'function');
  return functions && typeof opts === 'object' && typeof store === 'object';
}

/** What an instance of Keyv 5 writes in front of keys; nothing for one of Keyv 6, whose store does. */
export function prefix5({ useKeyPrefix, namespace }: { useKeyPrefix?: unknown; namespace?: unknown }): string {
  return useKeyPrefix && namespace ? `${namespace}:` : '';
}

/**
 * What stands in front of a name where a storage adapter puts it: its own part for the namespace that it was given, and those of
 * the stores and the client below it.
 *
 * @param separator behind the namespace, of an adapter that does not say how it writes it; undefined: it does not.
 */
function storePrefix(store: object, separator: string | undefined): string {
  const { store: inner, client, redis } = store as Parts;
  const below = typeof inner === 'object' && inner !== null ? innerPrefix(inner, separator) : '';
  return clientPrefix(client ?? redis) + below + ownPrefix(store, separator);
}

function innerPrefix(inner: object, separator: string | undefined): string {
  return isKeyvInstance(inner) ? (keyvAdapter(inner)?.prefix() ?? '') : storePrefix(inner, separator);
}

/** That of an ioredis or iovalkey client. */
export function clientPrefix(client: unknown): string {
  const { options } = (client ?? {}) as { options?: { keyPrefix?: unknown } };
  return typeof options?.keyPrefix === 'string' ? options.keyPrefix : '';
}

/** What an adapter itself writes in front of names. */
export function ownPrefix(store: object, separator: string | undefined): string {
  const { namespace, getKeyPrefix, createKeyPrefix, formatKey } = store as Parts;
  if (typeof namespace !== 'string' || namespace === '') return '';
  const write = getKeyPrefix ?? createKeyPrefix ?? formatKey;
  const written = typeof write === 'function' ? write.call(store, KEY, namespace) : undefined;
  if (typeof written === 'string' && written.endsWith(KEY)) return written.slice(0, -KEY.length);
  return separator === undefined ? '' : namespace + separator;
}

const KEY = 'key';

/** It prefixes names itself; always here, while its own `get` leaves those alone that begin with the namespace. */
function keyv5(keyv: Keyv5): KeyvAdapter {
  return {
    store: keyv.store,
    nameOf: (cacheKey) => prefix5(keyv) + cacheKey,
    // An adapter that says nothing of how it writes a namespace leaves that to Keyv.
    prefix: () => storePrefix(keyv.store, undefined) + prefix5(keyv),
    encode: (envelope) => keyv.serializeData(envelope),
    decode: async (stored) => (typeof stored === 'string' ? keyv.deserializeData(stored) : stored),
    set: (name, encoded, expires) => setIn(keyv.store, name, encoded, expires),
    lists: lists(keyv.store),
    keys: () => namesIn(keyv.store, prefix5(keyv)),
  };
}

/** As Keyv writes without options: JSON. */
function bareAdapter(store: KeyvStorageAdapter): KeyvAdapter {
  return {
    store,
    nameOf: (cacheKey) => cacheKey,
    prefix: () => storePrefix(store, undefined),
    encode: async (envelope) => JSON.stringify(envelope),
    decode: async (stored) => (typeof stored === 'string' ? JSON.parse(stored) : stored),
    set: (name, encoded, expires) => setIn(store, name, encoded, expires),
    lists: lists(store),
    keys: () => namesIn(store, ''),
  };
}

async function setIn(
  store: KeyvStorageAdapter,
  name: string,
  encoded: unknown,
  expires: number | undefined,
): Promise<unknown> {
  // A time that is over would be no time at all to some stores.
  const time = expires === undefined || takesExpires(store) ? expires : Math.max(1, Math.ceil(expires - Date.now()));
  return store.set(name, encoded as string, time);
}

/** An adapter around another store has the method in any case, and says whether there is anything behind it. */
function lists(store: KeyvStorageAdapter): boolean {
  if (store instanceof Map) return true;
  if (typeof store.iterator !== 'function') return false;
  const { methods } = (store.capabilities ?? {}) as { methods?: { iterator?: { exists?: boolean } } };
  const { entries } = ((store as { store?: unknown }).store ?? {}) as Parts;
  return methods?.iterator?.exists !== false || typeof entries === 'function';
}

/** The names in a store that begin with `prefix`, without it. */
function namesIn(store: KeyvStorageAdapter, prefix: string): AsyncIterable<string> {
  const { iterator, namespace } = store as KeyvStorageAdapter & { namespace?: string };
  return behind(prefix, store instanceof Map ? store.keys() : firsts(iterator?.call(store, namespace) ?? []));
}

async function* behind(prefix: string, names: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const name of names) {
    if (typeof name === 'string' && name.length > prefix.length && name.startsWith(prefix)) {
      yield name.slice(prefix.length);
    }
  }
}

async function* firsts(
  entries: AsyncIterable<readonly unknown[]> | Iterable<readonly unknown[]>,
): AsyncGenerator<unknown> {
  for await (const [name] of entries) yield name;
}
