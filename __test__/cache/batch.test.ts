import { AsyncLocalStorage } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import test from 'ava';
import {
  BackendError,
  type BatchFunction,
  ConfigurationError,
  cache,
  createCache,
  MemoryBackend,
  RedisBackend,
  skip,
  withTtl,
} from '../../index.js';
import { requireRedis } from '../support/redis-server.js';
import { deferred, MapBackend, masterKey, settle, withClock } from './map-backend.js';

interface Row {
  id: number;
}

const stores = () => [null, new MemoryBackend(), new MapBackend()];

test('the calls of one tick are one run, in order and each id once, and rows are bound to their ids', async (t) => {
  for (const backend of stores()) {
    const runs: number[][] = [];
    const users = createCache({ namespace: 'n', backend, masterKey });
    const user = users.batch({ operation: 'user' })(async (ids: number[]): Promise<Row[]> => {
      runs.push(ids);
      return ids.map((id) => ({ id }));
    });
    t.deepEqual(await Promise.all([user(3), user(1), user(3), Promise.resolve().then(() => user(2))]), [
      { id: 3 },
      { id: 1 },
      { id: 3 },
      { id: 2 },
    ]);
    t.deepEqual(
      await user.many([1, 4, 2, 4]),
      [1, 4, 2, 4].map((id) => ({ id })),
    );
    t.deepEqual(runs, [[3, 1, 2], [4]]);
    t.deepEqual(await user.many([]), []);
    // The same entries as those of a function of one argument.
    const single = users.wrap({ operation: 'user' })(async (_id: number): Promise<Row> => ({ id: -1 }));
    t.deepEqual(await single(4), { id: 4 });
    t.is(user.keyFor(4), single.keyFor(4));
    t.true(await user.invalidate(4));
    t.is((await user.entry(4)).status, 'miss');
    t.deepEqual(await user.refresh(1), { id: 1 });
    t.deepEqual(runs.slice(2), [[4], [1]]);
    if (backend instanceof MemoryBackend) t.is(await user.clear(), 4);
    t.like(user.stats(), { misses: 7, loads: 6 });
  }
});

test('fifty ids from Redis are one MGET, one run and one request that stores them', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const info = (section: string) =>
    execFileSync('redis-cli', ['-p', String(server.port), 'info', section], { encoding: 'utf8' });
  const calls = (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info('commandstats'))?.[1] ?? 0);
  const reads = () => Number(/total_reads_processed:(\d+)/.exec(info('stats'))?.[1]);
  const backend = new RedisBackend({ url: server.url });
  const users = createCache({ namespace: 'n', backend, masterKey, l1: false });
  const runs: number[] = [];
  const user = users.batch({ operation: 'user' })(async (ids: number[]) => {
    runs.push(ids.length);
    return ids.map((id) => ({ id }));
  });
  await user(0);
  // What redis-cli itself is read for.
  const before = reads();
  const ownReads = reads() - before;
  const [mget, get, evalsha, at] = [calls('mget'), calls('get'), calls('evalsha'), reads()];
  const ids = Array.from({ length: 50 }, (_, i) => i + 1);
  await user.many(ids);
  const took = reads() - at - ownReads;
  t.deepEqual(runs, [1, 50]);
  t.is(calls('mget') - mget, 1);
  t.is(calls('evalsha') - evalsha, 50, 'each compares with what its run began with');
  t.is(calls('get') - get, 50, 'those of the scripts');
  t.log(`${took} reads by the server`);
  t.true(took <= 4, `one for the MGET, and one for all that is stored, which the socket may part: ${took}`);
  t.deepEqual(
    await user.many(ids),
    ids.map((id) => ({ id })),
  );
  t.is(calls('mget') - mget, 2);
  t.deepEqual(runs, [1, 50]);
  await backend.close();
});

test('a backend with getMany is asked once', async (t) => {
  class Many extends MapBackend {
    asked: number[] = [];
    async getMany(cacheKeys: readonly string[]) {
      this.asked.push(cacheKeys.length);
      return cacheKeys.map((cacheKey) => {
        const bytes = this.stored.get(cacheKey);
        return bytes && { bytes };
      });
    }
  }
  const backend = new Many();
  const user = createCache({ namespace: 'n', backend }).batch({ operation: 'o' })(async (ids: number[]) => ids);
  await user.many([1, 2, 3]);
  t.deepEqual([backend.asked, backend.calls.get], [[3], 0]);
  await user.many([1, 2, 3]);
  t.deepEqual([backend.asked, backend.calls.get], [[3], 0], 'L1');
});

test('an Error is of its id alone, what is missing is null, and a row may say how it is stored', async (t) => {
  const broken = new Error('broken');
  for (const backend of stores()) {
    const runs: number[][] = [];
    const users = createCache({ namespace: 'n', backend, negativeTtl: '1h' });
    const user = users.batch({ operation: 'a' })((ids: number[]) => {
      runs.push(ids);
      return new Map(
        ids.filter((id) => id !== 2).map((id) => [id, id === 3 ? broken : id === 4 ? skip(4) : withTtl(id, 9)]),
      );
    });
    const settled = await Promise.allSettled([1, 2, 3, 4].map((id) => user(id)));
    t.deepEqual(settled, [
      { status: 'fulfilled', value: 1 },
      { status: 'fulfilled', value: null },
      { status: 'rejected', reason: broken },
      { status: 'fulfilled', value: 4 },
    ]);
    await t.throwsAsync(user.many([1, 3]), { is: broken });
    t.deepEqual(await user.many([1, 2, 4]), [1, null, 4]);
    t.deepEqual(runs, [[1, 2, 3, 4], [3], [4]]);
    t.is((await user.entry(1)).status, 'hit');
  }
  const wrong = createCache().batch()((_ids: number[]) => [1] as number[]);
  for (const call of [wrong.many([1, 2])]) await t.throwsAsync(call, { instanceOf: TypeError, message: /2 ids/ });
  const none = createCache().batch()((_ids: number[]) => undefined as never);
  await t.throwsAsync(none(1), { instanceOf: TypeError });
  const throwing = createCache().batch()((_ids: number[]): number[] => {
    throw broken;
  });
  t.deepEqual(
    (await Promise.allSettled([throwing(1), throwing(2)])).map((one) => one.status),
    ['rejected', 'rejected'],
  );
  await t.throwsAsync(none.many('ab' as never), { instanceOf: TypeError });
});

test('of more than maxBatch ids it runs several times', async (t) => {
  const runs: number[][] = [];
  const user = cache.batch({ maxBatch: 2 })(async (ids: number[]) => {
    runs.push(ids);
    return ids;
  });
  t.deepEqual(await user.many([1, 2, 3, 4, 5]), [1, 2, 3, 4, 5]);
  t.deepEqual(runs, [[1, 2], [3, 4], [5]]);
  for (const maxBatch of [0, 1.5, '2']) t.throws(() => cache.batch({ maxBatch } as never), { instanceOf: Error });
  t.throws(() => cache.batch({ max: 1 } as never), { instanceOf: ConfigurationError });
});

test('tenants are loaded apart, also those of an AsyncLocalStorage', async (t) => {
  const tenants = new AsyncLocalStorage<string>();
  for (const tenant of [tenants, () => tenants.getStore() as string]) {
    const seen: [string | undefined, number[]][] = [];
    const users = createCache({ namespace: 'n', backend: new MemoryBackend(), masterKey });
    const user = users.batch<number>({ operation: 'o', tenant })(async (ids: number[]) => {
      const own = tenants.getStore();
      seen.push([own, ids]);
      return ids.map((id) => `${own}:${id}`);
    });
    const of = (name: string) => tenants.run(name, () => Promise.all([user(1), user(2)]));
    t.deepEqual(await Promise.all([of('a'), of('b')]), [
      ['a:1', 'a:2'],
      ['b:1', 'b:2'],
    ]);
    t.deepEqual(seen, [
      ['a', [1, 2]],
      ['b', [1, 2]],
    ]);
    await t.throwsAsync(async () => user(1), { instanceOf: TypeError });
  }
});

test('an id that is being loaded is waited for, and what is invalidated meanwhile is not stored', async (t) => {
  for (const backend of [null, new MemoryBackend()]) {
    const gates = [deferred<void>(), deferred<void>()];
    const runs: number[][] = [];
    const users = createCache({ namespace: 'n', backend, masterKey });
    const user = users.batch<number>({ operation: 'o', tags: (id) => [`t${id}`] })(async (ids: number[]) => {
      await gates[runs.push(ids) - 1]?.promise;
      return ids.map((id) => `${id}:${runs.length}`);
    });
    const first = user.many([1, 2, 3]);
    await settle();
    const second = user.many([3, 4]);
    await settle();
    t.deepEqual(runs, [[1, 2, 3], [4]]);
    await user.invalidate(1);
    await users.invalidateTags('t2');
    for (const gate of gates) gate.resolve();
    t.deepEqual(await first, ['1:2', '2:2', '3:2']);
    t.deepEqual(await second, ['3:2', '4:2']);
    t.deepEqual(await Promise.all([1, 2, 3, 4].map(async (id) => (await user.entry(id)).status)), [
      'miss',
      'miss',
      'hit',
      'hit',
    ]);
  }
});

test.serial('stale rows answer while one run replaces them all', async (t) => {
  await withClock(async (clock) => {
    let runs = 0;
    const users = createCache({ namespace: 'n', backend: new MemoryBackend(), ttl: '10s' });
    const user = users.batch({ operation: 'o', swr: '1m' })(async (ids: number[]) => {
      runs++;
      return ids.map((id) => id * runs);
    });
    await user.many([1, 2, 3]);
    clock.ms += 11_000;
    t.deepEqual(await user.many([1, 2, 3]), [1, 2, 3]);
    await settle();
    t.deepEqual([await user.many([1, 2, 3]), runs], [[2, 4, 6], 2]);
  });
});

test('with lock two processes load each id once, and sealed batches are sealed', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backends = [0, 1].map(() => new RedisBackend({ url: server.url }));
  const loaded: number[] = [];
  const users = backends.map((backend) => {
    const shared = createCache({ namespace: 'n', backend });
    return shared.secureBatch({ operation: 'o', lock: true, masterKey })(async (ids: number[]) => {
      loaded.push(...ids);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return ids.map((id) => `secret ${id}`);
    });
  });
  const ids = Array.from({ length: 20 }, (_, i) => i);
  const expected = ids.map((id) => `secret ${id}`);
  t.deepEqual(await Promise.all(users.map((user) => user.many(ids))), [expected, expected]);
  t.deepEqual(
    loaded.sort((a, b) => a - b),
    ids,
  );
  const [one] = users as [BatchFunction<number, string | null>];
  const stored = await backends[0]?.get(one.keyFor(1));
  t.false(Buffer.from(stored?.bytes ?? []).includes('secret'));
  await one.close();
  await t.throwsAsync(one(1), { instanceOf: BackendError });
  for (const backend of backends) await backend.close();
});

test('it is passed to map as it is: further arguments are no part of an id', async (t) => {
  const users = createCache({ namespace: 'n', backend: new MemoryBackend(), masterKey });
  const runs: string[][] = [];
  const user = users.batch({ operation: 'user', tags: (...all: unknown[]) => all.map(String) })(
    async (ids: string[]) => {
      runs.push(ids);
      return ids.map((id) => `${id} ${runs.length}`);
    },
  );
  t.deepEqual(await Promise.all(['a', 'b', 'a'].map(user)), ['a 1', 'b 1', 'a 1']);
  t.deepEqual(await Promise.all(['b', 'a'].map(user)), ['b 1', 'a 1']);
  const loose = user as unknown as typeof user & ((...args: unknown[]) => Promise<string>);
  t.deepEqual(['a', 'b'].map(user.keyFor), [user.keyFor('a'), user.keyFor('b')]);
  t.deepEqual(await Promise.all(['a', 'c'].map(user.invalidate)), [true, false]);
  t.deepEqual(await Promise.all([loose('a', 7), loose('b', 8)]), ['a 2', 'b 1']);
  t.is(await users.invalidateTags('b'), 1);
  t.deepEqual(runs, [['a', 'b'], ['a']]);
});

test('rows may be promises', async (t) => {
  const broken = new Error('broken');
  const user = createCache().batch()((ids: number[]) =>
    ids.map(async (id) => {
      if (id === 3) throw broken;
      return id === 1 ? undefined : id === 2 ? broken : id;
    }),
  );
  t.deepEqual(await Promise.allSettled([user(1), user(2), user(3), user(4)]), [
    { status: 'fulfilled', value: null },
    { status: 'rejected', reason: broken },
    { status: 'rejected', reason: broken },
    { status: 'fulfilled', value: 4 as never },
  ]);
  t.is((await user.entry(1)).status, 'hit');
});

test('who has called before it is closed gets his row', async (t) => {
  for (const backend of stores()) {
    const options = { namespace: 'n', operation: 'user', backend, masterKey };
    const wrap = cache.secureBatch<number>(options);
    const user = wrap(async (ids: number[]) => ids.map((id) => ({ id })));
    const early = Promise.all([user(1), user(2), user(1)]);
    const closed = user.close();
    await t.throwsAsync(user(3), { instanceOf: BackendError });
    t.deepEqual(await early, [{ id: 1 }, { id: 2 }, { id: 1 }]);
    await closed;
    const late = user.many([1]);
    await t.throwsAsync(late, { instanceOf: BackendError, message: /closed/ });
    t.throws(() => wrap(async (ids: number[]) => ids), { instanceOf: BackendError, message: /closed/ });
    const users = createCache({ namespace: 'n', backend, masterKey });
    const other = users.batch({ operation: 'user' })(async (ids: number[]) => ids);
    const before = Promise.all([other(7), other(8)]);
    await users.close();
    t.deepEqual(await before, [7, 8]);
    await t.throwsAsync(other(7), { instanceOf: BackendError });
  }
});
