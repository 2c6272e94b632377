import KeyvRedis, { createCluster } from '@keyv/redis';
import KeyvValkey from '@keyv/valkey';
import test, { type ExecutionContext } from 'ava';
import { Cacheable } from 'cacheable';
import { Redis } from 'iovalkey';
import { Keyv } from 'keyv';
import { type EncryptedStore, encryptedStore, type InnerStore } from '../../index.js';
import { keyvStorages } from '../support/keyv-storages.js';
import { Keyv5 } from '../support/keyv5.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';
import { openSqlite, SqliteStore } from '../support/sqlite-store.js';

const options = { masterKey: '5a'.repeat(32) };
const otherOptions = { masterKey: '5b'.repeat(32) };
const versions: Record<string, new (options?: object) => Keyv> = { 'Keyv 5': Keyv5, 'Keyv 6': Keyv as never };

/** Makes a function that gives new stores over the same entries; undefined where the server is missing. */
type Open = (t: ExecutionContext) => Promise<(() => InnerStore) | undefined>;

const around = (make: (store: InnerStore) => InnerStore, open: Open): Open => {
  return async (t) => {
    const bare = await open(t);
    return bare && (() => make(bare()));
  };
};

const inners: Record<string, Open> = {
  ...keyvStorages,
  'Redis, a cluster': async (t) => {
    const cluster = await requireRedisCluster(t);
    if (cluster === undefined) return undefined;
    const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
    client.setMaxListeners(0);
    await client.connect();
    t.teardown(() => client.destroy());
    return () => new KeyvRedis(client as never) as InnerStore;
  },
  Valkey: (t) => valkey(t, { useRedisSets: true }),
  'Valkey without sets': (t) => valkey(t, { useRedisSets: false }),
  'Redis with a namespace': around((store) => Object.assign(store, { namespace: 'inner' }), keyvStorages.Redis!),
};
for (const [storage, open] of Object.entries(keyvStorages)) {
  inners[`Keyv 6 over ${storage}`] = around((store) => new Keyv({ store: store as never }) as never, open);
  inners[`Keyv 6 with a namespace over ${storage}`] = around(
    (store) => new Keyv({ store: store as never, namespace: 'inner' }) as never,
    open,
  );
  inners[`Keyv 5 over ${storage}`] = around((store) => new Keyv5({ store, namespace: 'inner' }) as never, open);
}

/** Behind a prefix of the client, which it does not apply to all of its commands. */
async function valkey(t: ExecutionContext, sets: { useRedisSets: boolean }): Promise<(() => InnerStore) | undefined> {
  const server = await requireRedis(t);
  if (server === undefined) return undefined;
  const client = new Redis(server.url, { keyPrefix: 'prefix:' });
  client.setMaxListeners(0);
  t.teardown(() => client.disconnect());
  return () => new KeyvValkey(client as never, sets as never) as never;
}

async function entriesOf(keyv: Keyv): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for await (const [key, value] of keyv.iterator()) found[key as string] = value;
  return found;
}

for (const [version, Version] of Object.entries(versions)) {
  for (const [inner, open] of Object.entries(inners)) {
    // Also namespaces that are a pattern for Redis, SQL or a regular expression, and one that another begins with.
    for (const [mine, others] of [
      ['users', ['users2', 'user', 'posts']],
      ['u*r_[s]', ['user_s', 'u*r_s', 'uxr_[s]', 'u*r%[s]']],
    ] as const) {
      // A server at a time.
      test.serial(`${version}, ${inner}: '${mine}' is walked through and cleared alone`, async (t) => {
        const make = await open(t);
        if (make === undefined) return;
        const keyv = (namespace: string, sealedBy = options) =>
          new Version({ store: encryptedStore(make(), sealedBy), namespace, throwOnErrors: true });
        const users = keyv(mine);
        const entries = { 1: 'one', 'a::b': 'two', 'c:d': 'three', 'x:users:1': 'four' };
        for (const [key, value] of Object.entries(entries)) await users.set(key, value);
        for (const namespace of others) await keyv(namespace).set('1', `of ${namespace}`);
        // What another key has sealed does not open, and is of the namespace all the same.
        await keyv(mine, otherOptions).set('sealed by another key', 'x');
        t.deepEqual(await entriesOf(users), entries);

        await users.clear();
        for (const key of Object.keys(entries)) t.is(await users.get(key), undefined, key);
        t.is(await keyv(mine, otherOptions).get('sealed by another key'), undefined);
        t.deepEqual(await entriesOf(users), {});
        for (const namespace of others) {
          t.is(await keyv(namespace).get('1'), `of ${namespace}`);
          t.deepEqual(await entriesOf(keyv(namespace)), { 1: `of ${namespace}` });
        }
      });
    }
  }

  test(`${version}: deleteMany removes from the namespace alone, and answers as this version expects`, async (t) => {
    const map = new Map<string, unknown>();
    const [users, posts] = ['users', 'posts'].map(
      (namespace) => new Version({ store: encryptedStore(map, options), namespace }),
    ) as [Keyv, Keyv];
    for (const keyv of [users, posts]) for (const key of ['a', 'b']) await keyv.set(key, key);
    t.deepEqual<unknown, unknown>(
      await users.deleteMany(['a', 'missing']),
      version === 'Keyv 5' ? true : [true, false],
    );
    t.deepEqual<unknown, unknown>(await users.deleteMany(['missing']), version === 'Keyv 5' ? false : [false]);
    t.deepEqual(await users.getMany(['a', 'b']), [undefined, 'b']);
    t.deepEqual(await posts.getMany(['a', 'b']), ['a', 'b']);
  });
}

test('Keyv 6: instances that share a store are walked through and cleared alone', async (t) => {
  const store = encryptedStore(new Map(), options);
  const [users, posts] = ['users', 'posts'].map((namespace) => new Keyv({ store, namespace })) as [Keyv, Keyv];
  await users.set('1', 'u');
  await posts.set('1', 'p');
  t.deepEqual(await entriesOf(users), { 1: 'u' });
  await users.clear();
  t.is(await users.get('1'), undefined);
  t.is(await posts.get('1'), 'p');
});

async function sharing(): Promise<{ store: EncryptedStore; users: Keyv; posts: Keyv }> {
  const store = encryptedStore(new SqliteStore(await openSqlite()), options);
  const [users, posts] = ['users', 'posts'].map(
    (namespace) => new Keyv5({ store, namespace, throwOnErrors: true }),
  ) as [Keyv, Keyv];
  await users.set('1', 'u');
  await posts.set('1', 'p');
  return { store, users, posts };
}

test('Keyv 5: of instances that share a store, none can clear, and each is walked through alone', async (t) => {
  const { store, users, posts } = await sharing();
  const errors: unknown[] = [];
  users.on('error', (error) => errors.push(error));
  for (const keyv of [users, posts]) {
    await t.throwsAsync(keyv.clear(), { code: 'ERR_CONFIGURATION', message: /different namespaces share the store/ });
  }
  t.is(errors.length, 1);
  t.deepEqual(await entriesOf(users), { 1: 'u' });
  t.deepEqual(await entriesOf(posts), { 1: 'p' });
  await store.clear({ namespace: 'users' });
  t.deepEqual(await entriesOf(users), {});
  t.deepEqual(await entriesOf(posts), { 1: 'p' });
});

test('Keyv 5: a namespace that changes is followed, and refused where it is not known whose it is', async (t) => {
  const alone = new Keyv5({ store: encryptedStore(new Map(), options), namespace: 'a', throwOnErrors: true });
  await alone.set('1', 'of a');
  alone.namespace = 'b';
  await alone.set('1', 'of b');
  t.deepEqual(await entriesOf(alone), { 1: 'of b' });
  await alone.clear();
  t.deepEqual(await entriesOf(alone), {});
  alone.namespace = 'a';
  t.deepEqual(await entriesOf(alone), { 1: 'of a' });

  const { users, posts } = await sharing();
  posts.namespace = 'users';
  for (const keyv of [users, posts]) {
    await t.throwsAsync(entriesOf(keyv), { code: 'ERR_CONFIGURATION', message: /has changed its namespace/ });
    await t.throwsAsync(keyv.clear(), { code: 'ERR_CONFIGURATION' });
  }
  t.is(await users.get('1'), 'u');
});

test('Keyv 5: instances of one namespace share a store as one', async (t) => {
  const store = encryptedStore(new Map(), options);
  const [one, two] = [new Keyv5({ store }), new Keyv5({ store })];
  await one.set('1', 'x');
  t.deepEqual(await entriesOf(two), { 1: 'x' });
  await two.clear();
  t.is(await one.get('1'), undefined);
});

test('Keyv 5: keys without the namespace are not cleared as if they had it', async (t) => {
  const map = new Map<string, unknown>();
  const keyv = new Keyv5({
    store: encryptedStore(map, options),
    namespace: 'a',
    useKeyPrefix: false,
    throwOnErrors: true,
  });
  await keyv.set('1', 'x');
  await t.throwsAsync(keyv.clear(), { code: 'ERR_CONFIGURATION', message: /useKeyPrefix/ });
  t.is(await keyv.get('1'), 'x');
});

test('Keyv 5 leaves a store that Keyv 6 uses too without a namespace of its own', async (t) => {
  const store = encryptedStore(new Map(), options);
  const five = new Keyv5({ store, namespace: 'five' });
  const [a, b] = ['a', 'b'].map((namespace) => new Keyv({ store, namespace })) as [Keyv, Keyv];
  t.false('namespace' in store);
  for (const [name, keyv] of Object.entries({ five, a, b })) await keyv.set('1', name);
  await a.clear();
  t.deepEqual([await five.get('1'), await a.get('1'), await b.get('1')], ['five', undefined, 'b']);
});

test('an inner store that a Keyv instance of its own has taken over is not cleared', async (t) => {
  const inner = new SqliteStore(await openSqlite());
  const mine = new Keyv({ store: encryptedStore(inner, options) });
  await mine.set('1', 'x');
  const other = new Keyv5({ store: inner, namespace: 'other' });
  await other.set('1', 'theirs');
  mine.on('error', () => undefined);
  await mine.clear();
  t.deepEqual(await entriesOf(mine), {});
  t.is(await mine.get('1'), 'x');
  t.is(await other.get('1'), 'theirs');
  await t.throwsAsync(encryptedStore(new Map(), options).clear({ namespace: '' }), { instanceOf: RangeError });
});

test('a store that cannot list its entries clears no namespace, and everything when there is none', async (t) => {
  const map = new Map<string, unknown>();
  const inner = {
    get: async (name: string) => map.get(name),
    set: async (name: string, value: string) => map.set(name, value),
    delete: async (name: string) => map.delete(name),
    clear: async () => map.clear(),
  };
  for (const [version, Version] of Object.entries(versions)) {
    const store = encryptedStore(inner, options);
    const keyv = new Version({ store, namespace: 'a', throwOnErrors: true });
    const errors: { code?: string }[] = [];
    keyv.on('error', (error) => errors.push(error as never));
    await keyv.set('1', 'x');
    await keyv.clear().catch(() => undefined);
    t.deepEqual(
      errors.map(({ code }) => code),
      ['ERR_BACKEND'],
      version,
    );
    t.is(await keyv.get('1'), 'x', version);
  }
  await new Keyv({ store: encryptedStore(inner, options) }).clear();
  t.is(map.size, 0);
});

test('cacheable clears its layers', async (t) => {
  const map = new Map<string, unknown>([['posts:1', 'of others']]);
  const secondary = new Keyv5({ store: encryptedStore(map, options), namespace: 'users' });
  const cache = new Cacheable({ secondary: secondary as never });
  await cache.set('1', 'x');
  await cache.clear();
  t.is(await cache.get('1'), undefined);
  t.deepEqual([...map.keys()], ['posts:1']);
});
