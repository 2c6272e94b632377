import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { integerOption } from '../backends/arguments.js';
import { ConfigurationError } from '../errors.js';
import { copyOf } from '../util/bytes.js';
import { MAX_TIMER_MS } from '../util/timers.js';
import { CacheApi, type CacheApiOptions } from './server-api.js';
import { isLoopback } from './server-rules.js';

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
  /**
   * Takes no more connections and ends those there are; stopping twice is harmless.
   *
   * @param options `graceMs`: for how many milliseconds requests under way may finish. Default 0.
   */
  stop(options?: { graceMs?: number }): Promise<void>;
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
  // Requests by connection: to Node, one is idle as soon as its answer was handed over, however much is still to be sent.
  const underWay = new Map<Socket, number>();
  const listener = createServer((request, response) => {
    const { socket } = request;
    const others = underWay.get(socket);
    if (others === undefined) socket.once('close', () => underWay.delete(socket));
    underWay.set(socket, (others ?? 0) + 1);
    response.once('close', () => {
      const requests = underWay.get(socket);
      if (requests !== undefined) underWay.set(socket, requests - 1);
      // Its connection would be kept for some seconds for requests that are no longer taken.
      if (!listener.listening) setImmediate(() => listener.closeIdleConnections());
    });
    api.handle(request, response).catch(() => response.destroy());
  });
  // What `close` calls, too.
  listener.closeIdleConnections = () => {
    for (const [socket, requests] of underWay) if (requests === 0) socket.destroy();
  };
  listener.setTimeout(IDLE_MS);
  listener.listen(port, host);
  await once(listener, 'listening');
  const { port: boundPort } = listener.address() as AddressInfo;
  const stop = (options?: { graceMs?: number }) => stopListener(listener, options);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}${path.replace(/\/+$/, '')}`,
    port: boundPort,
    get entries() {
      return new Map([...api.store.entries()].map(([cacheKey, bytes]) => [cacheKey, copyOf(bytes)]));
    },
    clear: () => api.store.clear(),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

async function stopListener(listener: Server, { graceMs = 0 }: { graceMs?: number } = {}): Promise<void> {
  integerOption('graceMs', graceMs, 0, 0, MAX_TIMER_MS);
  if (!listener.listening) {
    if (graceMs === 0) listener.closeAllConnections();
    return;
  }
  const closed = once(listener, 'close');
  // Connections that are idle end here, others with their answer.
  listener.close();
  if (graceMs === 0) listener.closeAllConnections();
  const timer = setTimeout(() => listener.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
