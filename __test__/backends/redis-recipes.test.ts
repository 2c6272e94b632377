import { readFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { BackendError, createCache, RedisBackend } from '../../index.js';
import { parseRedisUrl } from '../../src/backends/redis/address.js';
import { until } from '../../src/testing/behaviour.js';
import { type RedisCluster, requireRedisCluster } from '../support/redis-cluster.js';
import { requireSentinels } from '../support/redis-sentinel.js';
import { requireRedis } from '../support/redis-server.js';
import { type Certificates, certificates, terminate } from '../support/tls.js';
import { libraries } from './redis-backends.js';

const text = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
/** The URL of each recipe. */
const recipes = [...text.matchAll(/^const backend = '(.+)';$/gm)].map(([, url]) => url as string);
const rights = /^ACL (SETUSER app .+)$/m.exec(text)?.[1]?.split(' ') ?? [];
const of = (pattern: RegExp) => recipes.filter((url) => pattern.test(url));

/** The recipe with another place, and with the tests' authority where there is TLS. */
function at(url: string, hosts: string, made?: Certificates): string {
  const [, start, tail = ''] = /^([a-z+]+:\/\/(?:[^@/]*@)?)[^/?]*(.*)$/.exec(url) ?? [];
  if (made === undefined) return `${start}${hosts}${tail}`;
  return `${start}${hosts}${tail.replace(/\?ca=.*/, '')}?ca=${encodeURIComponent(made.caPath)}`;
}

/** The users of the recipes, with what the document says they need. */
async function addUser(port: number, url: string): Promise<void> {
  const { username = 'default', password } = parseRedisUrl(url.replace(/\?ca=.*/, ''));
  if (password === undefined) return;
  const raw = new Redis(port, { maxRetriesPerRequest: 0 });
  raw.on('error', () => undefined);
  const rules = rights
    .slice(1)
    .map((rule) => (rule === 'app' ? username : rule === '>password' ? `>${password}` : rule));
  await raw.call('acl', 'setuser', username, 'reset', ...rules.slice(1));
  raw.disconnect();
}

/** Everything that needs rights: entries, tags, locks, and that another connection's change is told. */
async function assertWorks(t: ExecutionContext, url: string, tags = true): Promise<void> {
  for (const library of libraries) {
    const [here, there] = [1, 2].map(() => {
      const backend = new RedisBackend({ url, library });
      t.teardown(() => backend.close());
      return createCache({ namespace: 'n', backend, ttl: '1h', lock: true, breaker: false });
    }) as [ReturnType<typeof createCache>, ReturnType<typeof createCache>];
    t.is(await here.getOrSet('k', () => 1), 1, url);
    t.true(await there.set('k', 1));
    await here.get('k');
    await there.set('k', 2);
    await until(async () => (await here.get('k')) === 2);
    if (tags) {
      await here.set('tagged', 1, { tags: ['t'] });
      t.is(await here.invalidateTags('t'), 1);
    }
    for (const cache of [here, there]) {
      t.is(cache.stats().backendErrors, 0, url);
      await cache.delete('k');
      await cache.close();
    }
  }
}

test('the document has recipes of each kind, and each is a URL that is taken', (t) => {
  t.true(recipes.length >= 14);
  for (const kind of [
    /^rediss\+cluster/,
    /^valkeys\+cluster/,
    /^rediss:.*ca=/,
    /^valkey:/,
    /^unix:/,
    /^redis\+unix/,
    /^redis\+sentinel/,
    /\[::1\]/,
    /family/,
  ]) {
    t.not(of(kind).length, 0, String(kind));
  }
  for (const url of recipes) t.notThrows(() => parseRedisUrl(url.replace(/\?ca=.*/, '')), url);
  t.true(rights.length > 8);
});

test.serial('servers, with users, databases and TLS', async (t) => {
  const made = certificates(t);
  if (!made) return;
  const hasV6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
  for (const url of of(/^(redis|rediss|valkey):/)) {
    const v6 = url.includes('[::1]');
    if (v6 && !hasV6) {
      t.log('skipped: there is no IPv6 here');
      continue;
    }
    const server = await requireRedis(t, v6 ? { args: ['--bind', '127.0.0.1', '::1'] } : {});
    if (!server) return;
    await addUser(server.port, url);
    const secure = url.startsWith('rediss');
    const port = secure ? await terminate(t, server.port, made) : server.port;
    const host = v6 ? '[::1]' : 'localhost';
    await assertWorks(t, at(url, `${host}:${port}`, secure ? made : undefined));
    if (secure) {
      // Without the authority it is not trusted, whatever the variable says.
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      const untrusting = new RedisBackend({ url: at(url, `${host}:${port}`).replace(/\?ca=.*/, '') });
      await t.throwsAsync(untrusting.get('k'), { instanceOf: BackendError, message: /cannot be reached/ });
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      await untrusting.close();
    }
    await server.stop();
  }
});

test.serial('Unix sockets', async (t) => {
  const path = join(tmpdir(), `cachekit-${process.pid}.sock`);
  const server = await requireRedis(t, { args: ['--unixsocket', path] });
  if (!server) return;
  for (const url of of(/unix/)) {
    await addUser(server.port, url);
    await assertWorks(t, url.replace('/run/redis/redis.sock', path));
  }
});

test.serial('clusters', async (t) => {
  const [cluster, made] = [await requireRedisCluster(t), certificates(t)];
  if (!cluster || !made) return;
  for (const url of of(/^redis\+cluster:/)) {
    for (const { port } of cluster.nodes) await addUser(port, url);
    await assertWorks(t, at(url, cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join()));
  }
  const ports = await announceTls(t, cluster, made);
  for (const url of of(/^(rediss|valkeys)\+cluster:/)) {
    for (const { port } of cluster.nodes) await addUser(port, url);
    await assertWorks(t, at(url, `localhost:${ports[0]}`, made));
  }
});

/** Every server is reached through TLS alone from then on, as far as the cluster tells. */
async function announceTls(t: ExecutionContext, cluster: RedisCluster, made: Certificates): Promise<number[]> {
  const ports = await Promise.all(cluster.nodes.map(({ port }) => terminate(t, port, made)));
  for (const [i, node] of cluster.nodes.entries()) {
    node.ask('config', 'set', 'cluster-announce-port', String(ports[i]));
    node.ask('config', 'set', 'cluster-announce-hostname', 'localhost');
    node.ask('config', 'set', 'cluster-preferred-endpoint-type', 'hostname');
  }
  const knows = (slots: string) => ports.every((port) => slots.includes(String(port)));
  await until(async () => cluster.nodes.every((node) => knows(node.ask('cluster', 'slots'))));
  return ports;
}

test.serial('Sentinels', async (t) => {
  const group = await requireSentinels(t);
  if (!group) return;
  for (const url of of(/^redis\+sentinel/)) {
    for (const { port } of group.servers) await addUser(port, url);
    await assertWorks(t, at(url, group.sentinels.map(({ port }) => `127.0.0.1:${port}`).join()));
  }
});
