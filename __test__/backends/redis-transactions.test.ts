import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { BackendError, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { startProxy } from '../support/proxy.js';
import { type RedisServer, requireRedis } from '../support/redis-server.js';

const [one, two] = [Buffer.from('one'), Buffer.from('two')];

const borrowed = {
  ioredis: async (t: ExecutionContext, port: number, user: object) => {
    const client = new Redis({ port, ...user });
    client.on('error', () => undefined);
    t.teardown(() => client.disconnect());
    return client;
  },
  redis: async (t: ExecutionContext, port: number, user: object) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, ...user });
    client.on('error', () => undefined);
    await client.connect();
    t.teardown(() => client.destroy());
    return client;
  },
} as const;
const libraries = ['ioredis', 'redis'] as const;

async function withoutScripts(t: ExecutionContext): Promise<{ server: RedisServer; raw: Redis } | undefined> {
  const server = await requireRedis(t);
  if (!server) return undefined;
  const raw = new Redis(server.url);
  t.teardown(() => raw.disconnect());
  await raw.call('acl', 'setuser', 'app', 'reset', 'on', '>pw', '+@all', '~*', '&*', '-@scripting');
  return { server, raw };
}

for (const library of libraries) {
  test.serial(
    `a client of ${library}: a transaction whose connection is lost is not sent on another one`,
    async (t) => {
      const { server, raw } = (await withoutScripts(t)) ?? {};
      if (!server || !raw) return;
      const proxy = await startProxy(t, server.port);
      const client = await borrowed[library](t, proxy.port, { username: 'app', password: 'pw' });
      const backend = new RedisBackend({ client });
      await backend.set('k', one);
      await backend.replace('none', one, two);
      const own = proxy.connections.at(-1);
      // What was watched is known; the rest waits on its way.
      own?.deliver(false);
      const replaced = backend.replace('k', one, two);
      await until(async () => /watch\r\n\$1\r\nk/i.test(own?.sent ?? ''));
      await raw.set('k', 'other');
      for (const line of String(await raw.client('LIST')).split('\n')) {
        if (/ user=app /.test(line)) await raw.client('KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '');
      }
      await t.throwsAsync(replaced, { instanceOf: BackendError });
      t.is(await raw.get('k'), 'other');
      await backend.close();
    },
  );

  test.serial(
    `a client of ${library}: nothing is told to be stored that waits in a transaction of its owner`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const client = await borrowed[library](t, server.port, {});
      const send = (...command: [string, ...string[]]) =>
        'status' in client ? client.call(...command) : client.sendCommand(command);
      const backend = new RedisBackend({ client });
      const lock = await backend.lock('l', 60_000);
      await lock?.release();
      await send('MULTI');
      await t.throwsAsync(backend.set('k', one), { instanceOf: BackendError });
      await t.throwsAsync(backend.set('k', one, { ttlMs: 1_000 }), { instanceOf: BackendError });
      await t.throwsAsync(backend.setMany([{ cacheKey: 'k', bytes: one }]), { instanceOf: BackendError });
      await t.throwsAsync(backend.lock('l', 60_000), { instanceOf: BackendError });
      await send('DISCARD');
      t.is(await backend.get('k'), undefined);
      await backend.close();
    },
  );

  test.serial(
    `${library}: without scripts a result that has waited for longer than marks last is not stored`,
    async (t) => {
      const { server } = (await withoutScripts(t)) ?? {};
      if (!server) return;
      const proxy = await startProxy(t, server.port);
      const backend = new RedisBackend({ url: `redis://app:pw@127.0.0.1:${proxy.port}`, library, timeoutMs: 60_000 });
      t.true(await backend.setIfUnchanged('first', one, { found: undefined, sinceMs: 0 }));
      const own = proxy.connections.at(-1);
      own?.deliver(false);
      // A mark is kept for 30 s, of which half count here.
      const stored = backend.setIfUnchanged('k', one, { found: undefined, sinceMs: 14_000 });
      await until(async () => /watch\r\n\$1\r\nk/i.test(own?.sent ?? ''));
      await pause(1_100);
      own?.deliver(true);
      t.false(await stored);
      t.is(await backend.get('k'), undefined);
      await backend.close();
    },
  );

  test.serial(
    `${library}: without scripts an entry that others keep writing is not answered as one that is not there`,
    async (t) => {
      const { server, raw } = (await withoutScripts(t)) ?? {};
      if (!server || !raw) return;
      const backend = new RedisBackend({ url: `redis://app:pw@127.0.0.1:${server.port}`, library });
      await backend.set('k', one);
      let writing = true;
      const writer = (async () => {
        while (writing) await Promise.all(Array.from({ length: 50 }, () => raw.set('k', one)));
      })();
      let refused = 0;
      for (let i = 0; i < 10; i++) {
        for (const operation of [() => backend.expire('k', 60_000), () => backend.replace('k', one, one)]) {
          try {
            t.true(await operation());
          } catch (error) {
            t.true(error instanceof BackendError && error.transient);
            refused++;
          }
        }
      }
      writing = false;
      await writer;
      t.true(refused > 0);
      t.true(await backend.expire('k', 60_000));
      await backend.close();
    },
  );
}
