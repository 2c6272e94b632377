import test, { type ExecutionContext } from 'ava';
import { BackendError, createCache, HttpBackend, type HttpBackendOptions } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { API_KEY, type CacheServer, startCacheServer } from '../support/http-server.js';

const transports: Record<string, HttpBackendOptions> = { 'node:http': {}, fetch: { fetch: globalThis.fetch } };

async function start(t: ExecutionContext): Promise<CacheServer> {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  return server;
}

function open(t: ExecutionContext, { url }: CacheServer, options: HttpBackendOptions = {}): HttpBackend {
  const backend = new HttpBackend({ url, apiKey: API_KEY, allowPrivateHosts: true, maxRetries: 0, ...options });
  t.teardown(() => backend.close());
  return backend;
}

function refuse(server: CacheServer, status: number, headers: () => Record<string, string>): void {
  server.handler = (_, response) => {
    response.writeHead(status, headers()).end();
    return true;
  };
}

/** Whether an operation reaches the server. */
async function asks(server: CacheServer, backend: HttpBackend): Promise<boolean> {
  const before = server.seen.length;
  await backend.get('k').catch(() => {});
  return server.seen.length > before;
}

const calls: Record<string, (backend: HttpBackend) => Promise<unknown>> = {
  get: (backend) => backend.get('k'),
  set: (backend) => backend.set('k', Buffer.from('v')),
  delete: (backend) => backend.delete('k'),
  has: (backend) => backend.has('k'),
  expire: (backend) => backend.expire('k', 1000),
  lock: (backend) => backend.lock('k', 1000),
};

for (const [name, options] of Object.entries(transports)) {
  test.serial(`${name}: a server that says for how long is not asked before`, async (t) => {
    using clock = fakeClock();
    const server = await start(t);
    const inSeconds = () => ({ 'retry-after': '30' });
    // The server's clock is a day behind: what counts is the time between its two dates.
    const asDate = () => {
      const at = Date.now() - 86_400_000;
      return { date: new Date(at).toUTCString(), 'retry-after': new Date(at + 30_000).toUTCString() };
    };
    for (const status of [429, 503]) {
      for (const headers of [inSeconds, asDate]) {
        for (const [method, call] of Object.entries(calls)) {
          const backend = open(t, server, options);
          refuse(server, status, headers);
          const first = await t.throwsAsync(call(backend), { instanceOf: BackendError });
          t.is(first.retryAfterMs, 30_000, method);
          server.handler = undefined;
          clock.advance(20_000);
          server.seen.length = 0;
          for (const again of Object.values(calls)) {
            const error = await t.throwsAsync(again(backend), {
              instanceOf: BackendError,
              message: /asked for a pause/,
            });
            t.is(error.status, status);
            t.true(error.transient);
            t.true((error.retryAfterMs as number) <= 10_000);
          }
          t.is(server.seen.length, 0);
          clock.advance(10_000);
          t.true(await asks(server, backend), method);
        }
      }
    }
  });
}

test.serial(
  'a server that does not say is left alone for longer each time, up to a minute, until it answers',
  async (t) => {
    using clock = fakeClock();
    const server = await start(t);
    const backend = open(t, server);
    refuse(server, 503, () => ({}));
    for (const mostMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      t.true(await asks(server, backend));
      clock.advance(mostMs / 2 - 400);
      t.false(await asks(server, backend), `${mostMs}`);
      clock.advance(mostMs / 2 + 400);
    }
    server.handler = undefined;
    t.true(await asks(server, backend));
    t.true(await asks(server, backend));
    refuse(server, 503, () => ({}));
    t.true(await asks(server, backend));
    clock.advance(1000);
    t.true(await asks(server, backend), 'it starts with a second again');
  },
);

test.serial('refusals of one moment are one', async (t) => {
  using clock = fakeClock();
  const server = await start(t);
  const backend = open(t, server);
  refuse(server, 429, () => ({}));
  await Promise.allSettled(Array.from({ length: 20 }, () => backend.get('k')));
  t.is(server.seen.length, 20);
  clock.advance(1000);
  t.true(await asks(server, backend));
});

test.serial('no server keeps a cache away for more than five minutes without being asked', async (t) => {
  using clock = fakeClock();
  const server = await start(t);
  const backend = open(t, server);
  refuse(server, 503, () => ({ 'retry-after': '9999999' }));
  await asks(server, backend);
  clock.advance(290_000);
  t.false(await asks(server, backend));
  clock.advance(10_000);
  t.true(await asks(server, backend));
});

test.serial('a pause is obeyed whether or not there is a breaker, for a backend of any kind', async (t) => {
  using clock = fakeClock();
  for (const breaker of [true, false]) {
    let asked = 0;
    const fail = async (): Promise<never> => {
      asked++;
      throw new BackendError('busy', { status: 429, transient: true, retryAfterMs: 30_000 });
    };
    const cache = createCache({
      namespace: 'n',
      backend: { get: fail, set: fail, delete: fail },
      breaker,
      l1: false,
      onError() {},
    });
    await cache.get('k');
    clock.advance(29_000);
    for (let i = 0; i < 20; i++) await cache.get('k');
    t.is(asked, 1);
    clock.advance(1000);
    await cache.get('k');
    t.is(asked, 2);
    await cache.close();
  }
});
