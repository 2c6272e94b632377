import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Cluster, Redis } from 'ioredis';
import { createCluster } from 'redis';
import { type Backend, BackendError, RedisBackend, TimeoutError } from '../../index.js';
import { besideKey, slotOf, slotOfBytes } from '../../src/backends/redis/key-names.js';
import { until } from '../../src/testing/behaviour.js';
import { behaviours } from '../../src/testing/conformance.js';
import { holds } from '../support/properties.js';
import {
  hasRedisCluster,
  type RedisCluster,
  requireRedisCluster,
  startRedisCluster,
} from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const libraries = ['ioredis', 'redis'] as const;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));

let cluster: RedisCluster | undefined;
test.before(async () => {
  if (hasRedisCluster) cluster = await startRedisCluster();
});
test.after.always('nothing was left unhandled', async (t) => {
  await cluster?.stop();
  t.deepEqual(unhandled, []);
});

const targets: Record<string, (t: ExecutionContext, urls: readonly string[]) => Backend | Promise<Backend>> = {
  'by URL with ioredis': () => new RedisBackend({ url: cluster?.url, library: 'ioredis' }),
  'by URL with redis': () => new RedisBackend({ url: cluster?.url, library: 'redis' }),
  'with a client of ioredis that has a key prefix': (t, urls) => {
    const client = new Cluster([...urls], { keyPrefix: 'app*:' });
    t.teardown(() => client.disconnect());
    return new RedisBackend({ client });
  },
  'with a client of redis': async (t, urls) => {
    const client = createCluster({ rootNodes: urls.map((url) => ({ url })) });
    client.on('error', () => undefined);
    await client.connect();
    t.teardown(() => client.destroy());
    return new RedisBackend({ client });
  },
};

for (const [name, make] of Object.entries(targets)) {
  for (const { title, run } of behaviours) {
    test.serial(`a cluster ${name}: ${title}`, async (t) => {
      if (!cluster) {
        await requireRedis(t);
        return;
      }
      const backend = await make(t, cluster.urls);
      t.teardown(() => backend.close?.());
      t.not(await run(backend, {}), undefined);
    });
  }
}

function open(t: ExecutionContext, url: string, library: 'ioredis' | 'redis', timeoutMs?: number): RedisBackend {
  const backend = new RedisBackend({ url, library, timeoutMs });
  t.teardown(() => backend.close());
  return backend;
}

function bytesOf(entry: { bytes: Uint8Array } | undefined): string | undefined {
  return entry && Buffer.from(entry.bytes).toString();
}

test.serial('the slot of a key is what the servers say', async (t) => {
  if (!cluster) {
    await requireRedis(t);
    return;
  }
  const keys = ['a', 'users:1', 'é😀', '{a}b', 'b{a}', '{}a', 'a{}b{c}', '{{a}}', '{a', 'a}', '}{', 'a{b}{c}'];
  for (const key of keys) t.is(slotOf(key), Number(cluster.nodes[0]?.ask('cluster', 'keyslot', key)), key);
});

test('what is kept beside a key lies in its slot, and begins with its name', async (t) => {
  const suffix = Buffer.from([0xff, 0x67]);
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '{', '}', 'é', '😀', ':'), minLength: 1, maxLength: 12 });
  const beside = (text: string) => {
    const name = Buffer.from(text);
    const made = besideKey(name, suffix);
    const at = made.subarray(0, name.length + suffix.length);
    return (
      slotOfBytes(made) === slotOf(text) && at.equals(Buffer.concat([name, suffix])) && made.length < at.length + 4
    );
  };
  await holds(t, fc.property(key, beside), 20_000);
});

for (const library of libraries) {
  test.serial(`${library}: many keys of all servers in one call, and their tags`, async (t) => {
    if (!cluster) {
      await requireRedis(t);
      return;
    }
    const backend = open(t, cluster.url, library);
    const cacheKeys = Array.from({ length: 3_000 }, (_, i) => `many:${library}:${i % 2 ? `{${i % 7}}` : ''}${i}`);
    const items = cacheKeys.map((cacheKey, i) => ({ cacheKey, bytes: Buffer.from(`${i}`), ttlMs: 3_600_000 }));
    await backend.setMany(items.map((item, i) => (i % 3 === 0 ? { ...item, tags: [`third:${library}`] } : item)));
    const entries = await backend.getMany(cacheKeys, { ttl: true });
    t.true(entries.every((entry, i) => bytesOf(entry) === `${i}` && (entry?.expiresInMs ?? 0) > 3_000_000));
    const found = new Set<string>();
    for await (const cacheKey of backend.keys({ prefix: `many:${library}:` })) found.add(cacheKey);
    t.is(found.size, 3_000);
    t.is(await backend.invalidateTags([`third:${library}`]), 1_000);
    t.is(await backend.deleteMany(cacheKeys), 2_000);
  });

  test.serial(`${library}: a slot that moves to another server takes its entries along, unnoticed`, async (t) => {
    if (!cluster) {
      await requireRedis(t);
      return;
    }
    const tag = `moving-${library}`;
    const cacheKeys = Array.from({ length: 40 }, (_, i) => `{${tag}}:${i}`);
    const slot = String(slotOf(tag));
    const backend = open(t, cluster.url, library);
    await backend.setMany(cacheKeys.map((cacheKey, i) => ({ cacheKey, bytes: Buffer.from(`${i}`) })));
    const source = cluster.nodes.find((node) => node.ask('get', cacheKeys[0] ?? '') === '0');
    const target = cluster.nodes.find((node) => node !== source);
    if (!source || !target) return t.fail('nobody has the slot');
    const check = async () => {
      const [many, one, torn] = await Promise.all([
        backend.getMany(cacheKeys, { ttl: true }),
        Promise.all(cacheKeys.map((cacheKey) => backend.get(cacheKey))),
        backend.has(cacheKeys[39] ?? ''),
      ]);
      t.deepEqual(many.map(bytesOf), one.map(bytesOf));
      t.true(torn && many.every((entry, i) => bytesOf(entry) === `${i}`));
      await backend.set(cacheKeys[5] ?? '', Buffer.from('5'));
      await backend.set(cacheKeys[35] ?? '', Buffer.from('35'));
    };
    target.ask('cluster', 'setslot', slot, 'importing', source.id);
    source.ask('cluster', 'setslot', slot, 'migrating', target.id);
    await check();
    const half = cacheKeys.slice(0, 20);
    t.is(source.ask('migrate', '127.0.0.1', String(target.port), '', '0', '5000', 'keys', ...half), 'OK');
    await check();
    // Names may be no text.
    const raw = new Redis(source.url);
    t.teardown(() => raw.disconnect());
    const rest = (await raw.callBuffer('cluster', 'getkeysinslot', slot, '100')) as Buffer[];
    t.is(await raw.call('migrate', '127.0.0.1', String(target.port), '', '0', '5000', 'keys', ...rest), 'OK');
    for (const node of [target, source, ...cluster.nodes]) node.ask('cluster', 'setslot', slot, 'node', target.id);
    await check();
    t.is(await backend.deleteMany(cacheKeys), 40);
  });

  test.serial(`${library}: a server that dies fails its own keys, and comes back`, async (t) => {
    const own = await requireRedisCluster(t);
    if (!own) return;
    const backend = open(t, own.url, library, 3_000);
    const cacheKeys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    await backend.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from(cacheKey) })));
    const [node] = own.nodes;
    const lost = new Set(cacheKeys.filter((key) => node?.ask('get', key) === key));
    t.true(lost.size > 0 && lost.size < 60);
    await node?.kill();
    const results = await Promise.allSettled(cacheKeys.map((cacheKey) => backend.get(cacheKey)));
    for (const [i, result] of results.entries()) {
      const cacheKey = cacheKeys[i] ?? '';
      if (result.status === 'fulfilled') t.true(!lost.has(cacheKey) && bytesOf(result.value) === cacheKey);
      else t.true(result.reason instanceof BackendError || result.reason instanceof TimeoutError);
    }
    await node?.restart();
    await until(async () => {
      const again = await Promise.allSettled(cacheKeys.map((cacheKey) => backend.get(cacheKey)));
      return again.every((result, i) => {
        if (result.status === 'rejected') return false;
        const expected = lost.has(cacheKeys[i] ?? '') ? undefined : cacheKeys[i];
        t.is(bytesOf(result.value), expected);
        return true;
      });
    });
    await backend.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from(cacheKey) })));
    t.deepEqual((await backend.getMany(cacheKeys)).map(bytesOf), cacheKeys);
  });
}
