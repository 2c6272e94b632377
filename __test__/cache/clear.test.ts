import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Keyv } from 'keyv';
import {
  type Backend,
  BackendError,
  ConfigurationError,
  createCache,
  FileBackend,
  IncompleteError,
  KeyvBackend,
  LmdbBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';
import { deferred, MapBackend, masterKey } from './map-backend.js';

/** What a clear must and must not remove, in any store that lists its entries. */
async function clears(t: ExecutionContext, backend: Backend, tags: boolean): Promise<void> {
  const open = (namespace: string, more: object = {}) => createCache({ namespace, backend, masterKey, ...more });
  const users = open('users');
  const neighbours = [open('users2'), open('user'), createCache({ namespace: 'plain', backend })];
  const perTenant = users.wrap({ operation: 'a', tenant: (id: string) => id })(async (id: string) => id);
  const fn = users.wrap({ operation: 'a:args:b', ...(tags && { tags: ['t'] }) })(async (id: number) => id);
  const other = users.wrap({ operation: 'b' })(async (id: number) => id);
  const outer = users.wrap({ operation: 'c' })(async () => 1);
  const inner = users.wrap({ operation: 'c:args:d' })(async () => 1);
  const elsewhere = users.wrap({ namespace: 'elsewhere', operation: 'a' })(async () => 1);
  const fill = async () => {
    for (const one of [...neighbours, users, users.tenant('acme'), users.tenant('ben')]) await one.set('k', 1);
    await Promise.all([perTenant('acme'), perTenant('ben'), fn(1), fn(2), other(1), outer(), inner(), elsewhere()]);
  };
  const kept = async () => {
    for (const one of neighbours) t.is(await one.get('k'), 1);
    t.is((await elsewhere.entry()).status, 'hit');
  };
  const status = async (entry: Promise<{ status: string }>) => (await entry).status;

  await fill();
  t.is(await outer.clear(), 1);
  t.is(await status(inner.entry()), 'hit');
  t.is(await fn.clear(), 2);
  t.is(await perTenant.clear(), 2);
  t.is(await status(other.entry(1)), 'hit');
  t.is(await status(fn.entry(1)), 'miss');
  t.is(await status(perTenant.entry('ben')), 'miss');

  await fill();
  t.is(await users.tenant('acme').clear(), 2);
  t.is(await users.tenant('acme').get('k'), undefined);
  t.is(await users.tenant('ben').get('k'), 1);
  t.is(await users.get('k'), 1);
  t.is(await status(perTenant.entry('ben')), 'hit');

  await fill();
  t.is(await users.clear(), 3 + 2 + 2 + 1 + 2);
  await kept();
  for (const one of [users, users.tenant('acme')]) t.is(await one.get('k'), undefined);
  t.is(await status(fn.entry(2)), 'miss');
  t.is(await status(other.entry(1)), 'miss');
  if (tags) t.is(await users.invalidateTags('t'), 1);
  await users.clear();
  t.is(await users.clear(), 0);
  await kept();
}

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cachekit-clear-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a namespace, a tenant and a function are cleared in memory, LMDB and Keyv, and no neighbour', async (t) => {
  await clears(t, new MemoryBackend(), true);
  await clears(t, new MapBackendWithKeys(), false);
  const lmdb = new LmdbBackend({ directory: directory(t) });
  await clears(t, lmdb, true);
  await lmdb.close();
  await clears(t, new KeyvBackend(new Keyv()), false);
});

test('a namespace, a tenant and a function are cleared in Redis, and no neighbour', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backend = new RedisBackend({ url: server.url });
  await clears(t, backend, true);
  await backend.close();
});

test('a namespace, a tenant and a function are cleared in a Redis cluster, and no neighbour', async (t) => {
  const cluster = await requireRedisCluster(t);
  if (cluster === undefined) return;
  const backend = new RedisBackend({ url: cluster.url });
  await clears(t, backend, true);
  await backend.close();
});

test('without a backend a cache, a tenant and a function are cleared', async (t) => {
  for (const options of [{ masterKey }, {}, { masterKey, l1: { values: true } }, { namespace: 'n' }]) {
    const users = createCache(options);
    const fn = users.wrap({})(async (id: number) => id);
    const other = users.secure({ operation: 'o', ...('masterKey' in options ? {} : { masterKey }) })(async () => 1);
    await Promise.all([users.set('k', 1), users.tenant('acme').set('k', 1), fn(1), fn(2), other()]);
    t.is(await fn.clear(), 2);
    t.deepEqual([(await fn.entry(1)).status, (await other.entry()).status], ['miss', 'hit']);
    t.is(await users.tenant('acme').clear(), 1);
    t.is(await users.get('k'), 1);
    t.is(await users.clear(), 3);
    t.deepEqual([await users.get('k'), (await other.entry()).status], [undefined, 'miss']);
  }
});

test('with private keys a cache is cleared, and its parts are not', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backend = new RedisBackend({ url: server.url });
  const options = { backend, masterKey, privateKeys: true };
  const users = createCache({ ...options, namespace: 'users' });
  const neighbour = createCache({ ...options, namespace: 'users2' });
  const fn = users.wrap({ operation: 'o', tags: ['t'] })(async (id: number) => id);
  await Promise.all([users.set('k', 1), users.tenant('acme').set('k', 1), neighbour.set('k', 1), fn(1)]);
  for (const part of [fn, users.tenant('acme')]) await t.throwsAsync(part.clear(), { instanceOf: ConfigurationError });
  t.is(await users.clear(), 3);
  t.deepEqual(
    [await users.get('k'), await users.tenant('acme').get('k'), await neighbour.get('k')],
    [undefined, undefined, 1],
  );
  t.is((await fn.entry(1)).status, 'miss');
  await backend.close();
});

test('copies of this and of other processes end', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backends = [0, 1].map(() => new RedisBackend({ url: server.url }));
  const [here, there] = backends.map((backend) => createCache({ namespace: 'n', backend, masterKey }));
  const beside = createCache({ namespace: 'n', backend: backends[0], masterKey });
  if (here === undefined || there === undefined) return t.fail();
  await here.set('k', 1);
  for (const one of [here, there, beside]) t.is(await one.get('k'), 1);
  // A read before the server tracks its client leaves no copy.
  while (there.stats().l1Entries === 0) await there.get('k');
  t.is(await here.clear(), 1);
  for (const one of [here, beside]) t.is(await one.get('k'), undefined);
  while (there.stats().l1Entries > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(await there.get('k'), undefined);
  for (const backend of backends) await backend.close();
});

test('a function that runs during a clear stores nothing here, and brings nothing back elsewhere', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backends = [0, 1].map(() => new RedisBackend({ url: server.url }));
  const [here, there] = backends.map((backend) => createCache({ namespace: 'n', backend, masterKey }));
  if (here === undefined || there === undefined) return t.fail();
  const gate = deferred<string>();
  await here.set('there', 'old');
  let begun = 0;
  const load = () => {
    begun++;
    return gate.promise;
  };
  const runs = [here.getOrSet('here', load), there.getOrSet('there', load, { forceFresh: true })];
  while (begun < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  t.is(await here.clear(), 1);
  gate.resolve('late');
  t.deepEqual(await Promise.all(runs), ['late', 'late']);
  for (const one of [here, there]) t.deepEqual(await one.getMany(['here', 'there']), [undefined, undefined]);
  for (const backend of backends) await backend.close();
});

test('what was removed before a failure is told, and another call does the rest', async (t) => {
  const backend = new MapBackendWithKeys();
  const users = createCache({ namespace: 'n', backend, retry: 0, breaker: false, onError: () => {} });
  await users.setMany(Array.from({ length: 1_200 }, (_, i) => [`k${i}`, i] as const));
  let deletions = 0;
  backend.before = (operation) => {
    if (operation === 'delete' && ++deletions > 600) throw new BackendError('down', { transient: false });
    return undefined;
  };
  const error = await t.throwsAsync(users.clear(), { instanceOf: IncompleteError });
  t.is(error?.counts.removed, 500);
  backend.before = undefined;
  const controller = new AbortController();
  backend.after = async (operation) => {
    if (operation === 'delete') controller.abort(new Error('enough'));
  };
  const left = backend.stored.size;
  const aborted = await t.throwsAsync(users.clear({ signal: controller.signal }), { instanceOf: IncompleteError });
  t.like(aborted?.cause, { message: 'enough' });
  backend.after = undefined;
  t.is(await users.clear(), left - (aborted?.counts.removed ?? 0));
  t.is(backend.stored.size, 0);
});

test('where nothing tells which entries are of a cache, clear is refused', async (t) => {
  const file = new FileBackend({ directory: directory(t) });
  const unlisted = createCache({ namespace: 'n', backend: file });
  await unlisted.set('k', 1);
  await t.throwsAsync(unlisted.clear(), { instanceOf: BackendError });
  t.is(await unlisted.get('k'), 1);
  await file.close();
  const bare = createCache({ backend: new MemoryBackend() });
  await bare.set('k', 1);
  for (const one of [bare, bare.tenant('acme')]) await t.throwsAsync(one.clear(), { instanceOf: ConfigurationError });
  t.is(await bare.get('k'), 1);
  const shared = createCache({ namespace: 'n', backend: new MemoryBackend() });
  const ownKey = shared.wrap({ key: (id: string) => id })((id: string) => id);
  await t.throwsAsync(ownKey.clear(), { instanceOf: ConfigurationError });
  const long = shared.wrap({ operation: 'o'.repeat(200) })((id: string) => id);
  await t.throwsAsync(long.clear(), { instanceOf: ConfigurationError });
  const tenants = createCache().wrap({ tenant: (id: string) => id })((id: string) => id);
  await t.throwsAsync(tenants.clear(), { instanceOf: ConfigurationError });
  await t.throwsAsync(shared.clear({ prefix: 'k' } as never), { instanceOf: ConfigurationError });
  await t.throwsAsync(shared.clear({ signal: AbortSignal.abort(new Error('no')) }), { message: 'no' });
});

class MapBackendWithKeys extends MapBackend {
  async *keys(): AsyncGenerator<string> {
    // It lists more than it was asked for.
    yield* [...this.stored.keys()];
  }
}
