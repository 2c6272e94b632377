import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integerOption } from '../backends/arguments.js';
import { isAllowedAddress } from '../backends/http-address.js';
import { copyOf } from '../bytes.js';
import { ConfigurationError } from '../errors.js';
import { CacheApi, type CacheApiOptions } from './server-api.js';

/** A connection on which nothing moves for so long is closed. */
const IDLE_MS = 60_000;

export interface CacheServerOptions extends CacheApiOptions {
  /** Default 0: any port that is free. */
  port?: number;
  /** Default `127.0.0.1`. Any that is not of this machine alone needs `tokens`. */
  host?: string;
}

/** A server of the CacheKit HTTP API over memory, on a real socket. */
export interface CacheServer extends AsyncDisposable {
  /** `http://host:port`, with the path of the options. */
  readonly url: string;
  readonly port: number;
  /** Copies of the stored bytes by cache key, as they are now. */
  readonly entries: ReadonlyMap<string, Uint8Array>;
  /** Forgets every entry and every lock. */
  clear(): void;
  /** Ends all connections; stopping twice is harmless. */
  stop(): Promise<void>;
}

/**
 * Starts the reference server of the CacheKit HTTP API: tokens and their write spaces, TTLs and freshness, leases,
 * limits. It keeps everything in this process's memory, and its process alive until it is stopped.
 *
 * @throws TypeError, RangeError; ConfigurationError for a malformed token, or for a host that others can reach without
 * `tokens`; what `listen` throws for a port that is taken.
 */
export async function startCacheServer(options: CacheServerOptions = {}): Promise<CacheServer> {
  const api = new CacheApi(options);
  const { host = '127.0.0.1', path = '' } = options;
  if (typeof host !== 'string') throw new TypeError('host must be a string');
  const port = integerOption('port', options.port, 0, 0, 65_535);
  if (api.tokens.open && !isLoopback(host)) {
    throw new ConfigurationError('A server that other machines can reach needs tokens');
  }
  const listener = createServer((request, response) => {
    api.handle(request, response).catch(() => response.destroy());
  });
  listener.setTimeout(IDLE_MS);
  listener.listen(port, host);
  await once(listener, 'listening');
  return new RunningServer(listener, api, host, path);
}

class RunningServer implements CacheServer {
  readonly url: string;
  readonly port: number;
  readonly #listener: Server;
  readonly #api: CacheApi;

  constructor(listener: Server, api: CacheApi, host: string, path: string) {
    this.#listener = listener;
    this.#api = api;
    this.port = (listener.address() as AddressInfo).port;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}${path.replace(/\/+$/, '')}`;
  }

  get entries(): ReadonlyMap<string, Uint8Array> {
    const entries = new Map<string, Uint8Array>();
    for (const [cacheKey, bytes] of this.#api.store.entries()) entries.set(cacheKey, copyOf(bytes));
    return entries;
  }

  clear(): void {
    this.#api.store.clear();
  }

  async stop(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.#listener.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || isAllowedAddress(host, { allowPrivate: true, loopbackOnly: true });
}
