import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { BackendError, TimeoutError } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { startRawServer } from '../support/http-server.js';
import { freePort, requireRedis } from '../support/redis-server.js';
import { assertNoSecret, libraries, open, SECRET, SECRET_KEY, SECRET_VALUE } from './redis-backends.js';

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => unhandled.push(reason));

process.on('uncaughtException', (error) => unhandled.push(error));

test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

async function startRaw(t: ExecutionContext, serve: (socket: Socket) => void): Promise<string> {
  return (await startRawServer(t, serve)).replace('http:', 'redis:');
}

for (const library of libraries) {
  test.serial(
    `${library}: a server that dies is a transient BackendError, and one that is back is used again`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const backend = open(t, { url: server.url, library });
      await backend.set('a', Buffer.from('1'));
      await server.kill();
      for (let i = 0; i < 3; i++) {
        const error = await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
        t.true(error.transient);
      }
      await server.restart();
      await until(async () => {
        try {
          return (await backend.get('a')) === undefined;
        } catch (error) {
          t.true(error instanceof BackendError);
          return false;
        }
      });
      await backend.set('a', Buffer.from('2'));
      t.is(Buffer.from((await backend.get('a'))?.bytes ?? []).toString(), '2');
    },
  );

  test.serial(
    `${library}: a server that dies in the middle fails every operation under way, each with a BackendError`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const backend = open(t, { url: server.url, library });
      await backend.set('a', Buffer.alloc(1_000));
      server.freeze();
      const under = Array.from({ length: 100 }, (_, i) =>
        i % 2 ? backend.get('a', { ttl: true }) : backend.getMany(['a']),
      );
      const settled = Promise.allSettled(under);
      await server.kill();
      for (const result of await settled) {
        t.true(result.status === 'rejected' && result.reason instanceof BackendError && result.reason.transient);
      }
    },
  );

  test.serial(`${library}: a server that hangs is a TimeoutError, and one that goes on is used again`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const backend = open(t, { url: server.url, library, timeoutMs: 150 });
    await until(async () =>
      backend.set('a', Buffer.from('1')).then(
        () => true,
        () => false,
      ),
    );
    server.freeze();
    await t.throwsAsync(backend.get('a'), { instanceOf: TimeoutError });
    await t.throwsAsync(backend.get('a'), { instanceOf: TimeoutError });
    const controller = new AbortController();
    const waiting = backend.get('a', { signal: controller.signal });
    controller.abort('enough');
    t.is(await waiting.catch((reason) => reason), 'enough');
    server.resume();
    await until(async () =>
      backend.get('a').then(
        (entry) => entry !== undefined,
        () => false,
      ),
    );
  });

  test.serial(`${library}: a server that accepts and never answers is a TimeoutError`, async (t) => {
    const url = await startRaw(t, () => undefined);
    const backend = open(t, { url, library, timeoutMs: 150 });
    await t.throwsAsync(backend.get('a'), { instanceOf: TimeoutError });
    await t.throwsAsync(backend.set('a', Buffer.from('x')), { instanceOf: TimeoutError });
    await t.throwsAsync(
      async () => {
        for await (const _ of backend.keys()) t.fail();
      },
      { instanceOf: TimeoutError },
    );
  });

  test.serial(`${library}: no server is a BackendError that says why`, async (t) => {
    const backend = open(t, { url: `redis://127.0.0.1:${await freePort()}`, library });
    const error = await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
    t.regex(error.message, /ECONNREFUSED/);
    t.true(error.transient);
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => backend.get('a')));
    t.true(results.every((result) => result.status === 'rejected' && result.reason instanceof BackendError));
  });

  test.serial(`${library}: a server that speaks something else is an error, never a value`, async (t) => {
    const answers = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '$-99\r\n',
      '*1000000000\r\n',
      '\0\0\0\0',
      '+OK\r\n+OK\r\n',
      '$5\r\nab',
    ];
    for (const text of answers) {
      const url = await startRaw(t, (socket) => socket.on('data', () => socket.write(text)));
      const backend = open(t, { url, library, timeoutMs: 300 });
      const error = await t.throwsAsync(backend.get('a'));
      t.true(error instanceof BackendError || error instanceof TimeoutError, `${JSON.stringify(text)}: ${error}`);
    }
  });

  test.serial(`${library}: replies of a wrong type are BackendErrors`, async (t) => {
    // Answers the greeting as Redis does, and every command of the backend with an integer.
    const url = await startRaw(t, (socket) =>
      socket.on('data', (data) => {
        const names =
          data
            .toString('latin1')
            .toLowerCase()
            .match(/\$\d+\r\n(info|client|get|mget|scan|set|del|exists)\r\n/g) ?? [];
        for (const name of names)
          socket.write(/info/.test(name) ? '$7\r\nloading\r\n' : /client/.test(name) ? '+OK\r\n' : '+7\r\n');
      }),
    );
    const backend = open(t, { url, library });
    await t.throwsAsync(backend.getMany(['a', 'b']), { instanceOf: BackendError });
    await t.throwsAsync(backend.delete('a'), { instanceOf: BackendError });
    await t.throwsAsync(backend.has('a'), { instanceOf: BackendError });
    await t.throwsAsync(backend.keys().next(), { instanceOf: BackendError });
  });

  test.serial(
    `${library}: a password opens the server; a wrong one is a BackendError that does not show it`,
    async (t) => {
      const server = await requireRedis(t, { password: SECRET });
      if (!server) return;
      const backend = open(t, { url: server.url, library });
      await backend.set(SECRET_KEY, SECRET_VALUE);
      t.not(await backend.get(SECRET_KEY), undefined);
      assertNoSecret(t, backend);
      const { port } = server;
      const denied = open(t, { url: `redis://user:${encodeURIComponent(`${SECRET}x`)}@127.0.0.1:${port}`, library });
      const wrong = await t.throwsAsync(denied.set(SECRET_KEY, SECRET_VALUE), { instanceOf: BackendError });
      t.false(wrong.transient);
      t.regex(wrong.message, /WRONGPASS/);
      assertNoSecret(t, wrong);
      const missing = await t.throwsAsync(open(t, { url: `redis://127.0.0.1:${port}`, library }).get(SECRET_KEY));
      t.true(missing instanceof BackendError);
      assertNoSecret(t, missing);
    },
  );

  test.serial(
    `${library}: the URL's path is the database, and a refused one is not exchanged for another`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const third = open(t, { url: `${server.url}/3`, library });
      await third.set('a', Buffer.from('x'));
      t.is(await open(t, { url: server.url, library }).get('a'), undefined);
      t.not(await open(t, { url: `${server.url}/3`, library }).get('a'), undefined);
      await t.throwsAsync(open(t, { url: `${server.url}/99`, library }).get('a'), { instanceOf: BackendError });
    },
  );

  test.serial(
    `${library}: a refused command is a BackendError that shows neither the cache key nor the value`,
    async (t) => {
      const server = await requireRedis(t, {
        args: ['--rename-command', 'EXISTS', '', '--rename-command', 'SCAN', ''],
      });
      if (!server) return;
      const backend = open(t, { url: server.url, library });
      const error = await t.throwsAsync(backend.has(SECRET_KEY), { instanceOf: BackendError });
      t.false(error.transient);
      assertNoSecret(t, error);
      assertNoSecret(t, await t.throwsAsync(backend.keys({ prefix: SECRET_KEY }).next(), { instanceOf: BackendError }));
      const raw = new Redis(server.url);
      t.teardown(() => raw.disconnect());
      await raw.hset(SECRET_KEY, 'field', 'value');
      const wrongType = await t.throwsAsync(backend.get(SECRET_KEY), { instanceOf: BackendError });
      t.regex(wrongType.message, /WRONGTYPE/);
      assertNoSecret(t, wrongType);
      assertNoSecret(t, await t.throwsAsync(backend.get(SECRET_KEY, { ttl: true }), { instanceOf: BackendError }));
      await raw.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
      const full = await t.throwsAsync(backend.set(SECRET_KEY, SECRET_VALUE), { instanceOf: BackendError });
      t.true(full.transient);
      assertNoSecret(t, full);
    },
  );
}
