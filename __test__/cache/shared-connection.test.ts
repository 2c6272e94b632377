import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { BackendError, type Cache, ConfigurationError, cache, createCache, RedisBackend } from '../../index.js';
import { openBackend } from '../../src/backends/from-url.js';
import { until } from '../../src/testing/behaviour.js';
import { runNode, supportFile } from '../support/child.js';
import { requireRedis } from '../support/redis-server.js';

/** The connections to a server but for the asker's: those for commands, and those that are told of changes. */
async function connectionsTo(t: ExecutionContext, url: string) {
  const raw = new Redis(url);
  t.teardown(() => raw.disconnect());
  return async () => {
    const [all, own] = [String(await raw.client('LIST')), String(await raw.client('ID'))];
    const lines = all.split('\n').filter((line) => line !== '' && !line.startsWith(`id=${own} `));
    const tracked = lines.filter((line) => /redir=[1-9]/.test(line)).length;
    return { tracked, all: lines.length };
  };
}

test.serial('twenty caches and functions on one URL have one connection, until the last is closed', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const connections = await connectionsTo(t, server.url);
  const caches: Cache[] = Array.from({ length: 20 }, (_, i) =>
    createCache({ namespace: `n${i % 5}`, backend: server.url, ttl: '1h' }),
  );
  await Promise.all(caches.map((each, i) => each.set(`k${i}`, i)));
  t.deepEqual(await Promise.all(caches.map((each, i) => each.get(`k${i}`))), [...caches.keys()]);
  await until(async () => (await connections()).tracked === 1);
  t.deepEqual(await connections(), { tracked: 1, all: 2 });
  const last = caches.pop() as Cache;
  // Twice each: the second time says nothing about another user.
  for (const each of [...caches, ...caches]) await each.close();
  t.true(await last.set('more', 1));
  t.is(await last.get('more'), 1);
  t.deepEqual(await connections(), { tracked: 1, all: 2 });
  t.is(last.stats().backendErrors, 0);
  await last.close();
  await until(async () => (await connections()).all === 0);
  await t.throwsAsync(last.get('more'), { instanceOf: BackendError });
});

test.serial('caches that share a connection tell each other of changes, and each counts its own', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const [here, there] = [1, 2].map(() => createCache({ namespace: 'n', backend: server.url, ttl: '1h' })) as [
    Cache,
    Cache,
  ];
  const getRole = cache({ namespace: 'n', key: (id: string) => `ns:n:key:${id}`, backend: server.url })(
    (_id: string) => 'loaded',
  );
  await here.set('role', 'admin');
  t.deepEqual([await there.get('role'), await getRole('role')], ['admin', 'admin']);
  await here.set('role', 'revoked');
  t.deepEqual([await there.get('role'), await getRole('role')], ['revoked', 'revoked']);
  await there.delete('role');
  t.deepEqual([await here.get('role'), await getRole('role')], [undefined, 'loaded']);
  t.is(here.stats().sets, 2);
  t.is(there.stats().sets, 0);
  await here.close();
  await there.close();
});

test.serial('another time limit, database or user is another connection', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const connections = await connectionsTo(t, server.url);
  const at = `127.0.0.1:${server.port}`;
  const options = [
    { backend: `redis://${at}` },
    { backend: `redis://${at}`, timeout: '2s' },
    { backend: `redis://${at}/1` },
    { backend: `redis://default@${at}` },
    { backend: new RedisBackend({ url: `redis://${at}` }) },
  ] as const;
  const caches = [...options, ...options.slice(0, 4)].map((each) =>
    createCache({ namespace: 'n', l1: false, ...each }),
  );
  for (const each of caches) await each.get('k');
  t.deepEqual(await connections(), { tracked: 0, all: 5 });
  for (const each of caches) await each.close();
  await options[4].backend.close();
  await until(async () => (await connections()).all === 0);
});

test.serial('what is being closed is not given to a new user', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const first = openBackend(server.url);
  await first.backend.set('k', Buffer.from('x'));
  // Under way, so that closing waits.
  const setting = first.backend.set('k', Buffer.alloc(1 << 20));
  const closing = first.release();
  const second = openBackend(server.url);
  t.not(second.backend, first.backend);
  t.truthy(await second.backend.get('k'));
  await setting;
  await closing;
  await first.release();
  t.is(openBackend(server.url).backend, second.backend);
  t.truthy(await second.backend.get('k'));
  await second.release();
  t.truthy(await second.backend.get('k'));
  await second.backend.close?.();
});

test.serial('a server that was away is reached again by all who share', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const [first, second] = [openBackend(server.url), openBackend(server.url)];
  await first.backend.get('k');
  await server.kill();
  await t.throwsAsync(first.backend.get('k'), { instanceOf: BackendError });
  await server.restart();
  const later = openBackend(server.url);
  await until(() =>
    later.backend.get('k').then(
      () => true,
      () => false,
    ),
  );
  for (const { backend } of [first, second]) await backend.get('k');
  for (const { release } of [first, second, later]) await release();
});

test.serial('options that are refused keep no connection', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const connections = await connectionsTo(t, server.url);
  const kept = createCache({ namespace: 'n', backend: server.url });
  await kept.set('k', 1);
  t.throws(() => cache({ backend: server.url })(async () => 1), { instanceOf: ConfigurationError });
  t.throws(() => cache({ backend: 'redis://h:port', namespace: 'n' }), { instanceOf: ConfigurationError });
  await kept.close();
  await until(async () => (await connections()).all === 0);
});

test.serial('a process ends by itself with functions that were never closed', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const { code, stdout, stderr } = await runNode(supportFile('shared-connection.ts'), [server.url]);
  t.deepEqual([String(stdout), code], ['0,1,2,4 4\n', 0], stderr);
  await pause(50);
  t.deepEqual(await (await connectionsTo(t, server.url))(), { tracked: 0, all: 0 });
});
