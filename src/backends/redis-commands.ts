import { kindOf } from '../bytes.js';
import { ConfigurationError } from '../errors.js';
import {
  type IoredisClient,
  type IoredisClusterClient,
  IoredisCommands,
  type NodeRedisClient,
  type NodeRedisClusterClient,
  NodeRedisCommands,
  type RedisCommands,
} from './redis-client.js';
import { IoredisClusterCommands, NodeRedisClusterCommands } from './redis-cluster.js';

/** @throws TypeError for what is no client of these libraries, ConfigurationError for `redis` before 5. */
export function redisCommands(client: unknown): RedisCommands {
  if (typeof client !== 'object' || client === null) {
    throw new TypeError(`client must be an ioredis, iovalkey or redis client, not ${kindOf(client)}`);
  }
  const { callBuffer, pipeline, sendCommand, withTypeMapping, nodes, isCluster, masters, on } = client as Record<
    string,
    unknown
  >;
  if (typeof on === 'function' && typeof callBuffer === 'function' && typeof pipeline === 'function') {
    if (isCluster !== true) return new IoredisCommands(client as IoredisClient);
    if (typeof nodes === 'function') return new IoredisClusterCommands(client as IoredisClusterClient);
  }
  if (typeof on === 'function' && typeof sendCommand === 'function') {
    if (typeof withTypeMapping !== 'function') {
      throw new ConfigurationError('The package redis is supported from version 5; npm install redis@latest');
    }
    if (Array.isArray(masters)) return new NodeRedisClusterCommands(client as NodeRedisClusterClient);
    return new NodeRedisCommands(client as NodeRedisClient);
  }
  throw new TypeError('client must be an ioredis, iovalkey or redis client');
}
