import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import {
  type Cache,
  type CreateCacheOptions,
  createCache,
  type InvalidationBus,
  RedisBackend,
  redisBus,
} from '../../index.js';
import { until } from '../../src/testing/behaviour.js';

export const masterKey = '5a'.repeat(32);
export type Client = Parameters<typeof redisBus>[0];
export type Connect = (t: ExecutionContext, ports: readonly number[]) => Promise<Client>;

export const clients: Record<string, Connect> = {
  ioredis: async (t, [port]) => {
    const client = new Redis(port as number, { keyPrefix: 'app:', enableAutoPipelining: true });
    t.teardown(() => client.disconnect());
    return client as Client;
  },
  redis: async (t, [port]) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
    await client.connect();
    t.teardown(() => client.destroy());
    return client as unknown as Client;
  },
};
export const clusterClients: Record<string, Connect> = {
  ioredis: async (t, ports) => {
    const client = new Cluster([...ports]);
    t.teardown(() => client.disconnect());
    return client as unknown as Client;
  },
  redis: async (t, ports) => {
    const client = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) });
    client.on('error', () => undefined);
    await client.connect();
    t.teardown(() => client.destroy());
    return client as unknown as Client;
  },
};

/** A bus within this process, which can be made to fail. */
export function localBus() {
  const listeners = new Set<(message: string | undefined) => void>();
  const sent: string[] = [];
  const bus = {
    failing: false,
    sent,
    tell: (message: string | undefined) => {
      for (const listener of listeners) listener(message);
    },
    publish: async (message: string) => {
      if (bus.failing) throw new Error('secret of the bus');
      sent.push(message);
      bus.tell(message);
    },
    subscribe: (listener: (message: string | undefined) => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
  return bus satisfies InvalidationBus;
}

export function open(t: ExecutionContext, options: CreateCacheOptions): Cache {
  const cache = createCache({ namespace: 'n', ttl: '1h', ...options });
  t.teardown(() => cache.close());
  return cache;
}

/** Two caches, as of two processes: what one has read, it has in L1. */
export async function assertCoherent(t: ExecutionContext, here: Cache, there: Cache, tags = true): Promise<void> {
  // Sooner than a copy ends by itself of which nobody tells.
  const reads = async (key: string, value: unknown) => {
    const end = performance.now() + 3_000;
    while ((await there.get(key)) !== value) {
      if (performance.now() > end) return t.fail(`${key} is stale`);
      await pause(5);
    }
  };
  const changes: [string, () => Promise<unknown>, unknown][] = [
    ['set', () => here.set('k', 2), 2],
    ['set again', () => here.set('k', 3), 3],
    ['delete', () => here.delete('k'), undefined],
    [
      'setMany',
      () =>
        here.setMany([
          ['k', 5],
          ['other', 1],
        ]),
      5,
    ],
    ['deleteMany', () => here.deleteMany(['k', 'other']), undefined],
  ];
  await here.set('k', 1);
  await reads('k', 1);
  for (const [name, change, value] of changes) {
    await change();
    await reads('k', value);
    t.pass(name);
  }
  if (!tags) return;
  await here.set('tagged', 1, { tags: ['t'] });
  await reads('tagged', 1);
  await here.invalidateTags('t');
  await reads('tagged', undefined);
}

/** Whether a change and a tag's end are told within a second. */
export async function isTold(here: Cache, there: Cache, value: number): Promise<boolean> {
  const reads = async (wanted: unknown) => {
    const end = performance.now() + 1_000;
    while ((await there.get('told')) !== wanted) {
      if (performance.now() > end) return false;
      await pause(5);
    }
    return true;
  };
  await here.set('told', value, { tags: ['told'] });
  if (!(await reads(value))) return false;
  await here.invalidateTags('told');
  return reads(undefined);
}

/** Whether copies are kept at all, so that a test of their end is one. */
export async function assertKeeps(t: ExecutionContext, cache: Cache): Promise<void> {
  await until(async () => {
    await cache.set('kept', 1);
    await pause(20);
    return cache.stats().l1Entries > 0;
  });
  const before = cache.stats();
  t.is(await cache.get('kept'), 1);
  t.is(cache.stats().l1Hits, before.l1Hits + 1);
}

export async function pair(
  t: ExecutionContext,
  connect: Connect,
  ports: readonly number[],
  options: CreateCacheOptions = {},
) {
  const opened = [];
  for (let i = 0; i < 2; i++) {
    const client = await connect(t, ports);
    opened.push({
      client,
      cache: open(t, { backend: new RedisBackend({ client }), bus: redisBus(client), ...options }),
    });
  }
  const [here, there] = opened as [(typeof opened)[number], (typeof opened)[number]];
  // The subscriptions are made in the background.
  await pause(300);
  await assertKeeps(t, here.cache);
  await assertKeeps(t, there.cache);
  return { here, there };
}

/** The ids of the connections that subscribe to something. */
export const subscribers = async (raw: Redis): Promise<string[]> =>
  String(await raw.call('client', 'list', 'type', 'pubsub'))
    .split('\n')
    .flatMap((line) => /^id=(\d+)/.exec(line)?.[1] ?? []);
