import { createHash, timingSafeEqual } from 'node:crypto';
import { isAllowedAddress, MAX_TTL_SECONDS } from '../backends/http.js';
import { ConfigurationError } from '../errors.js';
import { kindOf } from '../util/bytes.js';

const MAX_CACHE_KEY_LEN = 400;
/** The b64token of RFC 6750, of one of the API's three classes. */
const TOKEN = /^ck_(live|sdk|api)_[A-Za-z0-9\-._~+/]+=*$/;

export type TokenClass = 'live' | 'sdk' | 'api';

/** The tokens a server takes, kept as hashes alone. */
export class Tokens {
  readonly #digests: readonly Buffer[] | undefined;

  /** @throws TypeError for another type, ConfigurationError for what is no token; neither carries it. */
  constructor(tokens: unknown) {
    if (tokens === undefined) return;
    if (!Array.isArray(tokens)) throw new TypeError(`tokens must be an array, not ${kindOf(tokens)}`);
    for (const token of tokens) {
      if (typeof token !== 'string') throw new TypeError(`a token must be a string, not ${kindOf(token)}`);
      if (!TOKEN.test(token)) {
        throw new ConfigurationError('A token must begin with ck_live_, ck_sdk_ or ck_api_ and be a bearer token');
      }
    }
    this.#digests = tokens.map(digest);
  }

  /** Whether any well-formed token will do. */
  get open(): boolean {
    return this.#digests === undefined;
  }

  /** The class of the request's token, `undefined` for one that is not accepted. */
  accept(authorization: string | undefined): TokenClass | undefined {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    const type = TOKEN.exec(token)?.[1] as TokenClass | undefined;
    if (type === undefined || this.#digests === undefined) return type;
    const given = digest(token);
    let found = false;
    for (const known of this.#digests) found = timingSafeEqual(given, known) || found;
    return found ? type : undefined;
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether a `Host` header, with or without a port, names this machine and nothing else. */
export function isLoopbackHost(header: string | undefined): boolean {
  if (header === undefined || !URL.canParse(`http://${header}`)) return false;
  const { hostname, host, origin } = new URL(`http://${header}`);
  // Nothing but a host: no user, no path.
  if (origin !== `http://${host}` || /[/?#@\\]/.test(header)) return false;
  return isLoopback(hostname.replace(/^\[|\]$/g, '').replace(/\.$/, ''));
}

/** Whether a host to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || isAllowedAddress(host, { allowPrivate: true, loopbackOnly: true });
}

/** Length, charset, traversal and namespace. Protocol: docs/protocol.md, "Server-Side Requirements". */
export function isStorable(cacheKey: string): boolean {
  if (cacheKey.length > MAX_CACHE_KEY_LEN || !/^[A-Za-z0-9_.:-]+$/.test(cacheKey) || cacheKey.includes('..')) {
    return false;
  }
  return !/^ns(api)?:/.test(cacheKey) || /^ns(api)?:[A-Za-z0-9_-]{1,64}:./.test(cacheKey);
}

/** The write-space split: whether a token of this class may change the entry. */
export function mayChange(type: TokenClass, cacheKey: string): boolean {
  if (type === 'sdk') return !cacheKey.startsWith('nsapi:');
  if (type === 'api') return !cacheKey.startsWith('ns:');
  return true;
}

/** How long a PUT wants its entry fresh, and stale after that, in seconds. */
export interface Lifetime {
  ttl: number;
  stale: number;
}

/** `undefined` for headers that the API refuses. Protocol: docs/protocol.md, "TTL". */
export function lifetimeOf(ttlHeader: string | undefined, staleHeader: string | undefined): Lifetime | undefined {
  const ttl = ttlHeader === undefined ? Number.POSITIVE_INFINITY : seconds(ttlHeader);
  const stale = staleHeader === undefined ? 0 : seconds(staleHeader);
  if (ttl === undefined || ttl === 0 || stale === undefined || stale >= MAX_TTL_SECONDS) return undefined;
  if (ttl === Number.POSITIVE_INFINITY) return staleHeader === undefined ? { ttl, stale: 0 } : undefined;
  return ttl + stale <= MAX_TTL_SECONDS ? { ttl, stale } : undefined;
}

function seconds(header: string): number | undefined {
  if (!/^[0-9]{1,7}$/.test(header)) return undefined;
  const value = Number(header);
  return value <= MAX_TTL_SECONDS ? value : undefined;
}

/** The number at `name` in a JSON body, if it is a whole one from 1 to `max`. */
export function wholeNumberIn(body: Buffer, name: string, max: number): number | undefined {
  let value: unknown;
  try {
    value = (JSON.parse(body.toString('utf8')) as Record<string, unknown> | null)?.[name];
  } catch {
    return undefined;
  }
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max ? value : undefined;
}
