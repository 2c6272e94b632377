import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { kindOf } from '../bytes.js';
import { ConfigurationError } from '../errors.js';
import { closedError } from './arguments.js';
import { type IoredisClient, type NodeRedisClient, type RedisCommands, redisCommands } from './redis-client.js';
import { connectError } from './redis-error.js';

export type RedisLibrary = 'ioredis' | 'redis';

/** Where commands go: a connection of ours, or a client that its owner connects and closes. */
export interface RedisSource {
  /** @throws BackendError when there is no connection to be had. */
  commands(): RedisCommands | Promise<RedisCommands>;
  /** A command had no answer in time, and none came for any other either; `timeout` is what its caller gets. */
  unresponsive(timeout: unknown): void;
  close(): Promise<void>;
}

export interface RedisAddress {
  host: string;
  port: number;
  username?: string;
  password?: string;
  database: number;
  tls: boolean;
}

/**
 * `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.
 *
 * @throws TypeError, ConfigurationError; neither carries the URL, which may hold a password.
 */
export function parseRedisUrl(value: unknown): RedisAddress {
  if (typeof value !== 'string') throw new TypeError(`url must be a string, not ${kindOf(value)}`);
  let url: URL;
  let username: string;
  let password: string;
  let host: string;
  try {
    url = new URL(value);
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
    host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  } catch {
    // The cause would quote the URL.
    throw new ConfigurationError('The Redis URL is malformed');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new ConfigurationError('A Redis URL begins with redis:// or rediss://');
  }
  if (host === '') throw new ConfigurationError('The Redis URL has no host');
  if (url.search !== '' || url.hash !== '') {
    throw new ConfigurationError('A Redis URL has no query and no fragment; pass a client for more options');
  }
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (database === undefined) throw new ConfigurationError('The path of a Redis URL is a database number');
  return {
    host,
    port: url.port === '' ? 6379 : Number(url.port),
    username: username || undefined,
    password: password || undefined,
    database: Number(database),
    tls: url.protocol === 'rediss:',
  };
}

const require = createRequire(import.meta.url);

/**
 * Which of the optional peers is installed, `ioredis` first.
 *
 * @throws TypeError for another name, ConfigurationError when it is missing.
 */
export function installedLibrary(wanted: unknown): RedisLibrary {
  if (wanted !== undefined && wanted !== 'ioredis' && wanted !== 'redis') {
    throw new TypeError("library must be 'ioredis' or 'redis'");
  }
  const candidates: readonly RedisLibrary[] = wanted === undefined ? ['ioredis', 'redis'] : [wanted];
  for (const library of candidates) {
    try {
      require.resolve(library);
      return library;
    } catch {
      // Not installed: the next one may be.
    }
  }
  const command = `npm install ${wanted ?? 'ioredis'}`;
  throw new ConfigurationError(`A Redis backend needs ${wanted ?? 'ioredis or redis'}, an optional peer: ${command}`);
}

/** How long a failed connection attempt answers for those that come right after it. */
const COOL_DOWN_MS = 100;

/**
 * A connection made when a command needs it and forgotten when it fails: no timers, no queue of waiting commands, and
 * an idle one keeps no process alive. While the server is away every command fails within one attempt, and the first
 * one after it is back connects again.
 */
export class RedisConnection implements RedisSource {
  readonly #address: RedisAddress;
  readonly #library: RedisLibrary;
  readonly #timeoutMs: number;
  #open: OpenClient | undefined;
  #opening: Promise<RedisCommands> | undefined;
  #failure: { error: unknown; until: number } | undefined;
  /** Why a connection that is being made was given up. */
  #timeout: unknown;
  #closed = false;

  constructor(address: RedisAddress, library: RedisLibrary, timeoutMs: number) {
    this.#address = address;
    this.#library = library;
    this.#timeoutMs = timeoutMs;
  }

  commands(): RedisCommands | Promise<RedisCommands> {
    if (this.#open?.commands.ready) return this.#open.commands;
    if (this.#closed) throw closedError('Redis');
    if (this.#opening) return this.#opening;
    if (this.#failure && performance.now() < this.#failure.until) throw this.#failure.error;
    this.#drop();
    this.#opening = this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  unresponsive(timeout: unknown): void {
    this.#timeout = timeout;
    this.#drop();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // What was sent before is answered before this, as replies come in order.
    if (this.#open?.commands.ready) await withinMs(1_000, this.#open.commands.send(['ping']));
    this.#drop();
  }

  async #connect(): Promise<RedisCommands> {
    const open = openClient(this.#library, this.#address, this.#timeoutMs);
    this.#open = open;
    let lastError: Error | undefined;
    this.#timeout = undefined;
    // After an error (bytes that are not Redis's, say) replies may no longer match their commands.
    open.commands.onError((error) => {
      lastError = error;
      if (this.#open === open && this.#opening === undefined) this.#drop();
    });
    try {
      await open.connect();
      open.unref();
      if (this.#open !== open) throw new Error('closed while connecting');
      // ioredis reports a refused SELECT here, and would go on in database 0.
      if (lastError) throw lastError;
      this.#failure = undefined;
      return open.commands;
    } catch (error) {
      if (this.#open === open) this.#drop();
      const failure = this.#timeout ?? connectError(lastError ?? error);
      this.#failure = { error: failure, until: performance.now() + COOL_DOWN_MS };
      throw failure;
    }
  }

  #drop(): void {
    const open = this.#open;
    this.#open = undefined;
    open?.destroy();
  }
}

interface OpenClient {
  readonly commands: RedisCommands;
  connect(): Promise<unknown>;
  /** Lets the process end while the connection is idle. */
  unref(): void;
  destroy(): void;
}

function openClient(library: RedisLibrary, address: RedisAddress, timeoutMs: number): OpenClient {
  return library === 'ioredis' ? openIoredis(address, timeoutMs) : openNodeRedis(address, timeoutMs);
}

type OwnIoredis = IoredisClient & {
  readonly stream?: { unref(): void; destroy(): void };
  connect(): Promise<void>;
  disconnect(): void;
};

function openIoredis({ host, port, username, password, database, tls }: RedisAddress, timeoutMs: number): OpenClient {
  const { Redis } = require('ioredis') as { Redis: new (options: object) => OwnIoredis };
  const client = new Redis({
    host,
    port,
    username,
    password,
    db: database,
    ...(tls && { tls: serverName(host) }),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
    connectTimeout: timeoutMs,
    protocol: 2,
  });
  return {
    commands: redisCommands(client),
    connect: () => client.connect(),
    unref: () => client.stream?.unref(),
    destroy: () => {
      client.disconnect();
      // It only half-closes, and a server that hangs never closes the other half.
      client.stream?.destroy();
    },
  };
}

type OwnNodeRedis = NodeRedisClient & { connect(): Promise<unknown>; unref(): void; destroy(): void };

function openNodeRedis({ host, port, username, password, database, tls }: RedisAddress, timeoutMs: number): OpenClient {
  const { createClient } = require('redis') as { createClient: (options: object) => OwnNodeRedis };
  const client = createClient({
    username,
    password,
    database,
    socket: {
      host,
      port,
      ...(tls && { tls: true, ...serverName(host) }),
      connectTimeout: timeoutMs,
      reconnectStrategy: false,
    },
    disableOfflineQueue: true,
    RESP: 2,
  });
  return {
    commands: redisCommands(client),
    connect: () => client.connect(),
    unref: () => client.unref(),
    destroy: () => client.destroy(),
  };
}

// TLS has no server name that is an address.
function serverName(host: string): { servername?: string } {
  return isIP(host) ? {} : { servername: host };
}

async function withinMs(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => undefined), limit]);
  clearTimeout(timer);
}

/** One listener for each client, however many backends use it: Node warns of a leak from the eleventh. */
const watched = new WeakMap<object, { users: number; unwatch: () => void }>();

/** A client that belongs to someone else: it is used, watched for errors, and never closed. */
export class BorrowedClient implements RedisSource {
  readonly #client: object;
  readonly #commands: RedisCommands;
  #closed = false;

  constructor(client: unknown) {
    this.#commands = redisCommands(client);
    this.#client = client as object;
    const watch = watched.get(this.#client);
    if (watch) watch.users++;
    // Without a listener, Node ends the process for an 'error' event.
    else watched.set(this.#client, { users: 1, unwatch: this.#commands.onError(() => undefined) });
  }

  commands(): RedisCommands {
    if (this.#closed) throw closedError('Redis');
    return this.#commands;
  }

  unresponsive(): void {}

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const watch = watched.get(this.#client);
    if (!watch || --watch.users > 0) return;
    watched.delete(this.#client);
    watch.unwatch();
  }
}
