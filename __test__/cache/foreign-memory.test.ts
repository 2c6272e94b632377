import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Keyv } from 'keyv';
import {
  type Backend,
  type BackendEntry,
  BackendError,
  type BackendItem,
  createCache,
  FileBackend,
  HttpBackend,
  Keyring,
  KeyvBackend,
  LmdbBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { isPrivate } from '../../src/backends/guarantees.js';
import { runNode, supportFile } from '../support/child.js';

/* What somebody else's backend answers with, or is given, it may change or take away at any time. */

const masterKey = Buffer.alloc(32, 7);
const LARGE = 4 << 20;
const same = (found: unknown, value: Uint8Array) => found instanceof Uint8Array && Buffer.compare(found, value) === 0;

/** A backend that spoils every array that it gets or answers with, as soon as it can. */
class SpoilingBackend implements Backend {
  readonly stored = new Map<string, Uint8Array>();
  readonly spoil: (bytes: Uint8Array) => void;

  constructor(spoil: (bytes: Uint8Array) => void) {
    this.spoil = (bytes) => queueMicrotask(() => setImmediate(spoil, bytes));
  }

  async get(cacheKey: string): Promise<BackendEntry | undefined> {
    const kept = this.stored.get(cacheKey);
    if (kept === undefined) return undefined;
    const bytes = Uint8Array.from(kept);
    this.spoil(bytes);
    return { bytes };
  }

  async getMany(cacheKeys: readonly string[]): Promise<(BackendEntry | undefined)[]> {
    return Promise.all(cacheKeys.map((cacheKey) => this.get(cacheKey)));
  }

  async set(cacheKey: string, bytes: Uint8Array): Promise<void> {
    this.stored.set(cacheKey, Uint8Array.from(bytes));
    this.spoil(bytes);
  }

  async replace(cacheKey: string, _ifBytes: Uint8Array, bytes: Uint8Array): Promise<boolean> {
    await this.set(cacheKey, bytes);
    return true;
  }

  async *keys(): AsyncGenerator<string> {
    yield* this.stored.keys();
  }

  async delete(): Promise<boolean> {
    return false;
  }
}

const ways: Record<string, (bytes: Uint8Array) => void> = {
  overwrites: (bytes) => void bytes.fill(0),
  'takes away': (bytes) => void structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] }),
};
for (const [way, spoil] of Object.entries(ways)) {
  for (const l1 of [true, false]) {
    test(`a backend that ${way} what it gets and gives spoils no value, l1: ${l1}`, async (t) => {
      const backend = new SpoilingBackend(spoil);
      const cache = createCache({ namespace: 'n', masterKey, backend, l1 });
      const values = new Map(
        [10, 3_000, 100_000, LARGE].map((size, i) => [`k${i}`, new Uint8Array(randomBytes(size))] as const),
      );
      for (const [cacheKey, value] of values) t.true(await cache.set(cacheKey, value));
      for (let round = 0; round < 3; round++) {
        for (const [cacheKey, value] of values) {
          t.true(same(await cache.get(cacheKey), value), cacheKey);
          await new Promise(setImmediate);
        }
        const many = await cache.getMany([...values.keys()]);
        t.true([...values.values()].every((value, i) => same(many[i], value)));
      }
      if (l1) {
        // What L1 has is its own.
        backend.stored.clear();
        for (const [cacheKey, value] of values) t.true(same(await cache.get(cacheKey), value), cacheKey);
      }
    });
  }

  test(`a backend that ${way} what it gives does not disturb a rewrap`, async (t) => {
    const backend = new SpoilingBackend(spoil);
    const keyring = new Keyring({ masterKey });
    const cache = createCache({ namespace: 'n', keyring, backend, l1: false });
    const value = new Uint8Array(randomBytes(LARGE));
    await cache.set('k', value);
    keyring.startRotation(Buffer.alloc(32, 8));
    t.is((await cache.rewrap()).rewrapped, 1);
    t.true(same(await cache.get('k'), value));
  });
}

test('a backend whose arrays are moved to a worker and freed leaves the process alive and the values right', async (t) => {
  const { code, signal, stdout, stderr } = await runNode(supportFile('moving-backend.ts'), ['24', '2'], {
    env: { NODE_OPTIONS: '--expose-gc' },
  });
  t.is(signal, null, stderr);
  t.is(code, 0, stderr);
  t.deepEqual(JSON.parse(String(stdout)), ['value', 'value', 'value', 'value']);
});

test('bytes that a backend has lost by the time it answers are a failure of the backend', async (t) => {
  const moved = new Uint8Array(100);
  ways['takes away']?.(moved);
  const memory = new ArrayBuffer(100, { maxByteLength: 100 });
  const outOfBounds = new Uint8Array(memory, 50);
  memory.resize(10);
  for (const bytes of [moved, outOfBounds]) {
    const errors: unknown[] = [];
    const backend: Backend = { get: async () => ({ bytes }), set: async () => {}, delete: async () => false };
    const cache = createCache({
      namespace: 'n',
      masterKey,
      backend,
      l1: false,
      onError: (error) => errors.push(error),
    });
    t.is(await cache.get('k'), undefined);
    t.is((errors[0] as { code: string }).code, 'ERR_BACKEND');
  }
});

test("a backend's lengths are the engine's", async (t) => {
  const stored = new Map<string, Uint8Array>();
  for (const length of [5, 4_000, 2 << 20, Number.NaN]) {
    const backend: Backend = {
      get: async (cacheKey) => {
        const kept = stored.get(cacheKey);
        return kept && { bytes: Object.defineProperty(Uint8Array.from(kept), 'length', { value: length }) };
      },
      set: async (cacheKey, bytes) => void stored.set(cacheKey, Uint8Array.from(bytes)),
      delete: async () => false,
    };
    const cache = createCache({ masterKey, backend, namespace: 'n', l1: false });
    await cache.set('k', 'value');
    t.is(await cache.get('k'), 'value');
  }
});

test('a store whose method somebody else has replaced is a stranger, whichever takes or answers with bytes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'foreign-memory-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const stores: Record<string, () => Backend> = {
    memory: () => new MemoryBackend(),
    file: () => new FileBackend({ directory }),
    lmdb: () => new LmdbBackend({ directory }),
    http: () => new HttpBackend({ apiKey: 'a' }),
    keyv: () => new KeyvBackend({ store: new Keyv() }),
    redis: () => new RedisBackend({ url: 'redis://127.0.0.1:1' }),
  };
  for (const [name, make] of Object.entries(stores)) {
    t.true(isPrivate(make()), name);
    for (const method of ['get', 'getMany', 'getNow', 'set', 'setMany', 'delete', 'replace'] as const) {
      const store = make();
      Object.assign(store, { [method]: () => undefined });
      t.false(isPrivate(store), `${name}.${method}`);
    }
  }
});

test('what a store extended by its user is given is not the memory of L1', async (t) => {
  const given: Uint8Array[] = [];
  class Keeping extends MemoryBackend {
    override async set(cacheKey: string, bytes: Uint8Array, options?: object) {
      given.push(bytes);
      await super.set(cacheKey, Uint8Array.from(bytes), options);
    }
    override async setMany(items: readonly BackendItem[]) {
      for (const { cacheKey, bytes } of items) await this.set(cacheKey, bytes);
    }
  }
  const cache = createCache({ namespace: 'n', masterKey, backend: new Keeping() });
  const value = new Uint8Array(randomBytes(LARGE));
  await cache.set('a', value);
  await cache.setMany([['b', value]]);
  for (const bytes of given) ways['takes away']?.(bytes);
  t.is(given.length, 2);
  t.true(same(await cache.get('a'), value));
  t.true(same(await cache.get('b'), value));
});

test('large memory that a cache may be reading is lent to nobody else', async (t) => {
  const backend = new MemoryBackend();
  const bytes = Buffer.alloc(1 << 20, 1);
  await backend.set('k', bytes, { owned: true });
  const answers = async () => [
    backend.getNow('k')?.bytes,
    (await backend.get('k', { readOnly: true }))?.bytes,
    (await backend.getMany(['k'], { readOnly: true }))[0]?.bytes,
  ];
  const all = [bytes, ...(await answers()), ...(await answers())];
  t.is(new Set(all.map((one) => one?.buffer)).size, 7);
  const cache = createCache({ namespace: 'n', masterKey, backend, l1: false });
  const value = new Uint8Array(randomBytes(LARGE));
  await cache.set('v', value);
  let cacheKey = '';
  for await (const name of backend.keys({ prefix: 'n' })) cacheKey = name;
  const found = cache.get('v');
  ways['takes away']?.(backend.getNow(cacheKey)?.bytes as Uint8Array);
  t.true(same(await found, value));
});

test('what LMDB answers at once is not the memory that it goes on writing into', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'foreign-memory-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const backend = new LmdbBackend({ directory });
  t.teardown(() => backend.close());
  await backend.set('k', Buffer.alloc(5_000, 1));
  t.not(backend.getNow('k')?.bytes.buffer, backend.getNow('k')?.bytes.buffer);
});

for (const [way, spoil] of Object.entries(ways)) {
  test(`a backend that ${way} what it was given is tried again with arguments of its own`, async (t) => {
    const stored = new Map<string, Uint8Array>();
    let attempts = 0;
    const attempt = () => {
      if (++attempts % 2 === 1) throw new BackendError('busy', { transient: true });
    };
    const backend: Backend = {
      get: async (cacheKey) => {
        const bytes = stored.get(cacheKey);
        return bytes && { bytes };
      },
      getMany: async (cacheKeys) => {
        const names = (cacheKeys as string[]).splice(0);
        attempt();
        return names.map((name) => {
          const bytes = stored.get(name);
          return bytes && { bytes };
        });
      },
      set: async (cacheKey, bytes, options) => {
        const copy = Uint8Array.from(bytes);
        spoil(bytes);
        if (options) options.ttlMs = 1;
        attempt();
        stored.set(cacheKey, copy);
      },
      setMany: async (items) => {
        const copies = items.map(({ cacheKey, bytes }) => [cacheKey, Uint8Array.from(bytes)] as const);
        for (const { bytes } of (items as BackendItem[]).splice(0)) spoil(bytes);
        attempt();
        for (const [cacheKey, bytes] of copies) stored.set(cacheKey, bytes);
      },
      delete: async () => false,
    };
    const cache = createCache({ namespace: 'n', masterKey, backend, l1: false });
    t.true(await cache.set('a', 1));
    t.true(
      await cache.setMany([
        ['b', 2],
        ['c', 3],
      ]),
    );
    t.is(attempts, 4);
    t.deepEqual(await cache.getMany(['a', 'b', 'c']), [1, 2, 3]);
  });
}

test('only a backend of this package that reads with its own methods answers with memory of its own', (t) => {
  class Extended extends MemoryBackend {
    override async get(cacheKey: string) {
      return super.get(cacheKey);
    }
  }
  const patched = new MemoryBackend();
  patched.get = async () => undefined;
  t.true(isPrivate(new MemoryBackend()));
  t.false(isPrivate(new Extended()));
  t.false(isPrivate(patched));
  t.false(isPrivate(new SpoilingBackend(() => {})));
});
