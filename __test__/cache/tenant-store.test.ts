import { AsyncLocalStorage } from 'node:async_hooks';
import test from 'ava';
import { cache, createCache, MemoryBackend } from '../../index.js';
import { masterKey, settle, withClock } from './map-backend.js';

const named = { namespace: 'n', operation: 'o' };

test('the tenant of a call comes from an AsyncLocalStorage', async (t) => {
  for (const key of [undefined, masterKey]) {
    const tenant = new AsyncLocalStorage<string>();
    const backend = new MemoryBackend();
    let runs = 0;
    const load = cache({ ...named, backend, tenant, ...(key && { masterKey: key }) })(async (id: number) => {
      runs++;
      await settle();
      return `${tenant.getStore()}:${id}`;
    });
    const as = (id: string) => tenant.run(id, () => load(1));
    t.deepEqual(await Promise.all([as('a'), as('b'), as('a')]), ['a:1', 'b:1', 'a:1']);
    t.deepEqual([await as('a'), await as('b'), runs], ['a:1', 'b:1', 2]);
    t.not(
      tenant.run('a', () => load.keyFor(1)),
      tenant.run('b', () => load.keyFor(1)),
    );
    await tenant.run('a', () => load.invalidate(1));
    await Promise.all([as('a'), as('b')]);
    t.is(runs, 3);
  }
});

test('outside of it a call is a TypeError, and never the default tenant', async (t) => {
  for (const entries of [createCache({ masterKey }), createCache({ tenantId: 'default' })]) {
    const tenant = new AsyncLocalStorage<string>();
    let runs = 0;
    const load = entries.wrap({ ...named, tenant })(() => ++runs);
    for (const use of [() => load(), () => load.entry(), () => load.refresh(), () => load.invalidate()]) {
      await t.throwsAsync(use(), { instanceOf: TypeError });
    }
    t.throws(() => load.keyFor(), { instanceOf: TypeError });
    for (const store of [7, null, { id: 'a' }] as never[]) {
      await t.throwsAsync(
        tenant.run(store, () => load()),
        { instanceOf: TypeError },
      );
    }
    await t.throwsAsync(
      tenant.run('', () => load()),
      { instanceOf: RangeError },
    );
    t.is(runs, 0);
  }
});

test.serial('a run in the background belongs to the tenant whose call it was', async (t) => {
  await withClock(async (clock) => {
    const tenant = new AsyncLocalStorage<string>();
    const load = cache({ ...named, masterKey, tenant, ttl: '10s', swr: '1m' })((_: object) => tenant.getStore());
    const as = (id: string) => tenant.run(id, () => load({ a: 1 }));
    await Promise.all([as('a'), as('b')]);
    clock.ms += 11_000;
    t.deepEqual(await Promise.all([as('a'), as('b')]), ['a', 'b']);
    await settle();
    t.deepEqual(await Promise.all([as('a'), as('b')]), ['a', 'b']);
    t.like(load.stats(), { loads: 4, staleHits: 2, hits: 2 });
  });
});
