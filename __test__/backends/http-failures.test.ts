import type { Socket } from 'node:net';
import test from 'ava';
import { BackendError, CacheKitError, type HttpBackend, TimeoutError } from '../../index.js';
import { API_KEY, startCacheServer, startRawServer } from '../support/http-server.js';
import { freePort } from '../support/redis-server.js';
import { assertNoSecret, open, SECRET_KEY, SECRET_VALUE, start } from './http-backends.js';

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => unhandled.push(reason));

process.on('uncaughtException', (error) => unhandled.push(error));

test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

test.serial('each status is its own kind of failure, with nothing of the request in it', async (t) => {
  const server = await start(t);
  const kinds: [number, boolean][] = [
    [201, false],
    [204, false],
    [206, false],
    [304, false],
    [400, false],
    [401, false],
    [403, false],
    [405, false],
    [409, false],
    [413, false],
    [418, false],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ];
  for (const options of [{}, { fetch: globalThis.fetch }]) {
    for (const [status, transient] of kinds) {
      // Each its own: what asked for a pause is not asked again.
      const backend = open(t, server.url, options);
      server.handler = (_, response) => {
        response.writeHead(status, { 'retry-after': '7' });
        response.end(status === 204 || status === 304 ? undefined : `${API_KEY} ${SECRET_KEY} ${SECRET_VALUE}`);
        return true;
      };
      const error = await t.throwsAsync(backend.get(SECRET_KEY), { instanceOf: BackendError }, `${status}`);
      t.is(error.status, status);
      t.is(error.transient, transient, `${status}`);
      t.is(error.retryAfterMs, 7_000);
      assertNoSecret(t, error);
      if (status >= 300) {
        const refused = await t.throwsAsync(backend.set(SECRET_KEY, SECRET_VALUE), { instanceOf: BackendError });
        t.is(refused.status, status);
        assertNoSecret(t, refused);
        await t.throwsAsync(backend.delete(SECRET_KEY), { instanceOf: BackendError });
        await t.throwsAsync(backend.has(SECRET_KEY), { instanceOf: BackendError });
      }
    }
  }
});

test.serial('429 says whether to come back later or that the quota is used up, and is not sent again', async (t) => {
  const server = await start(t);
  const { TZ } = process.env;
  process.env.TZ = 'America/New_York';
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  const answers: [Record<string, string>, RegExp, number | undefined][] = [
    [{ 'retry-after': '0' }, /limits the rate/, 0],
    [{ 'retry-after': '30' }, /limits the rate/, 30_000],
    [{ 'retry-after': '31536000' }, /limits the rate/, 31_536_000_000],
    [{ 'retry-after': '9'.repeat(400) }, /limits the rate/, Number.MAX_SAFE_INTEGER],
    // The two older forms of a date.
    [{ date: 'Mon Nov 30 03:00:00 2026', 'retry-after': 'Mon, 30 Nov 2026 03:00:10 GMT' }, /limits the rate/, 10_000],
    [{ date: 'Mon, 30 Nov 2026 03:00:00 GMT', 'retry-after': 'Mon Nov 30 03:00:10 2026' }, /limits the rate/, 10_000],
    [
      { date: 'Mon, 30 Nov 2026 03:00:00 GMT', 'retry-after': 'Monday, 30-Nov-26 03:00:10 GMT' },
      /limits the rate/,
      10_000,
    ],
    [{}, /quota is used up/, undefined],
  ];
  for (const [headers, message, retryAfterMs] of answers) {
    server.handler = (_, response) => {
      response.writeHead(429, headers).end();
      return true;
    };
    const calls: ((backend: HttpBackend) => Promise<unknown>)[] = [
      (backend) => backend.get('a'),
      (backend) => backend.set('a', SECRET_VALUE),
      (backend) => backend.delete('a'),
    ];
    for (const call of calls) {
      server.seen.length = 0;
      const error = await t.throwsAsync(call(open(t, server.url)), { instanceOf: BackendError, message });
      t.true(error.transient);
      t.is(error.retryAfterMs, retryAfterMs);
      t.is(server.seen.length, 1);
    }
  }
});

test.serial('404 is a miss, and nothing to delete', async (t) => {
  const server = await start(t);
  server.handler = (_, response) => {
    response.writeHead(404).end('{"error":"not found"}');
    return true;
  };
  const backend = open(t, server.url);
  t.is(await backend.get('a'), undefined);
  t.false(await backend.delete('a'));
  t.false(await backend.has('a'));
  t.false(await backend.expire('a', 1_000));
  await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: BackendError });
});

test.serial('redirects are errors and not followed', async (t) => {
  const server = await start(t);
  const target = await start(t);
  for (const status of [301, 302, 303, 307, 308]) {
    server.handler = (_, response) => {
      response.writeHead(status, { location: `${target.url}/v1/cache/a` }).end();
      return true;
    };
    for (const options of [{}, { fetch: globalThis.fetch }]) {
      const backend = open(t, server.url, options);
      const error = await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
      t.regex(error.message, /redirect/);
      t.false(error.transient);
      await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: BackendError });
    }
  }
  t.is(target.seen.length, 0);
});

test.serial('only PUT and DELETE that were answered 503 with a short Retry-After are sent again, once', async (t) => {
  const server = await start(t);
  type Call = (backend: HttpBackend) => Promise<unknown>;
  const attempts = async (retryAfter: string | undefined, call: Call, status = 503) => {
    server.seen.length = 0;
    server.handler = (_, response) => {
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
      return true;
    };
    await t.throwsAsync(call(open(t, server.url)), { instanceOf: BackendError });
    return server.seen.length;
  };
  const put: Call = (backend) => backend.set('a', SECRET_VALUE);
  t.is(await attempts('0', put), 2);
  t.is(await attempts('Wed, 21 Oct 2015 07:28:00 GMT', put), 2);
  t.is(await attempts('0', (backend) => backend.delete('a')), 2);
  t.is(await attempts('1', put), 2);
  t.is(await attempts('0', (backend) => backend.get('a')), 1);
  t.is(await attempts('0', (backend) => backend.has('a')), 1);
  t.is(await attempts('0', (backend) => backend.expire('a', 1_000)), 1);
  for (const header of ['3', '60', '-1', '0.5', 'soon', '', 'Wed, 21 Oct 2115 07:28:00 GMT', undefined]) {
    t.is(await attempts(header, put), 1, header);
  }
  for (const status of [429, 500, 502]) t.is(await attempts('0', put, status), 1, `${status}`);
});

test.serial('a request that was sent again carries the same body and succeeds', async (t) => {
  const server = await start(t);
  server.handler = (_, response) => {
    server.handler = undefined;
    response.writeHead(503, { 'retry-after': '0' }).end();
    return true;
  };
  const backend = open(t, server.url);
  await backend.set('a', SECRET_VALUE, { ttlMs: 60_000 });
  t.deepEqual(
    server.seen.map(({ body, headers }) => [body.toString(), headers['x-cachekit-ttl']]),
    [
      [SECRET_VALUE.toString(), '60'],
      [SECRET_VALUE.toString(), '60'],
    ],
  );
  t.deepEqual((await backend.get('a'))?.bytes, SECRET_VALUE);
});

test.serial('an answer over the limit is an error, declared or not', async (t) => {
  const server = await start(t);
  for (const options of [{}, { fetch: globalThis.fetch }]) {
    const backend = open(t, server.url, { maxResponseBytes: 1_000, ...options });
    await backend.set('at the limit', Buffer.alloc(1_000));
    await backend.set('over', Buffer.alloc(1_001));
    t.is((await backend.get('at the limit'))?.bytes.length, 1_000);
    await t.throwsAsync(backend.get('over'), { instanceOf: BackendError, message: /limit of 1000/ });
    t.true(await backend.has('over'));
    let written = 0;
    server.handler = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1_000))) written++;
      };
      response.on('drain', more);
      more();
      return true;
    };
    await t.throwsAsync(backend.get('endless'), { instanceOf: BackendError, message: /limit of 1000/ });
    t.true(written < 100_000);
    server.handler = undefined;
  }
});

test.serial('a body that was encoded on the way is an error', async (t) => {
  const server = await start(t);
  server.handler = ({ headers }, response) => {
    t.is(headers['accept-encoding'], 'identity');
    response.writeHead(200, { 'content-encoding': 'x-custom' }).end('x');
    return true;
  };
  await t.throwsAsync(open(t, server.url).get('a'), { instanceOf: BackendError, message: /encoded body/ });
});

test.serial('a server that hangs is a TimeoutError, wherever it stops', async (t) => {
  const stops = ['', 'HTTP/1.1 200 OK\r\nContent-Le', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'];
  for (const text of stops) {
    let connections = 0;
    const serve = (socket: Socket) => {
      connections++;
      socket.on('data', () => socket.write(text));
    };
    const backend = open(t, await startRawServer(t, serve), { timeoutMs: 150, connections: 1 });
    await t.throwsAsync(backend.get('a'), { instanceOf: TimeoutError }, text);
    await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: TimeoutError }, text);
    t.is(connections, 2, 'the first one was given up, and made room for the second');
    const fetching = open(t, await startRawServer(t, serve), { timeoutMs: 150, fetch: globalThis.fetch });
    await t.throwsAsync(fetching.get('a'), { instanceOf: TimeoutError }, text);
    await t.throwsAsync(fetching.set('a', Buffer.from('x')), { instanceOf: TimeoutError }, text);
  }
  const never = open(t, 'https://cache.example.com', { timeoutMs: 100, fetch: () => new Promise(() => undefined) });
  await t.throwsAsync(never.get('a'), { instanceOf: TimeoutError });
});

test.serial('an answer that trickles for ever, under the limit, is a TimeoutError', async (t) => {
  const trickles = [
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', 'x'],
    ['', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ] as const;
  for (const [head, drop] of trickles) {
    const url = await startRawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write(head);
        const drip = setInterval(() => socket.write(drop), 10);
        socket.once('close', () => clearInterval(drip));
      });
    });
    for (const fetch of [undefined, globalThis.fetch]) {
      const backend = open(t, url, { timeoutMs: 200, fetch });
      // The fetch of Node 20 gives up at once where an answer to nothing it asked comes first.
      const instanceOf = fetch && head === '' ? CacheKitError : TimeoutError;
      await t.throwsAsync(backend.get('a'), { instanceOf: instanceOf as typeof TimeoutError }, head + drop);
    }
  }
});

test.serial('a server that ends its half of the connection and answers nothing is a BackendError', async (t) => {
  const url = await startRawServer(t, (socket) => {
    socket.end();
    socket.resume();
  });
  for (const options of [{}, { fetch: globalThis.fetch }]) {
    const backend = open(t, url, options);
    await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
    await t.throwsAsync(backend.set('a', Buffer.alloc(300_000)), { instanceOf: BackendError });
  }
});

test.serial('an abort ends a waiting request with its reason', async (t) => {
  const url = await startRawServer(t, () => undefined);
  const controller = new AbortController();
  const waiting = open(t, url).get('a', { signal: controller.signal });
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 50);
  t.is(await waiting.catch((error) => error), reason);
});

test.serial('broken answers are BackendErrors, never values', async (t) => {
  const answers = [
    'garbage\r\n\r\n',
    `${SECRET_VALUE}\r\n\r\n`,
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n',
    'HTTP/1.1 200 OK\r\nX: ',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\nContent-Length: 1\r\n\r\nx`,
    'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n',
    '',
  ];
  for (const text of answers) {
    const url = await startRawServer(t, (socket) => socket.on('data', () => socket.end(text)));
    for (const options of [{}, { fetch: globalThis.fetch }]) {
      const error = await t.throwsAsync(open(t, url, options).get(SECRET_KEY), { instanceOf: BackendError }, text);
      assertNoSecret(t, error);
    }
  }
});

test.serial('a server that went away is a transient BackendError, and one that is back is used again', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const backend = open(t, server.url);
  await Promise.all(Array.from({ length: 20 }, (_, i) => backend.set(`k${i}`, Buffer.from('x'))));
  await server.stop();
  for (let i = 0; i < 3; i++) {
    const error = await t.throwsAsync(backend.get(SECRET_KEY), { instanceOf: BackendError });
    t.true(error.transient);
    t.regex(error.message, /ECONNREFUSED/);
    assertNoSecret(t, error);
  }
  const again = await startCacheServer({ port: server.port });
  t.teardown(() => again.stop());
  t.is(await backend.get('k0'), undefined);
  const unreachable = open(t, `http://127.0.0.1:${await freePort()}`, { fetch: globalThis.fetch });
  t.true((await t.throwsAsync(unreachable.get('a'), { instanceOf: BackendError })).transient);
});

test.serial('an idle connection that the server has closed does not fail the next request', async (t) => {
  const server = await start(t);
  const backend = open(t, server.url);
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 8 }, () => backend.set('a', Buffer.from('x'))));
    // The close is on its way while the next request is written to the same connection.
    server.dropConnections();
    t.not(await backend.get('a'), undefined);
  }
});

test.serial('a request whose connection breaks is sent once, unless the connection was an old one', async (t) => {
  const server = await start(t);
  const backend = open(t, server.url);
  server.handler = (_, response) => {
    response.destroy();
    return true;
  };
  await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: BackendError });
  t.is(server.seen.length, 1);
  server.handler = undefined;
  await backend.set('a', Buffer.from('x'));
  server.handler = (_, response) => {
    response.destroy();
    return true;
  };
  server.seen.length = 0;
  await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: BackendError });
  t.is(server.seen.length, 2);
});
