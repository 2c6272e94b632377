import { once } from 'node:events';
import { connect } from 'node:net';
import { inspect } from 'node:util';
import test from 'ava';
import { type BackendEntry, type BackendGetOptions, ConfigurationError, HttpBackend } from '../../index.js';
import { behaviours } from '../../src/testing/conformance.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { startCacheServer } from '../../src/testing/server.js';
import { ask, start, TOKENS } from './server-requests.js';

/** What is left of a TTL, where somebody asks for it, by the endpoint that tells. */
class TellingBackend extends HttpBackend {
  override async get(cacheKey: string, options?: BackendGetOptions): Promise<BackendEntry | undefined> {
    const entry = await super.get(cacheKey, options);
    if (entry && options?.ttl) entry.expiresInMs = await this.ttl(cacheKey);
    return entry;
  }
}

for (const { title, run } of behaviours) {
  test.serial(`HttpBackend and the server: ${title}`, async (t) => {
    await using server = await startCacheServer({ tokens: TOKENS, anyCacheKey: true, path: '/api' });
    await using backend = new TellingBackend({ url: server.url, apiKey: TOKENS[1], allowPrivateHosts: true });
    const traits = { tellsExistence: false, shortestTtlMs: 1_000, longestTtlMs: 2_592_000_000 };
    t.log(await run(backend, traits));
    t.pass();
  });
}

test('bytes go in and come out, with the headers of the API', async (t) => {
  const server = await start(t, { now: () => 1_000_000 });
  const put = await ask(server, 'PUT', 'a', { body: 'hello', headers: { 'x-cachekit-ttl': '60' } });
  t.is(put.status, 200);
  const { status, headers, text } = await ask(server, 'GET', 'a');
  t.deepEqual([status, text], [200, 'hello']);
  t.is(headers.get('content-type'), 'application/octet-stream');
  t.is(headers.get('x-cachekit-freshness'), 'fresh');
  t.is(headers.get('x-cachekit-fresh-for'), '60');
  const head = await ask(server, 'HEAD', 'a');
  t.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', '5']);
  t.is(head.headers.get('x-cachekit-freshness'), 'fresh');
  t.is(head.headers.get('x-cachekit-fresh-for'), null);
  for (let i = 0; i < 2; i++) {
    const deleted = await ask(server, 'DELETE', 'a');
    t.deepEqual([deleted.status, deleted.text], [200, '{"success":true}'], 'whether or not there was one');
  }
  t.is((await ask(server, 'GET', 'a')).status, 404);
  t.is((await ask(server, 'HEAD', 'a')).status, 404);
});

test('every answer forbids shared caches to keep it', async (t) => {
  const server = await start(t);
  await ask(server, 'PUT', 'a', { body: 'x' });
  const answers = await Promise.all([
    ask(server, 'GET', 'a'),
    ask(server, 'GET', 'missing'),
    ask(server, 'GET', 'a', { token: null }),
    ask(server, 'POST', 'a'),
    ask(server, 'OPTIONS', 'a', { token: null }),
    ask(server, 'GET', 'not%20allowed'),
    ask(server, 'GET', 'health'),
    ask(server, 'PUT', 'nsapi:a:b', { token: TOKENS[1], headers: { 'x-cachekit-l1-status': 'miss' } }),
  ]);
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 404, 401, 405, 204, 400, 200, 403],
  );
  for (const { headers } of answers) {
    t.is(headers.get('cache-control'), 'no-store');
    t.is(headers.get('vary'), 'Authorization');
  }
});

test.serial('without a clock of its own a server goes by that of the process, which a fake clock moves', async (t) => {
  using clock = fakeClock();
  const server = await start(t);
  await ask(server, 'PUT', 'a', { body: 'x', headers: { 'x-cachekit-ttl': '3600', 'x-cachekit-stale-ttl': '3600' } });
  t.is((await ask(server, 'GET', 'a')).headers.get('x-cachekit-freshness'), 'fresh');
  clock.advance(3_600_000);
  t.is((await ask(server, 'GET', 'a')).headers.get('x-cachekit-freshness'), 'stale');
  clock.advance(3_600_000);
  t.is((await ask(server, 'GET', 'a')).status, 404);
});

test('a host that others can reach needs tokens', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '8.8.8.8', 'cache.example', '', '127.1', '::ffff:127.0.0.1']) {
    const error = await t.throwsAsync(startCacheServer({ host }), { instanceOf: ConfigurationError }, host);
    t.regex(error.message, /tokens/);
  }
  for (const host of ['127.0.0.1', 'localhost']) await (await startCacheServer({ host })).stop();
  const open = await start(t, { host: '0.0.0.0' });
  t.is((await ask(open, 'GET', 'a')).status, 404);
});

test('options of a wrong type or range are refused, and no message has a token', async (t) => {
  for (const options of [
    null,
    [],
    { tokens: 'ck_live_secret' },
    { tokens: [5] },
    { port: '80' },
    { host: 5 },
    { path: 5 },
    { now: 5 },
    { anyCacheKey: 1 },
    { maxBytes: '1mb' },
    { maxValueBytes: null },
  ]) {
    await t.throwsAsync(startCacheServer(options as never), { instanceOf: TypeError }, inspect(options));
  }
  for (const options of [{ port: -1 }, { port: 65_536 }, { maxBytes: 0 }, { maxValueBytes: 1.5 }]) {
    await t.throwsAsync(startCacheServer(options), { instanceOf: RangeError });
  }
  for (const token of ['secret', 'ck_secret', 'ck_test_secret', 'ck_live_', 'ck_live_sec ret', 'ck_live_secret\n']) {
    const error = await t.throwsAsync(startCacheServer({ tokens: [token] }), { instanceOf: ConfigurationError });
    t.false(error.message.includes('secret'));
  }
});

test('a server hands out copies, forgets on request, and stops once for all', async (t) => {
  const server = await startCacheServer({ tokens: TOKENS, path: '/api/' });
  t.regex(server.url, /^http:\/\/127\.0\.0\.1:\d+\/api$/);
  t.is(server.url, `http://127.0.0.1:${server.port}/api`);
  await ask(server, 'PUT', 'secret-cache-key', { body: 'secret-value' });
  server.entries.get('secret-cache-key')?.fill(0);
  t.is((await ask(server, 'GET', 'secret-cache-key')).text, 'secret-value');
  const shown = inspect(server, { depth: 9, showHidden: true });
  for (const secret of [...TOKENS, 'secret']) t.false(shown.includes(secret));
  server.clear();
  t.is(server.entries.size, 0);
  await t.throwsAsync(startCacheServer({ port: server.port }), { code: 'EADDRINUSE' });
  const waiting = connect(server.port, '127.0.0.1');
  await once(waiting, 'connect');
  const closed = once(waiting, 'close');
  await server.stop();
  await closed;
  await server.stop();
  await t.throwsAsync(ask(server, 'GET', 'a'));
});
