import { inspect } from 'node:util';
import type { ExecutionContext } from 'ava';
import { HttpBackend, type HttpBackendOptions } from '../../index.js';
import { API_KEY, type CacheServer, startCacheServer } from '../support/http-server.js';

export const SECRET_KEY = 'patient:4711:diagnosis';

export const SECRET_VALUE = Buffer.from('sealed-bytes-of-a-value');

export function open(t: ExecutionContext, url: string, options: HttpBackendOptions = {}): HttpBackend {
  const backend = new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true, ...options });
  t.teardown(() => backend.close());
  return backend;
}

export async function start(t: ExecutionContext): Promise<CacheServer> {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  return server;
}

export function assertNoSecret(t: ExecutionContext, error: unknown): void {
  const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const secret of [API_KEY, SECRET_KEY, encodeURIComponent(SECRET_KEY), SECRET_VALUE.toString()]) {
    t.false(shown.includes(secret), shown);
  }
}
