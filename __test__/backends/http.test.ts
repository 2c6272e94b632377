import { readFileSync } from 'node:fs';
import test from 'ava';
import { encodeCacheKey, freshForSeconds, isStale } from '../../src/backends/http/headers.js';
import { API_KEY, startRawServer } from '../support/http-server.js';
import { open, SECRET_VALUE, start } from './http-backends.js';

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => unhandled.push(reason));

process.on('uncaughtException', (error) => unhandled.push(error));

test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/protocol/${name}`, import.meta.url), 'utf8')) as T;
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
