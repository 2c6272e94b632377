import test, { type ExecutionContext } from 'ava';
import { BackendError, HttpBackend } from '../../index.js';
import { API_KEY, type CacheServer, startCacheServer } from '../support/http-server.js';

async function start(t: ExecutionContext): Promise<{ server: CacheServer; backend: HttpBackend }> {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  return { server, backend: open(t, server) };
}

function open(t: ExecutionContext, { url }: CacheServer): HttpBackend {
  const backend = new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true });
  t.teardown(() => backend.close());
  return backend;
}

test('a lock is asked for with its lease, and given back with its id in a header', async (t) => {
  const { server, backend } = await start(t);
  const lock = await backend.lock('a:b', 1_500.2, { l1: 'miss' });
  t.truthy(lock);
  const [asked] = server.seen;
  t.deepEqual(
    [asked?.method, asked?.path, asked?.body.toString()],
    ['POST', '/v1/cache/a%3Ab/lock', '{"timeout_ms":1501}'],
  );
  t.is(asked?.headers['content-type'], 'application/json');
  t.is(asked?.headers['x-cachekit-l1-status'], 'miss');
  await lock?.release();
  await lock?.release();
  t.is(server.seen.length, 2, 'given back once');
  t.is(server.seen[1]?.method, 'DELETE');
  t.is(server.seen[1]?.path, '/v1/cache/a%3Ab/lock', 'the id is in no URL, which others log');
  t.regex(server.seen[1]?.headers['x-cachekit-lock-id'] as string, /^[0-9a-f-]{36}$/);
});

test('the id decides whether there is a lock, and 409 is contention too', async (t) => {
  const { server } = await start(t);
  const answer = (status: number, body: string) => {
    server.handler = (_, response) => {
      response.writeHead(status).end(body);
      return true;
    };
    return open(t, server).lock('a', 1_000);
  };
  for (const body of ['{"lock_id":null}', '{}', '{"lock_id":""}', '{"lock_id":5}', '{"lock_id":"a\\r\\nX: y"}', '[]']) {
    t.is(await answer(200, body), undefined, body);
  }
  t.is(await answer(409, '{"error":"held"}'), undefined);
  t.is(await answer(409, ''), undefined);
  t.truthy(await answer(200, '{"lock_id":"x"}'));
  t.truthy(await answer(201, '{"lock_id":"x"}'));
  for (const status of [400, 401, 403, 404, 429, 500, 503]) {
    const error = await t.throwsAsync(answer(status, '{"lock_id":"x"}'), { instanceOf: BackendError });
    t.is(error.status, status);
  }
  for (const body of ['', 'x', '{"lock_id":', 'null']) {
    await t.throwsAsync(answer(200, body), { instanceOf: BackendError }, body);
  }
});

test('extend gives the lock back and takes it again for the new lease', async (t) => {
  const { server, backend } = await start(t);
  const lock = await backend.lock('a', 60_000);
  t.true(await lock?.extend(120_000));
  t.deepEqual(
    server.seen.map(({ method, body }) => `${method} ${body}`),
    ['POST {"timeout_ms":60000}', 'DELETE ', 'POST {"timeout_ms":120000}'],
  );
  t.is(await backend.lock('a', 1_000), undefined);
  await lock?.release();
  t.truthy(await backend.lock('a', 1_000));
  t.false(await lock?.extend(1_000));
});

test('extend is false when somebody else came between, and release gives back nothing of theirs', async (t) => {
  const { server, backend } = await start(t);
  const lock = await backend.lock('a', 60_000);
  server.handler = ({ method }, response) => {
    if (method !== 'POST') return false;
    response.end('{"lock_id":null}');
    return true;
  };
  t.false(await lock?.extend(60_000));
  server.handler = undefined;
  server.seen.length = 0;
  await lock?.release();
  t.is(server.seen.length, 0);
});

test('a lock that is given back while it is extended is free afterwards', async (t) => {
  const { backend } = await start(t);
  const lock = await backend.lock('a', 60_000);
  const extending = lock?.extend(60_000);
  await lock?.release();
  t.false(await extending);
  t.truthy(await backend.lock('a', 1_000));
});

test('a lock whose server fails is an error of the lock, not of the entry', async (t) => {
  const { server, backend } = await start(t);
  const lock = await backend.lock('a', 60_000);
  server.handler = ({ path }, response) => {
    if (!path.endsWith('/lock')) return false;
    response.writeHead(500).end();
    return true;
  };
  await t.throwsAsync(Promise.resolve(lock?.release()), { instanceOf: BackendError });
  await t.throwsAsync(backend.lock('a', 1_000), { instanceOf: BackendError });
  await backend.set('a', Buffer.from('x'));
  t.true(await backend.has('a'));
});
