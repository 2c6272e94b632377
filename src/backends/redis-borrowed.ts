import { BackendError } from '../errors.js';
import { closedError } from './arguments.js';
import { assertNotHeld } from './fake-timers.js';
import type { RedisClient, RedisCommands } from './redis-client.js';
import { redisCommands } from './redis-commands.js';
import type { RedisSource } from './redis-connection.js';

/** One listener for each client, however many backends use it: Node warns of a leak from the eleventh. */
const watched = new WeakMap<object, { users: number; unwatch: () => void }>();

/** Events that end the wait for a client that is being connected, one way or the other. */
const DECISIVE = ['ready', 'error', 'close', 'end', 'reconnecting'] as const;

/** A client that belongs to someone else: it is used, watched for errors, and never closed. */
export class BorrowedClient implements RedisSource {
  readonly #client: RedisClient;
  readonly #commands: RedisCommands;
  #connecting: Promise<RedisCommands> | undefined;
  #closed = false;

  constructor(client: unknown) {
    this.#commands = redisCommands(client);
    this.#client = client as RedisClient;
    const watch = watched.get(this.#client);
    if (watch) watch.users++;
    // Without a listener, Node ends the process for an 'error' event.
    else watched.set(this.#client, { users: 1, unwatch: this.#commands.onError(() => undefined) });
  }

  get keyPrefix(): string {
    return this.#commands.keyPrefix;
  }

  /**
   * A client that is not connected gets no commands: its own queue would send them later, when their callers have long
   * been told that they failed.
   */
  commands(): RedisCommands | Promise<RedisCommands> {
    if (this.#closed) throw closedError('Redis');
    assertNotHeld('status' in this.#client ? 'ioredis' : 'redis');
    if (this.#commands.ready) return this.#commands;
    if (!this.#isConnecting()) throw notConnected();
    this.#connecting ??= this.#connected().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  unresponsive(): void {}

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const watch = watched.get(this.#client);
    if (!watch || --watch.users > 0) return;
    watched.delete(this.#client);
    watch.unwatch();
  }

  #isConnecting(): boolean {
    const client = this.#client;
    if (!('status' in client)) return client.isOpen === true;
    // ioredis connects a lazy client by its first command.
    if (client.status === 'wait') client.connect().catch(() => undefined);
    return client.status === 'connecting' || client.status === 'connect';
  }

  #connected(): Promise<RedisCommands> {
    return new Promise((resolve, reject) => {
      const decide = () => {
        for (const event of DECISIVE) this.#client.off(event, decide);
        if (this.#commands.ready) resolve(this.#commands);
        else reject(notConnected());
      };
      for (const event of DECISIVE) this.#client.on(event, decide);
    });
  }
}

function notConnected(): BackendError {
  return new BackendError('The Redis client is not connected', { transient: true });
}
