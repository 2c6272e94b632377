import { BackendError, ConfigurationError, isError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';
import type { CheckedItem } from '../arguments.js';
import type {
  IoredisClient,
  IoredisClusterClient,
  NodeRedisClient,
  NodeRedisClusterClient,
  NodeRedisCommandOptions,
  RedisClient,
} from './clients.js';
import { slotOf } from './key-names.js';

/** One command with its arguments; text is sent as UTF-8. */
export type RedisCommand = readonly [name: string, ...args: (string | Buffer)[]];

type Send = (command: RedisCommand) => Promise<unknown>;

/** What the libraries do in different ways, and their clients for one server and for a cluster. */
interface Adapter {
  readonly client: Pick<RedisClient, 'on' | 'off'>;
  readonly send: Send;
  isReady(): boolean;
  keyPrefix?(): string;
  /** What holds back commands that are sent in one tick, where the library does not gather them itself. */
  stream?(): IoredisClient['stream'];
  /** Absent: all keys are on one server. */
  readonly cluster?: {
    masters(): Promise<readonly RedisCommands[]>;
    masterOf(slot: number): Promise<RedisCommands | undefined>;
  };
}

/** Commands go in, replies come out with their text as Buffers, whichever library the client is of. */
export class RedisCommands {
  readonly send: Send;
  /** The keys are spread over several servers, so that one command can only be about keys of one slot. */
  readonly sharded: boolean;
  readonly #adapter: Adapter;

  constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.send = adapter.send;
    this.sharded = adapter.cluster !== undefined;
  }

  /** Whether a command can be sent now. */
  get ready(): boolean {
    return this.#adapter.isReady();
  }

  /** What the client, configured by its owner, writes before each cache key. */
  get keyPrefix(): string {
    return this.#adapter.keyPrefix?.() ?? '';
  }

  /** Commands that are sent during `sending` go out in one write. */
  together(sending: () => void): void {
    const stream = this.#adapter.stream?.();
    stream?.cork?.();
    try {
      sending();
    } finally {
      stream?.uncork?.();
    }
  }

  /** All commands in one write; a command that fails has its Error in place of a reply. */
  async sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const replies: Promise<unknown>[] = [];
    this.together(() => {
      for (const command of commands) replies.push(this.send(command));
    });
    return (await Promise.allSettled(replies)).map((result) => {
      if (result.status === 'fulfilled') return result.value;
      return isError(result.reason) ? result.reason : new Error('rejected without an error');
    });
  }

  /** Every server that has keys. What they are sent is not prefixed. */
  async nodes(): Promise<readonly RedisCommands[]> {
    return this.#adapter.cluster?.masters() ?? [this];
  }

  /** The server that has a cache key, by the one connection to it, and what the key is called there. */
  async at(cacheKey: string): Promise<{ readonly server: RedisCommands; readonly name: string }> {
    const { cluster } = this.#adapter;
    if (cluster === undefined) return { server: this, name: cacheKey };
    const full = this.keyPrefix + cacheKey;
    const server = await cluster.masterOf(slotOf(full));
    if (server === undefined) {
      throw new BackendError('No server of the Redis cluster has the slot', { transient: true });
    }
    return { server, name: server.keyPrefix === '' ? full : cacheKey };
  }

  onError(listener: (error: Error) => void): () => void {
    const { client } = this.#adapter;
    client.on('error', listener);
    return () => client.off('error', listener);
  }
}

export function ioredisCommands(client: IoredisClient): RedisCommands {
  return new RedisCommands({
    ...ioredis(client),
    // A pipeline of the library's own costs more than the promises that it saves.
    stream: () => client.stream,
  });
}

/** Each command on its own, so that the library follows a redirection (MOVED, ASK) of that one alone. */
export function ioredisClusterCommands(client: IoredisClusterClient): RedisCommands {
  const masters = () => client.nodes('master');
  return new RedisCommands({
    ...ioredis(client),
    cluster: {
      masters: async () => masters().map(ioredisCommands),
      masterOf: async (slot) => {
        const address = client.slots[slot]?.[0];
        const master = masters().find(({ options: { host, port } }) => `${host}:${port}` === address);
        return master && ioredisCommands(master);
      },
    },
  });
}

function ioredis(client: IoredisClient): Adapter {
  return {
    client,
    send: ioredisSend(client),
    isReady: () => client.status === 'ready',
    keyPrefix: () => client.options.keyPrefix ?? '',
  };
}

/** How a command is sent by an ioredis client with the options that it has. */
function ioredisSend(client: IoredisClient): Send {
  const { enableAutoPipelining, redisOptions, stringNumbers = redisOptions?.stringNumbers } = client.options;
  // Auto-pipelining loses the names of commands that are called, and the slots of names that are no text. What it saves,
  // operations of one tick save here already.
  const sender = enableAutoPipelining
    ? { options: { ...client.options, enableAutoPipelining: false }, sendCommand: client.sendCommand.bind(client) }
    : client;
  const send: Send = (command) => client.callBuffer.call(sender, ...command);
  if (stringNumbers) return async (command) => withNumbers(await send(command));
  return enableAutoPipelining ? send : (command) => client.callBuffer(...command);
}

/** All text comes as Buffers, so that only numbers are strings. */
function withNumbers(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(withNumbers);
  return typeof reply === 'string' ? Number(reply) : reply;
}

/** RESP type of bulk strings: the byte `$`. */
const BLOB_STRING = 36;
/** Without the library's own timeout, which costs an AbortSignal for each command, and without a signal of the client's owner. */
const AS_BUFFERS: NodeRedisCommandOptions = {
  typeMapping: { [BLOB_STRING]: Buffer },
  timeout: undefined,
  abortSignal: undefined,
};

/** The client itself writes all commands of one tick together. */
export function nodeRedisCommands(client: NodeRedisClient): RedisCommands {
  return new RedisCommands({
    client,
    send: (command) => client.sendCommand(command, AS_BUFFERS),
    isReady: () => client.isReady === true,
  });
}

/** As {@link ioredisClusterCommands}. */
export function nodeRedisClusterCommands(client: NodeRedisClusterClient): RedisCommands {
  const server = async (node: NodeRedisClusterClient['masters'][number]) =>
    nodeRedisCommands((await client.nodeClient(node)) as NodeRedisClient);
  return new RedisCommands({
    client,
    send: (command) => client.sendCommand(firstKeyOf(command), false, [...command], AS_BUFFERS),
    isReady: () => client.isReady === true,
    cluster: {
      masters: () => Promise.all(client.masters.map(server)),
      masterOf: async (slot) => {
        const master = client.slots[slot]?.master;
        return master && server(master);
      },
    },
  });
}

/** `EVAL script numkeys key …`, and EVALSHA; in every other command sent here the key comes first. */
function firstKeyOf([name, first, , third]: RedisCommand): string | Buffer | undefined {
  return name === 'eval' || name === 'evalsha' ? third : first;
}

/**
 * @throws TypeError for what is no client of these libraries; ConfigurationError for `redis` before 5 and for a client whose
 * kind or options do not suit.
 */
export function redisCommands(client: unknown): RedisCommands {
  if (typeof client !== 'object' || client === null) {
    throw new TypeError(`client must be an ioredis, iovalkey or redis client, not ${kindOf(client)}`);
  }
  const { callBuffer, pipeline, sendCommand, withTypeMapping, nodes, isCluster, masters, on } = client as Parts;
  if (typeof on === 'function' && typeof callBuffer === 'function' && typeof pipeline === 'function') {
    assertIoredisSuits(client);
    if (isCluster !== true) return ioredisCommands(client as IoredisClient);
    if (typeof nodes === 'function') return ioredisClusterCommands(client as IoredisClusterClient);
  }
  if (typeof on === 'function' && typeof sendCommand === 'function') {
    if (typeof withTypeMapping !== 'function') {
      throw new ConfigurationError('The package redis is supported from version 5; npm install redis@latest');
    }
    assertNodeRedisSuits(client);
    if (Array.isArray(masters)) return nodeRedisClusterCommands(client as NodeRedisClusterClient);
    return nodeRedisCommands(client as NodeRedisClient);
  }
  throw new TypeError('client must be an ioredis, iovalkey or redis client');
}

type Parts = Record<string, unknown>;

function assertIoredisSuits(client: object): void {
  const { mode, options } = client as { mode?: unknown; options?: Parts };
  if (mode === 'subscriber' || mode === 'monitor') {
    throw new ConfigurationError(`An ioredis client in ${mode} mode cannot send commands: pass another one`);
  }
  const { keyPrefix } = options ?? {};
  if (keyPrefix !== undefined && keyPrefix !== null && typeof keyPrefix !== 'string') {
    throw new ConfigurationError('The keyPrefix of an ioredis client must be a string');
  }
}

/** Pools and Sentinel clients queue commands while no connection is free, and send them after their callers' timeouts. */
function assertNodeRedisSuits(client: object): void {
  const { idleClients, getSentinelNode, _keyPrefix, options } = client as Parts & { options?: Parts };
  if (idleClients !== undefined) {
    throw new ConfigurationError('A client pool of the package redis is not supported: pass a client (createClient)');
  }
  if (typeof getSentinelNode === 'function') {
    throw new ConfigurationError(
      'A Sentinel client of the package redis is not supported: pass one of ioredis, new Redis({ sentinels, name })',
    );
  }
  if (_keyPrefix ?? options?.keyPrefix) {
    throw new ConfigurationError(
      'The keyPrefix of a client of the package redis is not supported, as it is only written by its own methods',
    );
  }
}

export function countOf(reply: unknown): number {
  if (typeof reply !== 'number') throw unexpected();
  return reply;
}

export function listOf(reply: unknown, length?: number): unknown[] {
  if (!Array.isArray(reply) || (length !== undefined && reply.length !== length)) throw unexpected();
  return reply;
}

export function unexpected(): BackendError {
  return new BackendError('Redis answered with something else than the command asks for');
}

/** As `commands.sendAll`, for replies that must all be good. @throws the first Error among them. */
export async function sendAll(commands: RedisCommands, list: readonly RedisCommand[]): Promise<unknown[]> {
  if (list.length === 0) return [];
  const replies = listOf(await commands.sendAll(list), list.length);
  for (const reply of replies) if (isError(reply)) throw reply;
  return replies;
}

export function setCommand({ cacheKey, bytes, ttlMs }: CheckedItem): RedisCommand {
  return ttlMs === undefined ? ['set', cacheKey, bytes] : ['set', cacheKey, bytes, 'px', String(ttlMs)];
}

/** @throws unless a SET was done: in a MULTI of the client's owner it is only put into a queue, which may be discarded. */
export function assertDone(reply: unknown): void {
  if (Buffer.isBuffer(reply) ? reply.length !== 2 : reply !== 'OK') throw unexpected();
}
