import test from 'ava';
import {
  type CachedFunction,
  cache,
  createCache,
  EncryptionWrapper,
  type Entry,
  type Serializer,
} from '../../index.js';
import { masterKey } from './map-backend.js';

// What is tested here is that the file compiles (npm run lint), and that each line marked as an error is one.

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
function same<_Yes extends true>(): void {}

interface User {
  id: number;
  name: string;
}

test('a wrapped function keeps its parameters and returns a Promise of its result', async (t) => {
  const sync = cache({})((id: number, _deep?: boolean): User => ({ id, name: 'n' }));
  same<Same<Parameters<typeof sync>, [id: number, _deep?: boolean]>>();
  same<Same<ReturnType<typeof sync>, Promise<User>>>();

  const promised = cache.secure({ masterKey })(async (id: string): Promise<User | null> => (id ? null : null));
  same<Same<ReturnType<typeof promised>, Promise<User | null>>>();
  same<Same<ReturnType<typeof promised.entry>, Promise<Entry<User | null>>>>();
  same<Same<ReturnType<typeof promised.refresh>, Promise<User | null>>>();
  same<Same<Parameters<typeof promised.invalidate>, [id: string]>>();
  same<Same<ReturnType<typeof promised.keyFor>, string>>();

  const rest = cache({})((...names: string[]) => names.length);
  same<Same<Parameters<typeof rest>, string[]>>();

  const bound = cache({})(function (this: Date, days: number) {
    return this.getTime() + days;
  });
  same<Same<ThisParameterType<typeof bound>, Date>>();
  // @ts-expect-error: a Date is needed as `this`
  await t.throwsAsync(bound.call('no', 1), { instanceOf: TypeError });

  // @ts-expect-error: a number is needed
  await sync('1');
  // @ts-expect-error: something is needed
  await t.notThrowsAsync(sync());
  const assignable: CachedFunction<unknown, [id: number, _deep?: boolean], User> = sync;
  t.is(typeof assignable, 'function');
});

test('key and tenant must take what the function takes', (t) => {
  cache({ key: (id: number) => `u:${id}` })((id: number) => id);
  cache({ key: (id: number) => `u:${id}` })((id: number, _more: string) => id);
  cache({ key: () => 'one' })((id: number) => id);
  cache({ key: (id) => `u:${String(id)}` })((id: number) => id);
  cache({ tenant: (_id: number, org: string) => org, key: (id: number) => `u:${id}` })(
    (id: number, _org: string) => id,
  );
  cache({ tenant: (user: { org: string }) => user.org })((user: { org: string; id: number }) => user.id);
  createCache().wrap({ operation: 'o', key: (id: number) => `u:${id}` })((id: number) => id);
  // @ts-expect-error: key takes a number, the function a string
  cache({ key: (id: number) => `u:${id}` })((id: string) => id);
  // @ts-expect-error: tenant takes two arguments, the function one
  cache({ tenant: (_id: number, org: string) => org })((id: number) => id);
  // @ts-expect-error: a key is a string
  cache({ key: (id: number) => id });
  t.pass();
});

test('options are typed', (t) => {
  const attempt = (make: () => unknown) => {
    t.throws(make);
  };
  // @ts-expect-error: no such option
  attempt(() => cache({ tll: 5 }));
  // @ts-expect-error: no such unit
  attempt(() => cache({ ttl: '5 minutes' }));
  // @ts-expect-error: no such wire
  attempt(() => cache({ wire: 'ruby' }));
  // @ts-expect-error: an operation belongs to a function
  attempt(() => createCache({ operation: 'o' }));
  // @ts-expect-error: cache(options)(fn)
  attempt(() => cache(() => 1));
  cache({ ttl: 'never' });
  cache({ ttl: '1.5h', l1: { ttl: '250ms', values: true } });
});

test('serializers of one type fit', (t) => {
  const dates: Serializer<Date> = {
    format: 'date',
    serialize: (value) => Buffer.from(String(value.getTime())),
    deserialize: (payload) => new Date(Number(Buffer.from(payload).toString())),
  };
  cache({ serializer: dates })((ms: number) => new Date(ms));
  cache({ serializer: new EncryptionWrapper({ serializer: dates, masterKey }) })((ms: number) => new Date(ms));
  t.pass();
});

test('entries of a cache object are typed by whoever asks', async (t) => {
  const entries = createCache();
  const unknown = entries.get('k');
  same<Same<typeof unknown, Promise<unknown>>>();
  const user = entries.get<User>('k');
  same<Same<typeof user, Promise<User | undefined>>>();
  const loaded = entries.getOrSet('k', async () => 5);
  same<Same<typeof loaded, Promise<number>>>();
  const many = entries.getMany<User>(['k']);
  same<Same<typeof many, Promise<(User | undefined)[]>>>();
  t.deepEqual(await Promise.all([unknown, user, loaded, many]), [undefined, undefined, 5, [undefined]]);
});

test('a decorator fits methods that return a Promise, and no others', (t) => {
  class Service {
    @cache({})
    async good(id: number): Promise<User> {
      return { id, name: 'n' };
    }

    // @ts-expect-error: its callers would be given a Promise
    @cache({})
    bad(id: number): User {
      return { id, name: 'n' };
    }
  }
  const service = new Service();
  same<Same<ReturnType<typeof service.good>, Promise<User>>>();
  t.is(typeof service.bad, 'function');
});

test('the signal of a run is an AbortSignal or undefined, in both APIs', (t) => {
  const entries = createCache({ timeout: { load: '1s', signal: true }, backoff: { first: '1s' }, errorTtl: 5 });
  same<Same<ReturnType<typeof cache.signal>, AbortSignal | undefined>>();
  same<Same<ReturnType<typeof entries.signal>, AbortSignal | undefined>>();
  cache({ backoff: false, errorTtl: '5s' });
  // @ts-expect-error: a time needs its unit
  t.throws(() => cache({ backoff: { first: 1 } }));
  // @ts-expect-error: on or off
  t.throws(() => cache({ timeout: { load: '1s', signal: new AbortController().signal } }));
});
