import { ConfigurationError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';
import {
  type IoredisClient,
  type IoredisClusterClient,
  IoredisCommands,
  type NodeRedisClient,
  type NodeRedisClusterClient,
  NodeRedisCommands,
  type RedisCommands,
} from './clients.js';
import { IoredisClusterCommands, NodeRedisClusterCommands } from './cluster-clients.js';

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
    if (isCluster !== true) return new IoredisCommands(client as IoredisClient);
    if (typeof nodes === 'function') return new IoredisClusterCommands(client as IoredisClusterClient);
  }
  if (typeof on === 'function' && typeof sendCommand === 'function') {
    if (typeof withTypeMapping !== 'function') {
      throw new ConfigurationError('The package redis is supported from version 5; npm install redis@latest');
    }
    assertNodeRedisSuits(client);
    if (Array.isArray(masters)) return new NodeRedisClusterCommands(client as NodeRedisClusterClient);
    return new NodeRedisCommands(client as NodeRedisClient);
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

/**
 * Pools and Sentinel clients keep commands in a queue of their own while no connection is free, and send them when their
 * callers have been told that they failed.
 */
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
