import { ownRequire } from '../../util/own-require.js';
import { allowManyListeners } from '../../util/realms.js';
import type { RedisAddress, RedisNode } from './address.js';
import type { NodeRedisClient, NodeRedisClusterClient } from './clients.js';
import { nodeRedisClusterCommands, nodeRedisCommands } from './commands.js';
import { type Emitter, MAX_REDIRECTIONS, type OpenClient } from './owned-client.js';
import { type RedisTls, tlsTo } from './tls.js';

export type OwnNodeRedis = Emitter & NodeRedisClient & { connect(): Promise<unknown>; unref(): void; destroy(): void };

export function newNodeRedis(
  { nodes: [node], username, password, database, tls, family }: RedisAddress,
  timeoutMs: number,
  options: object,
): OwnNodeRedis {
  const { createClient } = ownRequire('redis') as { createClient: (options: object) => OwnNodeRedis };
  const client = createClient({
    username,
    password,
    database,
    socket: {
      ...node,
      family,
      ...(tls && { tls: true, ...tlsTo(node.host, tls) }),
      connectTimeout: timeoutMs,
      reconnectStrategy: false,
    },
    disableOfflineQueue: true,
    ...options,
  });
  // What is asked of a connection keeps the process alive, the connection itself never does: a server may not answer.
  client.unref();
  return client;
}

export function openNodeRedis(address: RedisAddress, timeoutMs: number): OpenClient {
  const client = newNodeRedis(address, timeoutMs, { RESP: 2 });
  const commands = nodeRedisCommands(client);
  return {
    commands,
    connect: () => client.connect(),
    onChange: (lost) => client.on('end', lost),
    servers: () => [{ ...address.nodes[0], commands }],
    destroy: () => client.destroy(),
  };
}

type OwnNodeRedisCluster = Emitter &
  Omit<NodeRedisClusterClient, 'masters'> & {
    readonly masters: readonly (RedisNode & { readonly client?: OwnNodeRedis })[];
    connect(): Promise<unknown>;
    destroy(): void;
  };

export function openNodeRedisCluster(
  { nodes, username, password, tls, family }: RedisAddress,
  timeoutMs: number,
): OpenClient {
  const { createCluster } = ownRequire('redis') as { createCluster: (options: object) => OwnNodeRedisCluster };
  // The client that asks for the slots has no other end: it would wait indefinitely for a server that does not answer.
  const ending = new AbortController();
  allowManyListeners(ending.signal);
  const client = createCluster({
    rootNodes: nodes.map((node) => ({ socket: socketTo(node, tls) })),
    nodeAddressMap: (address: string) => {
      const at = address.lastIndexOf(':');
      return socketTo({ host: address.slice(0, at), port: Number(address.slice(at + 1)) }, tls);
    },
    defaults: {
      username,
      password,
      socket: {
        family,
        ...(tls && { tls: true, ...tls, rejectUnauthorized: true }),
        signal: ending.signal,
        connectTimeout: timeoutMs,
        reconnectStrategy: (attempts: number) => Math.min(50 * 2 ** attempts, 500),
      },
      disableOfflineQueue: true,
    },
    maxCommandRedirections: MAX_REDIRECTIONS,
    RESP: 2,
  });
  const unref = () => {
    for (const { client: server } of client.masters) server?.unref();
  };
  client.on('node-connect', unref);
  return {
    commands: nodeRedisClusterCommands(client),
    connect: () => client.connect(),
    onChange: (lost, connected) => {
      // Each attempt to reach a server that is away is an error of its own.
      const away = new Set<string>();
      client.on('node-error', (_: Error, { host, port }: RedisNode) => {
        if (away.has(`${host}:${port}`)) return;
        away.add(`${host}:${port}`);
        lost();
      });
      client.on('node-ready', ({ host, port }: RedisNode) => {
        away.delete(`${host}:${port}`);
        connected();
      });
    },
    servers: () =>
      client.masters.flatMap(({ host, port, client: server }) =>
        server?.isReady ? [{ host, port, commands: nodeRedisCommands(server) }] : [],
      ),
    destroy: () => {
      client.destroy();
      ending.abort();
    },
  };
}

/** With the server name in TLS, where certificates are chosen by it. */
function socketTo(node: RedisNode, tls: RedisTls | undefined): object {
  return tls ? { ...node, ...tlsTo(node.host, tls) } : node;
}
