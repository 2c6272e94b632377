import { BackendError } from '../../errors.js';
import type { RedisClient } from './clients.js';
import { type RedisCommands, redisCommands } from './commands.js';
import type { RedisSource } from './connection.js';
import type { RedisLibrary } from './owned-client.js';
import type { Connectable } from './transactions.js';

/** What all backends with one client share, so that it has one listener for an event: Node warns of a leak from the eleventh. */
interface Shared {
  users: number;
  readonly unwatch: () => void;
  /** Ends the wait for a client that is being connected. */
  decide: (() => void) | undefined;
  /** Resolves when the client is connected, or will not be for now. */
  connecting: Promise<void> | undefined;
}

const clients = new WeakMap<object, Shared>();

/** Events, apart from `error`, that end the wait for a client that is being connected, one way or the other. */
const DECISIVE = ['ready', 'close', 'end', 'reconnecting'] as const;

/** A client that belongs to someone else: it is used, watched for errors, and never closed. */
export class ExternalClient implements RedisSource {
  readonly client: RedisClient;
  readonly library: RedisLibrary;
  readonly current: RedisCommands;
  readonly #shared: Shared;

  constructor(client: unknown) {
    this.current = redisCommands(client);
    this.client = client as RedisClient;
    this.library = 'status' in this.client ? 'ioredis' : 'redis';
    let shared = clients.get(this.client);
    if (shared === undefined) {
      // Without a listener, Node ends the process for an 'error' event.
      const made: Shared = {
        users: 0,
        unwatch: this.current.onError(() => made.decide?.()),
        decide: undefined,
        connecting: undefined,
      };
      shared = made;
      clients.set(this.client, made);
    }
    shared.users++;
    this.#shared = shared;
  }

  /** Another connection to the same place, with its owner's options, which its user makes and ends. */
  duplicate(): Connectable {
    const client = duplicateOf(this.client);
    return {
      commands: redisCommands(client),
      connect: () => client.connect(),
      destroy: () => {
        if ('status' in client) client.disconnect();
        else if (client.isOpen) client.destroy();
      },
    };
  }

  /** A client that is not connected gets no commands: its own queue would send them after their callers' timeouts. */
  async connected(): Promise<RedisCommands> {
    if (!this.#isConnecting()) throw notConnected();
    this.#shared.connecting ??= this.#decided().finally(() => {
      this.#shared.connecting = undefined;
    });
    await this.#shared.connecting;
    if (!this.current.ready) throw notConnected();
    return this.current;
  }

  unresponsive(): void {}

  demoted(): void {}

  async close(): Promise<void> {
    if (--this.#shared.users > 0) return;
    clients.delete(this.client);
    this.#shared.unwatch();
  }

  #isConnecting(): boolean {
    const client = this.client;
    if (!('status' in client)) return client.isOpen === true;
    // ioredis connects a lazy client by its first command.
    if (client.status === 'wait') client.connect().catch(() => undefined);
    return client.status === 'connecting' || client.status === 'connect';
  }

  #decided(): Promise<void> {
    return new Promise((resolve) => {
      const decide = () => {
        for (const event of DECISIVE) this.client.off(event, decide);
        this.#shared.decide = undefined;
        resolve();
      };
      this.#shared.decide = decide;
      for (const event of DECISIVE) this.client.on(event, decide);
    });
  }
}

export type Duplicate = RedisClient & {
  readonly isOpen?: boolean;
  connect(): Promise<unknown>;
  disconnect(): void;
  destroy(): void;
};

/**
 * One that does not come back when it is lost: what it has watched would be forgotten, and its commands sent nevertheless.
 *
 * @param others more options, for ioredis.
 */
export function duplicateOf(client: RedisClient, others: object = {}): Duplicate {
  const { isCluster, duplicate, options } = client as unknown as {
    isCluster?: boolean;
    duplicate: (...args: unknown[]) => Duplicate;
    options?: { socket?: object };
  };
  if (!('status' in client)) {
    if ('masters' in client) return duplicate.call(client);
    return duplicate.call(client, { socket: { ...options?.socket, reconnectStrategy: false } });
  }
  // Without auto-pipelining: a transaction is a sequence on one connection.
  const own = { lazyConnect: true, enableAutoPipelining: false, ...others };
  return isCluster
    ? duplicate.call(client, [], { ...own, clusterRetryStrategy: () => null, clusterNodeRetryStrategy: undefined })
    : duplicate.call(client, { ...own, retryStrategy: () => null, reconnectOnError: null });
}

function notConnected(): BackendError {
  return new BackendError('The Redis client is not connected', { transient: true });
}
