import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { startCacheServer } from '../../src/testing/server.js';
import { ServerStore } from '../../src/testing/server-store.js';
import { ask, start, TOKENS } from './server-requests.js';

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
