import type { RedisAddress, RedisNode } from './redis-address.js';
import type { IoredisClient } from './redis-client.js';
import type { RedisLibrary } from './redis-open.js';
import { endIoredis, newIoredis } from './redis-open-ioredis.js';
import { newNodeRedis } from './redis-open-redis.js';
import type { Subscription } from './redis-watch.js';

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
  const server: RedisAddress = { ...address, nodes: [node], cluster: false };
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
  try {
    await client.connect();
    const clientId = await idOf(client);
    await client.callBuffer('subscribe', CHANNEL);
    client.stream?.unref();
    client.on('close', lost);
    return { clientId, close: () => endIoredis(client) };
  } catch (error) {
    endIoredis(client);
    throw error;
  }
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
  const destroy = () => {
    if (client.isOpen) client.destroy();
  };
  try {
    await client.connect();
    const clientId = String(await client.sendCommand(['client', 'id']));
    client.unref();
    client.on('error', lost);
    client.on('end', lost);
    return { clientId, close: destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}

async function idOf(client: IoredisClient): Promise<string> {
  return String(await client.callBuffer('client', 'id'));
}

function tell(names: readonly (Buffer | string)[] | null, invalidated: (name: Uint8Array | undefined) => void): void {
  if (names === null) invalidated(undefined);
  else for (const name of names) invalidated(Buffer.from(name));
}
