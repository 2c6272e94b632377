import test, { type ExecutionContext } from 'ava';
import { Cluster, Redis } from 'ioredis';
import { Keyv } from 'keyv';
import {
  type Backend,
  cache,
  createCache,
  EncryptionWrapper,
  Keyring,
  KeyvBackend,
  RedisBackend,
} from '../../index.js';
import { Keyv5 } from '../support/keyv5.js';
import { oracleAad, oracleDomainKey, oracleOpen } from '../support/oracle.js';
import {
  hasRedisCluster,
  type RedisCluster,
  requireRedisCluster,
  startRedisCluster,
} from '../support/redis-cluster.js';
import { hasRedis, type RedisServer, requireRedis, startRedis } from '../support/redis-server.js';

/*
 * What a value is bound to is all that a store sees as its name, whichever layer writes a part of it. Whoever can write to the
 * store may move a value to another name; it does not open there.
 */

const masterKey = '5a'.repeat(32);
const key = oracleDomainKey(Buffer.from(masterKey, 'hex'), 'encryption', 'default');

/** One store, seen by two clients that write different things in front of each name. */
interface Prefixed {
  /** A backend of the client with prefix `a`, or `b`. */
  open(prefix: 'a' | 'b'): Backend;
  /** Every name in the store, with the sealed bytes. */
  names(): Promise<Map<string, Buffer>>;
  /** Puts what is stored at one name to another one. */
  copy(from: string, to: string): Promise<void>;
  /** What a client writes in front of a name. */
  written(prefix: 'a' | 'b'): string;
  canList: boolean;
}

/** Keyv 6 keeps what it gets in an object of its own. */
function envelopeOf(stored: string | { value: string }): Buffer {
  const text = typeof stored === 'string' ? stored : stored.value;
  return Buffer.from((JSON.parse(text) as { value: string }).value, 'base64');
}

function inMap(
  make: (map: Map<string, string>, namespace: string) => object,
  written: (name: string) => string,
): Prefixed {
  const map = new Map<string, string>();
  return {
    open: (prefix) => new KeyvBackend({ store: make(map, prefix) as never }),
    names: async () => new Map([...map].map(([name, text]) => [name, envelopeOf(text)])),
    copy: async (from, to) => void map.set(to, map.get(from) as string),
    written,
    canList: false,
  };
}

/** A store that Keyv 6 puts behind its bridge. */
const asynchronous = (map: Map<string, string>) => ({
  get: async (name: string) => map.get(name),
  set: async (name: string, value: string) => void map.set(name, value),
  delete: async (name: string) => map.delete(name),
  clear: async () => map.clear(),
});

/** One that writes its own namespace, as `@keyv/redis` does. */
class Namespaced {
  namespace: string | undefined = undefined;
  readonly opts = {};
  readonly #map: Map<string, string>;
  constructor(map: Map<string, string>) {
    this.#map = map;
  }
  createKeyPrefix(name: string, namespace?: string) {
    return namespace ? `${namespace}::${name}` : name;
  }
  async get(name: string) {
    return this.#map.get(this.createKeyPrefix(name, this.namespace));
  }
  async set(name: string, value: string) {
    this.#map.set(this.createKeyPrefix(name, this.namespace), value);
  }
  async delete(name: string) {
    return this.#map.delete(this.createKeyPrefix(name, this.namespace));
  }
  async clear() {}
  async has(name: string) {
    return (await this.get(name)) !== undefined;
  }
  async getMany(names: string[]) {
    return Promise.all(names.map((name) => this.get(name)));
  }
  async hasMany(names: string[]) {
    return Promise.all(names.map((name) => this.has(name)));
  }
  async setMany(entries: { key: string; value: string }[]) {
    await Promise.all(entries.map(({ key, value }) => this.set(key, value)));
  }
  async deleteMany(names: string[]) {
    return Promise.all(names.map((name) => this.delete(name)));
  }
  on() {}
}

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

const KINDS: Record<string, (t: ExecutionContext) => Promise<Prefixed | undefined>> = {
  ioredis: async (t) => {
    const { url } = server ?? (await requireRedis(t)) ?? {};
    return url === undefined ? undefined : inRedis(t, (keyPrefix) => new Redis(url, { keyPrefix }));
  },
  'a cluster by ioredis': async (t) => {
    const { urls } = cluster ?? (await requireRedisCluster(t)) ?? {};
    return urls && inRedis(t, (keyPrefix) => new Cluster([...urls], { keyPrefix }));
  },
  'a cluster by ioredis, with the prefix of its servers': async (t) => {
    const { urls } = cluster ?? (await requireRedisCluster(t)) ?? {};
    return urls && inRedis(t, (keyPrefix) => new Cluster([...urls], { redisOptions: { keyPrefix } }));
  },
  'Keyv 6': async () =>
    inMap(
      (map, namespace) => new Keyv({ store: map, namespace }),
      (name) => `${name}::`,
    ),
  'Keyv 6 with a bridge': async () =>
    inMap(
      (map, namespace) => new Keyv({ store: asynchronous(map), namespace }),
      (name) => `${name}::`,
    ),
  'Keyv 6 with an adapter that writes the namespace': async () =>
    inMap(
      (map, namespace) => new Keyv({ store: new Namespaced(map), namespace }),
      (name) => `${name}::`,
    ),
  'Keyv 5': async () =>
    inMap(
      (map, namespace) => new Keyv5({ store: map, namespace }),
      (name) => `${name}:`,
    ),
  'Keyv 5 with an adapter that writes the namespace': async () =>
    inMap(
      (map, namespace) => new Keyv5({ store: new Namespaced(map), namespace, useKeyPrefix: false }),
      (name) => `${name}::`,
    ),
  'Keyv 5, and an adapter that writes the namespace once more': async () =>
    inMap(
      (map, namespace) => new Keyv5({ store: new Namespaced(map), namespace }),
      (name) => `${name}::${name}:`,
    ),
};

let tests = 0;

function inRedis(t: ExecutionContext, connect: (keyPrefix: string) => Redis | Cluster): Prefixed {
  const written = (prefix: string) => `${tests}${prefix}:`;
  tests++;
  const clients = { a: connect(written('a')), b: connect(written('b')), raw: connect('') };
  t.teardown(() => {
    for (const client of Object.values(clients)) client.disconnect();
  });
  const { raw } = clients;
  const [first, second] = [written('a'), written('b')];
  return {
    open: (prefix) => new RedisBackend({ client: clients[prefix], timeoutMs: 60_000 }),
    async names() {
      const nodes = raw instanceof Cluster ? raw.nodes('master') : [raw];
      const names = (await Promise.all(nodes.map((node) => node.keys(`${first}*`)))).flat();
      return new Map(
        await Promise.all(names.map(async (name) => [name, await raw.getBuffer(name)] as [string, Buffer])),
      );
    },
    copy: async (from, to) => void (await raw.set(to, (await raw.getBuffer(from)) as Buffer)),
    written: (prefix) => (prefix === 'a' ? first : second),
    canList: true,
  };
}

for (const [name, make] of Object.entries(KINDS)) {
  test.serial(`a value that is moved to another prefix does not open: ${name}`, async (t) => {
    const store = await make(t);
    if (store === undefined) return;
    const options = { namespace: 'n', masterKey, l1: false, timeout: '60s' } as const;
    const [a, b] = [store.open('a'), store.open('b')].map((backend) => createCache({ ...options, backend }));
    if (!a || !b) return t.fail();
    const load = { run: () => ({ of: 'A' }) };
    const [ofA, ofB] = [a, b].map((one) => one.wrap({ operation: 'o' })(async () => load.run()));
    await a.set('k', 'secret of A');
    await a.setMany([['m', 'many of A']]);
    await ofA?.();
    t.is(await a.get('k'), 'secret of A');
    t.deepEqual(await a.getMany(['k', 'm']), ['secret of A', 'many of A']);
    t.is((await ofA?.entry())?.status, 'hit');

    const names = await store.names();
    t.is(names.size, 3);
    const written = store.written('a');
    for (const [at, sealed] of names) {
      t.true(at.startsWith(written), at);
      // The protocol's own words for it: the full key, with every prefix of the client.
      const aad = oracleAad({ tenantId: 'default', cacheKey: at, format: 'msgpack', compressed: true });
      t.notThrows(() => oracleOpen(key, sealed, aad), at);
      const rest = at.slice(written.length);
      t.throws(() => new EncryptionWrapper({ masterKey }).deserialize(sealed, { cacheKey: rest }), {
        code: 'ERR_AUTHENTICATION',
      });
      await store.copy(at, store.written('b') + rest);
    }
    t.is(await b.get('k'), undefined);
    t.deepEqual(await b.getMany(['k', 'm']), [undefined, undefined]);
    t.is((await ofB?.entry())?.status, 'miss');
    t.true(b.stats().authenticationFailures >= 3);
    t.is(await a.get('k'), 'secret of A');
  });

  test.serial(`private keys, plaintext, rewrap and other SDKs' names behind a prefix: ${name}`, async (t) => {
    const store = await make(t);
    if (store === undefined) return;
    const keyring = new Keyring({ masterKey });
    const options = { namespace: 'n', keyring, l1: false, timeout: '60s', backend: store.open('a') } as const;
    const hidden = createCache({ ...options, privateKeys: true });
    await hidden.set('k', 1);
    t.is(await hidden.get('k'), 1);
    const [[at, sealed] = ['', Buffer.alloc(0)]] = await store.names();
    t.true(at.startsWith(`${store.written('a')}n:p:`));
    const aad = oracleAad({
      tenantId: 'default',
      cacheKey: `${store.written('a')}ns:n:key:k`,
      format: 'msgpack',
      compressed: true,
    });
    t.notThrows(() => oracleOpen(key, sealed, aad), 'bound to the prefix and the clear key');

    const plain = createCache({ namespace: 'plain', backend: store.open('a'), l1: false });
    await plain.set('k', 2);
    t.is(await plain.get('k'), 2);

    for (const wire of ['interop', 'interop-v2'] as const) {
      const refused = { code: 'ERR_CONFIGURATION', message: new RegExp(`^wire '${wire}' .*prefix$`) };
      t.throws(() => createCache({ ...options, wire }), refused);
      t.throws(() => cache.secure({ ...options, wire, operation: 'o' }), refused);
      t.throws(() => cache({ namespace: 'n', operation: 'o', backend: options.backend, wire }), refused);
    }
    if (!store.canList) return;
    const users = createCache(options);
    await users.set('k', 'v');
    const listed: string[] = [];
    for await (const cacheKey of users.keys()) listed.push(cacheKey);
    t.deepEqual(listed, ['k']);
    keyring.startRotation('6b'.repeat(32));
    t.like(await users.rewrap(), { seen: 1, rewrapped: 1, unopened: 0 });
    // The hidden entry is of the old key.
    t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /others, which were not looked at/ });
    keyring.completeRotation({ force: true });
    t.is(await users.get('k'), 'v');
  });
}

test('a backend of one’s own says what its client writes, as a string', async (t) => {
  const map = new Map<string, Uint8Array>();
  const backend = (keyPrefix: unknown) => ({
    keyPrefix: keyPrefix as string,
    get: async (name: string) => {
      const bytes = map.get(`${keyPrefix}${name}`);
      return bytes && { bytes };
    },
    set: async (name: string, bytes: Uint8Array) => void map.set(`${keyPrefix}${name}`, bytes),
    delete: async (name: string) => map.delete(`${keyPrefix}${name}`),
  });
  const open = (keyPrefix: unknown) =>
    createCache({ namespace: 'n', masterKey, l1: false, backend: backend(keyPrefix) });
  await open('x:').set('k', 1);
  t.is(await open('x:').get('k'), 1);
  map.set('y:ns:n:key:k', map.get('x:ns:n:key:k') as Uint8Array);
  t.is(await open('y:').get('k'), undefined);
  for (const wrong of [1, null, {}, 'a\ud800']) t.throws(() => open(wrong), { instanceOf: TypeError });
});
