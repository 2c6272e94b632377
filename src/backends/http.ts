import type { LookupFunction } from 'node:net';
import { assertBytes, kindOf } from '../bytes.js';
import { BackendError, ConfigurationError } from '../errors.js';
import {
  assertCacheKey,
  assertOptions,
  closedError,
  copyOf,
  finiteTtlMs,
  integerOption,
  wholeTtlMs,
} from './arguments.js';
import type {
  Backend,
  BackendDeleteOptions,
  BackendEntry,
  BackendGetOptions,
  BackendOptions,
  BackendSetOptions,
} from './backend.js';
import { timeoutOption, withDeadline } from './deadline.js';
import { parseServerUrl } from './http-address.js';
import {
  FetchTransport,
  type HttpAnswer,
  type HttpRequest,
  type HttpTransport,
  NodeTransport,
} from './http-transport.js';
import { encodeCacheKey, freshForSeconds, isStale, retryAfterSeconds, statusError, ttlSeconds } from './http-wire.js';

const OCTETS = 'application/octet-stream';
const DEFAULT_MAX_RESPONSE_BYTES = 32 * 1024 * 1024;
const DEFAULT_CONNECTIONS = 32;
/** The hosts that CACHEKIT_API_URL may name unless CACHEKIT_ALLOW_CUSTOM_HOST is true. */
const ALLOWED_HOSTS = new Set(['api.cachekit.io', 'api.staging.cachekit.io']);
/** A busy server is asked again once, when it asks for no more patience than this. */
const MAX_RETRY_AFTER_SECONDS = 2;
/** The b64token of RFC 6750. */
const API_KEY = /^[A-Za-z0-9\-._~+/]+=*$/;

export interface HttpBackendOptions {
  /** `https://host[:port][/path]`; requests go to its path + `/v1/cache/…`. Default: CACHEKIT_API_URL. */
  url?: string;
  /** Sent as `Authorization: Bearer …`. Default: CACHEKIT_API_KEY. */
  apiKey?: string;
  /** Permit private and loopback hosts, and `http://` on loopback. Link-local and reserved addresses stay refused. */
  allowPrivateHosts?: boolean;
  /** Replaces the transport. The rules for the URL hold, but nobody checks which address a name resolves to. */
  fetch?: typeof globalThis.fetch;
  /** Replaces `dns.lookup`; what it answers is checked all the same. */
  lookup?: LookupFunction;
  /** After how many milliseconds without a whole answer an operation rejects with TimeoutError. Default 5,000. */
  timeoutMs?: number;
  /** An answer over this many bytes is a BackendError. Default 32 MiB; the hosted service stores at most 25 MB. */
  maxResponseBytes?: number;
  /** Most connections open at once. Default 32. */
  connections?: number;
}

/**
 * A store behind the CacheKit HTTP API. Protocol: SaaS API.
 *
 * TTLs are whole seconds there, rounded up, at most 30 days. `delete` and `expire` cannot tell whether an entry
 * existed, and `ifBytes` compares before it deletes, not in one step.
 */
export class HttpBackend implements Backend {
  readonly #transport: HttpTransport;
  readonly #base: string;
  readonly #authorization: string;
  readonly #timeoutMs: number;
  #closed = false;

  /** @throws TypeError, RangeError, ConfigurationError for a URL or API key that is missing or not allowed. */
  constructor(options: HttpBackendOptions = {}) {
    assertOptions(options);
    const { url, apiKey, allowPrivateHosts = false, fetch, lookup } = options;
    if (typeof allowPrivateHosts !== 'boolean') {
      throw new TypeError(`allowPrivateHosts must be true or false, not ${kindOf(allowPrivateHosts)}`);
    }
    if (fetch !== undefined && typeof fetch !== 'function') throw new TypeError('fetch must be a function');
    if (lookup !== undefined && typeof lookup !== 'function') throw new TypeError('lookup must be a function');
    this.#timeoutMs = timeoutOption(options.timeoutMs);
    const maxBytes = integerOption(
      'maxResponseBytes',
      options.maxResponseBytes,
      DEFAULT_MAX_RESPONSE_BYTES,
      1,
      Number.MAX_SAFE_INTEGER,
    );
    const connections = integerOption('connections', options.connections, DEFAULT_CONNECTIONS, 1, 10_000);
    const server = parseServerUrl(url === undefined ? urlOfEnvironment() : url, allowPrivateHosts);
    if (url === undefined) assertAllowedHost(server.hostname);
    this.#authorization = `Bearer ${checkedApiKey(apiKey)}`;
    this.#base = `${server.path}/v1/cache/`;
    this.#transport = fetch
      ? new FetchTransport(fetch, server, maxBytes)
      : new NodeTransport(server, maxBytes, connections, lookup);
  }

  async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    const answer = await this.#request('GET', this.#path(cacheKey), options);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failure(answer);
    const encoding = answer.header('content-encoding');
    if (encoding !== undefined && encoding !== 'identity') {
      throw new BackendError('The cache server answered with an encoded body, which was not asked for');
    }
    const entry: BackendEntry = { bytes: answer.body };
    const seconds = freshForSeconds(answer.header('x-cachekit-fresh-for'));
    if (isStale(answer.header('x-cachekit-freshness'))) {
      entry.stale = true;
      entry.expiresInMs = 0;
    } else if (seconds !== undefined) entry.expiresInMs = seconds * 1000;
    return entry;
  }

  async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    const path = this.#path(cacheKey);
    assertBytes('bytes', bytes);
    const ttlMs = wholeTtlMs(options?.ttlMs);
    const headers = ttlMs === undefined ? undefined : { 'x-cachekit-ttl': String(ttlSeconds(ttlMs)) };
    const body = options?.owned ? bytes : copyOf(bytes);
    const answer = await this.#request('PUT', path, options, { headers, body });
    if (!isSuccess(answer)) throw failure(answer);
  }

  async delete(cacheKey: string, options?: BackendDeleteOptions): Promise<boolean> {
    const path = this.#path(cacheKey);
    const ifBytes = options?.ifBytes;
    if (ifBytes !== undefined) {
      assertBytes('ifBytes', ifBytes);
      const expected = copyOf(ifBytes);
      const entry = await this.get(cacheKey, options);
      if (!entry || !expected.equals(entry.bytes)) return false;
    }
    const answer = await this.#request('DELETE', path, options);
    if (answer.status === 404) return false;
    if (!isSuccess(answer)) throw failure(answer);
    return true;
  }

  async has(cacheKey: string, options?: BackendOptions): Promise<boolean> {
    const answer = await this.#request('HEAD', this.#path(cacheKey), options);
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw failure(answer);
    return true;
  }

  async expire(cacheKey: string, ttlMs: number, options?: BackendOptions): Promise<boolean> {
    const path = `${this.#path(cacheKey)}/ttl`;
    const body = Buffer.from(JSON.stringify({ ttl: ttlSeconds(finiteTtlMs(ttlMs)) }));
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#request('PATCH', path, options, { headers, body });
    // 409: the entry is past its freshness, where the API no longer extends it.
    if (answer.status === 404 || answer.status === 409) return false;
    if (!isSuccess(answer)) throw failure(answer);
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #path(cacheKey: string): string {
    assertCacheKey(cacheKey);
    return this.#base + encodeCacheKey(cacheKey);
  }

  async #request(
    method: HttpRequest['method'],
    path: string,
    options: BackendOptions | undefined,
    { headers, body }: { headers?: Record<string, string>; body?: Uint8Array } = {},
  ): Promise<HttpAnswer> {
    if (this.#closed) throw closedError('HTTP');
    const controller = new AbortController();
    const request: HttpRequest = {
      method,
      path,
      headers: {
        authorization: this.#authorization,
        'x-cachekit-l1-status': l1Status(options?.l1),
        'content-type': OCTETS,
        'user-agent': 'cachekit-native',
        // A value that was compressed on the way would not be the value.
        'accept-encoding': 'identity',
        ...headers,
      },
      body,
      signal: controller.signal,
    };
    return withDeadline(
      'HTTP',
      this.#timeoutMs,
      options?.signal,
      async () => {
        const answer = await this.#transport.send(request);
        if (answer.status !== 503 || (method !== 'PUT' && method !== 'DELETE')) return answer;
        const seconds = retryAfterSeconds(answer.header('retry-after'));
        if (seconds === undefined || seconds > MAX_RETRY_AFTER_SECONDS) return answer;
        await pause(seconds * 1000, controller.signal);
        return this.#transport.send(request);
      },
      (reason) => controller.abort(reason),
    );
  }
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

function failure(answer: HttpAnswer): BackendError {
  return statusError(answer.status, answer.header('retry-after'));
}

function l1Status(value: unknown): string {
  if (value === undefined) return 'disabled';
  if (value === 'hit' || value === 'miss' || value === 'disabled') return value;
  throw new TypeError("l1 must be 'hit', 'miss' or 'disabled'");
}

function urlOfEnvironment(): string {
  const url = process.env.CACHEKIT_API_URL;
  if (!url) throw new ConfigurationError('An HTTP backend needs a url, or CACHEKIT_API_URL in the environment');
  return url;
}

function assertAllowedHost(hostname: string): void {
  if (ALLOWED_HOSTS.has(hostname) || process.env.CACHEKIT_ALLOW_CUSTOM_HOST === 'true') return;
  throw new ConfigurationError(
    'CACHEKIT_API_URL names a host that is not of the service; set CACHEKIT_ALLOW_CUSTOM_HOST=true, or pass the url in code',
  );
}

function checkedApiKey(apiKey: unknown): string {
  if (apiKey !== undefined && typeof apiKey !== 'string') {
    throw new TypeError(`apiKey must be a string, not ${kindOf(apiKey)}`);
  }
  const value = apiKey ?? process.env.CACHEKIT_API_KEY;
  if (!value) {
    throw new ConfigurationError(
      'An HTTP backend needs an API key: pass apiKey, or set CACHEKIT_API_KEY before this is constructed (environment files must be loaded before the import)',
    );
  }
  if (!API_KEY.test(value)) throw new ConfigurationError('The API key has a character that no API key has');
  return value;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
