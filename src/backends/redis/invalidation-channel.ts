import { Deadline } from '../../util/deadlines.js';
import { clearInterval, setImmediate, setInterval } from '../../util/timers.js';
import type { RedisAddress, RedisNode } from './address.js';
import type { Subscription } from './client-tracking.js';
import type { RedisLibrary } from './owned-client.js';
import { endIoredis, newIoredis } from './owned-ioredis.js';
import { newNodeRedis } from './owned-node-redis.js';

const CHANNEL = '__redis__:invalidate';

/** Opens the connection on which a server tells of changes. */
export async function subscribe(
  library: RedisLibrary,
  address: RedisAddress,
  timeoutMs: number,
  node: RedisNode,
  invalidated: (name: Uint8Array | undefined) => void,
  lost: () => void,
): Promise<Subscription> {
  const server: RedisAddress = { ...address, nodes: [node], cluster: false, sentinel: undefined };
  const open = library === 'ioredis' ? subscribeIoredis : subscribeNodeRedis;
  return open(server, timeoutMs, invalidated, lost);
}

/** ioredis drops the invalidations of RESP3, so this speaks RESP2, where they are messages of a channel. */
async function subscribeIoredis(
  address: RedisAddress,
  timeoutMs: number,
  invalidated: (name: Uint8Array | undefined) => void,
  lost: () => void,
): Promise<Subscription> {
  const client = newIoredis(address, timeoutMs);
  client.on('error', () => undefined);
  client.on('messageBuffer', (_: Buffer, names: Buffer[] | null) => tell(names, invalidated));
  return opened(timeoutMs, lost, {
    open: async () => {
      await client.connect();
      const clientId = String(await client.callBuffer('client', 'id'));
      await client.callBuffer('subscribe', CHANNEL);
      client.on('close', lost);
      return clientId;
    },
    ping: () => client.callBuffer('ping'),
    destroy: () => endIoredis(client),
  });
}

async function subscribeNodeRedis(
  address: RedisAddress,
  timeoutMs: number,
  invalidated: (name: Uint8Array | undefined) => void,
  lost: () => void,
): Promise<Subscription> {
  const client = newNodeRedis(address, timeoutMs, { RESP: 3, emitInvalidate: true });
  client.on('error', () => undefined);
  client.on('invalidate', (name: Buffer | string | null) => tell(name === null ? null : [name], invalidated));
  return opened(timeoutMs, lost, {
    open: async () => {
      await client.connect();
      const clientId = String(await client.sendCommand(['client', 'id']));
      client.on('error', lost);
      client.on('end', lost);
      return clientId;
    },
    ping: () => client.sendCommand(['ping']),
    destroy: () => {
      if (client.isOpen) client.destroy();
    },
  });
}

/** A client of one of the libraries. */
interface Opening {
  /** Connects and subscribes; answers with the server's number for the connection. */
  open(): Promise<string>;
  ping(): Promise<unknown>;
  destroy(): void;
}

/** A server that accepts and never answers is given up, without keeping the process alive until then. */
async function opened(timeoutMs: number, lost: () => void, { open, ping, destroy }: Opening): Promise<Subscription> {
  const limit = new Deadline(timeoutMs, 'The Redis backend', destroy, false);
  try {
    const clientId = await open();
    const stop = keepAsking(ping, () => {
      destroy();
      lost();
    });
    return {
      clientId,
      close: () => {
        stop();
        destroy();
      },
    };
  } catch (error) {
    destroy();
    throw error;
  } finally {
    limit.end();
  }
}

function tell(names: readonly (Buffer | string)[] | null, invalidated: (name: Uint8Array | undefined) => void): void {
  if (names === null) invalidated(undefined);
  else for (const name of names) invalidated(Buffer.from(name));
}

/** Between two questions, and the longest that one may stay without an answer. */
const PING_MS = 2_000;

/**
 * Asks again and again whether a connection is alive on which nothing else is sent. A firewall may drop it without telling
 * either side.
 *
 * @param lost called once, when an answer is missing: at most `2 * PING_MS` after the connection died.
 * @returns what ends it.
 */
export function keepAsking(ping: () => Promise<unknown>, lost: () => void): () => void {
  let waiting = false;
  const fail = () => {
    stop();
    lost();
  };
  const ask = () => {
    if (waiting) {
      // An answer that has arrived while the event loop was held up is read first.
      setImmediate(() => waiting && fail());
      return;
    }
    waiting = true;
    ping().then(() => {
      waiting = false;
    }, fail);
  };
  const timer = setInterval(ask, PING_MS).unref();
  const stop = () => {
    waiting = false;
    clearInterval(timer);
  };
  return stop;
}
