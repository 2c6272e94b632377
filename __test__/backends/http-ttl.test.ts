import test, { type ExecutionContext } from 'ava';
import { BackendError, HttpBackend } from '../../index.js';
import { API_KEY, type CacheServer, startCacheServer } from '../support/http-server.js';

const DAYS_30 = 2_592_000_000;

async function start(t: ExecutionContext): Promise<{ server: CacheServer; backend: HttpBackend }> {
  const server = await startCacheServer();
  const backend = new HttpBackend({ url: server.url, apiKey: API_KEY, allowPrivateHosts: true });
  t.teardown(() => backend.close());
  t.teardown(() => server.stop());
  return { server, backend };
}

test('of a TTL the stale time is a header of its own, both in whole seconds, together at most 30 days', async (t) => {
  const { server, backend } = await start(t);
  const rows: [number | undefined, number | undefined, string | undefined, string | undefined][] = [
    [60_000, undefined, '60', undefined],
    [60_000, 0, '60', undefined],
    [60_000, 20_000, '40', '20'],
    [60_000, 1, '60', '1'],
    [60_000, 19_500, '41', '20'],
    [60_000, 59_999, '1', '60'],
    [60_000.5, 60_000, '1', '60'],
    [2, 1, '1', '1'],
    [DAYS_30, 1_000, '2591999', '1'],
    [DAYS_30, DAYS_30 - 1, '1', '2591999'],
    [DAYS_30, 1_500, '2591999', '1'],
    [DAYS_30, 500, '2592000', undefined],
    [undefined, 5_000, undefined, undefined],
    [Number.POSITIVE_INFINITY, 5_000, undefined, undefined],
  ];
  for (const [ttlMs, staleMs, ttl, stale] of rows) {
    await backend.set('a', Buffer.from('x'), { ttlMs, staleMs });
    const { headers } = server.seen.at(-1) as CacheServer['seen'][number];
    t.is(headers['x-cachekit-ttl'], ttl, `${ttlMs} ${staleMs}`);
    t.is(headers['x-cachekit-stale-ttl'], stale, `${ttlMs} ${staleMs}`);
  }
  t.is(server.seen.length, rows.length, 'the server took them all');
});

test('a stale time that is no part of the TTL is refused before any request', async (t) => {
  const { server, backend } = await start(t);
  const set = (ttlMs: number, staleMs: unknown) =>
    backend.set('a', Buffer.from('x'), { ttlMs, staleMs: staleMs as number });
  for (const staleMs of [60_000, 60_001, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.throwsAsync(set(60_000, staleMs), { instanceOf: RangeError }, `${staleMs}`);
  }
  await t.throwsAsync(set(DAYS_30 + 1, 1_000), { instanceOf: RangeError });
  for (const staleMs of [null, '1', 1n, {}]) await t.throwsAsync(set(60_000, staleMs), { instanceOf: TypeError });
  t.is(server.seen.length, 0);
});

test('an entry is fresh for its TTL, then stale, then gone', async (t) => {
  const { backend } = await start(t);
  await backend.set('forever', Buffer.from('x'));
  t.deepEqual(await backend.get('forever'), { bytes: Buffer.from('x') });
  await backend.set('hour', Buffer.from('x'), { ttlMs: 3_600_000, staleMs: 1_800_000, l1: 'miss' });
  const fresh = await backend.get('hour', { ttl: true });
  t.is(fresh?.stale, undefined);
  t.is(fresh?.expiresInMs, undefined, 'the API says how long it is fresh');
  const freshInMs = fresh?.freshInMs ?? 0;
  t.true(freshInMs > 1_700_000 && freshInMs <= 1_800_000, `${freshInMs}`);
  await backend.set('short', Buffer.from('y'), { ttlMs: 60_000, staleMs: 59_000 });
  let entry = await backend.get('short');
  while (entry && !entry.stale) {
    t.deepEqual(Object.keys(entry), ['bytes', 'freshInMs']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    entry = await backend.get('short');
  }
  t.deepEqual(entry, { bytes: Buffer.from('y'), stale: true, freshInMs: 0 });
  t.false(await backend.expire('short', 60_000), 'a stale entry is not made fresh');
});

test('ttl tells when the server forgets an entry, its stale time included', async (t) => {
  const { server, backend } = await start(t);
  t.is(await backend.ttl('a'), undefined);
  await backend.set('a', Buffer.from('x'));
  t.is(await backend.ttl('a'), Number.POSITIVE_INFINITY);
  await backend.set('a', Buffer.from('x'), { ttlMs: 3_600_000, staleMs: 1_800_000 });
  const left = (await backend.ttl('a', { l1: 'hit' })) ?? 0;
  t.true(left > 3_500_000 && left <= 3_600_000, `${left}`);
  t.is(left % 1000, 0);
  const { method, path, headers } = server.seen.at(-1) as CacheServer['seen'][number];
  t.deepEqual([method, path, headers['x-cachekit-l1-status']], ['GET', '/v1/cache/a/ttl', 'hit']);
});

test('an answer of ttl that the API does not define is a BackendError', async (t) => {
  const { server, backend } = await start(t);
  for (const body of ['', 'x', '{', 'null', '[]', '{}', '{"ttl":"5"}', '{"ttl":-1}', '{"ttl":1.5}', '{"ttl":1e99}']) {
    server.handler = (_, response) => {
      response.end(body);
      return true;
    };
    const error = await t.throwsAsync(backend.ttl('secret-key'), { instanceOf: BackendError }, body);
    t.false(error.transient);
    t.is(error.cause, undefined);
  }
  server.handler = (_, response) => {
    response.writeHead(500).end();
    return true;
  };
  await t.throwsAsync(backend.ttl('a'), { instanceOf: BackendError });
});

test('expire makes an entry fresh from now on and keeps its stale time', async (t) => {
  const { backend } = await start(t);
  await backend.set('a', Buffer.from('x'), { ttlMs: 3_600_000, staleMs: 1_800_000 });
  t.true(await backend.expire('a', 600_000));
  const left = (await backend.ttl('a')) ?? 0;
  t.true(left > 2_300_000 && left <= 2_400_000, `${left}`);
  const tooLong = await t.throwsAsync(backend.expire('a', DAYS_30), { instanceOf: BackendError });
  t.is(tooLong.status, 400);
  t.true(await backend.expire('missing', 600_000), 'the API does not tell');
  t.false(await backend.has('missing'));
});
