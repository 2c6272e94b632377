import { randomBytes } from 'node:crypto';
import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { createCache as createCacheManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { createClient } from 'redis';
import type * as Public from '../../index.js';
import { NodeCryptoSealer } from './node-crypto.js';

/** The built package, as in `product.ts`. */
const { createCache, RedisBackend }: typeof Public = await import(new URL('../../dist/index.js', import.meta.url).href);

/** Names of the candidates: figures are looked up by them. */
export const REDIS_CACHES = {
  ours: 'cachekit-native, secure, ioredis',
  oursOnRedis: 'cachekit-native, secure, node-redis',
  ioredis: 'bare ioredis',
  nodeRedis: 'bare node-redis',
  handmade: 'JSON + node:crypto + ioredis',
  handmadeOnRedis: 'JSON + node:crypto + node-redis',
  keyv: 'keyv',
  cacheManager: 'cache-manager',
  cacheable: 'cacheable',
  bentocache: 'bentocache',
} as const;

export type RedisCandidate = keyof typeof REDIS_CACHES;

/** What a cache is asked, by each as its own users would write it: MGET, or its call for many keys, where there is one; else one call a key, at once. */
export interface RedisCase {
  get(id: number): Promise<unknown>;
  set(id: number, value: unknown): Promise<unknown>;
  getMany(ids: readonly number[]): Promise<unknown>;
  setMany(ids: readonly number[]): Promise<unknown>;
}

const TTL_MS = 600_000;
const keyOf = (id: number): string => `users:${id}`;

/** Caches on one Redis, each with its own keys, filled with `values`; and what closes them. */
export async function redisCases(
  url: string,
  values: readonly unknown[],
): Promise<{ cases: Record<RedisCandidate, RedisCase>; close(): Promise<void> }> {
  const closing: (() => unknown)[] = [];
  const newIoredis = (keyPrefix: string) => {
    const client = new Redis(url, { keyPrefix });
    closing.push(() => client.disconnect());
    return client;
  };
  const nodeRedis = await createClient({ url }).connect();
  closing.push(() => nodeRedis.destroy());
  const plain = newIoredis('plain:');

  const each = (one: Pick<RedisCase, 'get' | 'set'>): RedisCase => ({
    ...one,
    getMany: (ids) => Promise.all(ids.map((id) => one.get(id))),
    setMany: (ids) => Promise.all(ids.map((id) => one.set(id, values[id]))),
  });

  const ours = (library: 'ioredis' | 'redis'): RedisCase => {
    const backend = new RedisBackend({ url, library });
    const cache = createCache({ backend, masterKey: randomBytes(32), l1: false, ttl: 600 });
    closing.push(async () => {
      await cache.close();
      await backend.close();
    });
    return {
      get: (id) => cache.get(`${library}:${id}`),
      set: (id, value) => cache.set(`${library}:${id}`, value),
      getMany: (ids) => cache.getMany(ids.map((id) => `${library}:${id}`)),
      setMany: (ids) => cache.setMany(ids.map((id) => [`${library}:${id}`, values[id]])),
    };
  };

  /** Made by hand as one would: MGET for many keys, a pipeline of SETs. */
  const handmade = (client: {
    get(key: string): Promise<Buffer | null>;
    getMany(keys: string[]): Promise<(Buffer | null)[]>;
    set(key: string, bytes: Buffer): Promise<unknown>;
  }): RedisCase => {
    const sealer = new NodeCryptoSealer(randomBytes(32));
    const open = (key: string, sealed: Buffer | null | undefined) =>
      sealed ? JSON.parse(sealer.open(sealed, Buffer.from(key)).toString()) : undefined;
    const set = (id: number, value: unknown) => {
      const key = keyOf(id);
      return client.set(key, sealer.seal(Buffer.from(JSON.stringify(value)), Buffer.from(key)));
    };
    return {
      get: async (id) => open(keyOf(id), await client.get(keyOf(id))),
      getMany: async (ids) => {
        const keys = ids.map(keyOf);
        const sealed = await client.getMany(keys);
        return keys.map((key, i) => open(key, sealed[i]));
      },
      set,
      setMany: (ids) => Promise.all(ids.map((id) => set(id, values[id]))),
    };
  };

  const store = (prefix: string) => {
    const client = newIoredis(prefix);
    return {
      get: async (key: string) => (await client.get(key)) ?? undefined,
      set: (key: string, value: string, ttl?: number) => client.set(key, value, 'PX', ttl ?? TTL_MS),
      delete: async (key: string) => (await client.del(key)) > 0,
      clear: async () => undefined,
    };
  };
  const newKeyv = (prefix: string) => new Keyv({ store: store(prefix), ttl: TTL_MS });
  const keyv = newKeyv('keyv:');
  const cacheManager = createCacheManager({ stores: [newKeyv('cache-manager:') as never] });
  const cacheable = new Cacheable({ primary: newKeyv('cacheable:') as never });
  const bento = new BentoCache({
    default: 'redis',
    stores: { redis: bentostore().useL2Layer(redisDriver({ connection: newIoredis('bento:') })) },
  });
  const secret = newIoredis('handmade:');

  const cases: Record<RedisCandidate, RedisCase> = {
    ours: ours('ioredis'),
    oursOnRedis: ours('redis'),
    ioredis: {
      get: (id) => plain.get(keyOf(id)),
      set: (id, value) => plain.set(keyOf(id), JSON.stringify(value), 'PX', TTL_MS),
      getMany: (ids) => plain.mget(ids.map(keyOf)),
      setMany: (ids) => Promise.all(ids.map((id) => plain.set(keyOf(id), JSON.stringify(values[id]), 'PX', TTL_MS))),
    },
    nodeRedis: {
      ...each({
        get: (id) => nodeRedis.get(`node:${id}`),
        set: (id, value) => nodeRedis.set(`node:${id}`, JSON.stringify(value), { PX: TTL_MS }),
      }),
      getMany: (ids) => nodeRedis.mGet(ids.map((id) => `node:${id}`)),
    },
    handmade: handmade({
      get: (key) => secret.getBuffer(key),
      getMany: (keys) => secret.mgetBuffer(keys),
      set: (key, bytes) => secret.set(key, bytes, 'PX', TTL_MS),
    }),
    handmadeOnRedis: handmade({
      get: (key) => nodeRedis.sendCommand(['GET', `handmade-node:${key}`], AS_BUFFERS),
      getMany: (keys) => nodeRedis.sendCommand(['MGET', ...keys.map((key) => `handmade-node:${key}`)], AS_BUFFERS),
      set: (key, bytes) => nodeRedis.set(`handmade-node:${key}`, bytes, { PX: TTL_MS }),
    }),
    keyv: {
      get: (id) => keyv.get(keyOf(id)),
      set: (id, value) => keyv.set(keyOf(id), value),
      getMany: (ids) => keyv.getMany(ids.map(keyOf)),
      setMany: (ids) => keyv.setMany(ids.map((id) => ({ key: keyOf(id), value: values[id] }))),
    },
    cacheManager: each({
      get: (id) => cacheManager.get(keyOf(id)),
      set: (id, value) => cacheManager.set(keyOf(id), value, TTL_MS),
    }),
    cacheable: each({
      get: (id) => cacheable.get(keyOf(id)),
      set: (id, value) => cacheable.set(keyOf(id), value, TTL_MS),
    }),
    bentocache: each({
      get: (id) => bento.get({ key: keyOf(id) }),
      set: (id, value) => bento.set({ key: keyOf(id), value, ttl: TTL_MS }),
    }),
  };
  for (const [name, candidate] of Object.entries(cases)) {
    for (const [id, value] of values.entries()) await candidate.set(id, value);
    const last = values.length - 1;
    const got = await candidate.get(last);
    // A benchmark of misses would be a fine way to look fast, or slow.
    if ((typeof got === 'string' ? got : JSON.stringify(got)) !== JSON.stringify(values[last])) {
      throw new Error(`${name} returned something else`);
    }
  }
  return {
    cases,
    close: async () => {
      for (const close of closing) await close();
    },
  };
}

const BLOB_STRING = 36;
const AS_BUFFERS = { typeMapping: { [BLOB_STRING]: Buffer } };
