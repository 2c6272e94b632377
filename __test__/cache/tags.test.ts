import test from 'ava';
import { ConfigurationError, cache, createCache, MemoryBackend, withTtl } from '../../index.js';
import { deferred, MapBackend, masterKey, settle } from './map-backend.js';

const stores = () => [undefined, new MemoryBackend()];

test('tags of set, setMany, getOrSet, functions and results find their entries', async (t) => {
  for (const backend of stores()) {
    for (const key of [undefined, masterKey]) {
      const entries = createCache({ namespace: 'n', backend, ...(key && { masterKey: key }) });
      let runs = 0;
      const byCall = entries.wrap({ operation: 'a', tags: (id: number) => [`user:${id}`] })((_id: number) => ++runs);
      const always = entries.wrap({ operation: 'b', tags: ['user:1'] })(() => ++runs);
      const own = entries.wrap({ operation: 'c' })(() => withTtl(++runs, { tags: ['user:1'] }));
      const fill = async () => {
        await entries.set('set', 1, { tags: ['user:1', 'other'] });
        await entries.setMany([['many', 1]], { tags: ['user:1'] });
        await entries.getOrSet('load', () => 1, { tags: ['user:1'] });
        await entries.set('untagged', 1);
        await Promise.all([byCall(1), byCall(2), always(), own()]);
      };
      await fill();
      t.is(runs, 4);
      t.is(await entries.invalidateTags('user:1'), 6);
      t.deepEqual(await entries.getMany(['set', 'many', 'load', 'untagged']), [undefined, undefined, undefined, 1]);
      await Promise.all([byCall(1), byCall(2), always(), own()]);
      t.is(runs, 7, 'the other user is still stored');
      t.is(await entries.invalidateTags(['user:2', 'nobody']), 1);
      t.is(await entries.invalidateTags('user:2'), 0);
    }
  }
});

test('an invalidation reaches what functions of the same cache have sealed', async (t) => {
  for (const tenantId of [undefined, 'acme']) {
    for (const backend of stores()) {
      const entries = createCache({ namespace: 'n', backend, ...(tenantId && { tenantId }) });
      let runs = 0;
      const options = { operation: 'secret', tags: ['t'], masterKey };
      const sealed = entries.secure(options)(() => ++runs);
      const plain = entries.wrap({ operation: 'plain', tags: ['t'] })(() => ++runs);
      await Promise.all([sealed(), plain()]);
      t.is(await entries.invalidateTags('t'), 2);
      await Promise.all([sealed(), plain()]);
      t.is(runs, 4);
    }
  }
});

test("a tenant's invalidation leaves the others' entries alone", async (t) => {
  for (const backend of stores()) {
    for (const key of [undefined, masterKey]) {
      const entries = createCache({ namespace: 'n', backend, ...(key && { masterKey: key }) });
      const tenants = ['a', 'b'].map((id) => entries.tenant(id));
      const views = [entries, ...tenants];
      const load = entries.wrap({ operation: 'o', tenant: (id: string) => id, tags: ['t'] })((id: string) => id);
      for (const view of views) await view.set('k', 1, { tags: ['t'] });
      await Promise.all([load('a'), load('b')]);
      t.is(await tenants[0]?.invalidateTags('t'), 2, 'of a value and of a function');
      t.deepEqual(await Promise.all(views.map((view) => view.get('k'))), [1, undefined, 1]);
      t.is((await load.entry('b')).status, 'hit');
      t.is(await entries.invalidateTags('t'), 1);
      t.deepEqual(await Promise.all(views.map((view) => view.get('k'))), [undefined, undefined, 1]);
    }
  }
});

test('two namespaces in one store do not share tags', async (t) => {
  const backend = new MemoryBackend();
  const [a, b] = ['a', 'b'].map((namespace) => createCache({ namespace, backend }));
  await a?.set('k', 1, { tags: ['t'] });
  await b?.set('k', 2, { tags: ['t'] });
  t.is(await a?.invalidateTags('t'), 1);
  t.is(await b?.get('k'), 2);
});

test('an entry written again has only its new tags', async (t) => {
  for (const backend of stores()) {
    const entries = createCache({ backend });
    await entries.set('k', 1, { tags: ['old'] });
    await entries.set('k', 2, { tags: ['new'] });
    t.is(await entries.invalidateTags('old'), 0);
    t.is(await entries.get('k'), 2);
    t.is(await entries.invalidateTags('new'), 1);
  }
});

test('a copy whose tags are not known here is asked for again', async (t) => {
  const backend = new MemoryBackend();
  await createCache({ backend }).set('k', 1, { tags: ['t'] });
  const entries = createCache({ backend });
  t.is(await entries.get('k'), 1);
  t.is(entries.stats().l1Entries, 1);
  await createCache({ backend, l1: false }).invalidateTags('t');
  await entries.invalidateTags('something else');
  t.is(await entries.get('k'), undefined);
});

test('a function that runs during an invalidation stores nothing', async (t) => {
  for (const backend of stores()) {
    const entries = createCache({ backend });
    const gate = deferred<string>();
    const loading = entries.getOrSet('k', () => gate.promise, { tags: ['t'] });
    await settle();
    await entries.invalidateTags('t');
    gate.resolve('old');
    t.is(await loading, 'old');
    t.is(await entries.get('k'), undefined);
  }
});

test('of any entries and tags, exactly those that have one of them are removed from this process', async (t) => {
  for (let round = 0; round < 20; round++) {
    const entries = createCache();
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const tagsOf = keys.map(() => ['a', 'b', 'c'].filter(() => Math.random() < 0.3));
    for (const [i, cacheKey] of keys.entries()) await entries.set(cacheKey, i, { tags: tagsOf[i] as string[] });
    for (const cacheKey of keys.filter(() => Math.random() < 0.5)) await entries.get(cacheKey);
    const removed = tagsOf.map((tags) => tags.includes('a') || tags.includes('b'));
    t.is(await entries.invalidateTags(['a', 'b']), removed.filter(Boolean).length);
    const expected = keys.map((_, i) => (removed[i] ? undefined : i));
    t.deepEqual(await entries.getMany(keys), expected);
  }
});

test('a backend without tags refuses them wherever they come from', async (t) => {
  const backend = new MapBackend();
  const named = { namespace: 'n', operation: 'o' };
  const entries = createCache({ backend });
  t.throws(() => cache({ ...named, backend, tags: ['t'] }), { instanceOf: ConfigurationError });
  t.throws(() => entries.wrap({ ...named, tags: () => ['t'] }), { instanceOf: ConfigurationError });
  for (const use of [
    () => entries.set('k', 1, { tags: ['t'] }),
    () => entries.invalidateTags('t'),
    () => entries.getOrSet('k', () => withTtl(1, { tags: ['t'] })),
    () => cache({ ...named, backend })(() => withTtl(1, { tags: ['t'] }))(),
  ]) {
    await t.throwsAsync(use(), { instanceOf: ConfigurationError });
  }
  t.is(backend.stored.size, 0);
});
