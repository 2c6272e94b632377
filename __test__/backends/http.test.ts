import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import {
  BackendError,
  CacheKitError,
  ConfigurationError,
  HttpBackend,
  type HttpBackendOptions,
  TimeoutError,
} from '../../index.js';
import { encodeCacheKey, freshForSeconds, isStale } from '../../src/backends/http/headers.js';
import { API_KEY, type CacheServer, startCacheServer, startRawServer } from '../support/http-server.js';
import { freePort } from '../support/redis-server.js';

const SECRET_KEY = 'patient:4711:diagnosis';
const SECRET_VALUE = Buffer.from('sealed-bytes-of-a-value');

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/protocol/${name}`, import.meta.url), 'utf8')) as T;
}

function open(t: ExecutionContext, url: string, options: HttpBackendOptions = {}): HttpBackend {
  const backend = new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true, ...options });
  t.teardown(() => backend.close());
  return backend;
}

async function start(t: ExecutionContext): Promise<CacheServer> {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  return server;
}

function assertNoSecret(t: ExecutionContext, error: unknown): void {
  const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const secret of [API_KEY, SECRET_KEY, encodeURIComponent(SECRET_KEY), SECRET_VALUE.toString()]) {
    t.false(shown.includes(secret), shown);
  }
}

interface PathRow {
  key: string;
  encoded: string | null;
  decoded: string | null;
  reject?: boolean;
}

test.serial(
  'every cache key of the protocol is one path segment on the wire, or refused before any request',
  async (t) => {
    const rows = vectors<{ vectors: PathRow[] }>('path-encoding.json').vectors;
    const server = await start(t);
    const plain = open(t, `${server.url}/api`);
    const fetching = open(t, `${server.url}/api/`, { fetch: globalThis.fetch });
    let [sent, rejected] = [0, 0];
    for (const { key: cacheKey, encoded, decoded, reject } of rows) {
      for (const backend of [plain, fetching]) {
        server.seen.length = 0;
        const calls = [
          () => backend.get(cacheKey),
          () => backend.set(cacheKey, SECRET_VALUE),
          () => backend.delete(cacheKey),
          () => backend.delete(cacheKey, { ifBytes: SECRET_VALUE }),
          () => backend.has(cacheKey),
          () => backend.expire(cacheKey, 1_000),
          () => backend.ttl(cacheKey),
          () => backend.lock(cacheKey, 1_000),
        ];
        for (const call of calls) {
          if (reject) await t.throwsAsync(call(), { instanceOf: RangeError }, cacheKey);
          else await call().catch(() => undefined);
        }
        const paths = server.seen.map(({ path }) => path);
        if (reject) {
          t.deepEqual(paths, []);
          rejected++;
        } else {
          const path = `/api/v1/cache/${encoded}`;
          t.deepEqual(paths, [path, path, path, path, path, `${path}/ttl`, `${path}/ttl`, `${path}/lock`], cacheKey);
          const segment = encodeCacheKey(cacheKey);
          t.is(segment, encoded ?? '');
          t.is(decodeURIComponent(segment), decoded ?? '');
          sent++;
        }
      }
    }
    t.deepEqual([rows.length, sent, rejected], [31, 50, 12]);
  },
);

interface FreshnessVectors {
  freshness_vectors: { name: string; value: string | null; stale: boolean }[];
  fresh_for_vectors: { name: string; value: string | null; fresh_for: number | null }[];
}

test.serial('every freshness header of the protocol is read as it says, also from the wire', async (t) => {
  const rows = vectors<FreshnessVectors>('freshness-headers.json');
  let header = '';
  const url = await startRawServer(t, (socket) =>
    socket.on('data', () =>
      socket.write(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${header}\r\nx`, 'latin1')),
    ),
  );
  const backends = [open(t, url), open(t, url, { fetch: globalThis.fetch })];
  let checked = 0;
  for (const { name, value, stale } of rows.freshness_vectors) {
    t.is(isStale(value ?? undefined), stale, name);
    header = value === null ? '' : `X-CacheKit-Freshness: ${value}\r\n`;
    for (const backend of backends) {
      const entry = await backend.get('a');
      t.is(entry?.stale ?? false, stale, name);
      t.is(entry?.freshInMs, stale ? 0 : undefined, name);
      t.is(entry?.expiresInMs, undefined, name);
    }
    checked++;
  }
  for (const { name, value, fresh_for: freshFor } of rows.fresh_for_vectors) {
    t.is(freshForSeconds(value ?? undefined) ?? null, freshFor, name);
    header = value === null ? '' : `X-CacheKit-Fresh-For: ${value}\r\n`;
    for (const backend of backends) {
      t.is((await backend.get('a'))?.freshInMs, freshFor === null ? undefined : freshFor * 1000, name);
    }
    checked++;
  }
  t.is(checked, 31);
});

test.serial('repeated freshness headers are a list, which is neither fresh nor a number', async (t) => {
  const headers =
    'X-CacheKit-Freshness: fresh\r\nX-CacheKit-Freshness: fresh\r\nX-CacheKit-Fresh-For: 5\r\nX-CacheKit-Fresh-For: 5\r\n';
  const url = await startRawServer(t, (socket) =>
    socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${headers}\r\nx`)),
  );
  const entry = await open(t, url).get('a');
  t.true(entry?.stale);
  t.is(entry?.freshInMs, 0);
});

test.serial('every request carries the API key, the state of L1 and its content type', async (t) => {
  const server = await start(t);
  const backend = open(t, server.url);
  await backend.set('a', Buffer.from('x'), { ttlMs: 1_001, l1: 'miss' });
  await backend.get('a', { l1: 'hit' });
  await backend.has('a');
  await backend.expire('a', 500);
  await backend.delete('a');
  t.is(server.seen.length, 5);
  t.deepEqual(
    server.seen.map(({ headers }) => headers['x-cachekit-l1-status']),
    ['miss', 'hit', 'disabled', 'disabled', 'disabled'],
  );
  for (const { method, headers } of server.seen) {
    t.is(headers.authorization, `Bearer ${API_KEY}`);
    t.is(headers['content-type'], method === 'PATCH' ? 'application/json' : 'application/octet-stream');
  }
  t.is(server.seen[0]?.headers['x-cachekit-ttl'], '2');
  t.is(server.seen[3]?.body.toString(), '{"ttl":1}');
  await t.throwsAsync(backend.get('a', { l1: 'no' as never }), { instanceOf: TypeError });
});

test.serial(
  'a TTL is whole seconds, rounded up, from one second to 30 days, and left out when there is none',
  async (t) => {
    const server = await start(t);
    const backend = open(t, server.url);
    const ttls: [number | undefined, string | undefined][] = [
      [1, '1'],
      [999.5, '1'],
      [1_000, '1'],
      [1_000.001, '2'],
      [2_592_000_000, '2592000'],
      [undefined, undefined],
      [Number.POSITIVE_INFINITY, undefined],
    ];
    for (const [ttlMs, header] of ttls) {
      await backend.set('a', Buffer.from('x'), { ttlMs });
      t.is(server.seen.at(-1)?.headers['x-cachekit-ttl'], header, `${ttlMs}`);
    }
    await t.throwsAsync(backend.set('a', Buffer.from('x'), { ttlMs: 2_592_000_001 }), { instanceOf: RangeError });
    t.is(server.seen.length, ttls.length);
  },
);

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

test.serial('the connections of a backend are kept and bounded', async (t) => {
  const server = await start(t);
  const ports = new Set<number>();
  let [open_, most] = [0, 0];
  server.handler = (_, response) => {
    ports.add(response.socket?.remotePort ?? 0);
    most = Math.max(most, ++open_);
    setTimeout(() => {
      open_--;
      response.writeHead(404).end();
    }, 5);
    return true;
  };
  const backend = open(t, server.url, { connections: 3 });
  await Promise.all(Array.from({ length: 60 }, () => backend.get('a')));
  t.is(ports.size, 3);
  t.is(most, 3);
});

test.serial('an API key comes from the options or the environment, and is checked', (t) => {
  const url = 'https://cache.example.com';
  const before = process.env.CACHEKIT_API_KEY;
  t.teardown(() => {
    if (before === undefined) delete process.env.CACHEKIT_API_KEY;
    else process.env.CACHEKIT_API_KEY = before;
  });
  delete process.env.CACHEKIT_API_KEY;
  const missing = t.throws(() => new HttpBackend({ url }), { instanceOf: ConfigurationError });
  t.regex(missing.message, /CACHEKIT_API_KEY/);
  process.env.CACHEKIT_API_KEY = 'ck_live_from-env';
  t.notThrows(() => new HttpBackend({ url }));
  for (const bad of ['with space', 'line\nbreak', 'ck_live_x\n', '\r\nX: y', 'ümlaut', '=abc', 'a=b', 'quote"']) {
    const error = t.throws(() => new HttpBackend({ url, apiKey: bad }), { instanceOf: ConfigurationError }, bad);
    t.false(error.message.includes(bad));
    process.env.CACHEKIT_API_KEY = bad;
    t.throws(() => new HttpBackend({ url }), { instanceOf: ConfigurationError }, bad);
  }
  for (const good of ['a', 'ck_live_A-Z.a~z_0+9/', 'abc==']) t.notThrows(() => new HttpBackend({ url, apiKey: good }));
  t.throws(() => new HttpBackend({ url, apiKey: '' }), { instanceOf: ConfigurationError });
  t.throws(() => new HttpBackend({ url, apiKey: 5 as never }), { instanceOf: TypeError });
});

test.serial('CACHEKIT_API_URL may name the hosts of the service, and others only when that is allowed too', (t) => {
  const names = ['CACHEKIT_API_URL', 'CACHEKIT_ALLOW_CUSTOM_HOST'] as const;
  const before = names.map((name) => process.env[name]);
  t.teardown(() => {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }
  });
  const make =
    (options = {}) =>
    () =>
      new HttpBackend({ apiKey: API_KEY, ...options });
  delete process.env.CACHEKIT_API_URL;
  for (const url of ['https://api.cachekit.io', 'https://api.staging.cachekit.io/']) {
    process.env.CACHEKIT_API_URL = url;
    t.notThrows(make(), url);
  }
  for (const url of ['https://cache.example.com', 'https://api.cachekit.io.example.com', 'https://cachekit.io']) {
    delete process.env.CACHEKIT_ALLOW_CUSTOM_HOST;
    process.env.CACHEKIT_API_URL = url;
    t.throws(make(), { instanceOf: ConfigurationError }, url);
    t.notThrows(make({ url }), url);
    process.env.CACHEKIT_ALLOW_CUSTOM_HOST = 'true';
    t.notThrows(make(), url);
  }
  process.env.CACHEKIT_API_URL = 'https://127.0.0.1';
  t.throws(make(), { instanceOf: ConfigurationError });
});

test.serial('options of a wrong type or range are refused', (t) => {
  const url = 'https://cache.example.com';
  const make = (options: unknown) => () => new HttpBackend(options as never);
  const wrong = [
    null,
    'x',
    { url: 1 },
    { url: null },
    { url, allowPrivateHosts: 'yes' },
    { url, fetch: {} },
    { url, lookup: 1 },
    { url, timeoutMs: '1' },
    { url, maxResponseBytes: '1' },
    { url, connections: null },
  ];
  for (const options of wrong)
    t.throws(make(options && typeof options === 'object' ? { apiKey: API_KEY, ...options } : options), {
      instanceOf: TypeError,
    });
  for (const options of [
    { timeoutMs: 0 },
    { timeoutMs: 2 ** 31 },
    { maxResponseBytes: 0 },
    { connections: 0 },
    { connections: 1.5 },
  ]) {
    t.throws(make({ url, apiKey: API_KEY, ...options }), { instanceOf: RangeError });
  }
});

test.serial(
  'what a fetch throws is a BackendError, whatever the path of the URL is, and quotes no cache key',
  async (t) => {
    for (const path of ['', '/%zz', '/%E9']) {
      const fetch: typeof globalThis.fetch = async (url) => {
        throw new Error(decodeURIComponent(`${url}`.slice('https://cache.example.com'.length + path.length)));
      };
      const backend = open(t, `https://cache.example.com${path}`, { fetch });
      const error = await t.throwsAsync(backend.get('a:b'), { instanceOf: BackendError, message: /cannot be reached/ });
      t.is(path === '' ? error.cause : undefined, undefined);
    }
  },
);

test.serial(
  'a fetch of the caller gets the whole request, and what it throws is cut down to its message',
  async (t) => {
    const calls: [string, RequestInit | undefined][] = [];
    const answer: typeof globalThis.fetch = async (url, init) => {
      calls.push([String(url), init]);
      return new Response(SECRET_VALUE, { headers: { 'x-cachekit-fresh-for': '9' } });
    };
    const url = 'https://cache.example.com:8443/api';
    const backend = new HttpBackend({ url, apiKey: API_KEY, fetch: answer });
    t.deepEqual(await backend.get('a:b'), { bytes: SECRET_VALUE, freshInMs: 9_000 });
    t.is(calls[0]?.[0], 'https://cache.example.com:8443/api/v1/cache/a%3Ab');
    t.is(calls[0]?.[1]?.redirect, 'manual');
    await t.throwsAsync(new HttpBackend({ url, apiKey: API_KEY, fetch: answer, maxResponseBytes: 5 }).get('a'), {
      instanceOf: BackendError,
    });
    const broken: typeof globalThis.fetch = async () => {
      throw Object.assign(new TypeError('no network'), { code: 'EBROKEN', body: SECRET_VALUE, request: SECRET_KEY });
    };
    const error = await t.throwsAsync(new HttpBackend({ url, apiKey: API_KEY, fetch: broken }).get(SECRET_KEY), {
      instanceOf: BackendError,
    });
    t.regex(error.message, /EBROKEN/);
    t.is((error.cause as Error).message, 'no network');
    assertNoSecret(t, error);
    // As other implementations of fetch than Node's do.
    const quoting: typeof globalThis.fetch = async (url, init) => {
      const { authorization } = (init?.headers ?? {}) as Record<string, string>;
      throw new Error(authorization === `Bearer ${API_KEY}` ? `request to ${url} failed` : 'nothing');
    };
    const told = await t.throwsAsync(
      new HttpBackend({ url, apiKey: API_KEY, fetch: quoting }).get(`${SECRET_KEY}: ü`),
      {
        instanceOf: BackendError,
      },
    );
    t.is(told.cause, undefined);
    assertNoSecret(t, told);
  },
);

test.serial('neither a backend nor its errors show the API key', async (t) => {
  const server = await start(t);
  const backend = new HttpBackend({ url: server.url, apiKey: `${API_KEY}-other`, allowPrivateHosts: true });
  assertNoSecret(t, backend);
  t.is(JSON.stringify(backend), '{}');
  const error = await t.throwsAsync(backend.get(SECRET_KEY), { instanceOf: BackendError });
  t.is(error.status, 401);
  assertNoSecret(t, error);
});
