import { ConfigurationError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';

export interface RedisNode {
  host: string;
  port: number;
}

export interface RedisAddress {
  /** One server, or some of a cluster, which tell of the others. */
  nodes: readonly [RedisNode, ...RedisNode[]];
  cluster: boolean;
  username: string | undefined;
  password: string | undefined;
  database: number;
  tls: boolean;
}

/**
 * `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS; for a cluster
 * `redis+cluster://[user[:password]@]host[:port][,host[:port]…]`, or `rediss+cluster://`.
 *
 * @throws TypeError, ConfigurationError; neither carries the URL, which may hold a password.
 */
export function parseRedisUrl(value: unknown): RedisAddress {
  if (typeof value !== 'string') throw new TypeError(`url must be a string, not ${kindOf(value)}`);
  const cluster = /^(rediss?)\+cluster:\/\/((?:[^@]*@)?)([^@]*)$/i.exec(value);
  if (cluster === null) return parseServer(value);
  const [, scheme, user, hosts = ''] = cluster;
  const [first, ...others] = hosts.replace(/\/$/, '').split(',');
  const parse = (host: string | undefined) => parseServer(`${scheme}://${user}${host}`);
  const address = parse(first);
  const nodes: RedisAddress['nodes'] = [address.nodes[0], ...others.map((host) => parse(host).nodes[0])];
  if (address.database !== 0) throw new ConfigurationError('A Redis cluster has only database 0');
  return { ...address, nodes, cluster: true };
}

function parseServer(text: string): RedisAddress {
  let url: URL;
  let username: string;
  let password: string;
  let host: string;
  try {
    url = new URL(text);
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
    host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  } catch {
    // The cause would quote the URL.
    throw new ConfigurationError('The Redis URL is malformed');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new ConfigurationError('A Redis URL begins with redis://, rediss://, redis+cluster:// or rediss+cluster://');
  }
  if (host === '') throw new ConfigurationError('The Redis URL has no host');
  if (url.search !== '' || url.hash !== '') {
    throw new ConfigurationError('A Redis URL has no query and no fragment; pass a client for more options');
  }
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (database === undefined) throw new ConfigurationError('The path of a Redis URL is a database number');
  return {
    nodes: [{ host, port: url.port === '' ? 6379 : Number(url.port) }],
    cluster: false,
    username: username || undefined,
    password: password || undefined,
    database: Number(database),
    tls: url.protocol === 'rediss:',
  };
}
