import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createClient } from 'redis';
import {
  type Backend,
  BackendError,
  type BackendLock,
  cache,
  FileBackend,
  HttpBackend,
  LmdbBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { API_KEY, startCacheServer } from '../support/http-server.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';

const named = { namespace: 'n', operation: 'o' };

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-lease-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Backends with locks; undefined where the server is missing. */
const stores: Record<string, (t: ExecutionContext) => Promise<Backend | undefined> | Backend> = {
  memory: () => new MemoryBackend(),
  file: (t) => new FileBackend({ directory: directoryOf(t) }),
  LMDB: (t) => new LmdbBackend({ directory: directoryOf(t) }),
  HTTP: async (t) => {
    const server = await startCacheServer();
    t.teardown(() => server.stop());
    return new HttpBackend({ url: server.url, apiKey: API_KEY, allowPrivateHosts: true });
  },
  'Redis, ioredis': async (t) => redisOf((await requireRedis(t))?.url, 'ioredis'),
  'Redis, redis': async (t) => redisOf((await requireRedis(t))?.url, 'redis'),
  'Redis, a client of the caller': async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return undefined;
    const client = await createClient({ url: server.url }).connect();
    t.teardown(() => client.destroy());
    return new RedisBackend({ client });
  },
  'cluster, ioredis': async (t) => redisOf((await requireRedisCluster(t))?.url, 'ioredis'),
  'cluster, redis': async (t) => redisOf((await requireRedisCluster(t))?.url, 'redis'),
};

function redisOf(url: string | undefined, library: 'ioredis' | 'redis'): Backend | undefined {
  return url === undefined ? undefined : new RedisBackend({ url, library });
}

/** Holds the event loop up, so that nothing is renewed. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

for (const [name, open] of Object.entries(stores)) {
  test.serial(`${name}: what is made under a lease that has ended is not stored`, async (t) => {
    const backend = await open(t);
    if (backend === undefined) return t.pass();
    t.teardown(() => backend.close?.());
    for (const [lease, taken] of [
      ['1s', true],
      ['1s', false],
      ['60s', false],
    ] as const) {
      const operation = `o${lease}${taken}`;
      const load = cache({ ...named, operation, backend, l1: false, lock: { lease } })(async () => {
        if (lease === '60s') return 'kept';
        block(1200);
        // Another process is at it by now.
        if (taken) t.truthy(await backend.lock?.(load.keyFor(), 60_000));
        return 'late';
      });
      t.is(await load(), lease === '60s' ? 'kept' : 'late');
      t.is((await backend.get(load.keyFor())) !== undefined, lease === '60s', operation);
      t.is(load.stats().sets, lease === '60s' ? 1 : 0);
    }
  });
}

/** A store whose locks do what the test says. */
class Locks extends MemoryBackend {
  readonly #extend: () => Promise<boolean>;

  constructor(extend: () => Promise<boolean>) {
    super();
    this.#extend = extend;
  }

  override async lock(): Promise<BackendLock> {
    return { extend: this.#extend, release: async () => {} };
  }
}

test('a lock that somebody has taken away is noticed before the result is stored, in the background too', async (t) => {
  let held = true;
  const backend = new Locks(async () => held);
  let runs = 0;
  const options = { ...named, backend, l1: false, lock: true, ttl: '1ms', swr: '1h' } as const;
  const load = cache(options)(() => ++runs);
  t.is(await load(), 1);
  held = false;
  while (runs < 3) t.is(await load(), 1);
  t.is(load.stats().sets, 1);
});

test.serial('a store that does not say whether the lock is held is believed until the lease has ended', async (t) => {
  for (const extend of [() => new Promise<never>(() => {}), async () => Promise.reject(new BackendError('down'))]) {
    for (const [lease, sets] of [
      ['60s', 1],
      ['20ms', 0],
    ] as const) {
      const backend = new Locks(extend);
      const load = cache({ ...named, backend, lock: { lease }, timeout: '50ms', breaker: false, onError: () => {} })(
        async () => {
          block(30);
          return 'value';
        },
      );
      t.is(await load(), 'value', 'and nobody waits for longer than an operation may take');
      t.like(load.stats(), { sets });
    }
  }
});
