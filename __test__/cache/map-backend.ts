import type { Backend, BackendDeleteOptions, BackendEntry, BackendGetOptions, BackendSetOptions } from '../../index.js';
import { advance } from '../../src/util/clock.js';

type Operation = 'get' | 'set' | 'delete';

/** A store whose bytes a test can look at, exchange, lose and delay. It counts its operations. */
export class MapBackend implements Backend {
  readonly stored = new Map<string, Uint8Array>();
  readonly ttls = new Map<string, number | undefined>();
  readonly staleTimes = new Map<string, number | undefined>();
  readonly calls = { get: 0, set: 0, delete: 0 };
  /** Operations that fail. */
  readonly failing = new Set<Operation>();
  /** What `get` says of an entry's end; undefined says nothing. */
  expiresInMs: number | undefined;
  /** Awaited before an operation takes effect. */
  before: ((operation: Operation, cacheKey: string) => Promise<void> | undefined) | undefined;
  /** Awaited between an operation's effect and its answer. */
  after: ((operation: Operation, cacheKey: string) => Promise<void> | undefined) | undefined;

  async get(cacheKey: string, _options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    await this.#enter('get', cacheKey);
    const bytes = this.stored.get(cacheKey);
    await this.after?.('get', cacheKey);
    return bytes && { bytes, expiresInMs: this.expiresInMs };
  }

  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    await this.#enter('set', cacheKey);
    this.stored.set(cacheKey, new Uint8Array(bytes));
    this.ttls.set(cacheKey, options?.ttlMs);
    this.staleTimes.set(cacheKey, options?.staleMs);
    await this.after?.('set', cacheKey);
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    await this.#enter('delete', cacheKey);
    const bytes = this.stored.get(cacheKey);
    const same = options?.ifBytes === undefined || (bytes && Buffer.compare(bytes, options.ifBytes) === 0);
    const deleted = same ? this.stored.delete(cacheKey) : false;
    await this.after?.('delete', cacheKey);
    return deleted;
  }

  /** The one cache key in it. */
  get only(): string {
    const [cacheKey, ...others] = this.stored.keys();
    if (cacheKey === undefined || others.length > 0) throw new Error(`There are ${this.stored.size} entries`);
    return cacheKey;
  }

  /** Every byte of it, as Latin-1 text. */
  get text(): string {
    return Buffer.concat([...this.stored.values()]).toString('latin1');
  }

  /** Changes one bit of an entry. */
  corrupt(cacheKey = this.only, at = 14): void {
    const bytes = new Uint8Array(this.stored.get(cacheKey) ?? []);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    this.stored.set(cacheKey, bytes);
  }

  async #enter(operation: Operation, cacheKey: string): Promise<void> {
    this.calls[operation]++;
    await this.before?.(operation, cacheKey);
    if (this.failing.has(operation)) throw new Error(`the store cannot ${operation}`);
  }
}

/** A store that says what others change, when a test makes it say so. */
export class WatchedBackend extends MapBackend {
  readonly listeners = new Set<(cacheKey: string | undefined) => void>();

  watch(listener: (cacheKey: string | undefined) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(cacheKey: string | undefined): void {
    for (const listener of this.listeners) listener(cacheKey);
  }
}

/** A promise and what settles it. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that can go on without waiting for anything outside do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** Runs `work` while the clock that L1 goes by is `offset.ms` ahead. Not for tests that run at the same time. */
export async function withClock<R>(work: (offset: { ms: number }) => Promise<R>): Promise<R> {
  let ahead = 0;
  const offset = {
    get ms() {
      return ahead;
    },
    set ms(ms: number) {
      advance(ms - ahead);
      ahead = ms;
    },
  };
  try {
    return await work(offset);
  } finally {
    offset.ms = 0;
  }
}

export const masterKey = '0123456789abcdef'.repeat(4);
export const otherKey = 'fedcba9876543210'.repeat(4);
