import type { LookupAddress } from 'node:dns';
import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { LookupFunction } from 'node:net';
import { copyOf } from '../bytes.js';
import { BackendError, CacheKitError } from '../errors.js';
import { causeWithout, codeOf } from './cause.js';
import { assertNotHeld } from './fake-timers.js';
import { isAllowedAddress, type ServerUrl } from './http-address.js';

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
  readonly #connections: number;
  readonly #lookup: LookupFunction;
  #http: Promise<NodeHttp> | undefined;
  #closed = false;

  constructor(server: ServerUrl, maxBytes: number, connections: number, lookup: LookupFunction | undefined) {
    this.#server = server;
    this.#maxBytes = maxBytes;
    this.#connections = connections;
    this.#lookup = checkedLookup(server, lookup);
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    assertNotHeld('node:http');
    this.#http ??= loadHttp(this.#server.protocol, this.#connections);
    const { open, agent } = await this.#http;
    try {
      return await this.#exchange(open, agent, request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      // On a connection of its own, as other idle ones may have been closed too.
      return this.#exchange(open, false, request);
    }
  }

  close(): void {
    this.#closed = true;
    void this.#http?.then(({ agent }) => agent.destroy());
  }

  async #exchange(
    open: NodeHttp['open'],
    agent: Agent | false,
    { method, path, headers, body, signal }: HttpRequest,
  ): Promise<HttpAnswer> {
    if (this.#closed || signal.aborted) throw unreachable(undefined);
    const { protocol, hostname, port } = this.#server;
    const length =
      body || method === 'PUT' || method === 'PATCH' ? { 'content-length': String(body?.length ?? 0) } : {};
    return new Promise<HttpAnswer>((resolve, reject) => {
      const outgoing = open({
        protocol,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        ...(port && { port: Number(port) }),
        method,
        path,
        headers: { ...headers, ...length },
        agent,
        lookup: this.#lookup,
        signal,
      });
      let answered = false;
      outgoing.once('error', (error) => {
        // The server closed an idle connection just as this request was written to it, and has not read it.
        const stale = agent !== false && outgoing.reusedSocket && !answered && !signal.aborted && isReset(error);
        reject(stale ? new StaleConnection() : unreachable(error));
      });
      outgoing.once('response', (answer) => {
        answered = true;
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

interface NodeHttp {
  open(options: RequestOptions): ClientRequest;
  agent: Agent;
}

class StaleConnection extends Error {}

// Loaded by the first request: a cache that talks to no server needs neither module.
async function loadHttp(protocol: ServerUrl['protocol'], connections: number): Promise<NodeHttp> {
  const http = protocol === 'https:' ? await import('node:https') : await import('node:http');
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  return { open: (options) => http.request(options), agent };
}

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

/** A `lookup` for `connect` that answers only with addresses that are allowed; one that is not refuses the whole name. */
function checkedLookup(server: ServerUrl, lookup: LookupFunction | undefined): LookupFunction {
  return (hostname, options, callback) => {
    const resolve = async () => {
      const lookUp = lookup ?? ((await import('node:dns')).lookup as LookupFunction);
      const addresses = await new Promise<LookupAddress[]>((resolve, reject) => {
        lookUp(hostname, { ...options, all: true }, (error, found, family) => {
          if (error) reject(error);
          else resolve(Array.isArray(found) ? found : [{ address: found, family: family ?? 0 }]);
        });
      });
      if (addresses.length === 0 || !addresses.every(({ address }) => isAllowedAddress(address, server.rules))) {
        throw refusedAddress();
      }
      return addresses;
    };
    resolve().then(
      (addresses) => {
        if (options.all) callback(null, addresses);
        else callback(null, (addresses[0] as LookupAddress).address, addresses[0]?.family);
      },
      (error) => callback(error, '', 0),
    );
  };
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
      // A copy, because the memory may be that of other values too, and a stranger's code can take it away.
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
      throw unreachable(error, [path, decodeURIComponent(path), headers.authorization ?? path]);
    }
  }

  close(): void {}
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

function refusedAddress(): BackendError {
  return new BackendError('The name of the cache server resolves to a private, loopback or reserved address');
}
