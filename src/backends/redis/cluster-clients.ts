import { BackendError } from '../../errors.js';
import {
  AS_BUFFERS,
  type IoredisClusterClient,
  IoredisCommands,
  type NodeRedisClient,
  type NodeRedisClusterClient,
  NodeRedisCommands,
  type RedisCommand,
  type RedisCommands,
  senderOf,
  settled,
} from './clients.js';
import { slotOf } from './slot.js';

/**
 * Each command on its own, so that the library follows a redirection (MOVED, ASK) of that one alone; those for one
 * server still share a write, because a socket that is being written to collects what comes in the same tick.
 */
export class IoredisClusterCommands implements RedisCommands {
  readonly sharded = true;
  readonly send: (command: RedisCommand) => Promise<unknown>;
  readonly #client: IoredisClusterClient;

  constructor(client: IoredisClusterClient) {
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
    sending();
  }

  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    return settled(commands.map((command) => this.send(command)));
  }

  async nodes(): Promise<readonly RedisCommands[]> {
    return this.#client.nodes('master').map((node) => new IoredisCommands(node));
  }

  async at(cacheKey: string): Promise<{ server: RedisCommands; name: string }> {
    const full = this.keyPrefix + cacheKey;
    const address = this.#client.slots[slotOf(full)]?.[0];
    const node = this.#client.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === address);
    if (node === undefined) throw noServer();
    const server = new IoredisCommands(node);
    return { server, name: server.keyPrefix === '' ? full : cacheKey };
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}

/** As {@link IoredisClusterCommands}. */
export class NodeRedisClusterCommands implements RedisCommands {
  readonly keyPrefix = '';
  readonly sharded = true;
  readonly #client: NodeRedisClusterClient;

  constructor(client: NodeRedisClusterClient) {
    this.#client = client;
  }

  get ready(): boolean {
    return this.#client.isReady === true;
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#client.sendCommand(firstKeyOf(command), false, [...command], AS_BUFFERS);
  }

  together(sending: () => void): void {
    sending();
  }

  sendAll(commands: readonly RedisCommand[]): Promise<unknown[]> {
    return settled(commands.map((command) => this.send(command)));
  }

  async nodes(): Promise<readonly RedisCommands[]> {
    const clients = await Promise.all(this.#client.masters.map((master) => this.#client.nodeClient(master)));
    return clients.map((client) => new NodeRedisCommands(client as NodeRedisClient));
  }

  async at(cacheKey: string): Promise<{ server: RedisCommands; name: string }> {
    const master = this.#client.slots[slotOf(cacheKey)]?.master;
    if (master === undefined) throw noServer();
    const server = new NodeRedisCommands((await this.#client.nodeClient(master)) as NodeRedisClient);
    return { server, name: cacheKey };
  }

  onError(listener: (error: Error) => void): () => void {
    this.#client.on('error', listener);
    return () => this.#client.off('error', listener);
  }
}

function noServer(): BackendError {
  return new BackendError('No server of the Redis cluster has the slot', { transient: true });
}

/** `EVAL script numkeys key …`, and EVALSHA; in every other command sent here the key comes first. */
function firstKeyOf([name, first, , third]: RedisCommand): string | Buffer | undefined {
  return name === 'eval' || name === 'evalsha' ? third : first;
}
