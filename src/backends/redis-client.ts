import { kindOf } from '../bytes.js';
import { ConfigurationError } from '../errors.js';

/** One command with its arguments; text is sent as UTF-8. */
export type RedisCommand = readonly [name: string, ...args: (string | Buffer)[]];

/** An ioredis or iovalkey client, as far as it is used here. */
export interface IoredisClient {
  readonly options: { readonly keyPrefix?: string | undefined };
  readonly status: string;
  callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>;
  pipeline(): IoredisPipeline;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

export interface IoredisPipeline {
  callBuffer(name: string, ...args: (string | Buffer)[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A client of the package `redis` (5 or later), as far as it is used here. */
export interface NodeRedisClient {
  readonly isReady?: boolean;
  sendCommand(
    args: readonly (string | Buffer)[],
    options?: { typeMapping?: Record<number, unknown> },
  ): Promise<unknown>;
  withTypeMapping(mapping: Record<number, unknown>): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

export type RedisClient = IoredisClient | NodeRedisClient;

/** Both libraries behind one face: commands go in, replies come out with their text as Buffers. */
export interface RedisCommands {
  /** Whether a command can be sent now. */
  readonly ready: boolean;
  /** What the client, configured by its owner, writes before each cache key. */
  readonly keyPrefix: string;
  send(command: RedisCommand): Promise<unknown>;
  /** All commands in one write; a command that fails has its Error in place of a reply. */
  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]>;
  onError(listener: (error: Error) => void): () => void;
}

/**
 * @throws TypeError for what is neither kind of client, ConfigurationError for a cluster client or `redis` before 5.
 */
export function redisCommands(client: unknown): RedisCommands {
  if (typeof client !== 'object' || client === null) {
    throw new TypeError(`client must be an ioredis, iovalkey or redis client, not ${kindOf(client)}`);
  }
  const { callBuffer, pipeline, sendCommand, withTypeMapping, isCluster, slots, on } = client as Record<
    string,
    unknown
  >;
  if (isCluster === true || (slots !== undefined && typeof sendCommand === 'function')) {
    throw new ConfigurationError('Redis Cluster clients are not supported; pass a client of a single server');
  }
  if (typeof on === 'function' && typeof callBuffer === 'function' && typeof pipeline === 'function') {
    return new IoredisCommands(client as IoredisClient);
  }
  if (typeof on === 'function' && typeof sendCommand === 'function') {
    if (typeof withTypeMapping === 'function') return new NodeRedisCommands(client as NodeRedisClient);
    throw new ConfigurationError('The package redis is supported from version 5; npm install redis@latest');
  }
  throw new TypeError('client must be an ioredis, iovalkey or redis client');
}

class IoredisCommands implements RedisCommands {
  readonly #client: IoredisClient;

  constructor(client: IoredisClient) {
    this.#client = client;
  }

  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  get keyPrefix(): string {
    return this.#client.options.keyPrefix ?? '';
  }

  send([name, ...args]: RedisCommand): Promise<unknown> {
    return this.#client.callBuffer(name, ...args);
  }

  async sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, reply]) => error ?? reply);
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}

/** RESP type of bulk strings: the byte `$`. */
const BLOB_STRING = 36;
const AS_BUFFERS = { typeMapping: { [BLOB_STRING]: Buffer } };

class NodeRedisCommands implements RedisCommands {
  readonly keyPrefix = '';
  readonly #client: NodeRedisClient;

  constructor(client: NodeRedisClient) {
    this.#client = client;
  }

  get ready(): boolean {
    return this.#client.isReady === true;
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#client.sendCommand(command, AS_BUFFERS);
  }

  // The client itself writes all commands of one tick together.
  async sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const results = await Promise.allSettled(commands.map((command) => this.send(command)));
    return results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason));
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}
