import { BackendError, CacheKitError } from '../errors.js';
import { fromBase64 } from '../util/base64.js';
import { assertBytes, assertCacheKey, assertCacheKeys, assertWellFormed, viewOf } from '../util/bytes.js';
import { withDeadline } from '../util/deadlines.js';
import { ownOptions } from '../util/options-object.js';
import { throwIfAborted } from '../util/realms.js';
import { assertOptions, closedError, expectedBytes, timeoutOption, wholeTtlMs } from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendKeysOptions,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { causeWithout, codeOf } from './cause.js';
import { ignoreErrors, listenToErrors } from './error-listeners.js';
import { guarantee, methodsOf } from './guarantees.js';
import {
  type KeyvAdapter,
  type KeyvEnvelope,
  type KeyvInstance,
  type KeyvStorageAdapter,
  keyvAdapter,
} from './keyv/adapter.js';
import { leftUntil, machineEnd } from './keyv/machine-end.js';

export {
  clientPrefix,
  isAdapter,
  isKeyvInstance,
  type KeyvInstance,
  type KeyvStorageAdapter,
  keyvAdapter,
  looksLikeKeyv,
  ownPrefix,
  prefix5,
  takesExpires,
} from './keyv/adapter.js';

export interface KeyvBackendOptions {
  /** A Keyv instance or a storage adapter for one, of Keyv 5 or 6, connected and closed by its owner. */
  store: KeyvInstance | KeyvStorageAdapter;
  /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
}

/** Dates after it are not dates: such an entry never expires. */
const MAX_DATE = 8.64e15;

/**
 * Any store that Keyv has an adapter for.
 *
 * Bytes are stored as base64 in Keyv's own form, `{ value, expires }` and `machineEnd`, with the instance's namespace, serialization,
 * compression and encryption but without its hooks, statistics and key sanitization, which could change what is
 * stored or where. Entries end by the wall clock or the clock that the processes of the machine share, whichever says
 * so first; on another machine, and after a restart, a wall clock that was set back lengthens them. `ifBytes` compares before it deletes, not in one step. What a store reports as an `error` event
 * while an operation is under way, instead of failing it, is a BackendError and no miss.
 */
export class KeyvBackend implements Backend {
  /** Of stores that list what they have: adapters of `@keyv/redis` without a namespace leave out names with `::`. */
  readonly keys?: NonNullable<Backend['keys']>;
  readonly #keyv: KeyvAdapter;
  readonly #timeoutMs: number;
  /** From the first operation on. */
  #reported = 0;
  #lastReported: unknown;
  #listening = false;
  #closed = false;
  readonly #listener = (error: unknown): void => {
    this.#reported++;
    this.#lastReported = error;
  };

  /** @throws TypeError for what is neither, a Map among them: wrap it, as `new Keyv({ store: map })`; RangeError. */
  constructor(options: KeyvBackendOptions) {
    assertOptions(options);
    const { store, timeoutMs } = ownOptions(options);
    const keyv = keyvAdapter(store);
    if (keyv === undefined || Symbol.iterator in store) {
      throw new TypeError(
        'store must be a Keyv instance or storage adapter (5 or later); wrap a Map: new Keyv({ store })',
      );
    }
    this.#keyv = keyv;
    this.#timeoutMs = timeoutOption(timeoutMs);
    if (keyv.lists) this.keys = (options) => this.#list(options);
    guarantee(this, METHODS, { private: true, limitMs: this.#timeoutMs });
  }

  /** The instance's namespace, as it is written into names. */
  get keyPrefix(): string {
    return this.#keyv.prefix();
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    return this.#get(cacheKey, options);
  }

  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    assertCacheKey(cacheKey);
    assertBytes('bytes', bytes);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    const end = ttlMs === undefined ? undefined : Date.now() + ttlMs;
    const expires = end !== undefined && end <= MAX_DATE ? end : undefined;
    const envelope: KeyvEnvelope = { value: viewOf(bytes).toString('base64'), expires };
    if (ttlMs !== undefined && expires !== undefined) envelope.machineEnd = machineEnd(ttlMs);
    await this.#run(
      options,
      cacheKey,
      async () => {
        const encoded = await this.#keyv.encode(envelope);
        const done = await this.#keyv.set(this.#keyv.nameOf(cacheKey), encoded, expires);
        return done === false ? undefined : true;
      },
      failed,
    );
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const expected = expectedBytes(options);
    const removed = await this.#run(options, cacheKey, async () => {
      if (expected && !(await this.#read(cacheKey))?.bytes.equals(expected)) return undefined;
      const answer = await this.#keyv.store.delete(this.#keyv.nameOf(cacheKey));
      return answer === false ? undefined : true;
    });
    return removed === true;
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    assertCacheKeys(cacheKeys);
    const { store } = this.#keyv;
    if (cacheKeys.length === 0) return [];
    if (typeof store.getMany !== 'function') {
      return Promise.all(cacheKeys.map((cacheKey) => this.#get(cacheKey, options)));
    }
    let complete = false;
    const entries: (BackendEntry | undefined)[] = [];
    await this.#run(options, cacheKeys, async () => {
      const stored = await store.getMany?.(cacheKeys.map((cacheKey) => this.#keyv.nameOf(cacheKey)));
      if (!Array.isArray(stored) || stored.length !== cacheKeys.length) throw unexpected();
      for (const one of stored) entries.push(await this.#decode(one));
      complete = entries.every((entry) => entry !== undefined);
      return complete || undefined;
    });
    return entries;
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    return (await this.#get(cacheKey, options)) !== undefined;
  }

  /** The store stays open: it is its owner's. */
  async close(): Promise<void> {
    this.#closed = true;
    ignoreErrors(this.#keyv.store, this.#listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#list({ prefix = '', signal }: BackendKeysOptions = {}): AsyncGenerator<string> {
    assertWellFormed('prefix', prefix);
    try {
      for await (const cacheKey of this.#keyv.keys()) {
        if (this.#closed) throw closedError('Keyv');
        throwIfAborted(signal);
        if (cacheKey.startsWith(prefix)) yield cacheKey;
      }
    } catch (error) {
      throw signal?.aborted ? error : keyvError(error, []);
    }
  }

  async #get(cacheKey: string, options: BackendGetOptions | undefined): Promise<BackendEntry | undefined> {
    assertCacheKey(cacheKey);
    return this.#run(options, cacheKey, () => this.#read(cacheKey));
  }

  async #read(cacheKey: string): Promise<(BackendEntry & { bytes: Buffer }) | undefined> {
    return this.#decode(await this.#keyv.store.get(this.#keyv.nameOf(cacheKey)));
  }

  /** Something else than an entry of ours, or one that has expired, is a miss. */
  async #decode(stored: unknown): Promise<(BackendEntry & { bytes: Buffer }) | undefined> {
    if (stored === undefined || stored === null) return undefined;
    const envelope = await this.#keyv.decode(stored);
    if (typeof envelope !== 'object' || envelope === null) return undefined;
    const { value, expires, machineEnd: end } = { __proto__: null, ...envelope } as KeyvEnvelope;
    const bytes = typeof value === 'string' ? fromBase64(value) : undefined;
    if (bytes === undefined) return undefined;
    const byWallClock = typeof expires === 'number' ? expires - Date.now() : Number.POSITIVE_INFINITY;
    const expiresInMs = Math.min(byWallClock, leftUntil(end));
    return expiresInMs > 0 ? { bytes, expiresInMs } : undefined;
  }

  /** An `undefined` while the store reports an error is no answer. */
  #run<T>(
    options: BackendOptions | undefined,
    cacheKeys: string | readonly string[],
    work: () => Promise<T | undefined>,
    otherwise?: () => never,
  ): Promise<T | undefined> {
    if (this.#closed) throw closedError('Keyv');
    if (!this.#listening) listenToErrors(this.#keyv.store, this.#listener);
    this.#listening = true;
    return withDeadline('The Keyv backend', this.#timeoutMs, options?.signal, async () => {
      const before = this.#reported;
      try {
        const result = await work();
        if (result === undefined && this.#reported !== before) throw this.#lastReported;
        return result === undefined && otherwise ? otherwise() : result;
      } catch (error) {
        throw keyvError(error, cacheKeys);
      }
    });
  }
}

const METHODS = methodsOf(KeyvBackend);

function failed(): never {
  throw new BackendError('The Keyv store did not keep the entry');
}

function unexpected(): BackendError {
  return new BackendError('The Keyv store answered with something else than was asked for');
}

function keyvError(error: unknown, cacheKeys: string | readonly string[]): unknown {
  if (error instanceof CacheKitError) return error;
  const code = codeOf(error);
  const message = `The Keyv store failed${code ? `: ${code}` : ''}`;
  return new BackendError(message, {
    cause: causeWithout(typeof cacheKeys === 'string' ? [cacheKeys] : cacheKeys, error),
  });
}
