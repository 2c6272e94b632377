import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { BackendError, CacheKitError } from '../../errors.js';
import { copyOf } from '../../util/bytes.js';
import { assertNotHeld } from '../../util/clock.js';
import { setImmediate } from '../../util/timers.js';
import { causeWithout, codeOf } from '../cause.js';
import { checkedLookup, type ServerUrl } from './ssrf-guard.js';

export interface HttpRequest {
  method: 'GET' | 'PUT' | 'DELETE' | 'HEAD' | 'PATCH' | 'POST';
  /** Path within the server, already encoded. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** The value of a header by its lower-case name; repeated ones joined by `, `. */
  header(name: string): string | undefined;
  body: Buffer;
}

export interface HttpTransport {
  /** @throws BackendError when no complete answer of at most `maxBytes` comes back. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/** Requests by `node:https`, on kept-alive connections whose address is checked after the name was resolved. */
export class NodeTransport implements HttpTransport {
  readonly #server: ServerUrl;
  readonly #maxBytes: number;
  readonly #most: number;
  readonly #lookup: LookupFunction;
  #connections: Promise<Connections> | undefined;
  #closed = false;

  /** @param most connections open at once. */
  constructor(server: ServerUrl, maxBytes: number, most: number, lookup: LookupFunction | undefined) {
    this.#server = server;
    this.#maxBytes = maxBytes;
    this.#most = most;
    this.#lookup = checkedLookup(server, lookup);
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    assertNotHeld('node:http');
    this.#connections ??= Connections.load(this.#server.protocol, this.#most);
    const connections = await this.#connections;
    if (!IDEMPOTENT.has(request.method)) return this.#exchange(connections, false, request);
    await connections.heard();
    try {
      return await this.#exchange(connections, true, request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return this.#exchange(connections, false, request);
    }
  }

  close(): void {
    this.#closed = true;
    void this.#connections?.then((connections) => connections.close());
  }

  async #exchange(
    connections: Connections,
    kept: boolean,
    { method, path, headers, body, signal }: HttpRequest,
  ): Promise<HttpAnswer> {
    if (this.#closed || signal.aborted) throw unreachable(undefined);
    const { protocol, hostname, port } = this.#server;
    const length =
      body || method === 'PUT' || method === 'PATCH' ? { 'content-length': String(body?.length ?? 0) } : {};
    return new Promise<HttpAnswer>((resolve, reject) => {
      const outgoing = connections.request(kept, {
        protocol,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        ...(port && { port: Number(port) }),
        method,
        path,
        headers: { ...headers, ...length },
        lookup: this.#lookup,
        signal,
      });
      let answered = false;
      let reused = false;
      let connection: Duplex | undefined;
      outgoing.once('socket', (socket) => {
        connection = socket;
        reused = connections.isUsed(socket);
      });
      outgoing.once('error', (error) => {
        // The server closed the connection after its last answer, just as this request was given to it.
        const stale = reused && !answered && !signal.aborted && isReset(error);
        reject(stale ? new StaleConnection() : unreachable(error));
      });
      // Nothing of ours asks for another protocol.
      outgoing.once('upgrade', (_answer, socket) => {
        socket.destroy();
        reject(new BackendError('The cache server answered with something else than the API defines', { status: 101 }));
      });
      outgoing.once('close', () => {
        if (!answered) reject(unreachable(undefined));
      });
      outgoing.once('response', (answer) => {
        answered = true;
        // Before the agent gives it to a request that waits, as it does even without keeping connections.
        if (!kept) answer.once('end', () => connection?.destroy());
        const declared = method === 'HEAD' ? 0 : Number(answer.headers['content-length'] ?? 0);
        const body =
          declared > this.#maxBytes ? Promise.reject(tooLong(this.#maxBytes)) : collect(answer, this.#maxBytes);
        body.then(
          (bytes) =>
            resolve({
              status: answer.statusCode ?? 0,
              header: (name) => answer.headers[name]?.toString(),
              body: bytes,
            }),
          (error) => {
            outgoing.destroy();
            reject(unreachable(error));
          },
        );
      });
      outgoing.end(body);
    });
  }
}

/** What may be done twice without harm, and so again when a connection turns out to be closed. */
const IDEMPOTENT = new Set<HttpRequest['method']>(['GET', 'HEAD', 'PUT', 'DELETE']);

class StaleConnection extends Error {}

/** A body, given up as soon as it is over `maxBytes`. */
async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of chunks) {
    length += part.length;
    if (length > maxBytes) throw tooLong(maxBytes);
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}

/** Requests by a `fetch` of the user's, which brings its own connections: names it resolves are not checked. */
export class FetchTransport implements HttpTransport {
  readonly #fetch: typeof globalThis.fetch;
  readonly #origin: string;
  readonly #maxBytes: number;

  constructor(fetch: typeof globalThis.fetch, { protocol, hostname, port }: ServerUrl, maxBytes: number) {
    this.#fetch = fetch;
    this.#origin = `${protocol}//${hostname}${port && `:${port}`}`;
    this.#maxBytes = maxBytes;
  }

  async send({ method, path, headers, body, signal }: HttpRequest): Promise<HttpAnswer> {
    try {
      const fetch = this.#fetch;
      // A copy, because the memory may be that of other values too, and user code can detach it.
      const own = body && copyOf(body);
      const answer = await fetch(this.#origin + path, { method, headers, body: own, signal, redirect: 'manual' });
      const bytes = answer.body
        ? await collect(answer.body as AsyncIterable<Uint8Array>, this.#maxBytes)
        : Buffer.alloc(0);
      return {
        // A browser-like fetch hides a redirect behind status 0.
        status: answer.type === 'opaqueredirect' ? 302 : answer.status,
        header: (name) => answer.headers.get(name) ?? undefined,
        body: bytes,
      };
    } catch (error) {
      // It may quote the URL, which the cache key is part of, or what else it was given.
      throw unreachable(error, [path, decodedKeyIn(path), headers.authorization ?? path]);
    }
  }

  close(): void {}
}

/** The server's own part of the path stays as it is: it may be encoded in another way than ours. */
function decodedKeyIn(path: string): string {
  const own = path.lastIndexOf('/v1/cache/');
  return path.slice(0, own) + decodeURIComponent(path.slice(own));
}

function isReset(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function unreachable(error: unknown, secrets: readonly string[] = []): CacheKitError {
  if (error instanceof CacheKitError) return error;
  const code = codeOf(error);
  const message = `The cache server cannot be reached${code === undefined ? '' : `: ${code}`}`;
  return new BackendError(message, { transient: true, cause: causeWithout(secrets, error) });
}

function tooLong(maxBytes: number): BackendError {
  return new BackendError(`The cache server's answer is over the limit of ${maxBytes} bytes`);
}

/** The connections to one server: those that are kept for the next request, and those that are made for one. */
class Connections {
  readonly #open: (options: RequestOptions) => ClientRequest;
  readonly #kept: Agent;
  readonly #single: Agent;
  readonly #used = new WeakSet<Duplex>();

  /** Loads the module with the first request: a cache that talks to no server needs neither. */
  static async load(protocol: 'http:' | 'https:', most: number): Promise<Connections> {
    return new Connections(protocol === 'https:' ? await import('node:https') : await import('node:http'), most);
  }

  private constructor(http: Pick<typeof import('node:http'), 'Agent' | 'request'>, maxSockets: number) {
    this.#open = (options) => http.request(options);
    this.#kept = closedByUnaskedBytes(new http.Agent({ keepAlive: true, maxSockets }));
    this.#single = new http.Agent({ keepAlive: false, maxSockets });
  }

  /** @param kept on a connection that may have been used and will be again, else on one that is made for this request. */
  request(kept: boolean, options: RequestOptions): ClientRequest {
    if (kept) return this.#open({ ...options, agent: this.#kept });
    return this.#open({ ...options, agent: this.#single, headers: { ...options.headers, connection: 'close' } });
  }

  /** Whether a request was sent on this connection before; asked once for each request. */
  isUsed(socket: Duplex): boolean {
    if (this.#used.has(socket)) return true;
    this.#used.add(socket);
    return false;
  }

  /**
   * Resolves when idle connections were read once since the call: a process that was busy has not seen yet what came meanwhile,
   * and would take it for the answer to the next request.
   */
  async heard(): Promise<void> {
    if (Object.keys(this.#kept.freeSockets).length === 0) return;
    // The first may come before the sockets are read.
    for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  close(): void {
    this.#kept.destroy();
    this.#single.destroy();
  }
}

/** Bytes that arrive between requests: `node:http` would take them for the answer to the next one, about another entry. */
function closedByUnaskedBytes(agent: Agent): Agent {
  const { keepSocketAlive, reuseSocket } = agent;
  const refuse = new WeakMap<Duplex, () => void>();
  agent.keepSocketAlive = (socket) => {
    const keep = keepSocketAlive.call(agent, socket);
    const destroy = () => socket.destroy();
    refuse.set(socket, destroy);
    socket.on('data', destroy);
    return keep;
  };
  agent.reuseSocket = (socket, request) => {
    socket.off('data', refuse.get(socket) ?? (() => {}));
    reuseSocket.call(agent, socket, request);
  };
  return agent;
}
