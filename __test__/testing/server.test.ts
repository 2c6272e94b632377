import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type BackendEntry, type BackendGetOptions, ConfigurationError, HttpBackend } from '../../index.js';
import { behaviours } from '../../src/testing/conformance.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { type CacheServer, type CacheServerOptions, startCacheServer } from '../../src/testing/server.js';
import { ServerStore } from '../../src/testing/server-store.js';

const TOKENS = ['ck_live_one', 'ck_sdk_two', 'ck_api_three'];

async function start(t: ExecutionContext, options: CacheServerOptions = {}): Promise<CacheServer> {
  const server = await startCacheServer({ tokens: TOKENS, ...options });
  t.teardown(() => server.stop());
  return server;
}

interface Asked {
  token?: string | null;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

async function ask(server: CacheServer, method: string, path: string, asked: Asked = {}): Promise<Answered> {
  const { token = TOKENS[0], headers, body } = asked;
  const answer = await fetch(`${server.url}/v1/cache/${path}`, {
    method,
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
    body: body as string | undefined,
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** A request whose target is what it says, which `fetch` would tidy up first. */
async function askRaw(server: CacheServer, path: string): Promise<number> {
  const request = httpRequest({ port: server.port, path, headers: { authorization: `Bearer ${TOKENS[0]}` } });
  request.end();
  const [answer] = await once(request, 'response');
  answer.resume();
  return answer.statusCode;
}

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

test('a token that is missing, malformed, of another class or unknown is refused before anything else', async (t) => {
  const server = await start(t);
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKENS[0],
    `Basic ${TOKENS[0]}`,
    'Bearer ck_live_other',
    'Bearer ck_test_one',
    'Bearer ck_live_',
    `Bearer ${TOKENS[0]}x`,
    `Bearer ${TOKENS[0]} x`,
    `Bearer ${TOKENS[0]}, Bearer ${TOKENS[0]}`,
  ]) {
    for (const [method, path] of [
      ['GET', 'a'],
      ['PUT', 'not%20allowed'],
      ['POST', 'health'],
    ] as const) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      t.is((await ask(server, method, path, { token: null, headers })).status, 401, authorization);
    }
  }
  t.is((await ask(server, 'GET', 'a', { headers: { authorization: `bearer ${TOKENS[0]}` } })).status, 404);
  const open = await start(t, { tokens: undefined });
  t.is((await ask(open, 'GET', 'a', { token: 'ck_live_any' })).status, 404);
  t.is((await ask(open, 'GET', 'a', { token: 'other' })).status, 401);
  const closed = await start(t, { tokens: [] });
  t.is((await ask(closed, 'GET', 'a', { token: 'ck_live_any' })).status, 401);
});

test('an SDK token must send the state of L1, with every request', async (t) => {
  const server = await start(t);
  const requests = [
    ['GET', 'a'],
    ['HEAD', 'a'],
    ['PUT', 'a'],
    ['DELETE', 'a'],
    ['GET', 'a/ttl'],
    ['POST', 'a/lock'],
    ['GET', 'health'],
  ] as const;
  for (const [method, path] of requests) {
    for (const value of [undefined, '', 'HIT', 'hit, miss', 'yes']) {
      const headers: Record<string, string> = value === undefined ? {} : { 'x-cachekit-l1-status': value };
      t.is((await ask(server, method, path, { token: TOKENS[1], headers })).status, 400, `${method} ${value}`);
    }
  }
  for (const value of ['hit', 'miss', 'disabled']) {
    const headers = { 'x-cachekit-l1-status': value };
    t.is((await ask(server, 'GET', 'a', { token: TOKENS[1], headers })).status, 404);
  }
  for (const token of [TOKENS[0], TOKENS[2]]) t.is((await ask(server, 'GET', 'a', { token })).status, 404);
});

test('each class of token changes its own entries and reads all', async (t) => {
  const server = await start(t);
  const headers = { 'x-cachekit-l1-status': 'miss', 'x-cachekit-lock-id': 'x' };
  const forbidden: Record<string, string[]> = { ck_live_one: [], ck_sdk_two: ['nsapi:n:k'], ck_api_three: ['ns:n:k'] };
  for (const token of TOKENS) {
    for (const cacheKey of ['ns:n:k', 'nsapi:n:k', 'k']) {
      const statuses = await Promise.all([
        ask(server, 'PUT', cacheKey, { token, headers, body: 'x' }),
        ask(server, 'DELETE', cacheKey, { token, headers }),
        ask(server, 'PATCH', `${cacheKey}/ttl`, { token, headers, body: '{"ttl":5}' }),
        ask(server, 'POST', `${cacheKey}/lock`, { token, headers, body: '{"timeout_ms":1}' }),
        ask(server, 'DELETE', `${cacheKey}/lock`, { token, headers }),
      ]);
      const status = forbidden[token]?.includes(cacheKey) ? 403 : 200;
      for (const answer of statuses) t.is(answer.status, status, `${token} ${cacheKey}`);
      t.not((await ask(server, 'GET', cacheKey, { token, headers })).status, 403);
      t.not((await ask(server, 'GET', `${cacheKey}/ttl`, { token, headers })).status, 403);
    }
  }
});

test('a method that a route does not have is answered with those it has', async (t) => {
  const server = await start(t);
  const routes: [string, string, string[]][] = [
    ['a', 'GET, HEAD, PUT, DELETE', ['POST', 'PATCH']],
    ['a/ttl', 'GET, PATCH', ['HEAD', 'PUT', 'POST', 'DELETE']],
    ['a/lock', 'POST, DELETE', ['GET', 'HEAD', 'PUT', 'PATCH']],
    ['health', 'GET', ['HEAD', 'PUT', 'POST', 'DELETE', 'PATCH']],
  ];
  for (const [path, allow, methods] of routes) {
    for (const method of methods) {
      const { status, headers } = await ask(server, method, path);
      t.deepEqual([status, headers.get('allow')], [405, allow], `${method} ${path}`);
    }
  }
});

interface PathRow {
  key: string;
  encoded: string | null;
  encoded_alternates?: string[];
  note: string;
}

test('of the cache keys of the protocol the server takes those that it says it takes', async (t) => {
  const file = new URL('../vectors/protocol/path-encoding.json', import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: PathRow[] };
  const server = await start(t);
  let [taken, refused] = [0, 0];
  for (const { encoded, encoded_alternates: alternates = [], note } of vectors) {
    for (const segment of encoded === null ? [] : [encoded, ...alternates]) {
      const status = await askRaw(server, `/v1/cache/${segment}`);
      const rejected = /reject/i.test(note);
      t.is(status, rejected ? 400 : 404, segment);
      if (rejected) refused++;
      else taken++;
    }
  }
  t.deepEqual([taken, refused], [2, 24]);
});

test('a path is split before it is decoded, once, and nothing else is a route', async (t) => {
  const server = await start(t);
  const statuses: Record<string, number> = {
    '/': 404,
    '/v1': 404,
    '/v1/cache': 404,
    '/v1/cache/': 404,
    '/v1/cache//ttl': 404,
    '/v1/cache/ttl': 404,
    '/v1/cache/lock': 404,
    '/v1/cache/a/b': 404,
    '/v1/cache/a/ttl/x': 404,
    '/v1/cache/..': 404,
    '/v1/cache/%2e%2E/ttl': 404,
    '/v1/cache/x/../health': 200,
    '/v1/cache/a?x=health': 404,
    '/v1/cache/%': 400,
    '/v1/cache/%zz': 400,
    '/v1/cache/%FF': 400,
    '/v1/cache/a%2Fttl': 400,
    '/v1/cache/ns:a': 400,
    '/v1/cache/ns::k': 400,
    '/v1/cache/ns:a:': 400,
    '/v1/cache/nsapi:a%2Eb:k': 400,
    [`/v1/cache/ns:${'n'.repeat(65)}:k`]: 400,
    [`/v1/cache/ns:${'n'.repeat(64)}:k`]: 404,
    [`/v1/cache/${'k'.repeat(400)}`]: 404,
    [`/v1/cache/${'k'.repeat(401)}`]: 400,
    '//elsewhere/v1/cache/a': 404,
    'http://elsewhere/v1/cache/health': 200,
  };
  for (const [path, status] of Object.entries(statuses)) t.is(await askRaw(server, path), status, path);
});

test('TTLs and stale TTLs outside their ranges are refused, and then nothing is stored', async (t) => {
  const server = await start(t);
  const put = async (ttl?: string, stale?: string, legacy?: string) => {
    const headers: Record<string, string> = {};
    if (ttl !== undefined) headers['x-cachekit-ttl'] = ttl;
    if (stale !== undefined) headers['x-cachekit-stale-ttl'] = stale;
    if (legacy !== undefined) headers['x-ttl'] = legacy;
    return (await ask(server, 'PUT', 'a', { headers, body: 'x' })).status;
  };
  for (const ttl of ['0', '-1', '1.5', '', 'x', '1e3', '0x10', '+5', '1_0', '2592001', '00000005', '5, 5']) {
    t.is(await put(ttl), 400, ttl);
    t.is(await put(undefined, undefined, ttl), 400, ttl);
  }
  for (const stale of ['-1', '1.5', '', 'x', '2592000', '5, 5', '2591941']) t.is(await put('60', stale), 400, stale);
  t.is(await put(undefined, '5'), 400, 'a stale TTL needs a TTL');
  t.is(await put(undefined, '0'), 400);
  t.is(await put('0', undefined, '60'), 400, 'the new header comes first');
  t.is(server.entries.size, 0);
  for (const [ttl, stale] of [['1'], ['2592000'], ['60', '0'], ['60', '2591940'], ['1', '2591999'], []]) {
    t.is(await put(ttl, stale), 200, `${ttl} ${stale}`);
  }
  t.is(await put(undefined, '60', '60'), 200, 'the old one counts alone');
});

test('an entry is fresh, stale and gone by the clock of the server, counted from whole seconds', async (t) => {
  let now = 1_000_900;
  const server = await start(t, { now: () => now });
  const look = async () => {
    const { status, headers } = await ask(server, 'GET', 'a');
    const head = await ask(server, 'HEAD', 'a');
    t.is(head.status, status);
    t.is(head.headers.get('x-cachekit-freshness'), headers.get('x-cachekit-freshness'));
    const ttl = await ask(server, 'GET', 'a/ttl');
    t.is(ttl.status, status);
    return [
      status,
      headers.get('x-cachekit-freshness'),
      headers.get('x-cachekit-fresh-for'),
      status === 200 ? JSON.parse(ttl.text).ttl : null,
    ];
  };
  await ask(server, 'PUT', 'a', { body: 'x', headers: { 'x-cachekit-ttl': '10', 'x-cachekit-stale-ttl': '5' } });
  t.deepEqual(await look(), [200, 'fresh', '9', 15]);
  now = 1_009_999;
  t.deepEqual(await look(), [200, 'fresh', '0', 6]);
  now = 1_010_000;
  t.deepEqual(await look(), [200, 'stale', '0', 5]);
  now = 1_014_999;
  t.deepEqual(await look(), [200, 'stale', '0', 1]);
  now = 1_015_000;
  t.deepEqual(await look(), [404, null, null, null]);
  t.is(server.entries.size, 0);
  await ask(server, 'PUT', 'a', { body: 'x' });
  now += 100 * 365 * 86_400_000;
  t.deepEqual(await look(), [200, 'fresh', null, null]);
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

test('PATCH renews what is fresh, bounds what has no end, and leaves what is stale', async (t) => {
  let now = 1_000_000;
  const server = await start(t, { now: () => now });
  const put = (ttl?: number, stale?: number) =>
    ask(server, 'PUT', 'a', {
      body: 'x',
      headers: { ...(ttl && { 'x-cachekit-ttl': `${ttl}` }), ...(stale && { 'x-cachekit-stale-ttl': `${stale}` }) },
    });
  const patch = async (body: string) => (await ask(server, 'PATCH', 'a/ttl', { body })).status;
  const ttl = async () => JSON.parse((await ask(server, 'GET', 'a/ttl')).text).ttl;
  t.is(await patch('{"ttl":60}'), 200, 'no entry: nothing happens');
  t.is((await ask(server, 'GET', 'a')).status, 404);
  await put(10, 5);
  now += 9_000;
  t.is(await patch('{"ttl":60}'), 200);
  t.is(await ttl(), 65);
  t.is(await patch('{"ttl":2592000}'), 400, 'with the stale time it would be over 30 days');
  t.is(await ttl(), 65);
  now += 60_000;
  t.is(await patch('{"ttl":60}'), 409);
  t.is(await ttl(), 5);
  await put();
  t.is(await ttl(), null);
  t.is(await patch('{"ttl":2592000}'), 200);
  t.is(await ttl(), 2_592_000);
  for (const body of [
    ...['', 'x', '{', 'null', '5', '[]', '{}', '{"ttl":null}', '{"ttl":"5"}', '{"ttl":0}', '{"ttl":-1}'],
    ...['{"ttl":1.5}', '{"ttl":2592001}', '{"ttl":1e99}', `{"ttl":5,"x":"${'x'.repeat(5_000)}"}`],
  ]) {
    t.is(await patch(body), 400, body.slice(0, 40));
  }
  t.is(await ttl(), 2_592_000);
});

test('a lock has one holder until it is given back or its lease ends', async (t) => {
  let now = 1_000_000;
  const server = await start(t, { now: () => now });
  const lock = async (body = '{"timeout_ms":1500}') => JSON.parse((await ask(server, 'POST', 'a/lock', { body })).text);
  const unlock = (headers: Record<string, string>, query = '') => ask(server, 'DELETE', `a/lock${query}`, { headers });
  const { lock_id: id } = await lock();
  t.regex(id, /^[0-9a-f-]{36}$/);
  t.deepEqual(await lock(), { lock_id: null });
  t.is((await ask(server, 'GET', 'a')).status, 404, 'a lock is no entry');
  t.is((await unlock({ 'x-cachekit-lock-id': 'another' })).text, '{"success":false}');
  t.deepEqual(await lock(), { lock_id: null });
  for (const headers of [{}, { 'x-cachekit-lock-id': '' }, { 'x-cachekit-lock-id': '  ' }]) {
    t.is((await unlock(headers as Record<string, string>)).status, 400);
  }
  t.is((await unlock({ 'x-cachekit-lock-id': id })).text, '{"success":true}');
  const again = (await lock()).lock_id;
  t.is((await unlock({}, `?lock_id=${again}`)).text, '{"success":true}', 'as old clients do');
  const late = (await lock()).lock_id;
  now += 1_499;
  t.deepEqual(await lock(), { lock_id: null });
  now += 1;
  t.truthy((await lock()).lock_id);
  t.is((await unlock({ 'x-cachekit-lock-id': late })).text, '{"success":false}', 'it is somebody else’s by now');
  t.deepEqual(await lock(), { lock_id: null });
  for (const body of ['', 'x', '{}', '{"timeout_ms":0}', '{"timeout_ms":"5"}', '{"timeout_ms":1.5}']) {
    t.is((await ask(server, 'POST', 'b/lock', { body })).status, 400, body);
  }
});

test('health counts entries and locks without looking at each: what has ended counts until somebody meets it', async (t) => {
  let now = 1_000_000;
  const server = await start(t, { now: () => now });
  const health = async () => JSON.parse((await ask(server, 'GET', 'health')).text);
  t.deepEqual(await health(), { status: 'ok', cache_entries: 0, active_locks: 0 });
  await ask(server, 'PUT', 'a', { body: 'x', headers: { 'x-cachekit-ttl': '5' } });
  await ask(server, 'PUT', 'b', { body: 'x' });
  await ask(server, 'POST', 'a/lock', { body: '{"timeout_ms":1000}' });
  t.deepEqual(await health(), { status: 'ok', cache_entries: 2, active_locks: 1 });
  now += 5_000;
  t.deepEqual(await health(), { status: 'ok', cache_entries: 2, active_locks: 1 });
  t.is((await ask(server, 'GET', 'a')).status, 404);
  await ask(server, 'POST', 'c/lock', { body: '{"timeout_ms":1000}' });
  t.deepEqual(await health(), { status: 'ok', cache_entries: 1, active_locks: 1 });
});

test('locks whose lease has ended make room for others', async (t) => {
  let now = 1_000_000;
  const store = new ServerStore(1_000_000, () => now);
  for (let i = 0; i < 1000; i++) store.lock(`k${i}`, i % 2 === 0 ? 1000 : 10_000_000);
  now += 1000;
  for (let i = 0; i < 250; i++) store.lock(`new${i}`, 1000);
  t.is(store.counts.locks, 750);
});

test('what slow readers still get counts, and makes no room by being replaced', async (t) => {
  const server = await start(t, { maxBytes: 40_000_000 });
  const value = new Uint8Array(10_000_000);
  await ask(server, 'PUT', 'a', { body: value });
  const readers: Socket[] = [];
  t.teardown(() => {
    for (const reader of readers) reader.destroy();
  });
  const read = async () => {
    const socket = connect(server.port, '127.0.0.1');
    readers.push(socket);
    socket.write(`GET /v1/cache/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKENS[0]}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    return Number(head.toString('latin1').slice(9, 12));
  };
  for (let i = 0; i < 20; i++) t.is(await read(), 200, 'any number of readers of one value hold it once');
  // Two values of 10 MB are half of what there may be.
  await ask(server, 'PUT', 'a', { body: value });
  t.is(await read(), 200);
  await ask(server, 'PUT', 'a', { body: value });
  t.is(await read(), 503);
  t.is(server.entries.size, 1);
  t.is((await ask(server, 'PUT', 'b', { body: value })).status, 200);
  t.is((await ask(server, 'PUT', 'c', { body: value })).status, 200);
  t.deepEqual([...server.entries.keys()], ['c'], 'there is room for one beside what is being sent');
  for (const reader of readers) reader.destroy();
  let held = 0;
  // The server hears of it in its own time.
  while (held < 3) {
    for (const key of ['d', 'e', 'f']) await ask(server, 'PUT', key, { body: value });
    held = server.entries.size;
  }
  t.pass();
});

test('without tokens only requests for a loopback host are answered', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const status = async (host: string) => {
    const headers = { host, authorization: 'Bearer ck_live_x' };
    const request = httpRequest({ port: server.port, path: '/v1/cache/health', headers });
    request.end();
    const [answer] = await once(request, 'response');
    answer.resume();
    return answer.statusCode;
  };
  for (const host of ['localhost', 'LOCALHOST:80', 'localhost.', '127.0.0.1:8080', '127.9.9.9', '[::1]', '[::1]:80']) {
    t.is(await status(host), 200, host);
  }
  const others = ['evil.example', 'evil.example:8080', '10.0.0.1', '[::2]', 'localhost.evil.example', 'localhost@evil'];
  for (const host of [...others, '127.0.0.1.evil.example', 'localhost/x', 'evil#localhost', '0.0.0.0', ' ']) {
    t.is(await status(host), 421, host);
  }
  const open = await start(t);
  t.is(
    (await ask(open, 'GET', 'health', { headers: { host: 'evil.example' } })).status,
    200,
    'with tokens any host is',
  );
});

test('stop lets requests under way finish for as long as it is told', async (t) => {
  for (const graceMs of [60_000, 0]) {
    const server = await start(t);
    const half = httpRequest({
      port: server.port,
      method: 'PUT',
      path: '/v1/cache/slow',
      headers: { authorization: `Bearer ${TOKENS[0]}`, 'content-length': 10, connection: 'keep-alive' },
    });
    half.on('error', () => {});
    half.write('12345');
    // The server has it once it has answered what came later on another connection.
    await ask(server, 'GET', 'health');
    const stopped = server.stop({ graceMs });
    half.end('67890');
    if (graceMs > 0) {
      const [answer] = await once(half, 'response');
      answer.resume();
      t.is(answer.statusCode, 200);
    } else await new Promise((resolve) => half.once('close', resolve));
    await stopped;
    t.is(server.entries.size, graceMs > 0 ? 1 : 0);
  }
});

test('stop lets an answer reach a slow reader', async (t) => {
  const server = await start(t);
  const length = 20 * 1024 * 1024;
  await ask(server, 'PUT', 'large', { body: new Uint8Array(length) });
  const reader = httpRequest({
    port: server.port,
    path: '/v1/cache/large',
    headers: { authorization: `Bearer ${TOKENS[0]}` },
  });
  reader.end();
  // With its head the whole answer was handed over, of which most is still to be sent.
  const [answer] = await once(reader, 'response');
  const stopped = server.stop({ graceMs: 60_000 });
  let received = 0;
  for await (const chunk of answer) received += chunk.length;
  t.is(received, length);
  await stopped;
});

test('a value over the limit is refused, declared or not, and leaves what was there', async (t) => {
  const server = await start(t, { maxValueBytes: 1_000 });
  t.is((await ask(server, 'PUT', 'a', { body: new Uint8Array(1_000) })).status, 200);
  t.is((await ask(server, 'PUT', 'a', { body: new Uint8Array(1_001) })).status, 413);
  t.is((await ask(server, 'PUT', 'a', { body: new Uint8Array(5_000_000) })).status, 413);
  const chunked = httpRequest({
    port: server.port,
    method: 'PUT',
    path: '/v1/cache/a',
    headers: { authorization: `Bearer ${TOKENS[0]}`, 'transfer-encoding': 'chunked' },
  });
  for (let i = 0; i < 101; i++) chunked.write(Buffer.alloc(10));
  chunked.end();
  const [answer] = await once(chunked, 'response');
  answer.resume();
  t.is(answer.statusCode, 413);
  t.is(server.entries.get('a')?.length, 1_000);
  const tiny = await start(t, { maxBytes: 900 });
  t.is((await ask(tiny, 'PUT', 'a', { body: 'x' })).status, 200);
  t.is((await ask(tiny, 'PUT', 'a', { body: new Uint8Array(400) })).status, 413, 'over the bound of all');
  t.is((await ask(tiny, 'PUT', 'a', { body: new Uint8Array(901) })).status, 413);
  t.is(tiny.entries.get('a')?.length, 1);
});

test('without options a value may have 25 MiB', async (t) => {
  const server = await start(t);
  t.is((await ask(server, 'PUT', 'a', { body: new Uint8Array(25 * 1024 * 1024) })).status, 200);
  t.is((await ask(server, 'PUT', 'a', { body: new Uint8Array(25 * 1024 * 1024 + 1) })).status, 413);
});

test('memory is bounded: the entries least recently used go first', async (t) => {
  const server = await start(t, { maxBytes: 10_000 });
  for (let i = 0; i < 100; i++) {
    await ask(server, 'PUT', `k${i}`, { body: new Uint8Array(1_000) });
    t.is((await ask(server, 'GET', 'k0')).status, 200);
  }
  t.deepEqual([...server.entries.keys()].sort(), ['k0', 'k95', 'k96', 'k97', 'k98', 'k99']);
});

test('bodies that are on their way are bounded too: the server is busy until there is room', async (t) => {
  const server = await start(t, { maxBytes: 100_000 });
  const half = httpRequest({
    port: server.port,
    method: 'PUT',
    path: '/v1/cache/slow',
    headers: { authorization: `Bearer ${TOKENS[0]}`, 'content-length': 80_000 },
  });
  half.write(Buffer.alloc(79_999));
  const put = () => ask(server, 'PUT', 'quick', { body: new Uint8Array(50_000) });
  let answer = await put();
  while (answer.status === 200) answer = await put();
  t.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
  half.end(Buffer.alloc(1));
  const [first] = await once(half, 'response');
  first.resume();
  t.is(first.statusCode, 200);
  t.is((await put()).status, 200);
});

test('what is no HTTP, or breaks off, harms nobody else', async (t) => {
  const server = await start(t);
  const start_ = `PUT /v1/cache/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKENS[0]}\r\n`;
  for (const text of [
    'garbage\r\n\r\n',
    '\0\xff\0',
    `${start_}Content-Length: 10\r\n\r\nabc`,
    `${start_}Content-Length: x\r\n\r\nabc`,
    `${start_}Transfer-Encoding: chunked\r\n\r\n5\r\nab`,
    `${start_}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `GET /v1/cache/a HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  ]) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.end(text, 'latin1');
    await once(socket, 'close');
  }
  t.is(server.entries.size, 0);
  t.is((await ask(server, 'GET', 'health')).status, 200);
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
