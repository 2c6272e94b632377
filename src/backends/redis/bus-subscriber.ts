import { BackendError } from '../../errors.js';
import type { RedisClient } from './clients.js';
import type { OwnIoredis } from './owned-ioredis.js';
import type { OwnNodeRedis } from './owned-node-redis.js';
import { type Duplicate, duplicateOf, type ExternalClient } from './user-client.js';

/** A connection that gets messages, and nothing else. It does not come back by itself. */
export interface Subscriber {
  subscribe(channels: readonly string[]): Promise<void>;
  destroy(): void;
}

type OnMessage = (channel: string, message: string) => void;

/**
 * Opens one to the client's server, or to any of its cluster: what is published at one is sent to all.
 *
 * @param lost called when the connection is gone.
 */
export async function openSubscriber(
  { client }: ExternalClient,
  lost: () => void,
  onMessage: OnMessage,
): Promise<Subscriber> {
  const own = duplicateOf(await oneServer(client), { protocol: 2 });
  own.on('error', () => undefined);
  const subscriber =
    'status' in own ? ofIoredis(own as Duplicate & OwnIoredis, onMessage) : ofNodeRedis(own, onMessage);
  try {
    await own.connect();
  } catch (error) {
    subscriber.destroy();
    throw error;
  }
  for (const event of ['close', 'end', 'error']) own.on(event, lost);
  return subscriber;
}

async function oneServer(client: RedisClient): Promise<RedisClient> {
  if ('nodes' in client) return anyOf(client.nodes('master'));
  if ('masters' in client) return (await client.nodeClient(anyOf(client.masters))) as RedisClient;
  return client;
}

function anyOf<T>(servers: readonly T[]): T {
  const server = servers[Math.floor(Math.random() * servers.length)];
  if (server === undefined) throw new BackendError('The Redis cluster has no server', { transient: true });
  return server;
}

function ofIoredis(client: OwnIoredis, onMessage: OnMessage): Subscriber {
  client.on('connect', () => client.stream?.unref());
  client.on('messageBuffer', (channel: Buffer, message: Buffer) => onMessage(String(channel), String(message)));
  return {
    subscribe: async (channels) => {
      await client.callBuffer('subscribe', ...channels);
    },
    destroy: () => {
      client.disconnect();
      client.stream?.destroy();
    },
  };
}

function ofNodeRedis(given: Duplicate, onMessage: OnMessage): Subscriber {
  const client = given as Duplicate &
    OwnNodeRedis & {
      subscribe(channels: readonly string[], listener: (...args: [unknown, unknown]) => void): Promise<void>;
    };
  client.unref();
  return {
    subscribe: (channels) =>
      client.subscribe(channels, (message, channel) => onMessage(String(channel), String(message))),
    destroy: () => {
      if (client.isOpen) client.destroy();
    },
  };
}
