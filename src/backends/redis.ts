import { ConfigurationError } from '../errors.js';
import { assertBytes, assertCacheKey, assertCacheKeys, assertWellFormed, copyOf } from '../util/bytes.js';
import { assertNotHeld } from '../util/clock.js';
import { ownOptions } from '../util/options-object.js';
import {
  assertOptions,
  beginningOf,
  CACHE,
  type CheckedItem,
  checkedItem,
  checkedItems,
  distinctTags,
  expectedBytes,
  finiteTtlMs,
  timeoutOption,
  unchangedSince,
  wholeLeaseMs,
} from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendItem,
  BackendKeysOptions,
  BackendLock,
  BackendOptions,
  BackendSetManyOptions,
  BackendSetOptions,
  BackendTagOptions,
  BackendUnchanged,
} from './backend.js';
import { type Guarantees, guarantee, methodsOf } from './guarantees.js';
import { parseRedisUrl } from './redis/address.js';
import { entryOf } from './redis/batch.js';
import { deletionOf, RedisChanges, replacementOf } from './redis/changes.js';
import type { RedisClient } from './redis/clients.js';
import { countOf, type RedisCommands } from './redis/commands.js';
import { RedisConnection } from './redis/connection.js';
import { REMEMBERS_MS } from './redis/deletion-marks.js';
import { recordOf } from './redis/key-names.js';
import { LOCK_SUFFIX, takeLock, unlessLock } from './redis/lock.js';
import { installedLibrary, type RedisLibrary } from './redis/owned-client.js';
import { RedisQueue } from './redis/queue.js';
import { type Found, readMany } from './redis/read.js';
import { scanKeys } from './redis/scan.js';
import type { SetTogether } from './redis/sets.js';
import { invalidateTags } from './redis/tags.js';
import { ExclusiveConnection } from './redis/transactions.js';
import { ExternalClient } from './redis/user-client.js';

export type {
  IoredisClient,
  IoredisClusterClient,
  IoredisPipeline,
  NodeRedisClient,
  NodeRedisClusterClient,
  NodeRedisClusterNode,
  NodeRedisCommandOptions,
  RedisClient,
} from './redis/clients.js';
export type { RedisLibrary } from './redis/owned-client.js';
export { type RedisBusOptions, redisBus } from './redis/redis-bus.js';
export { serverInfo, serverTime } from './redis/server-info.js';

export interface RedisBackendOptions {
  /**
   * `redis://[user[:password]@]host[:port][/database][?family=6]`, or `rediss://` for TLS (`?ca=file.pem`); for a cluster
   * `redis+cluster://host,host…`, of Sentinels `redis+sentinel://host,host…/name`; `unix:/path`. See docs/redis.md. Either this or `client`.
   */
  url?: string;
  /**
   * A client of `ioredis`, `iovalkey` or `redis` (5 or later), for one server or for a cluster, connected and closed by
   * its owner. A `keyPrefix` of an ioredis client is part of what a value is bound to. While it is not connected, operations reject rather than wait in its queue.
   */
  client?: RedisClient;
  /** Which package to use for `url`. Default: `ioredis` when it is installed, else `redis`. */
  library?: RedisLibrary;
  /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
}

/**
 * A store in Redis or Valkey, one server or a cluster: one string for each cache key, under exactly that name, with its
 * TTL in milliseconds.
 *
 * With a URL the connection is made by the first operation and again, when it was lost, by the next one. Operations of
 * one tick are sent together, their gets as one MGET.
 */
export class RedisBackend implements Backend {
  readonly #queue: RedisQueue;
  readonly #changes: RedisChanges;
  /** Half a minute: a deletion leaves a mark of some 200 bytes for so long. */
  readonly remembersMs: number = REMEMBERS_MS;
  /**
   * By the servers' client-side caching, on a connection of its own to each. Of a URL's backend alone: a borrowed
   * client's reads are remembered only by changing the state of its owner's connection.
   */
  readonly watch?: NonNullable<Backend['watch']>;
  /** That of an ioredis client. */
  readonly keyPrefix?: string;

  /** @throws TypeError, RangeError, ConfigurationError for a bad URL or a missing package. */
  constructor(options: RedisBackendOptions) {
    assertOptions(options);
    const { url, client, library, timeoutMs } = ownOptions(options);
    const timeout = timeoutOption(timeoutMs);
    if ((url === undefined) === (client === undefined)) {
      throw new ConfigurationError('A Redis backend takes either a url or a client');
    }
    if (client !== undefined) {
      const borrowed = new ExternalClient(client);
      const { keyPrefix, sharded } = borrowed.current;
      // A borrowed client's answers are its owner's too.
      guarantee(this, METHODS, { private: false, limitMs: timeout, ...(!sharded && gathering(borrowed.library)) });
      if (keyPrefix !== '') this.keyPrefix = keyPrefix;
      this.#queue = new RedisQueue(borrowed, timeout, this.#setTogether);
      this.#changes = new RedisChanges(new ExclusiveConnection(() => borrowed.duplicate(), timeout));
      return;
    }
    const underWay = () => this.#queue.underWay();
    const address = parseRedisUrl(url);
    const installed = installedLibrary(library);
    guarantee(this, METHODS, { private: true, limitMs: timeout, ...(!address.cluster && gathering(installed)) });
    const connection = new RedisConnection(address, installed, timeout, underWay);
    this.#queue = new RedisQueue(connection, timeout, this.#setTogether);
    const exclusive = new ExclusiveConnection(() => connection.another(), timeout);
    this.#changes = new RedisChanges(exclusive, connection.watch);
    this.watch = (listener, state) => connection.watch.add(listener, state);
  }

  // Without `async`: the promise of the batch is the caller's.
  get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    try {
      if (!isByCache(options)) assertCacheKey(cacheKey);
      const found = this.#queue.get(cacheKey, options);
      return cacheKey.endsWith(LOCK_SUFFIX) ? found.then(unlessLock) : found;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  // Without `async`, as `get`.
  set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    try {
      const item = itemOf(cacheKey, bytes, options);
      const { tags, ttlMs = REMEMBERS_MS } = item;
      if (tags.length > 0) this.#changes.tagged = true;
      const { tagged, watch } = this.#changes;
      const plain = !tagged && !watch?.active && ttlMs >= REMEMBERS_MS;
      if (plain) return this.#queue.set(item, options);
      return this.#queue.run(options, (commands) => this.#changes.set(commands, [item]));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #setTogether: SetTogether = (commands, items) => this.#changes.setTogether(commands, items);

  async setIfUnchanged(
    cacheKey: string,
    bytes: Uint8Array,
    options: BackendSetOptions & BackendUnchanged,
  ): Promise<boolean> {
    const unchanged = unchangedSince(options);
    const item = checkedItem(cacheKey, bytes, options);
    this.#changes.noteTags([item]);
    return this.#queue.run(options, (commands) => this.#changes.setIfUnchanged(commands, item, unchanged));
  }

  async changedSince(cacheKey: string, sinceMs: number, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const begun = beginningOf(sinceMs);
    return this.#queue.run(options, (commands) => this.#changes.isChanged(commands, cacheKey, begun));
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const expected = expectedBytes(options);
    if (expected === undefined)
      return (await this.#queue.run(options, (commands) => this.#changes.remove(commands, [cacheKey]))) > 0;
    const deletion = deletionOf(cacheKey, expected);
    return this.#queue.run(options, (commands) => this.#changes.compare(commands, deletion));
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    const byCache = isByCache(options);
    if (!byCache) assertCacheKeys(cacheKeys);
    if (cacheKeys.length === 0) return [];
    const wanted = byCache ? cacheKeys : [...cacheKeys];
    const ttl = options?.ttl === true;
    return this.#queue.run(options, async (commands) => {
      const found = await readMany(commands, wanted, ttl);
      return wanted.map((name, i) => {
        const { bytes, ttl: left, error } = found[i] as Found;
        if (error !== undefined) throw error;
        const entry = entryOf(bytes, left, options);
        return entry !== undefined && name.endsWith(LOCK_SUFFIX) ? unlessLock(entry) : entry;
      });
    });
  }

  async setMany(items: readonly BackendItem[], options?: BackendSetManyOptions): Promise<void> {
    const checked = checkedItems(items, options);
    if (checked.length === 0) return;
    this.#changes.noteTags(checked);
    await this.#queue.run(options, (commands) => this.#changes.set(commands, checked));
  }

  async deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number> {
    assertCacheKeys(cacheKeys);
    if (cacheKeys.length === 0) return 0;
    const removed = [...cacheKeys];
    return this.#queue.run(options, (commands) => this.#changes.remove(commands, removed));
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    return countOf(await this.#queue.run(options, (commands) => commands.send(['exists', cacheKey]))) > 0;
  }

  async *keys(options: BackendKeysOptions = {}): AsyncGenerator<string> {
    const { prefix = '' } = options;
    assertWellFormed('prefix', prefix);
    yield* scanKeys(this.#queue, prefix, options);
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const whole = finiteTtlMs(ttlMs);
    return this.#queue.run(options, (commands) => this.#changes.expire(commands, cacheKey, whole));
  }

  async replace(cacheKey: string, ifBytes: Uint8Array, bytes: Uint8Array, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    assertBytes('ifBytes', ifBytes);
    assertBytes('bytes', bytes);
    const replacement = replacementOf(cacheKey, copyOf(ifBytes), copyOf(bytes));
    return this.#queue.run(options, (commands) => this.#changes.compare(commands, replacement));
  }

  /** Each step of at most 500 entries has the time limit of its own. */
  async invalidateTags(tags: readonly string[], options?: BackendTagOptions): Promise<number> {
    const names = distinctTags(tags);
    if (names.length === 0) return 0;
    this.#changes.tagged = true;
    return invalidateTags((work) => this.#queue.run(options, work), names, options?.onProgress);
  }

  /** @internal */
  run<T>(work: (commands: RedisCommands) => Promise<T>): Promise<T> {
    return this.#queue.run(undefined, work);
  }

  async isTagged(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const count = this.#queue.run(options, (commands) => commands.send(['exists', recordOf(commands, cacheKey)]));
    return countOf(await count) > 0;
  }

  async lock(cacheKey: string, leaseMs: number, options?: BackendOptions): Promise<BackendLock | undefined> {
    assertCacheKey(cacheKey);
    return takeLock(this.#queue, this.#changes, cacheKey, wholeLeaseMs(leaseMs), options);
  }

  /** Waits up to a second for what is under way; what begins later rejects. A client that was passed in stays open. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const METHODS = methodsOf(RedisBackend);

/** Of one server. Where there are several, a command for many keys would fail for all of them when one server is away. */
function gathering(library: RedisLibrary): Pick<Guarantees, 'beforeTick'> {
  return { beforeTick: () => assertNotHeld(library) };
}

/** Whether a cache calls: it has checked the names, and what it gives is its own. */
function isByCache<T extends BackendOptions>(options: T | undefined): options is T {
  return options !== undefined && CACHE in options;
}

const NO_TAGS: readonly string[] = [];

function itemOf(cacheKey: string, bytes: Uint8Array, options: BackendSetOptions | undefined): CheckedItem {
  const trusted = isByCache(options) && options.tags === undefined;
  if (!trusted) return checkedItem(cacheKey, bytes, options);
  const { ttlMs } = options;
  return {
    cacheKey,
    bytes: bytes as Buffer,
    ttlMs: ttlMs === Number.POSITIVE_INFINITY ? undefined : ttlMs,
    tags: NO_TAGS,
  };
}
