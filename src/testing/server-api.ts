import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { assertOptions, integerOption } from '../backends/arguments.js';
import { MAX_TTL_SECONDS } from '../backends/http.js';
import { dateOf, now } from '../util/clock.js';
import { isLoopbackHost, isStorable, lifetimeOf, mayChange, Tokens, wholeNumberIn } from './server-rules.js';
import { ServerStore } from './server-store.js';

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
const DEFAULT_MAX_VALUE_BYTES = 25 * 1024 * 1024;
const MAX_JSON_BYTES = 4096;
const BASE = 'http://server';
const PREFIX = '/v1/cache/';
const ALLOW = { entry: 'GET, HEAD, PUT, DELETE', ttl: 'GET, PATCH', lock: 'POST, DELETE', health: 'GET' };

export interface CacheApiOptions {
  /**
   * The tokens that are accepted, `ck_live_…`, `ck_sdk_…` or `ck_api_…`. They all belong to one tenant. Default: any
   * token of these classes, on a loopback host only.
   */
  tokens?: readonly string[];
  /** Bytes held in all, cache keys, a fixed cost of 600 an entry and what slow readers still get included; the process takes up to half as much again. Default 256 MiB; the least recently used go first. */
  maxBytes?: number;
  /** A longer value is answered 413. Default 25 MiB. */
  maxValueBytes?: number;
  /** Take any cache key, not only the letters `A-Za-z0-9_.:-` and the 400 of them that the API allows. Default false. */
  anyCacheKey?: boolean;
  /** Where the API is, as behind a reverse proxy: `/api` for `/api/v1/cache/…`. Default none. */
  path?: string;
  /** Milliseconds since 1970. Default: the clock of this process's caches, which `fakeClock` moves. */
  now?: () => number;
}

/** As much of a request as the API looks at. */
export interface ApiRequest extends AsyncIterable<Uint8Array> {
  readonly method?: string;
  readonly url?: string;
  readonly headers: IncomingHttpHeaders;
}

interface Reply {
  status: number;
  headers?: OutgoingHttpHeaders;
  body?: Buffer | object;
  /** To be called when the answer is over. */
  sent?: () => void;
}

type Route = { kind: 'entry' | 'ttl' | 'lock'; segment: string } | { kind: 'health' };

/** The server's side of the CacheKit HTTP API, for one tenant. Protocol: docs/protocol.md, "HTTP API". */
export class CacheApi {
  readonly tokens: Tokens;
  readonly store: ServerStore;
  readonly #bodies: BodyReader;
  readonly #maxValueBytes: number;
  readonly #anyCacheKey: boolean;
  readonly #prefix: string;

  /** @throws TypeError, RangeError, ConfigurationError for a malformed token. */
  constructor(options: CacheApiOptions = {}) {
    assertOptions(options);
    const { anyCacheKey = false, path = '', now = wallClock } = options;
    if (typeof anyCacheKey !== 'boolean') throw new TypeError('anyCacheKey must be true or false');
    if (typeof path !== 'string') throw new TypeError('path must be a string');
    if (typeof now !== 'function') throw new TypeError('now must be a function');
    const max = Number.MAX_SAFE_INTEGER;
    const maxBytes = integerOption('maxBytes', options.maxBytes, DEFAULT_MAX_BYTES, 1, max);
    this.tokens = new Tokens(options.tokens);
    this.store = new ServerStore(maxBytes, now);
    this.#bodies = new BodyReader(Math.max(maxBytes, MAX_JSON_BYTES));
    const maxValueBytes = integerOption('maxValueBytes', options.maxValueBytes, DEFAULT_MAX_VALUE_BYTES, 1, max);
    this.#maxValueBytes = Math.min(maxValueBytes, maxBytes);
    this.#anyCacheKey = anyCacheKey;
    this.#prefix = path.replace(/\/+$/, '') + PREFIX;
  }

  /** Answers a request. @throws what the connection throws when it breaks meanwhile. */
  async handle(request: ApiRequest, response: ServerResponse): Promise<void> {
    const { status, headers, body, sent } = await this.#reply(request);
    // No shared cache may keep an answer: the path of an entry says nothing of its tenant.
    response.setHeader('cache-control', 'no-store');
    response.setHeader('vary', 'Authorization');
    const bytes = Buffer.isBuffer(body) ? body : body && Buffer.from(JSON.stringify(body));
    if (bytes) {
      response.setHeader('content-type', Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json');
      response.setHeader('content-length', bytes.length);
    }
    response.writeHead(status, headers);
    response.end(request.method === 'HEAD' ? undefined : bytes);
    if (sent !== undefined) response.once('close', sent);
  }

  async #reply(request: ApiRequest): Promise<Reply> {
    const { method = '', headers } = request;
    if (method === 'OPTIONS') return { status: 204 };
    const target = request.url ?? '';
    // As the service does, so that dot segments and backslashes end where they end there.
    const url = URL.canParse(target, BASE) ? new URL(target, BASE) : undefined;
    if (!url?.pathname.startsWith(this.#prefix)) return refusal(404, 'no such route');
    // A page in a browser of this machine could ask under a name of its own that it lets resolve to a loopback address.
    if (this.tokens.open && !isLoopbackHost(headers.host))
      return refusal(421, 'without tokens only loopback hosts are served');
    const type = this.tokens.accept(headers.authorization);
    if (type === undefined) return refusal(401, 'the API key is missing or unknown');
    if (type === 'sdk' && !/^(hit|miss|disabled)$/.test(String(headers['x-cachekit-l1-status']))) {
      return refusal(400, 'X-CacheKit-L1-Status must be hit, miss or disabled');
    }
    const route = routeOf(url.pathname.slice(this.#prefix.length));
    if (!route) return refusal(404, 'no such route');
    const allow = ALLOW[route.kind];
    if (!allow.split(', ').includes(method)) {
      return { ...refusal(405, 'the method is not allowed here'), headers: { allow } };
    }
    if (route.kind === 'health') return this.#health();
    const cacheKey = decoded(route.segment);
    if (!cacheKey || !(this.#anyCacheKey || isStorable(cacheKey))) return refusal(400, 'the cache key is not allowed');
    if (method !== 'GET' && method !== 'HEAD' && !mayChange(type, cacheKey)) {
      return refusal(403, 'the API key may not change this entry');
    }
    if (route.kind === 'ttl') return method === 'GET' ? this.#ttl(cacheKey) : this.#refresh(cacheKey, request);
    if (route.kind === 'lock') {
      return method === 'POST' ? this.#lock(cacheKey, request) : this.#unlock(cacheKey, headers, url.searchParams);
    }
    if (method === 'PUT') return this.#put(cacheKey, request);
    if (method === 'DELETE') {
      this.store.delete(cacheKey);
      return done;
    }
    return this.#get(cacheKey, method);
  }

  #get(cacheKey: string, method: string): Reply {
    const found = this.store.get(cacheKey);
    if (!found) return refusal(404, 'there is no such entry');
    const headers: OutgoingHttpHeaders = { 'x-cachekit-freshness': found.stale ? 'stale' : 'fresh' };
    // Nothing that HEAD answers with could be kept.
    if (method === 'HEAD') return { status: 200, headers, body: found.bytes };
    if (found.freshFor !== undefined) headers['x-cachekit-fresh-for'] = found.freshFor;
    const sent = this.store.sending.begin(found.bytes);
    return sent === undefined ? unread('busy') : { status: 200, headers, body: found.bytes, sent };
  }

  async #put(cacheKey: string, request: ApiRequest): Promise<Reply> {
    const { headers } = request;
    const ttl = headers['x-cachekit-ttl'] ?? headers['x-ttl'];
    const lifetime = lifetimeOf(ttl?.toString(), headers['x-cachekit-stale-ttl']?.toString());
    if (!lifetime) return refusal(400, 'the TTL or stale TTL is outside its range');
    const body = await this.#bodies.read(request, this.#maxValueBytes);
    if (!Buffer.isBuffer(body)) return unread(body);
    const outcome = this.store.set(cacheKey, body, lifetime);
    return outcome === 'done' ? done : unread(outcome);
  }

  #ttl(cacheKey: string): Reply {
    const found = this.store.get(cacheKey);
    return found ? { status: 200, body: { ttl: found.ttl ?? null } } : refusal(404, 'there is no such entry');
  }

  async #refresh(cacheKey: string, request: ApiRequest): Promise<Reply> {
    const body = await this.#bodies.read(request, MAX_JSON_BYTES);
    const ttl = Buffer.isBuffer(body) ? wholeNumberIn(body, 'ttl', MAX_TTL_SECONDS) : undefined;
    if (ttl === undefined) return refusal(400, 'ttl must be a whole number of seconds up to 30 days');
    const outcome = this.store.refresh(cacheKey, ttl);
    if (outcome === 'stale') return refusal(409, 'the entry is stale');
    if (outcome === 'too long') return refusal(400, 'ttl and the stale TTL are over 30 days together');
    return done;
  }

  async #lock(cacheKey: string, request: ApiRequest): Promise<Reply> {
    const body = await this.#bodies.read(request, MAX_JSON_BYTES);
    const leaseMs = Buffer.isBuffer(body) ? wholeNumberIn(body, 'timeout_ms', MAX_TTL_SECONDS * 1000) : undefined;
    if (leaseMs === undefined) return refusal(400, 'timeout_ms must be a whole number of milliseconds up to 30 days');
    const id = this.store.lock(cacheKey, leaseMs);
    return id === undefined ? unread('busy') : { status: 200, body: { lock_id: id } };
  }

  #unlock(cacheKey: string, headers: IncomingHttpHeaders, query: URLSearchParams): Reply {
    const id = headers['x-cachekit-lock-id']?.toString().trim() || query.get('lock_id')?.trim();
    if (!id) return refusal(400, 'X-CacheKit-Lock-Id is missing');
    return { status: 200, body: { success: this.store.unlock(cacheKey, id) } };
  }

  #health(): Reply {
    const { entries, locks } = this.store.counts;
    return { status: 200, body: { status: 'ok', cache_entries: entries, active_locks: locks } };
  }
}

const done: Reply = { status: 200, body: { success: true } };

function refusal(status: number, error: string): Reply {
  return { status, body: { error } };
}

function unread(reason: 'too large' | 'busy'): Reply {
  if (reason === 'too large') return refusal(413, 'the value is too large');
  return { ...refusal(503, 'the server is busy'), headers: { 'retry-after': '1' } };
}

/** What is behind `/v1/cache/`, split before it is decoded: an encoded slash is no slash. */
function routeOf(path: string): Route | undefined {
  const [segment = '', resource, ...rest] = path.split('/');
  if (segment === '' || segment === 'ttl' || segment === 'lock' || rest.length > 0) return undefined;
  if (resource === undefined) return segment === 'health' ? { kind: 'health' } : { kind: 'entry', segment };
  return resource === 'ttl' || resource === 'lock' ? { kind: resource, segment } : undefined;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function wallClock(): number {
  return dateOf(now()).getTime();
}

/** The body of a request, or why there is none. */
type Body = Buffer | 'too large' | 'busy';

/** Reads bodies into memory, each up to a limit and all together up to another. */
class BodyReader {
  readonly #maxBytesAtOnce: number;
  #reading = 0;

  constructor(maxBytesAtOnce: number) {
    this.#maxBytesAtOnce = maxBytesAtOnce;
  }

  /** Reads a body over a limit to its end: many clients look for the answer only then. @throws what a broken connection throws. */
  async read(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Body> {
    let parts: Uint8Array[] = [];
    let length = 0;
    let held = 0;
    let refusal: 'too large' | 'busy' | undefined;
    try {
      for await (const part of chunks) {
        length += part.length;
        if (length > maxBytes) refusal = 'too large';
        else if (this.#reading + part.length > this.#maxBytesAtOnce) refusal ??= 'busy';
        if (refusal === undefined) {
          this.#reading += part.length;
          held += part.length;
          parts.push(part);
          continue;
        }
        parts = [];
      }
    } finally {
      this.#reading -= held;
    }
    if (refusal !== undefined) return refusal;
    // Memory of its own: the chunks are views on larger ones.
    const body = Buffer.allocUnsafeSlow(length);
    let offset = 0;
    for (const part of parts) {
      body.set(part, offset);
      offset += part.length;
    }
    return body;
  }
}
