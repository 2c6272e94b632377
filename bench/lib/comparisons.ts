import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as arrow from 'apache-arrow';
import type { Product } from './builds.js';
import { frame } from './frames.js';
import { startBenchRedis } from './redis-process.js';
import { apiResponse, CACHED_VALUES, rows, session } from './values.js';

/** One operation of a build, by the name of what is done. */
export interface Operation {
  name: string;
  run(i: number): unknown;
  isAsync: boolean;
}

/** Operations that are compared together; what they need stands until `close`. */
export interface Comparison {
  operations(product: Product, build: string): Promise<Operation[]>;
  close(): Promise<void>;
}

const MASTER_KEY = 'a5'.repeat(32);
const IN_FLIGHT = 64;
const MANY = 50;
const small = CACHED_VALUES.slice(0, 2);

/** What a user of the cache in the process pays: hits, writes, and the sealing below them. */
const inProcess = async (): Promise<Comparison> => ({
  async operations({ cache, createCache, EncryptionWrapper, Sealer }) {
    const masterKey = MASTER_KEY;
    const operations: Operation[] = [];
    const add = (name: string, run: Operation['run'], isAsync: boolean) => operations.push({ name, run, isAsync });
    const sealer = new Sealer(masterKey, 'default');
    const aad = Buffer.from('what it is bound to');
    for (const size of [64, 1024]) {
      const plaintext = Buffer.alloc(size, 7);
      const sealed = sealer.seal(plaintext, aad);
      add(`seal, ${size} B`, () => sealer.seal(plaintext, aad), false);
      add(`open, ${size} B`, () => sealer.open(sealed, aad), false);
    }
    for (const { label, values } of CACHED_VALUES) {
      const count = values.length;
      const load = async (id: number) => values[id];
      const wrapper = new EncryptionWrapper({ masterKey });
      const context = { cacheKey: 'users:42' };
      const sealed = values.map((value) => wrapper.serialize(value, context));
      const [secure, plain] = [cache.secure({ masterKey })(load), cache()(load)];
      const kept = cache.secure({ masterKey, l1: { values: true } })(load);
      const store = createCache({ masterKey });
      for (let id = 0; id < count; id++) await store.set(`users:${id}`, values[id]);
      for (const call of [secure, plain, kept]) for (let id = 0; id < count; id++) await call(id);
      add(`serialize, ${label}`, (i) => wrapper.serialize(values[i % count], context), false);
      add(`deserialize, ${label}`, (i) => wrapper.deserialize(sealed[i % count] as Buffer, context), false);
      add(`secure hit, ${label}`, (i) => secure(i % count), true);
      add(`plain hit, ${label}`, (i) => plain(i % count), true);
      add(`decoded hit, ${label}`, (i) => kept(i % count), true);
      add(`get, ${label}`, (i) => store.get(`users:${i % count}`), true);
      add(`set, ${label}`, (i) => store.set(`users:${i % count}`, values[i % count]), true);
    }
    return operations;
  },
  async close() {},
});

const MB = 1e6;

/** Whole writes and reads, of which nothing is kept in the process. */
const wholeWays = async (): Promise<Comparison> => ({
  async operations({ ArrowSerializer, createCache, MemoryBackend }) {
    const operations: Operation[] = [];
    const values: [string, unknown, boolean][] = [
      ['session, 300 B', session(300), false],
      ['API response, 22 KB', apiResponse(100), false],
      ['1,000 rows, 70 KB', rows(1000), false],
      ['frame, 1 MB', frame(MB, true), true],
      ['frame, 10 MB', frame(10 * MB, true), true],
      ['frame, 10 MB, repeating', frame(10 * MB, false), true],
    ];
    for (const [label, value, table] of values) {
      for (const secure of [true, false]) {
        const cache = createCache({
          backend: new MemoryBackend({ maxBytes: 2 ** 30 }),
          l1: false,
          ...(table && { serializer: new ArrowSerializer({ arrow }) }),
          ...(secure && { masterKey: MASTER_KEY }),
        });
        await cache.set('report', value);
        const kind = secure ? 'secure' : 'plain';
        operations.push({ name: `${kind} write, ${label}`, run: () => cache.set('report', value), isAsync: true });
        operations.push({ name: `${kind} read, ${label}`, run: () => cache.get('report'), isAsync: true });
      }
    }
    return operations;
  },
  async close() {},
});

/** A cache over a store outside the process, without a tier inside it. */
async function overStore(
  cacheOf: (product: Product, build: string) => ReturnType<Product['createCache']>,
  stop: () => Promise<void>,
): Promise<Comparison> {
  const caches: { close(): Promise<void> }[] = [];
  return {
    async operations(product, build) {
      const cache = cacheOf(product, build);
      caches.push(cache);
      const operations: Operation[] = [];
      for (const { label, values } of small) {
        const count = values.length;
        const name = (i: number) => `${label}:${i % count}`;
        const many = (i: number) => Array.from({ length: MANY }, (_, n) => name(i + n));
        const flight = (i: number, one: (i: number) => Promise<unknown>) =>
          Promise.all(Array.from({ length: IN_FLIGHT }, (_, n) => one(i * IN_FLIGHT + n)));
        await cache.setMany(values.map((value, i) => [name(i), value] as const));
        const add = (what: string, run: (i: number) => Promise<unknown>) =>
          operations.push({ name: `${what}, ${label}`, run, isAsync: true });
        add('one get after the other', (i) => cache.get(name(i)));
        add(`${IN_FLIGHT} gets in flight`, (i) => flight(i, (n) => cache.get(name(n))));
        add('one set after the other', (i) => cache.set(name(i), values[i % count]));
        add(`${IN_FLIGHT} sets in flight`, (i) => flight(i, (n) => cache.set(name(n), values[n % count])));
        add(`getMany(${MANY})`, (i) => cache.getMany(many(i)));
        add(`setMany(${MANY})`, (i) => cache.setMany(many(i).map((key, n) => [key, values[(i + n) % count]] as const)));
      }
      return operations;
    },
    async close() {
      for (const cache of caches) await cache.close();
      await stop();
    },
  };
}

async function inRedis(): Promise<Comparison> {
  const redis = await startBenchRedis();
  return overStore(
    ({ createCache }, build) =>
      createCache({ backend: redis.url, masterKey: MASTER_KEY, l1: false, ttl: '10m', namespace: build }),
    () => redis.stop(),
  );
}

async function inLmdb(): Promise<Comparison> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-compare-lmdb-'));
  return overStore(
    ({ createCache }, build) =>
      createCache({ backend: `lmdb:${join(directory, build)}`, masterKey: MASTER_KEY, l1: false, namespace: build }),
    async () => rmSync(directory, { recursive: true, force: true }),
  );
}

export const COMPARISONS = { cache: inProcess, pipeline: wholeWays, redis: inRedis, lmdb: inLmdb } as const;
