import { ConfigurationError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';
import { type RedisTls, tlsOf } from './tls.js';
import { type Kind, malformed, type Parameters, parametersOf } from './url-parameters.js';

export interface RedisNode {
  host: string;
  port: number;
  /** Of a Unix socket, in the place of host and port. */
  path?: string | undefined;
}

/** How Sentinels are asked, which have users of their own. */
export interface SentinelGroup {
  /** What they call the primary. */
  name: string;
  username: string | undefined;
  password: string | undefined;
}

export interface RedisAddress {
  /** One server; or some of a cluster, or of the Sentinels, which tell of the others. */
  nodes: readonly [RedisNode, ...RedisNode[]];
  cluster: boolean;
  /** The nodes are Sentinels; undefined: they are servers. */
  sentinel: SentinelGroup | undefined;
  username: string | undefined;
  /** An empty one for a user of whom none is given: those with `nopass` take any. */
  password: string | undefined;
  database: number;
  /** undefined: without TLS. */
  tls: RedisTls | undefined;
  /** The version of IP; 0: whichever the name has. */
  family: 0 | 4 | 6;
}

const SCHEME = /^(?:(redis|rediss|valkey|valkeys)(?:\+(cluster|sentinel|unix))?|(unix)):/i;
const FORMS =
  'A Redis URL begins with redis://, rediss://, redis+cluster://, rediss+cluster://, redis+sentinel://, ' +
  'rediss+sentinel:// or unix:, or with valkey in the place of redis';
const DATABASE = /^\d{1,5}$/;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * What docs/redis.md has as URLs: of a server, a cluster, Sentinels or a Unix socket.
 *
 * @throws TypeError, ConfigurationError; neither carries any part of the URL, which may hold a password.
 */
export function parseRedisUrl(value: unknown): RedisAddress {
  if (typeof value !== 'string') throw new TypeError(`url must be a string, not ${kindOf(value)}`);
  const scheme = SCHEME.exec(value);
  if (scheme === null) throw new ConfigurationError(FORMS);
  const [start, protocol = '', variant, unix] = scheme;
  const kind = (unix ?? variant ?? 'server').toLowerCase() as Kind;
  const secure = /^(rediss|valkeys)$/i.test(protocol);
  const rest = value.slice(start.length);
  if (kind === 'unix') return parseUnix(secure, rest.startsWith('//') ? rest.slice(2) : rest);
  if (!rest.startsWith('//')) throw new ConfigurationError(FORMS);
  const { user, hosts, tail } = split(rest.slice(2));
  const [first, ...others] = hosts.split(',').map((host) => urlOf(`${user}${host}${tail}`)) as [URL, ...URL[]];
  if (kind === 'server' && others.length > 0) {
    throw new ConfigurationError('A URL with several hosts begins with redis+cluster:// or redis+sentinel://');
  }
  const parameters = parametersOf(first, kind);
  const port = kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
  return {
    nodes: [nodeOf(first, port), ...others.map((other) => nodeOf(other, port))],
    cluster: kind === 'cluster',
    ...userOf(first),
    ...placeOf(kind, first, parameters),
    tls: tlsOf(secure, parameters),
    family: familyOf(parameters.family),
  };
}

function parseUnix(secure: boolean, rest: string): RedisAddress {
  const { user, hosts, tail } = split(rest);
  if (secure) throw new ConfigurationError('A Unix socket has no TLS: write unix:/path or redis+unix:///path');
  if (hosts !== '' || !/^\/[^?#]/.test(tail)) {
    throw new ConfigurationError(
      'The URL of a Unix socket has an absolute path and no host: unix:/path or unix:///path',
    );
  }
  const url = urlOf(`${user}localhost${tail}`);
  return {
    nodes: [{ host: 'localhost', port: 0, path: decoded(url.pathname) }],
    cluster: false,
    sentinel: undefined,
    ...userOf(url),
    database: databaseOf(parametersOf(url, 'unix').db),
    tls: undefined,
    family: 0,
  };
}

/** `user:password@host,host/path?query`, each part but the hosts with its separator. */
function split(text: string): { user: string; hosts: string; tail: string } {
  const authority = text.split(/[/?#]/, 1)[0] as string;
  const user = authority.slice(0, authority.lastIndexOf('@') + 1);
  return { user, hosts: authority.slice(user.length), tail: text.slice(authority.length) };
}

function urlOf(text: string): URL {
  try {
    return new URL(`redis://${text}`);
  } catch {
    // The cause would quote the URL.
    throw malformed();
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed();
  }
}

function nodeOf({ hostname, port }: URL, usualPort: number): RedisNode {
  const host = decoded(hostname).replace(/^\[|\]$/g, '');
  if (host === '') throw new ConfigurationError('The Redis URL has no host');
  return { host, port: port === '' ? usualPort : Number(port) };
}

function userOf(url: URL): Pick<RedisAddress, 'username' | 'password'> {
  const username = decoded(url.username) || undefined;
  return { username, password: decoded(url.password) || (username && '') };
}

function placeOf(
  kind: Kind,
  { pathname }: URL,
  { db, sentinelUsername, sentinelPassword = sentinelUsername && '' }: Parameters,
): Pick<RedisAddress, 'database' | 'sentinel'> {
  const parts = pathname.replace(/^\//, '').split('/');
  const name = kind === 'sentinel' ? decoded(parts.shift() ?? '') : undefined;
  const [path = '', ...more] = parts;
  if (name === '')
    throw new ConfigurationError("The path of a Sentinel URL is the primary's name, as in /mymaster or /mymaster/0");
  if (more.length > 0 || (path !== '' && !DATABASE.test(path))) {
    throw new ConfigurationError('The path of a Redis URL is a database number');
  }
  if (path !== '' && db !== undefined) {
    throw new ConfigurationError('A Redis URL has its database in the path or as db, not both');
  }
  const database = databaseOf(path === '' ? db : path);
  if (kind === 'cluster' && database !== 0) throw new ConfigurationError('A Redis cluster has only database 0');
  const sentinel = name === undefined ? undefined : { name, username: sentinelUsername, password: sentinelPassword };
  return { database, sentinel };
}

function databaseOf(text = '0'): number {
  if (!DATABASE.test(text)) throw new ConfigurationError('db must be the number of a database');
  return Number(text);
}

function familyOf(text = '0'): 0 | 4 | 6 {
  if (text !== '0' && text !== '4' && text !== '6')
    throw new ConfigurationError('family must be 4, 6, or 0 for either');
  return Number(text) as 0 | 4 | 6;
}
