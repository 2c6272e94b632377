import { ownRequire } from '../../util/own-require.js';
import type { RedisAddress, RedisNode } from './address.js';
import type { IoredisClient, IoredisClusterClient } from './clients.js';
import { ioredisClusterCommands, ioredisCommands } from './commands.js';
import { type Emitter, MAX_REDIRECTIONS, type OpenClient } from './owned-client.js';
import { tlsTo } from './tls.js';

export type OwnIoredis = Emitter &
  IoredisClient & {
    readonly options: { tls?: object };
    readonly stream?: { cork?(): void; uncork?(): void; unref(): void; destroy(): void };
    disconnect(): void;
  };

export function newIoredis(
  { nodes: [node], username, password, database, tls, family }: RedisAddress,
  timeoutMs: number,
): OwnIoredis {
  const { Redis } = ownRequire('ioredis') as { Redis: new (options: object) => OwnIoredis };
  const client = new Redis({
    ...node,
    username,
    password,
    db: database,
    family,
    ...(tls && { tls: tlsTo(node.host, tls) }),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
    connectTimeout: timeoutMs,
    // A timer that would keep the process alive after a server that was not there: sockets are destroyed here anyway.
    disconnectTimeout: 1,
    protocol: 2,
  });
  letEnd(client);
  return client;
}

/** What is asked of a connection keeps the process alive, the connection itself never does: a server may not answer. */
function letEnd(client: OwnIoredis): void {
  client.on('connect', () => client.stream?.unref());
}

export function openIoredis(address: RedisAddress, timeoutMs: number): OpenClient {
  const client = newIoredis(address, timeoutMs);
  const commands = ioredisCommands(client);
  return {
    commands,
    connect: () => client.connect(),
    onChange: (lost) => client.on('close', lost),
    servers: () => [{ ...address.nodes[0], commands }],
    destroy: () => endIoredis(client),
  };
}

export function endIoredis(client: OwnIoredis): void {
  client.disconnect();
  // It only half-closes, and a server that hangs never closes the other half.
  client.stream?.destroy();
}

type OwnIoredisCluster = Emitter &
  IoredisClusterClient & { nodes(role: 'all' | 'master'): OwnIoredis[]; disconnect(): void };

export function openIoredisCluster(
  { nodes, username, password, tls, family }: RedisAddress,
  timeoutMs: number,
): OpenClient {
  const { Cluster } = ownRequire('ioredis') as { Cluster: new (nodes: object, options: object) => OwnIoredisCluster };
  const client = new Cluster(nodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: () => null,
    // Names stay names, as certificates are made out to them.
    dnsLookup: (host: string, found: (error: null, address: string) => void) => found(null, host),
    slotsRefreshTimeout: timeoutMs,
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnTryAgain: 10,
    redisOptions: {
      username,
      password,
      family,
      ...(tls && { tls: { ...tls, rejectUnauthorized: true } }),
      connectTimeout: timeoutMs,
      disconnectTimeout: 1,
      protocol: 2,
    },
  });
  client.on('+node', (node: OwnIoredis) => {
    letEnd(node);
    if (tls) node.options.tls = tlsTo(node.options.host ?? '', tls);
  });
  return {
    commands: ioredisClusterCommands(client),
    connect: () => client.connect(),
    onChange: (lost, connected) => {
      const follow = (node: OwnIoredis) => {
        node.on('ready', connected);
        node.on('close', lost);
      };
      for (const node of client.nodes('all')) follow(node);
      client.on('+node', follow);
    },
    servers: () =>
      client
        .nodes('master')
        .filter(({ status }) => status === 'ready')
        .map((node) => ({ ...addressOf(node), commands: ioredisCommands(node) })),
    destroy: () => {
      const servers = client.nodes('all');
      client.disconnect();
      for (const server of servers) endIoredis(server);
    },
  };
}

function addressOf({ options: { host = '127.0.0.1', port = 6379 } }: IoredisClient): RedisNode {
  return { host, port };
}
