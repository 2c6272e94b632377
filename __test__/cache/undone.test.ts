import test, { type ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { type Backend, type Cache, createCache, MemoryBackend, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { hasRedisCluster, type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { hasRedis, type RedisServer, requireRedis, startRedis } from '../support/redis-server.js';
import { held } from '../support/undone.js';

let server: RedisServer | undefined;
let cluster: RedisCluster | undefined;
test.before(async () => {
  if (hasRedis) server = await startRedis();
  if (hasRedisCluster) cluster = await startRedisCluster();
});
test.after.always(async () => {
  await server?.stop();
  await cluster?.stop();
});

/** Backends of two processes on one store: a new one at each call. */
const stores: Record<string, (t: ExecutionContext) => () => Backend | Promise<Backend>> = {
  memory: () => {
    const backend = new MemoryBackend();
    return () => backend;
  },
  'redis by URL, ioredis': () => () => new RedisBackend({ url: server?.url, library: 'ioredis' }),
  'redis by URL, redis': () => () => new RedisBackend({ url: server?.url, library: 'redis' }),
  'redis, client of ioredis with a prefix': (t) => () => {
    const client = new Redis(server?.url ?? '', { keyPrefix: 'app:' });
    t.teardown(() => client.disconnect());
    return new RedisBackend({ client });
  },
  'redis, client of redis': (t) => async () => {
    const client = await createClient({ url: server?.url }).connect();
    t.teardown(() => client.destroy());
    return new RedisBackend({ client });
  },
  'cluster by URL, ioredis': () => () => new RedisBackend({ url: cluster?.url, library: 'ioredis' }),
  'cluster by URL, redis': () => () => new RedisBackend({ url: cluster?.url, library: 'redis' }),
  'cluster, client of ioredis with a prefix': (t) => () => {
    const client = new Cluster([...(cluster?.urls ?? [])], { keyPrefix: 'app:' });
    t.teardown(() => client.disconnect());
    return new RedisBackend({ client });
  },
  'cluster, client of redis': (t) => async () => {
    const client = createCluster({ rootNodes: (cluster?.urls ?? []).map((url) => ({ url })) });
    client.on('error', () => undefined);
    await client.connect();
    t.teardown(() => client.destroy());
    return new RedisBackend({ client });
  },
};

const masterKey = 'ab'.repeat(32);
let namespaces = 0;

/** What somebody elsewhere does while a function runs, and what must be read afterwards. */
const changes: Record<string, { change: (there: Cache) => Promise<unknown>; after: unknown; before?: boolean }> = {
  delete: { change: (there) => there.delete('k'), after: undefined },
  deleteMany: { change: (there) => there.deleteMany(['x', 'k']), after: undefined },
  invalidateTags: { change: (there) => there.invalidateTags(['other', 'user:1']), after: undefined },
  'set and delete': { change: async (there) => (await there.set('k', 'new')) && there.delete('k'), after: undefined },
  set: { change: (there) => there.set('k', 'new'), after: 'new' },
  setMany: { change: (there) => there.setMany([['k', 'new']]), after: 'new' },
  'set with the tag': { change: (there) => there.set('k', 'new', { tags: ['user:1'] }), after: 'new' },
  'set and invalidateTags': {
    change: async (there) => (await there.set('k', 'new', { tags: ['only'] })) && there.invalidateTags('only'),
    after: undefined,
  },
};

for (const [store, make] of Object.entries(stores)) {
  for (const lock of [false, true]) {
    for (const [what, { change, after }] of Object.entries(changes)) {
      test.serial(
        `${store}${lock ? ', with a lock' : ''}: ${what} elsewhere is not undone by a function`,
        async (t) => {
          if (!(store.startsWith('cluster') ? cluster : server) && store !== 'memory') {
            await requireRedis(t);
            return;
          }
          const backend = make(t);
          const namespace = `n${namespaces++}`;
          const open = async () => {
            const own = await backend();
            // Where nobody tells of changes, L1 keeps what it has.
            const l1 = store === 'memory' || store.includes('by URL');
            const cache = createCache({ namespace, masterKey, ttl: '1h', backend: own, lock, l1 });
            t.teardown(async () => {
              await cache.close();
              await own.close?.();
            });
            return cache;
          };
          const [here, there] = [await open(), await open()];
          const { begun, end, run } = held<string>();
          const answer = here.getOrSet('k', run, { tags: ['user:1'] });
          await begun;
          await change(there);
          end('old');
          t.is(await answer, 'old', 'whoever waited for it has it');
          for (const cache of [here, there]) t.is(await cache.get('k'), after);
          // A function that begins now is stored, and found by its tag.
          await here.delete('k');
          await until(async () => {
            await here.getOrSet('k', () => 'anew', { tags: ['user:1'] });
            return (await there.get('k')) === 'anew';
          });
          await there.invalidateTags('user:1');
          t.is(await there.getOrSet('k', () => 'later'), 'later');
          await until(async () => (await here.get('k')) === 'later');
        },
      );
    }
  }

  test.serial(`${store}: what is stale or refreshed does not undo anything either`, async (t) => {
    if (!(store.startsWith('cluster') ? cluster : server) && store !== 'memory') {
      await requireRedis(t);
      return;
    }
    const [one, two] = [await make(t)(), await make(t)()];
    const second = store === 'memory' ? one : two;
    t.teardown(() => Promise.all([one.close?.(), two.close?.()]));
    const options = { namespace: `n${namespaces++}`, masterKey, ttl: '1h', swr: '1h', l1: false } as const;
    const [here, there] = [createCache({ ...options, backend: one }), createCache({ ...options, backend: second })];
    const changes = [
      [(key: string) => there.delete(key), undefined],
      [(key: string) => there.set(key, 'new'), 'new'],
      [async () => undefined, 'old'],
    ] as const;
    for (const [n, [change, after]] of changes.entries()) {
      const key = `k${n}`;
      const { begun, end, run } = held<string>();
      await there.set(key, 'stale', { ttl: 0.02 });
      await until(async () => (await there.get(key)) === undefined);
      t.is(await here.getOrSet(key, run), 'stale');
      await begun;
      await change(key);
      end('old');
      // What is under way is stored, or refused, before so many answers have come by the same connection.
      for (let i = 0; i < 10; i++) await here.get('nothing');
      t.is(await there.get(key), after);
    }
    const { begun, end, run } = held<string>();
    await there.set('r', 'before', { ttl: '1h' });
    const refresh = here.wrap({ operation: 'p', key: () => 'r' })(run);
    const refreshing = refresh.refresh();
    await begun;
    await there.set('r', 'after', { ttl: '1h' });
    end('old');
    t.is(await refreshing, 'old');
    t.is(await there.get('r'), 'after', 'what was written meanwhile stays');
  });
}
