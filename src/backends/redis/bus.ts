import { randomBytes } from 'node:crypto';
import { BackendError } from '../../errors.js';
import { Deadline } from '../../util/deadlines.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';
import { bareCause } from '../cause.js';
import type { InvalidationBus } from '../invalidation-bus.js';
import { openSubscriber, type Subscriber } from './bus-subscriber.js';
import type { RedisCommands } from './commands.js';
import { redisError } from './error.js';
import { keepAsking } from './invalidation-channel.js';
import { ExternalClient } from './user-client.js';

/** To connect, to subscribe and to hear oneself. */
const ATTEMPT_MS = 5_000;
/** Before a lost subscription is made again: at first, and at most. */
const RETRY_MS = { first: 250, most: 10_000 };

interface Listening {
  readonly listener: Parameters<InvalidationBus['subscribe']>[0];
  readonly state: Parameters<InvalidationBus['subscribe']>[1];
}

/** See docs/decisions/0039. */
export class RedisBus implements InvalidationBus {
  readonly #client: ExternalClient;
  readonly #channel: string;
  /** Where this process hears itself, and nobody else. */
  readonly #echo: string;
  readonly #listening = new Set<Listening>();
  #subscriber: Subscriber | undefined;
  #opening = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #told = false;
  #failure: unknown;
  #heard: (() => void) | undefined;
  #stopAsking: (() => void) | undefined;

  constructor(client: unknown, channel: string) {
    this.#client = new ExternalClient(client);
    this.#channel = channel;
    this.#echo = `${channel}:${randomBytes(8).toString('hex')}`;
  }

  publish(message: string): Promise<void> {
    return this.#send(this.#channel, message);
  }

  subscribe(listener: Listening['listener'], state: Listening['state']): () => void {
    const entry = { listener, state };
    this.#listening.add(entry);
    if (!this.#told) state?.(false, this.#failure);
    if (this.#listening.size === 1 && !this.#opening) void this.#open();
    return () => {
      if (!this.#listening.delete(entry) || this.#listening.size > 0) return;
      clearTimeout(this.#retry);
      this.#close();
      this.#failure = undefined;
    };
  }

  async #send(channel: string, message: string): Promise<void> {
    try {
      const commands = await this.#connected();
      await commands.send(['publish', channel, message]);
    } catch (error) {
      throw redisError(error, this.#client.current.sharded);
    }
  }

  async #connected(): Promise<RedisCommands> {
    const { current } = this.#client;
    return current.ready ? current : this.#client.connected();
  }

  async #open(): Promise<void> {
    this.#opening = true;
    let subscriber: Subscriber | undefined;
    let end: (reason: Error) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    const lost = () => {
      subscriber?.destroy();
      end(new BackendError('The connection to Redis was lost', { transient: true }));
      if (this.#subscriber === subscriber && subscriber !== undefined) this.#lost(undefined);
    };
    const limit = new Deadline(ATTEMPT_MS, 'The bus', lost, false);
    const opening = async () => {
      await this.#connected();
      subscriber = await openSubscriber(this.#client, lost, (channel, message) => this.#message(channel, message));
      await subscriber.subscribe([this.#channel, this.#echo]);
      await this.#hearItself();
      return subscriber;
    };
    const opened = opening();
    try {
      const made = await Promise.race([opened, ended]);
      this.#opening = false;
      if (this.#listening.size === 0) made.destroy();
      else this.#opened(made, lost);
    } catch (error) {
      // One that is there too late, too.
      opened.then((late) => late.destroy()).catch(() => undefined);
      subscriber?.destroy();
      this.#opening = false;
      if (this.#listening.size > 0) this.#lost(error);
    } finally {
      limit.end();
    }
  }

  #opened(subscriber: Subscriber, lost: () => void): void {
    this.#subscriber = subscriber;
    this.#stopAsking = keepAsking(() => this.#hearItself(), lost);
    this.#retryMs = RETRY_MS.first;
    this.#failure = undefined;
    this.#told = true;
    for (const { listener, state } of this.#listening) {
      // What was sent before is not known.
      listener(undefined);
      state?.(true);
    }
  }

  /**
   * Resolves when a message has come back that the client was sent. A ping would tell of the connection alone: a server may have
   * been parted from the cluster, or have a successor.
   */
  async #hearItself(): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#heard = resolve;
    });
    await this.#send(this.#echo, '');
    await heard;
  }

  #message(channel: string, message: string): void {
    if (channel === this.#echo) this.#heard?.();
    else if (this.#told && channel === this.#channel) for (const { listener } of this.#listening) listener(message);
  }

  #close(): void {
    this.#stopAsking?.();
    this.#subscriber?.destroy();
    this.#subscriber = undefined;
    this.#told = false;
  }

  /** Tells it, and tries again. @param error why; undefined: the connection is gone. */
  #lost(error: unknown): void {
    this.#close();
    const failure = error === undefined || this.#failure !== undefined ? undefined : busError(error);
    // What passes, and is over at the second attempt, is nobody's concern.
    if (failure !== undefined && !(failure.transient && this.#retryMs === RETRY_MS.first)) this.#failure = failure;
    for (const { listener, state } of this.#listening) {
      listener(undefined);
      state?.(false, failure === this.#failure ? failure : undefined);
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#listening.size > 0 && !this.#opening) void this.#open();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most);
  }
}

function busError(error: unknown): BackendError {
  const known = redisError(error);
  const what = 'The bus does not tell of what other processes change, so that copies in this one are kept for 5 s only';
  return new BackendError(`${what}: ${known.message}`, {
    transient: known instanceof BackendError && known.transient,
    cause: bareCause(known),
  });
}
