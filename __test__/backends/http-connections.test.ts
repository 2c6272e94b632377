import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { BackendError, HttpBackend, type HttpBackendOptions } from '../../index.js';
import { API_KEY } from '../support/http-server.js';

/** A server of bytes: `answer` gets each request's first line. */
async function serve(t: ExecutionContext, answer: (socket: Socket, request: string) => void) {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const line = data.toString('latin1').split('\r\n', 1)[0] as string;
      if (!/ HTTP\/1\.1$/.test(line)) return;
      seen.push(line);
      answer(socket, line);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sockets };
}

function open(t: ExecutionContext, url: string, options: HttpBackendOptions = {}): HttpBackend {
  const backend = new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true, ...options });
  t.teardown(() => backend.close());
  return backend;
}

const keyIn = (line: string) => line.split('/').at(-2)?.split(' ')[0] as string;
const response = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('an answer that comes while nothing is asked is the answer to nothing', async (t) => {
  for (const late of [
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad',
    'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
    'x',
  ]) {
    const server = await serve(t, (socket, line) => socket.write(response(keyIn(line))));
    const backend = open(t, server.url);
    for (let i = 0; i < 5; i++) {
      t.is((await backend.get(`k${i}`))?.bytes.toString(), `k${i}`);
      const [idle] = server.sockets;
      idle?.write(late);
      await once(idle as Socket, 'close');
      server.sockets.clear();
    }
  }
});

test('what has come before a request is not its answer, though nobody has read it yet', async (t) => {
  const server = await serve(t, (socket, line) => socket.write(response(keyIn(line))));
  const backend = open(t, server.url);
  t.is((await backend.get('k'))?.bytes.toString(), 'k');
  for (let i = 0; i < 20; i++) {
    // It is in the system’s buffer when this returns.
    for (const socket of server.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    t.is((await backend.get(`k${i}`))?.bytes.toString(), `k${i}`);
    await new Promise<void>((resolve) => (i % 2 ? setImmediate(resolve) : setTimeout(resolve, 2)));
  }
});

test('nothing is lost when a server closes each connection after its answer', async (t) => {
  const server = await serve(t, (socket, line) => {
    socket.write(response(line.startsWith('HEAD') ? '' : 'ok'));
    setImmediate(() => socket.destroy());
  });
  const backend = open(t, server.url);
  const calls: ((i: number) => Promise<unknown>)[] = [
    (i) => backend.get(`k${i}`),
    (i) => backend.set(`k${i}`, Buffer.from('v')),
    (i) => backend.delete(`k${i}`),
    (i) => backend.has(`k${i}`),
    (i) => backend.expire(`k${i}`, 1000),
  ];
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => (calls[i % calls.length] as (i: number) => unknown)(i)));
  }
  const patches = server.seen.filter((line) => line.startsWith('PATCH'));
  t.is(patches.length, 100, 'what is not idempotent is sent once');
});

test('what is not idempotent is sent once, though its connection breaks', async (t) => {
  const server = await serve(t, (socket, line) => {
    if (line.startsWith('GET')) socket.write(response('ok'));
    else socket.destroy();
  });
  const backend = open(t, server.url);
  await backend.get('k');
  await t.throwsAsync(backend.lock('k', 1000), { instanceOf: BackendError });
  await t.throwsAsync(backend.expire('k', 1000), { instanceOf: BackendError });
  t.is(server.seen.filter((line) => !line.startsWith('GET')).length, 2);
});

test('101 ends at once', async (t) => {
  const server = await serve(t, (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  });
  const backend = open(t, server.url, { timeoutMs: 60_000 });
  const first = backend.get('k');
  const error = await t.throwsAsync(Promise.race([first, pause(30_000)]), { instanceOf: BackendError });
  t.is(error.status, 101);
});

test('an address is connected to as it was when it was checked', async (t) => {
  const server = await serve(t, (socket) => socket.write(response('ok')));
  let asked = 0;
  // An array whose addresses are public the first time, and another each time after.
  const address = {
    get address() {
      return asked++ === 0 ? '127.0.0.1' : '127.0.0.2';
    },
    family: 4,
  };
  const port = new URL(server.url).port;
  const backend = open(t, `http://localhost:${port}`, {
    lookup: (_name, _options, callback) => callback(null, [address]),
  });
  t.is((await backend.get('k'))?.bytes.toString(), 'ok');
  t.is(asked, 1);
});
