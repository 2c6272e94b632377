import { isError } from '../../errors.js';
/** One command with its arguments; text is sent as UTF-8. */
export type RedisCommand = readonly [name: string, ...args: (string | Buffer)[]];

type Listener = (error: Error) => void;

/** An ioredis or iovalkey client, as far as it is used here. */
export interface IoredisClient {
  readonly options: {
    readonly enableAutoPipelining?: boolean | undefined;
    readonly stringNumbers?: boolean | undefined;
    readonly redisOptions?: { readonly stringNumbers?: boolean | undefined } | undefined;
    readonly keyPrefix?: string | undefined;
    readonly host?: string | undefined;
    readonly port?: number | undefined;
  };
  readonly status: string;
  readonly stream?: { cork?(): void; uncork?(): void };
  connect(): Promise<void>;
  sendCommand(command: never): unknown;
  callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>;
  pipeline(): IoredisPipeline;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

export interface IoredisPipeline {
  callBuffer(name: string, ...args: (string | Buffer)[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A cluster client of ioredis or iovalkey, as far as it is used here. */
export interface IoredisClusterClient extends IoredisClient {
  /** For each slot the addresses of its servers, `host:port`, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): IoredisClient[];
}

/** A client of the package `redis` (5 or later), as far as it is used here. */
export interface NodeRedisClient {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  sendCommand(args: readonly (string | Buffer)[], options?: NodeRedisCommandOptions): Promise<unknown>;
  withTypeMapping(mapping: Record<number, unknown>): unknown;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** A cluster client of the package `redis`, as far as it is used here. */
export interface NodeRedisClusterClient {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  readonly slots: readonly ({ readonly master: NodeRedisClusterNode } | undefined)[];
  readonly masters: readonly NodeRedisClusterNode[];
  nodeClient(node: NodeRedisClusterNode): unknown;
  sendCommand(
    firstKey: string | Buffer | undefined,
    isReadonly: boolean | undefined,
    args: (string | Buffer)[],
    options?: NodeRedisCommandOptions,
  ): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** One master of a {@link NodeRedisClusterClient}. */
export interface NodeRedisClusterNode {
  readonly host: string;
  readonly port: number;
}

export interface NodeRedisCommandOptions {
  typeMapping?: Record<number, unknown>;
  timeout?: number | undefined;
  abortSignal?: AbortSignal | undefined;
}

export type RedisClient = IoredisClient | IoredisClusterClient | NodeRedisClient | NodeRedisClusterClient;

/** The libraries behind one face: commands go in, replies come out with their text as Buffers. */
export interface RedisCommands {
  /** Whether a command can be sent now. */
  readonly ready: boolean;
  /** What the client, configured by its owner, writes before each cache key. */
  readonly keyPrefix: string;
  /** The keys are spread over several servers, so that one command can only be about keys of one slot. */
  readonly sharded: boolean;
  send(command: RedisCommand): Promise<unknown>;
  /** What `send` is called with meanwhile goes out in one write. */
  together(sending: () => void): void;
  /** All commands in one write; a command that fails has its Error in place of a reply. */
  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]>;
  /** Every server that has keys. What they are sent is not prefixed. */
  nodes(): Promise<readonly RedisCommands[]>;
  /** The server that has a cache key, by the one connection to it, and what the key is called there. */
  at(cacheKey: string): Promise<{ readonly server: RedisCommands; readonly name: string }>;
  onError(listener: (error: Error) => void): () => void;
}

/** How a command is sent by an ioredis client with the options that it has. */
export function senderOf(client: IoredisClient): (command: RedisCommand) => Promise<unknown> {
  const { enableAutoPipelining, redisOptions, stringNumbers = redisOptions?.stringNumbers } = client.options;
  // Auto-pipelining loses the names of commands that are called, and the slots of names that are no text. What it saves,
  // operations of one tick save here already.
  const sender = enableAutoPipelining
    ? { options: { ...client.options, enableAutoPipelining: false }, sendCommand: client.sendCommand.bind(client) }
    : client;
  const send = (command: RedisCommand) => client.callBuffer.call(sender, ...command);
  if (stringNumbers) return async (command) => withNumbers(await send(command));
  return enableAutoPipelining ? send : (command) => client.callBuffer(...command);
}

/** All text comes as Buffers, so that only numbers are strings. */
function withNumbers(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(withNumbers);
  return typeof reply === 'string' ? Number(reply) : reply;
}

export class IoredisCommands implements RedisCommands {
  readonly sharded = false;
  readonly send: (command: RedisCommand) => Promise<unknown>;
  readonly #client: IoredisClient;

  constructor(client: IoredisClient) {
    this.#client = client;
    this.send = senderOf(client);
  }

  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  get keyPrefix(): string {
    return this.#client.options.keyPrefix ?? '';
  }

  together(sending: () => void): void {
    const { stream } = this.#client;
    stream?.cork?.();
    try {
      sending();
    } finally {
      stream?.uncork?.();
    }
  }

  // A pipeline of the library's own costs more than the promises that it saves.
  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const replies: Promise<unknown>[] = [];
    this.together(() => {
      for (const command of commands) replies.push(this.send(command));
    });
    return settled(replies);
  }

  async nodes(): Promise<readonly RedisCommands[]> {
    return [this];
  }

  async at(cacheKey: string): Promise<{ server: RedisCommands; name: string }> {
    return { server: this, name: cacheKey };
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}

/** RESP type of bulk strings: the byte `$`. */
const BLOB_STRING = 36;
/** Without the library's own timeout, which costs an AbortSignal for each command, and without a signal of the client's owner. */
export const AS_BUFFERS: NodeRedisCommandOptions = {
  typeMapping: { [BLOB_STRING]: Buffer },
  timeout: undefined,
  abortSignal: undefined,
};

export class NodeRedisCommands implements RedisCommands {
  readonly keyPrefix = '';
  readonly sharded = false;
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
  together(sending: () => void): void {
    sending();
  }

  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    return settled(commands.map((command) => this.send(command)));
  }

  async nodes(): Promise<readonly RedisCommands[]> {
    return [this];
  }

  async at(cacheKey: string): Promise<{ server: RedisCommands; name: string }> {
    return { server: this, name: cacheKey };
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}

/** What each has become: its value, or its Error. */
export async function settled(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === 'fulfilled') return result.value;
    return isError(result.reason) ? result.reason : new Error('rejected without an error');
  });
}
