import { types } from 'node:util';
import {
  isAdapter,
  isKeyvInstance,
  type KeyvInstance,
  type KeyvStorageAdapter,
  keyvFace,
  takesExpires,
} from '../backends/keyv-face.js';
import { type EncryptedStoreOptions, SealedText } from './sealed-text.js';

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
  deleteMany(keys: string[]): Promise<boolean[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  clear(): Promise<void>;
  iterator(): AsyncGenerator<[key: string, value: unknown], void>;
  disconnect(): Promise<void>;
  on(event: string, listener: (...args: unknown[]) => void): this;
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
  iterator?(namespace?: unknown): AsyncIterable<readonly [unknown, unknown]>;
  entries?(): Iterable<readonly [unknown, unknown]>;
  disconnect?(): unknown;
}

/**
 * It does not declare `capabilities.expires`, so that either version of Keyv passes milliseconds to live. It has no
 * `opts`, in which Keyv 5 would look for a URL, and no `namespace`, so that Keyv 6 writes it into the keys.
 */
class SealingAdapter implements EncryptedStore {
  readonly #inner: Inner;
  readonly #sealed: SealedText;
  readonly #prefix: () => string;

  constructor(inner: Inner, sealed: SealedText) {
    this.#inner = inner;
    this.#sealed = sealed;
    this.#prefix = keyvFace(inner)?.prefix ?? (() => '');
    sealed.assertBare(this.#prefix());
  }

  #open(key: string, stored: unknown): unknown {
    return this.#sealed.open(this.#prefix() + key, stored);
  }

  get failures(): number {
    return this.#sealed.failures;
  }

  async get(key: string): Promise<unknown> {
    return this.#open(key, await this.#inner.get(key));
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    if (typeof this.#inner.getMany !== 'function') return Promise.all(keys.map((key) => this.get(key)));
    const stored = await this.#inner.getMany(keys);
    return keys.map((key, i) => this.#open(key, Array.isArray(stored) ? stored[i] : undefined));
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const text = this.#sealed.seal(this.#prefix() + key, value);
    const time = ttl !== undefined && takesExpires(this.#inner) ? Date.now() + ttl : ttl;
    return (await this.#inner.set(key, text, time)) !== false;
  }

  async setMany(entries: { key: string; value: unknown; ttl?: number | undefined }[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#inner.delete(key)) !== false;
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.delete(key)));
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map((value) => value !== undefined);
  }

  async clear(): Promise<void> {
    await this.#inner.clear?.();
  }

  /** Leaves out what does not open. */
  async *iterator(): AsyncGenerator<[key: string, value: unknown], void> {
    const entries = types.isMap(this.#inner) ? this.#inner.entries() : (this.#inner.iterator?.(undefined) ?? []);
    for await (const [key, stored] of entries) {
      const value = typeof key === 'string' ? this.#open(key, stored) : undefined;
      if (value !== undefined) yield [key as string, value];
    }
  }

  async disconnect(): Promise<void> {
    await this.#inner.disconnect?.();
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    if (event === 'error') this.#inner.on?.(event, listener);
    return this;
  }
}
