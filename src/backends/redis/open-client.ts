import type { RedisAddress } from './address.js';
import type { OpenClient, RedisLibrary } from './owned-client.js';
import { openIoredis, openIoredisCluster } from './owned-ioredis.js';
import { openNodeRedis, openNodeRedisCluster } from './owned-node-redis.js';

/** @param timeoutMs for connecting. */
export function openClient(library: RedisLibrary, address: RedisAddress, timeoutMs: number): OpenClient {
  if (library === 'ioredis') return (address.cluster ? openIoredisCluster : openIoredis)(address, timeoutMs);
  return (address.cluster ? openNodeRedisCluster : openNodeRedis)(address, timeoutMs);
}
