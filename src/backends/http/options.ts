import type { LookupFunction } from 'node:net';
import { ConfigurationError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';
import { ownOptions } from '../../util/options-object.js';
import { assertOptions, integerOption, timeoutOption } from '../arguments.js';
import type { HttpMetrics } from './metrics.js';
import { parseServerUrl, type ServerUrl } from './ssrf-guard.js';

const DEFAULT_URL = 'https://api.cachekit.io';
/** The hosts that CACHEKIT_API_URL may name unless CACHEKIT_ALLOW_CUSTOM_HOST is true. */
const ALLOWED_HOSTS = new Set(['api.cachekit.io', 'api.staging.cachekit.io']);
const DEFAULT_MAX_RESPONSE_BYTES = 32 * 1024 * 1024;
const DEFAULT_CONNECTIONS = 32;
const DEFAULT_MAX_RETRIES = 1;
const MAX_TIMEOUT_SECONDS = (2 ** 31 - 1) / 1000;
/** The b64token of RFC 6750. */
const API_KEY = /^[A-Za-z0-9\-._~+/]+=*$/;

export interface HttpBackendOptions {
  /**
   * `https://host[:port][/path]`; requests go to its path + `/v1/cache/…`. Default: CACHEKIT_API_URL, which may name a
   * host that is not of the service only beside `CACHEKIT_ALLOW_CUSTOM_HOST=true`, or else `https://api.cachekit.io`.
   */
  url?: string;
  /** Sent as `Authorization: Bearer …`. Default: CACHEKIT_API_KEY. */
  apiKey?: string;
  /** Permit private and loopback hosts, and `http://` on loopback. Link-local and reserved addresses stay refused. */
  allowPrivateHosts?: boolean;
  /** Replaces the transport. The rules for the URL hold, but the addresses that a name resolves to are not checked. */
  fetch?: typeof globalThis.fetch;
  /** Replaces `dns.lookup`; what it answers is checked all the same. */
  lookup?: LookupFunction;
  /**
   * After how many milliseconds without a whole answer an operation rejects with TimeoutError, all its attempts
   * together. Default: CACHEKIT_TIMEOUT, which counts seconds, or else 5,000.
   */
  timeoutMs?: number;
  /** An answer over this many bytes is a BackendError. Default 32 MiB; the hosted service stores at most 25 MB. */
  maxResponseBytes?: number;
  /** Most connections open at once. Default: CACHEKIT_CONNECTION_POOL_SIZE, or else 32. */
  connections?: number;
  /**
   * How often a PUT or DELETE is sent again that was answered 503 with a `Retry-After` of at most two seconds; nothing
   * else ever is. Default: CACHEKIT_MAX_RETRIES, or else 1.
   */
  maxRetries?: number;
  /** What is sent as the API's metrics, asked for each request: `() => cache.stats()`. Default: no metrics. */
  metrics?: () => HttpMetrics;
}

export interface CheckedHttpOptions {
  server: ServerUrl;
  authorization: string;
  fetch: typeof globalThis.fetch | undefined;
  lookup: LookupFunction | undefined;
  timeoutMs: number;
  maxResponseBytes: number;
  connections: number;
  maxRetries: number;
  metrics: (() => HttpMetrics) | undefined;
}

/** @throws TypeError, RangeError, ConfigurationError for a URL or API key that is missing or not allowed. */
export function checkedHttpOptions(given: unknown): CheckedHttpOptions {
  assertOptions(given);
  const options = ownOptions(given);
  const { url, apiKey, allowPrivateHosts = false, fetch, lookup, metrics } = options as HttpBackendOptions;
  const { timeoutMs, maxResponseBytes, connections, maxRetries } = options as HttpBackendOptions;
  if (typeof allowPrivateHosts !== 'boolean') {
    throw new TypeError(`allowPrivateHosts must be true or false, not ${kindOf(allowPrivateHosts)}`);
  }
  for (const [name, value] of Object.entries({ fetch, lookup, metrics })) {
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`${name} must be a function`);
  }
  return {
    timeoutMs: timeoutOption(timeoutMs ?? timeoutOfEnvironment()),
    maxResponseBytes: integerOption(
      'maxResponseBytes',
      maxResponseBytes,
      DEFAULT_MAX_RESPONSE_BYTES,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    connections: countOption(
      'connections',
      connections,
      'CACHEKIT_CONNECTION_POOL_SIZE',
      DEFAULT_CONNECTIONS,
      1,
      10_000,
    ),
    maxRetries: countOption('maxRetries', maxRetries, 'CACHEKIT_MAX_RETRIES', DEFAULT_MAX_RETRIES, 0, 100),
    server: url === undefined ? serverOfEnvironment(allowPrivateHosts) : parseServerUrl(url, allowPrivateHosts),
    authorization: `Bearer ${checkedApiKey(apiKey)}`,
    fetch,
    lookup,
    metrics,
  };
}

function serverOfEnvironment(allowPrivateHosts: boolean): ServerUrl {
  const server = parseServerUrl(process.env.CACHEKIT_API_URL || DEFAULT_URL, allowPrivateHosts);
  const custom = process.env.CACHEKIT_ALLOW_CUSTOM_HOST?.toLowerCase();
  if (ALLOWED_HOSTS.has(server.hostname) || custom === 'true' || custom === '1') return server;
  throw new ConfigurationError(
    'CACHEKIT_API_URL names a host that is not of the service; set CACHEKIT_ALLOW_CUSTOM_HOST=true, or pass the url in code',
  );
}

function timeoutOfEnvironment(): number | undefined {
  const text = process.env.CACHEKIT_TIMEOUT;
  if (!text) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
    throw new ConfigurationError('CACHEKIT_TIMEOUT must be a number of seconds, more than 0');
  }
  return Math.ceil(seconds * 1000);
}

/** As given, or else as the environment says. */
function countOption(option: string, given: unknown, name: string, fallback: number, min: number, max: number): number {
  const text = process.env[name];
  const value = text && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (text && !(value >= min && value <= max)) {
    throw new ConfigurationError(`${name} must be a whole number from ${min} to ${max}`);
  }
  return integerOption(option, given, text ? value : fallback, min, max);
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
