import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export const API_KEY = 'ck_sdk_test';

export interface SeenRequest {
  method: string;
  /** As it was on the wire. */
  path: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** Answers a request itself when it returns true. */
export type Handler = (request: SeenRequest, response: ServerResponse) => boolean | undefined;

/** The CacheKit HTTP API over memory, as far as the tests need it, on a real socket. */
export interface CacheServer {
  /** `http://127.0.0.1:port`, or `https:`. */
  readonly url: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Comes before the API; set it to misbehave. */
  handler: Handler | undefined;
  /** Ends every open connection; what comes next is accepted again. */
  dropConnections(): void;
  stop(): Promise<void>;
}

interface Stored {
  bytes: Buffer;
  expiresAt: number;
}

const PREFIX = '/v1/cache/';
const MAX_TTL_SECONDS = 2_592_000;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;

export interface CacheServerOptions {
  /** Where a reverse proxy put the API: `/api` for `/api/v1/cache/…`. */
  path?: string;
  /** Listen again on the port of a server that was stopped. */
  port?: number;
  tls?: { key: string; cert: string };
}

export async function startCacheServer({ path = '', port = 0, tls }: CacheServerOptions = {}): Promise<CacheServer> {
  const entries = new Map<string, Stored>();
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const one: SeenRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(parts),
    };
    seen.push(one);
    response.setHeader('cache-control', 'no-store');
    if (server.handler?.(one, response)) return;
    const { status, headers, body } = respond(entries, one, path);
    response.writeHead(status, headers);
    response.end(body);
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => response.destroy());
  };
  const listener: Server = tls ? createSecureServer(tls, onRequest) : createServer(onRequest);
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address() as AddressInfo;
  const server: CacheServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    port: address.port,
    seen,
    handler: undefined,
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: async () => {
      if (!listener.listening) return;
      const closed = once(listener, 'close');
      listener.close();
      server.dropConnections();
      await closed;
    },
  };
  return server;
}

interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

function respond(entries: Map<string, Stored>, request: SeenRequest, base: string): Reply {
  const { method, headers, body } = request;
  if (headers.authorization !== `Bearer ${API_KEY}`) return { status: 401 };
  if (!['hit', 'miss', 'disabled'].includes(String(headers['x-cachekit-l1-status']))) return { status: 400 };
  if (!request.path.startsWith(base + PREFIX)) return { status: 404 };
  const [segment = '', resource, ...rest] = request.path.slice(base.length + PREFIX.length).split('/');
  if (rest.length > 0 || (resource !== undefined && resource !== 'ttl')) return { status: 404 };
  const cacheKey = decodeURIComponent(segment);
  const stored = entries.get(cacheKey);
  const live = stored !== undefined && stored.expiresAt > Date.now() ? stored : undefined;

  if (resource === 'ttl') {
    if (method !== 'PATCH') return { status: 405 };
    const { ttl } = JSON.parse(body.toString()) as { ttl: unknown };
    if (!isTtl(ttl)) return { status: 400 };
    if (live) live.expiresAt = Date.now() + Number(ttl) * 1000;
    return { status: 200, body: '{"success":true}' };
  }
  switch (method) {
    case 'GET':
    case 'HEAD': {
      if (!live) return { status: 404 };
      const seconds = Math.floor((live.expiresAt - Date.now()) / 1000);
      const replyHeaders: Record<string, string> = {
        'x-cachekit-freshness': 'fresh',
        'content-length': String(live.bytes.length),
      };
      if (Number.isFinite(seconds)) replyHeaders['x-cachekit-fresh-for'] = String(seconds);
      return { status: 200, headers: replyHeaders, body: live.bytes };
    }
    case 'PUT': {
      if (body.length > MAX_VALUE_BYTES) return { status: 413 };
      const header = headers['x-cachekit-ttl'];
      if (header !== undefined && !(/^\d+$/.test(String(header)) && isTtl(Number(header)))) return { status: 400 };
      const expiresAt = header === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(header) * 1000;
      entries.set(cacheKey, { bytes: body, expiresAt });
      return { status: 200 };
    }
    case 'DELETE':
      entries.delete(cacheKey);
      return { status: 200, body: '{"success":true}' };
    default:
      return { status: 405 };
  }
}

function isTtl(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_TTL_SECONDS;
}
