import { types } from 'node:util';
import { ignoreErrors, listenToErrors } from '../backends/error-listeners.js';
import {
  isAdapter,
  isKeyvInstance,
  type KeyvInstance,
  type KeyvStorageAdapter,
  keyvAdapter,
  takesExpires,
} from '../backends/keyv.js';
import { BackendError, ConfigurationError } from '../errors.js';
import { AssignedNamespace } from './assigned-namespace.js';
import { clearOptions, type EncryptedStoreClearOptions, removeListed, step } from './clear-namespace.js';
import { type EncryptedStoreOptions, SealedText } from './sealed-text.js';
import { canListNames, hasNamespace, type Listed, listNames } from './stored-names.js';

/** What `encryptedStore` wraps. */
export type InnerStore = Map<string, unknown> | KeyvStorageAdapter | KeyvInstance;

/** A storage adapter for Keyv 5 and 6, and so for cacheable and cache-manager: what `new Keyv({ store })` takes. */
export interface EncryptedStore {
  /** Stored values that could not be opened so far, each of which was a miss. */
  readonly failures: number;
  get(key: string): Promise<unknown>;
  getMany(keys: string[]): Promise<unknown[]>;
  /** `ttl` in milliseconds. */
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  setMany(entries: { key: string; value: unknown; ttl?: number | undefined }[]): Promise<boolean[]>;
  delete(key: string): Promise<boolean>;
  /** Whether each was there; for Keyv 5 one answer, whether any was. */
  deleteMany(keys: string[]): Promise<boolean[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  /**
   * Removes the entries of the namespace, those that do not open too, and no others. Without a namespace these are
   * those of the inner store's own, if it has one; otherwise it is the inner store's `clear`, whatever that removes.
   * `keyv.clear()` calls it without options; call it with a namespace for limits, a signal and counts.
   *
   * @throws ConfigurationError when Keyv 5 does not tell the namespace: instances with different ones share this
   * store, or another Keyv instance has changed the inner store's. BackendError when the inner store cannot list its
   * entries. Then nothing is removed.
   */
  clear(options?: EncryptedStoreClearOptions): Promise<void>;
  /**
   * Entries that open; with a namespace, which is how Keyv 6 calls it, of keys that begin with it and a colon. Those
   * have their values when they are destructured, and an empty key then if they do not open.
   *
   * @throws as `clear`.
   */
  iterator(namespace?: string): AsyncGenerator<[key: string, value: unknown], void>;
  disconnect(): Promise<void>;
  /** Of events there are those of the inner store's errors, `error`. */
  on(event: string, listener: (...args: unknown[]) => void): this;
  off(event: string, listener: (...args: unknown[]) => void): this;
}

/**
 * Encryption for Keyv, cacheable and cache-manager: seals each value under the key that the store sees, every namespace
 * included, that of `inner` too, and puts the sealed bytes, as base64, into `inner`. The inner store never gets anything else, and nothing
 * else that it holds ever comes out: what does not open under its key is a miss. Keys stay as they are. A library with
 * several layers has a store for each, cacheable one in memory by default: what is not wrapped holds plaintext.
 *
 * @example
 * const keyv = new Keyv({ store: encryptedStore(new KeyvRedis('redis://localhost'), { masterKey }) });
 *
 * @param inner a Map, a storage adapter of Keyv 5 or 6, or a Keyv instance.
 * @throws TypeError for another store; as the constructor of EncryptionWrapper for the options.
 */
export function encryptedStore(inner: InnerStore, options?: EncryptedStoreOptions): EncryptedStore {
  if (
    typeof inner !== 'object' ||
    inner === null ||
    !(types.isMap(inner) || isAdapter(inner) || isKeyvInstance(inner))
  ) {
    throw new TypeError('inner must be a Map, a Keyv storage adapter or a Keyv instance');
  }
  return new SealingAdapter(inner as Inner, new SealedText(options));
}

/** All of them, as far as it is used here; some answers are promises. */
interface Inner extends KeyvStorageAdapter {
  readonly namespace?: unknown;
  disconnect?(): unknown;
}

const PAGE = 100;

/** Without `capabilities.expires` both versions of Keyv pass milliseconds; without `namespace` Keyv 6 writes it into keys. */
class SealingAdapter implements EncryptedStore {
  /** Where Keyv 5 gets an iterator from. It asks for none unless it knows the dialect. */
  readonly opts: object | undefined;
  readonly #inner: Inner;
  readonly #sealed: SealedText;
  readonly #prefix: () => string;
  readonly #assigned = new AssignedNamespace();
  /** The inner adapter's namespace; that of a Keyv instance is its owner's to change. */
  readonly #innerNamespace: unknown;

  constructor(inner: Inner, sealed: SealedText) {
    this.#inner = inner;
    this.#sealed = sealed;
    this.#prefix = keyvAdapter(inner)?.prefix ?? (() => '');
    this.#innerNamespace = inner.namespace;
    sealed.assertBare(this.#prefix());
    this.opts = canListNames(inner) ? { dialect: 'redis' } : undefined;
  }

  // Keyv 5 assigns its namespace. It must not stay: Keyv 6 would take this for a store that writes namespaces. What an
  // object has, or its class, is found before this is asked.
  static {
    const set = (target: object, name: string | symbol, value: unknown, store: SealingAdapter): boolean => {
      if (name !== 'namespace' || !(#assigned in store)) return Reflect.set(target, name, value, store);
      store.#assigned.assign(value);
      return true;
    };
    Object.setPrototypeOf(SealingAdapter.prototype, new Proxy({}, { set }));
  }

  get failures(): number {
    return this.#sealed.failures;
  }

  async get(key: string): Promise<unknown> {
    this.#assigned.observe(key);
    return this.#open(key, await this.#inner.get(key));
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    const stored = await this.#stored(keys);
    return keys.map((key, i) => this.#open(key, stored[i]));
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    this.#assigned.observe(key);
    const text = this.#sealed.seal(this.#prefix() + key, value);
    const time = ttl !== undefined && takesExpires(this.#inner) ? Date.now() + ttl : ttl;
    return (await this.#inner.set(key, text, time)) !== false;
  }

  async setMany(entries: { key: string; value: unknown; ttl?: number | undefined }[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  async delete(key: string): Promise<boolean> {
    this.#assigned.observe(key);
    return (await this.#inner.delete(key)) !== false;
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    const removed = await Promise.all(keys.map((key) => this.delete(key)));
    // Keyv 5 hands the answer on, and to its callers a list is true.
    return this.#assigned.known ? (removed.includes(true) as never) : removed;
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map((value) => value !== undefined);
  }

  async clear(options?: EncryptedStoreClearOptions): Promise<void> {
    const checked = clearOptions(options);
    const { namespace } = checked;
    const prefix = namespace === undefined ? this.#assigned.prefix() : `${namespace}:`;
    this.#assertNamespace();
    if (prefix === '' && (this.#prefix() === '' || !canListNames(this.#inner))) {
      await step(checked, async () => this.#inner.clear?.());
    } else await removeListed(this.#inner, () => this.#list(prefix), checked);
  }

  get iterator(): EncryptedStore['iterator'] {
    const prefix = this.#assigned.prefixOfLatest();
    // Keyv 5 reads it when it is constructed, and passes no namespace then, as this has none.
    return (namespace) => (namespace ? this.#entries(`${namespace}:`, true) : this.#entries(prefix, false));
  }

  async disconnect(): Promise<void> {
    await this.#inner.disconnect?.();
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    if (event === 'error') {
      this.#assigned.registered();
      listenToErrors(this.#inner, listener);
    }
    return this;
  }

  off(event: string, listener: (...args: unknown[]) => void): this {
    if (event === 'error') ignoreErrors(this.#inner, listener);
    return this;
  }

  #open(key: string, stored: unknown): unknown {
    return this.#sealed.open(this.#prefix() + key, stored);
  }

  async #stored(keys: string[]): Promise<unknown[]> {
    if (typeof this.#inner.getMany !== 'function') return Promise.all(keys.map((key) => this.#inner.get(key)));
    const stored = await this.#inner.getMany(keys);
    return Array.isArray(stored) ? stored : [];
  }

  /** @throws ConfigurationError when another Keyv instance has put its namespace in place of that of the inner store. */
  #assertNamespace(): void {
    const { namespace } = this.#inner;
    if (isKeyvInstance(this.#inner) ? hasNamespace(this.#inner, namespace) : namespace === this.#innerNamespace) return;
    throw new ConfigurationError(
      'The namespace of the inner store was changed: another Keyv instance uses it, and their entries cannot be told apart; give encryptedStore a store of its own',
    );
  }

  #list(prefix: string): AsyncGenerator<Listed, void> {
    const names = listNames(this.#inner, prefix);
    if (names === undefined) throw new BackendError('The inner store cannot list its entries');
    return names;
  }

  async *#entries(prefix: string | (() => string), lazily: boolean): AsyncGenerator<[string, unknown], void> {
    this.#assertNamespace();
    let page: Listed[] = [];
    for await (const listed of this.#list(typeof prefix === 'string' ? prefix : prefix())) {
      page.push(listed);
      if (page.length < PAGE) continue;
      yield* this.#openAll(page, lazily);
      page = [];
    }
    yield* this.#openAll(page, lazily);
  }

  async *#openAll(page: Listed[], lazily: boolean): AsyncGenerator<[string, unknown], void> {
    const unread = page.flatMap(([name, stored]) => (stored === undefined || stored === null ? [name] : []));
    const read = unread.length > 0 ? await this.#stored(unread) : [];
    let next = 0;
    for (const [name, stored] of page) {
      const own = stored ?? read[next++];
      if (lazily) yield lazyEntry(name, () => this.#open(name, own));
      else {
        const value = this.#open(name, own);
        if (value !== undefined) yield [name, value];
      }
    }
  }
}

/**
 * An entry that opens when Keyv 6 destructures it to iterate, with an empty name when it does not open. To clear, Keyv 6 reads
 * `entry[0]`, which opens nothing.
 */
function lazyEntry(name: string, open: () => unknown): [string, unknown] {
  return Object.defineProperties([name, undefined] as [string, unknown], {
    1: { get: open },
    [Symbol.iterator]: {
      *value() {
        const value = open();
        yield value === undefined ? '' : name;
        yield value;
      },
    },
  });
}
