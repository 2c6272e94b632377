import test from 'ava';
import { BackendError, HttpBackend, type HttpBackendOptions, TimeoutError } from '../../index.js';
import { API_KEY, startCacheServer, startRawServer } from '../support/http-server.js';

const open = (url: string, options: HttpBackendOptions = {}) =>
  new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true, ...options });

test('health tells what the server says of itself', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  await using backend = open(server.url);
  await backend.set('a', Buffer.from('x'));
  const lock = await backend.lock('a', 60_000);
  const health = await backend.health();
  t.like(health, { healthy: true, version: 'unknown', cacheEntries: 1, activeLocks: 1, error: undefined });
  t.true(health.latencyMs > 0);
  t.is(server.seen.at(-1)?.path, '/v1/cache/health');
  await lock?.release();
  t.is((await backend.health()).activeLocks, 0);
  server.handler = (_, response) => {
    response.end('{"version":"1.0.0"}');
    return true;
  };
  t.like(await backend.health(), { healthy: true, version: '1.0.0' });
  server.handler = (_, response) => {
    response.end('{"status":"degraded","version":5,"cache_entries":"many"}');
    return true;
  };
  const degraded = await backend.health();
  t.like(degraded, { healthy: false, version: 'unknown' });
  t.is(degraded.cacheEntries, undefined);
});

test('health never rejects, whatever is wrong', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  for (const [status, body] of [
    [401, ''],
    [500, 'x'],
    [302, ''],
    [200, ''],
    [200, 'x'],
    [200, 'null'],
  ] as const) {
    server.handler = (_, response) => {
      response.writeHead(status).end(body);
      return true;
    };
    const { healthy, error } = await open(server.url).health();
    t.false(healthy);
    t.true(error instanceof BackendError, `${status} ${body}`);
  }
  const silent = await startRawServer(t, () => undefined);
  t.true((await open(silent, { timeoutMs: 100 }).health()).error instanceof TimeoutError);
  const closed = open(server.url);
  await closed.close();
  t.true((await closed.health()).error instanceof BackendError);
  t.false((await open(server.url).health({ signal: AbortSignal.abort(new Error('enough')) })).healthy);
  t.false((await open(server.url).health({ l1: 'no' as never })).healthy);
  await server.stop();
  t.true((await open(server.url).health()).error instanceof BackendError);
});
