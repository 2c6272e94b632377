import test from 'ava';
import { cache, createCache } from '../../index.js';
import { MapBackend, masterKey } from './map-backend.js';

const backend = new MapBackend();
const shared = createCache({ backend, namespace: 'shared' });

class Users {
  runs = 0;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  @cache.secure({ namespace: 'users', operation: 'byId', backend, masterKey, ttl: '1m' })
  async byId(id: number): Promise<{ id: number; name: string }> {
    this.runs++;
    return { id, name: `${this.#prefix}${id}` };
  }

  @cache({})
  async plain(id: number): Promise<string> {
    return `${this.#prefix}${id}`;
  }

  @cache({})
  static async make(prefix: string): Promise<string> {
    return `${Users.name}${prefix}`;
  }

  @shared.wrap({ operation: 'of', key: (id: string) => `of:${id}` })
  async of(id: string): Promise<string> {
    return this.#prefix + id;
  }
}

test('a decorated method is cached and has its object as this', async (t) => {
  const users = new Users('u');
  t.deepEqual(await users.byId(1), { id: 1, name: 'u1' });
  t.deepEqual(await users.byId(1), { id: 1, name: 'u1' });
  t.is(users.runs, 1);
  t.is(users.byId.name, 'byId');
  t.is(users.byId.length, 1);
  const key = (users.byId as unknown as { keyFor(id: number): string }).keyFor(1);
  t.regex(key, /^ns:users:func:byId:args:[0-9a-f]{64}:1s$/);
  t.false(
    Buffer.from(backend.stored.get(key) ?? [])
      .toString('latin1')
      .includes('name'),
  );
});

test('the object is no part of the key, and entry and refresh take it by call', async (t) => {
  const [one, two] = [new Users('one'), new Users('two')];
  t.is(await one.plain(7), 'one7');
  t.is(await two.plain(7), 'one7');
  const plain = two.plain as unknown as {
    refresh(id: number): Promise<string>;
    entry(id: number): Promise<{ value: string }>;
  };
  t.is(await plain.refresh.call(two, 7), 'two7');
  t.is((await plain.entry.call(one, 7)).value, 'two7');
  t.is((await plain.entry.call(one, 8)).value, 'one8');
});

test('static methods and methods of a cache object are decorated alike', async (t) => {
  t.is(await Users.make('x'), 'Usersx');
  t.is(await new Users('p').of('1'), 'p1');
  t.is(await new Users('q').of('1'), 'p1');
  t.true(backend.stored.has('of:1'));
});

test('a decorator anywhere else is a TypeError', (t) => {
  const decorate = cache({}) as unknown as (value: unknown, context: unknown) => unknown;
  for (const kind of ['class', 'field', 'getter', 'setter', 'accessor']) {
    t.throws(() => decorate(() => 1, { kind, name: 'x' }), { instanceOf: TypeError });
  }
  const error = t.throws(() => decorate({}, 'method'), { instanceOf: TypeError });
  t.regex(error.message, /standard decorators/);
});
