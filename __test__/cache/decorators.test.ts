import { readFileSync } from 'node:fs';
import test from 'ava';
import * as esbuild from 'esbuild';
import ts from 'typescript';
import { cache, cachedMethod, createCache } from '../../index.js';
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

type Decorated = typeof import('./decorated-classes.js');

const source = readFileSync(new URL('decorated-classes.ts', import.meta.url), 'utf8');
const run = (code: string): Promise<Decorated> =>
  import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
const byTypeScript = (compilerOptions: ts.CompilerOptions) => {
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, ...compilerOptions };
  return run(ts.transpileModule(source, { compilerOptions: options }).outputText);
};
const byEsbuild = async (compilerOptions: object) => {
  const options = { loader: 'ts', target: 'es2022', tsconfigRaw: { compilerOptions } } as const;
  return run((await esbuild.transform(source, options)).code);
};
const legacy = { experimentalDecorators: true, emitDecoratorMetadata: true };

const compilers: Record<string, () => Promise<Decorated>> = {
  'standard, by tsx': () => import('./decorated-classes.js'),
  'standard, by TypeScript': () => byTypeScript({}),
  'experimentalDecorators, by TypeScript': () => byTypeScript(legacy),
  'experimentalDecorators and fields by [[Set]], by TypeScript': () =>
    byTypeScript({ ...legacy, useDefineForClassFields: false }),
  'standard, by esbuild': () => byEsbuild({}),
  'experimentalDecorators, by esbuild': () => byEsbuild(legacy),
};

for (const [name, compiled] of Object.entries(compilers)) {
  test(`decorators (${name}): methods, static ones, symbols and subclasses`, async (t) => {
    const module = await compiled();
    const { Users, Admins, Guests } = module.decoratedClasses(cache);
    const users = new Users('u');
    t.is(await users.byId(1), 'u1!');
    t.is(await users.byId(1), 'u1!');
    t.is(users.runs, 1);
    t.is(await users[module.named](1), 'unamed1');
    t.is(await new Users('other')[module.named](1), 'unamed1');
    t.is(await Users.make(undefined), 'none');
    t.is(await Users.make(5), 5);
    t.is(cachedMethod(Users, 'make').stats().misses, 2);

    // A subclass has the entries of its own method, and of super's those that super has.
    const admins = new Admins('a');
    t.is(await admins.byId(1), 'admin u1!');
    t.is(await admins.byId(2), 'admin a2?');
    t.is(await admins.byId(2), 'admin a2?');
    t.is(cachedMethod(admins, 'byId').keyFor(2), 'admin:2');
    t.is(admins.runs, 1);
    t.is(await new Guests('g').byId(2), 'guest a2?');
    t.throws(() => cachedMethod(new Guests('g'), 'byId'), { instanceOf: TypeError });

    const { value, ...how } = Object.getOwnPropertyDescriptor(Users.prototype, 'byId') ?? {};
    t.deepEqual(how, { writable: true, enumerable: false, configurable: true });
    t.is(value.name, 'byId');
  });
}

test('a private method is decorated, where decorators are standard', async (t) => {
  let runs = 0;
  class Owner {
    @cache({ key: (id: number) => `private:${id}` })
    async #own(id: number): Promise<number> {
      return id + runs++;
    }

    get own() {
      return cachedMethod(this.#own);
    }

    async call(id: number): Promise<number> {
      return this.#own(id);
    }
  }
  const owner = new Owner();
  t.deepEqual([await owner.call(5), await owner.call(5)], [5, 5]);
  t.true(await owner.own.invalidate(5));
  t.is(await owner.call(5), 6);
});

test('a decorator anywhere else is a TypeError that says where', (t) => {
  const decorate = cache({}) as unknown as (value: unknown, context: unknown, descriptor?: unknown) => unknown;
  for (const kind of ['class', 'field', 'getter', 'setter', 'accessor']) {
    for (const value of [() => 1, undefined, { get() {} }]) {
      const error = t.throws(() => decorate(value, { kind, name: 'x' }), { instanceOf: TypeError });
      t.regex(error.message, /for methods/);
    }
  }
  const misplaced: [RegExp, unknown][] = [
    [/not for a field/, undefined],
    [/not for a field/, { configurable: true, writable: true, initializer: () => 1 }],
    [/not for a field/, { value: 5 }],
    [/not for an accessor/, { get: () => 1 }],
    [/not for an accessor/, { set: () => {} }],
    [/not for a parameter/, 0],
  ];
  for (const [says, descriptor] of misplaced) {
    const error = t.throws(() => decorate(class {}.prototype, 'name', descriptor), { instanceOf: TypeError });
    t.regex(error.message, says);
  }
});

test('what other decorators have noted on a method is noted on the cached one', async (t) => {
  const note = Symbol('note');
  const original = Object.assign(async (id: number) => id, { [note]: 'route', entry: 'theirs' });
  Object.freeze(original);
  const noted = cache({})(original);
  t.is(noted[note], 'route');
  t.is(typeof noted.entry, 'function');
  t.is((await noted.entry(1)).value, 1);
  t.deepEqual([noted.name, noted.length], ['', 1]);
});
