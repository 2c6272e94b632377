import test from 'ava';
import { cache, cachedMethod, createCache } from '../../index.js';

class Users {
  runs = 0;
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  @cache({ key: (id: number) => `u:${id}` })
  async byId(id: number, end = ''): Promise<string> {
    this.runs++;
    return this.prefix + id + end;
  }

  async plain(): Promise<number> {
    return 1;
  }
}

test('of an object and a name: the call, entry and refresh have the object as this', async (t) => {
  const users = new Users('a');
  const byId = cachedMethod(users, 'byId');
  t.is(await byId(1, '!'), 'a1!');
  t.is(users.runs, 1);
  const { entry, refresh, invalidate, keyFor, stats } = byId;
  t.deepEqual([(await entry(1)).status, (await entry(2)).value], ['hit', 'a2']);
  t.is(await refresh(2), 'a2');
  t.is(users.runs, 3);
  t.is(keyFor(2), 'u:2');
  t.true(await invalidate(2));
  t.false(await invalidate(2));
  t.is(stats().hits, 1);
  t.deepEqual([byId.name, byId.length], ['byId', 1]);
  // It is of this object, whatever it is called on, and a cached function itself.
  t.is(await byId.call(new Users('b'), 3), 'a3');
  t.is(cachedMethod(byId), byId);
});

test('of a method alone: the method itself', async (t) => {
  const users = new Users('c');
  const byId = cachedMethod(users.byId);
  t.is(byId as unknown, users.byId as unknown);
  t.is((await byId.entry.call(users, 10)).value, 'c10');
  const wrapped = createCache().wrap({ operation: 'o' })((id: number) => id);
  t.is(cachedMethod(wrapped), wrapped);
});

test('of anything else: a TypeError', (t) => {
  const of = cachedMethod as (...args: unknown[]) => unknown;
  const users = new Users('d');
  for (const args of [[users.plain], [users, 'plain'], [users, 'none'], [users, 'prefix'], [() => 1]]) {
    t.throws(() => of(...args), { instanceOf: TypeError, message: /cached/ });
  }
  for (const wrong of [undefined, null, 1, 'byId', Symbol('s'), {}, { ...users.byId }]) {
    t.throws(() => of(wrong), { instanceOf: TypeError });
    t.throws(() => of(wrong, 'byId'), { instanceOf: TypeError });
  }
  // What only looks like one.
  const imitation = Object.assign(async () => 1, {
    entry() {},
    invalidate() {},
    refresh() {},
    keyFor() {},
    stats() {},
  });
  t.throws(() => of(imitation), { instanceOf: TypeError, message: /another decorator/ });
});
