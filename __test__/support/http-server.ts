import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { CacheApi } from '../../src/testing/server-api.js';

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

/** The reference server, behind something that sees every request and can misbehave in its place. */
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

export interface CacheServerOptions {
  /** Where a reverse proxy put the API: `/api` for `/api/v1/cache/…`. */
  path?: string;
  /** Listen again on the port of a server that was stopped. */
  port?: number;
  tls?: { key: string; cert: string };
}

export async function startCacheServer({ path = '', port = 0, tls }: CacheServerOptions = {}): Promise<CacheServer> {
  const api = new CacheApi({ tokens: [API_KEY], anyCacheKey: true, path });
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(parts);
    const one: SeenRequest = { method, path: url, headers, body };
    seen.push(one);
    if (server.handler?.(one, response)) return;
    await api.handle(Object.assign(Readable.from(body.length ? [body] : []), { method, url, headers }), response);
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

/** A server that does what `serve` does with each connection, and its URL. */
export async function startRawServer(
  t: { teardown(end: () => void): void },
  serve: (socket: Socket) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
