import { assertBytes, assertWellFormed } from '../bytes.js';
import { BackendError, ConfigurationError, TimeoutError } from '../errors.js';
import {
  asBuffer,
  assertCacheKey,
  assertCacheKeys,
  assertItems,
  assertOptions,
  copyOf,
  finiteTtlMs,
  wholeTtlMs,
} from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendItem,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { timeoutOption, withDeadline } from './deadline.js';
import type { RedisClient, RedisCommand, RedisCommands } from './redis-client.js';
import {
  BorrowedClient,
  installedLibrary,
  parseRedisUrl,
  RedisConnection,
  type RedisLibrary,
  type RedisSource,
} from './redis-connection.js';
import { redisError } from './redis-error.js';

export type { IoredisClient, IoredisPipeline, NodeRedisClient, RedisClient } from './redis-client.js';
export type { RedisLibrary } from './redis-connection.js';

export interface RedisBackendOptions {
  /** `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. Either this or `client`. */
  url?: string;
  /**
   * A client of `ioredis`, `iovalkey` or `redis` (5 or later), connected and closed by its owner. A `keyPrefix` of an
   * ioredis client is written to Redis and not part of the cache key that a value is bound to.
   */
  client?: RedisClient;
  /** Which package to use for `url`. Default: `ioredis` when it is installed, else `redis`. */
  library?: RedisLibrary;
  /** After how many milliseconds without an answer an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
}

/** Comparing and deleting in one step, so that nothing written in between is lost. */
const DELETE_IF_EQUAL = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

const SCAN_COUNT = '500';

/**
 * A store in Redis or Valkey: one string for each cache key, under exactly that name, with its TTL in milliseconds.
 *
 * With a URL the connection is made by the first operation and again, when it was lost, by the next one.
 */
export class RedisBackend implements Backend {
  readonly #source: RedisSource;
  readonly #timeoutMs: number;
  /** Answers so far; an operation that saw none during all its time has a dead connection. */
  #answers = 0;

  /** @throws TypeError, RangeError, ConfigurationError for a bad URL or a missing package. */
  constructor(options: RedisBackendOptions) {
    assertOptions(options);
    const { url, client, library, timeoutMs } = options;
    this.#timeoutMs = timeoutOption(timeoutMs);
    if ((url === undefined) === (client === undefined)) {
      throw new ConfigurationError('A Redis backend takes either a url or a client');
    }
    this.#source =
      client === undefined
        ? new RedisConnection(parseRedisUrl(url), installedLibrary(library), this.#timeoutMs)
        : new BorrowedClient(client);
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    assertCacheKey(cacheKey);
    if (!options?.ttl) return entry(await this.#send(options, ['get', cacheKey]));
    // The TTL first: of an entry replaced in between, the old one's is the shorter-lived mistake.
    const [ttl, bytes] = await this.#sendAll(options, [
      ['pttl', cacheKey],
      ['get', cacheKey],
    ]);
    return entry(bytes, ttl);
  }

  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    assertCacheKey(cacheKey);
    assertBytes('bytes', bytes);
    const command = setCommand(cacheKey, bytes, wholeTtlMs(options?.ttlMs), options?.owned);
    await this.#send(options, command);
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    const ifBytes = options?.ifBytes;
    if (ifBytes === undefined) return count(await this.#send(options, ['del', cacheKey])) > 0;
    assertBytes('ifBytes', ifBytes);
    return count(await this.#send(options, ['eval', DELETE_IF_EQUAL, '1', cacheKey, copyOf(ifBytes)])) > 0;
  }

  async getMany(cacheKeys: readonly string[], options?: BackendGetOptions): Promise<(BackendEntry | undefined)[]> {
    assertCacheKeys(cacheKeys);
    if (cacheKeys.length === 0) return [];
    const ttls: RedisCommand[] = options?.ttl ? cacheKeys.map((cacheKey) => ['pttl', cacheKey]) : [];
    const replies = await this.#sendAll(options, [...ttls, ['mget', ...cacheKeys]]);
    const values = replies[ttls.length];
    if (!Array.isArray(values) || values.length !== cacheKeys.length) throw unexpected();
    return values.map((bytes, i) => entry(bytes, options?.ttl ? replies[i] : undefined));
  }

  async setMany(items: readonly BackendItem[], options?: Omit<BackendSetOptions, 'ttlMs'>): Promise<void> {
    assertItems(items);
    if (items.length === 0) return;
    const commands = items.map(({ cacheKey, bytes, ttlMs }) =>
      setCommand(cacheKey, bytes, wholeTtlMs(ttlMs), options?.owned),
    );
    await this.#sendAll(options, commands);
  }

  async deleteMany(cacheKeys: readonly string[], options?: BackendOptions): Promise<number> {
    assertCacheKeys(cacheKeys);
    return cacheKeys.length === 0 ? 0 : count(await this.#send(options, ['del', ...cacheKeys]));
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    return count(await this.#send(options, ['exists', cacheKey])) > 0;
  }

  async *keys({ prefix = '', ...options }: BackendOptions & { prefix?: string } = {}): AsyncGenerator<string> {
    assertWellFormed('prefix', prefix);
    const ownerPrefix = await this.#run(options, async (commands) => commands.keyPrefix);
    const pattern = `${escapeGlob(ownerPrefix + prefix)}*`;
    // A cache key is UTF-8 with every character kept, a byte order mark included; other names are not ours.
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    let cursor = '0';
    do {
      const reply = await this.#send(options, ['scan', cursor, 'match', pattern, 'count', SCAN_COUNT]);
      if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw unexpected();
      cursor = String(reply[0]);
      for (const name of reply[1] as Uint8Array[]) {
        let text: string;
        try {
          text = utf8.decode(name);
        } catch {
          continue;
        }
        yield text.slice(ownerPrefix.length);
      }
    } while (cursor !== '0');
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    assertCacheKey(cacheKey);
    return count(await this.#send(options, ['pexpire', cacheKey, String(finiteTtlMs(ttlMs))])) > 0;
  }

  /** Waits up to a second for what is under way. A client that was passed in stays open. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #send(options: BackendOptions | undefined, command: RedisCommand): Promise<unknown> {
    return this.#run(options, (commands) => commands.send(command));
  }

  async #sendAll(options: BackendOptions | undefined, commands: readonly RedisCommand[]): Promise<unknown[]> {
    const replies = await this.#run(options, (redis) => redis.sendAll(commands));
    if (replies.length !== commands.length) throw unexpected();
    for (const reply of replies) if (reply instanceof Error) throw redisError(reply);
    return replies;
  }

  #run<T>(options: BackendOptions | undefined, work: (commands: RedisCommands) => Promise<T>): Promise<T> {
    const answers = this.#answers;
    return withDeadline(
      'Redis',
      this.#timeoutMs,
      options?.signal,
      async () => {
        try {
          const reply = await work(await this.#source.commands());
          this.#answers++;
          return reply;
        } catch (error) {
          throw redisError(error);
        }
      },
      (reason) => {
        if (reason instanceof TimeoutError && this.#answers === answers) this.#source.unresponsive(reason);
      },
    );
  }
}

function setCommand(
  cacheKey: string,
  bytes: Uint8Array,
  ttlMs: number | undefined,
  owned: boolean | undefined,
): RedisCommand {
  // The socket may read it long after this call.
  const value = owned ? asBuffer(bytes) : copyOf(bytes);
  return ttlMs === undefined ? ['set', cacheKey, value] : ['set', cacheKey, value, 'px', String(ttlMs)];
}

/** PTTL answers −1 for "never" and −2 for "no such key", which can only be of an instant before the value was set. */
function entry(bytes: unknown, ttl?: unknown): BackendEntry | undefined {
  if (bytes === null || bytes === undefined) return undefined;
  if (!Buffer.isBuffer(bytes)) throw unexpected();
  if (typeof ttl !== 'number' || ttl < -1) return { bytes };
  return { bytes, expiresInMs: ttl === -1 ? Number.POSITIVE_INFINITY : ttl };
}

function count(reply: unknown): number {
  if (typeof reply !== 'number') throw unexpected();
  return reply;
}

function unexpected(): BackendError {
  return new BackendError('Redis answered with something else than the command asks for');
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[]/g, '\\$&');
}
