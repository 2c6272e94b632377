import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import test from 'ava';
import type { CacheServer } from '../../src/testing/server.js';
import { ask, start, TOKENS } from './server-requests.js';

/** A request whose target is what it says, which `fetch` would tidy up first. */
async function askRaw(server: CacheServer, path: string): Promise<number> {
  const request = httpRequest({ port: server.port, path, headers: { authorization: `Bearer ${TOKENS[0]}` } });
  request.end();
  const [answer] = await once(request, 'response');
  answer.resume();
  return answer.statusCode;
}

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
