import type { ExecutionContext } from 'ava';
import { type CacheServer, type CacheServerOptions, startCacheServer } from '../../src/testing/server.js';

export const TOKENS = ['ck_live_one', 'ck_sdk_two', 'ck_api_three'];

export async function start(t: ExecutionContext, options: CacheServerOptions = {}): Promise<CacheServer> {
  const server = await startCacheServer({ tokens: TOKENS, ...options });
  t.teardown(() => server.stop());
  return server;
}

export interface Asked {
  token?: string | null;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

export async function ask(server: CacheServer, method: string, path: string, asked: Asked = {}): Promise<Answered> {
  const { token = TOKENS[0], headers, body } = asked;
  const answer = await fetch(`${server.url}/v1/cache/${path}`, {
    method,
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
    body: body as string | undefined,
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
