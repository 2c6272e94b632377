import { createHash } from 'node:crypto';
import type { TenantCache } from '../../index.js';
import { kindOf } from '../util/bytes.js';
import { type Duration, ttlMsOf } from '../util/options-object.js';
import { assertPrefix, optionsWithCache } from './arguments.js';

export interface CacheResponsesOptions {
  /** Where the responses are kept, sealed when it has a key. The store sees neither URLs nor headers: cache keys are SHA-256 of them. */
  cache: TenantCache;
  /** Of responses that do not say `s-maxage` or `max-age`. Default: the cache's. */
  ttl?: Duration;
  /** Request headers that a response may depend on: each combination is cached apart. Default none. */
  vary?: readonly string[];
  /** Begins the cache keys. Default `'response:'`. */
  prefix?: string;
}

/** What the middleware needs of a Context of Hono. */
export interface HonoContext {
  req: { method: string; url: string; raw: Request };
  res: Response;
}

interface Kept {
  status: number;
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
  at: number;
}

/**
 * A middleware of Hono that answers GET requests from a cache.
 *
 * Kept are responses with status 200 and a whole body, but for those with `Set-Cookie`, `Cache-Control: private`, `no-store` or `no-cache`,
 * those whose `Vary` has more than `vary`, and event streams. A request with `Authorization` or `Cookie` passes by, unless `vary`
 * has that header: what is one user's must not be another's answer. Where the store fails, the handlers answer.
 *
 * @example
 * app.get('/rates/*', cacheResponses({ cache, ttl: '1m' }));
 *
 * @throws TypeError, RangeError and ConfigurationError for wrong options.
 */
export function cacheResponses(
  options: CacheResponsesOptions,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const { cache, ttl, vary = [], prefix = 'response:' } = optionsWithCache(options, ['ttl', 'vary', 'prefix']);
  ttlMsOf(ttl);
  assertPrefix(prefix);
  if (!Array.isArray(vary)) throw new TypeError(`vary must be an array of header names, not ${kindOf(vary)}`);
  const varied = vary.map((name: string) => name.toLowerCase()).sort();
  return async (context, next) => {
    const { method, url, raw } = context.req;
    const personal = ['authorization', 'cookie'].some((name) => raw.headers.has(name) && !varied.includes(name));
    if (method !== 'GET' || personal || raw.headers.has('range') || has(raw, 'no-store')) {
      await next();
      return undefined;
    }
    const named = JSON.stringify([url, ...varied.map((name) => [name, raw.headers.get(name)])]);
    const cacheKey = prefix + createHash('sha256').update(named).digest('base64url');
    const kept = has(raw, 'no-cache') ? undefined : await cache.get<Kept>(cacheKey);
    if (kept !== undefined) {
      const age = Math.max(0, Math.floor((Date.now() - kept.at) / 1000));
      return new Response(kept.body, { status: kept.status, headers: [...kept.headers, ['age', String(age)]] });
    }
    await next();
    const { status, headers } = context.res;
    const seconds = directive(headers, 's-maxage') ?? directive(headers, 'max-age');
    if (!isKept(context.res, varied) || seconds === 0) return undefined;
    const body = new Uint8Array(await context.res.arrayBuffer());
    // A body is read once.
    context.res = new Response(body, context.res);
    await cache.set(cacheKey, { status, headers: [...headers], body, at: Date.now() }, { ttl: seconds ?? ttl });
    return undefined;
  };
}

function isKept({ status, headers }: Response, varied: readonly string[]): boolean {
  const vary = (headers.get('vary') ?? '').toLowerCase().split(',');
  return (
    status === 200 &&
    !headers.has('set-cookie') &&
    !['private', 'no-store', 'no-cache'].some((name) => has({ headers }, name)) &&
    !headers.get('content-type')?.startsWith('text/event-stream') &&
    vary.map((name) => name.trim()).every((name) => name === '' || varied.includes(name))
  );
}

/** Whether Cache-Control has a directive. `private="set-cookie"` counts as `private`. */
const has = ({ headers }: { headers: Headers }, name: string): boolean =>
  new RegExp(`(^|[\\s,])${name}($|[\\s,=])`, 'i').test(headers.get('cache-control') ?? '');

function directive(headers: Headers, name: string): number | undefined {
  const [, value] =
    new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*"?(\\d+)`, 'i').exec(headers.get('cache-control') ?? '') ?? [];
  return value === undefined ? undefined : Number(value);
}
