import {
  type CachedFunction,
  type CachedMembers,
  cache,
  cachedMethod,
  createCache,
  type Duration,
  type Entry,
  parseDuration,
  parseTtl,
  type Ttl,
} from 'cachekit-native';

/*
 * What a function's type becomes by `cache(options)(fn)`. Never run: `npm run test:types` compiles it against the published types
 * with each TypeScript from 5.4 on, and `npm run lint` with the project's own. Lines marked as errors must be some.
 */

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
export function same<_Yes extends true>(): void {}

interface User {
  id: number;
  name: string;
}

const users = createCache();

/* Parameters: defaulted, optional, rest, destructured. */

const defaulted = cache.secure({ namespace: 'a', operation: 'b' })((id: number, n = 3) => id + n);
same<Same<Parameters<typeof defaulted>, [id: number, n?: number | undefined]>>();
same<Same<ReturnType<typeof defaulted>, Promise<number>>>();
void [defaulted(1), defaulted(1, 2), defaulted.entry(1), defaulted.entry(1, 2)];
// @ts-expect-error: something is needed
void defaulted();
// @ts-expect-error: a number
void defaulted(1, '2');
// @ts-expect-error: too many
void defaulted(1, 2, 3);

for (const wrap of [cache.minimal(), cache.production(), cache.io(), users.wrap(), users.secure()]) {
  const f = wrap((id: string, n = 3, ...more: boolean[]) => ({ id, n, more }));
  same<Same<Parameters<typeof f>, [id: string, n?: number | undefined, ...more: boolean[]]>>();
  same<Same<ReturnType<typeof f.refresh>, Promise<{ id: string; n: number; more: boolean[] }>>>();
}

const optional = cache()(async (a?: string, b?: number) => a ?? b);
same<Same<Parameters<typeof optional>, [a?: string | undefined, b?: number | undefined]>>();
const rest = cache()((...names: string[]) => names.length);
same<Same<Parameters<typeof rest>, string[]>>();
const destructured = cache()(({ id, name = 'x' }: { id: number; name?: string }, [a, b] = [1, 'y']) => ({
  id,
  name,
  a,
  b,
}));
same<Same<ReturnType<typeof destructured>, Promise<{ id: number; name: string; a: number; b: string }>>>();
void [destructured({ id: 1 }), destructured({ id: 1 }, [2, 'z'])];
// @ts-expect-error: a parameter without a type has none
cache()((id) => String(id));

/* Results: literals, unions, any, never, void, PromiseLike. */

same<Same<ReturnType<ReturnType<typeof literal>>, Promise<string>>>();
function literal() {
  return cache()(() => 'x');
}
const literals = cache()((): 'a' | 'b' => 'a');
same<Same<ReturnType<typeof literals>, Promise<'a' | 'b'>>>();
const union = cache()((id: number): User | undefined | Promise<User> => (id ? undefined : { id, name: '' }));
same<Same<ReturnType<typeof union>, Promise<User | undefined>>>();
// biome-ignore lint/suspicious/noExplicitAny: what is tested
const anything = cache()((_id: number): any => undefined);
// biome-ignore lint/suspicious/noExplicitAny: what is tested
same<Same<ReturnType<typeof anything>, Promise<any>>>();
const nothing = cache()((_id: number): void => {});
same<Same<ReturnType<typeof nothing>, Promise<void>>>();
const never = cache()((_id: number): never => {
  throw new Error('never');
});
same<Same<ReturnType<typeof never>, Promise<never>>>();
declare const thenable: (id: number) => PromiseLike<User>;
const awaited = cache()(thenable);
same<Same<ReturnType<typeof awaited>, Promise<User>>>();
const guard = cache()((value: unknown): value is string => typeof value === 'string');
same<Same<ReturnType<typeof guard>, Promise<boolean>>>();
const nullable = cache()(async (id: string): Promise<User | null> => (id ? null : null));
same<Same<ReturnType<typeof nullable.entry>, Promise<Entry<User | null>>>>();

/* Generic functions stay generic when they return a Promise. */

const generic = cache()(async <V>(value: V): Promise<V[]> => [value]);
same<Same<ReturnType<typeof twice>, Promise<string[]>>>();
function twice() {
  return generic<string>('x');
}
const flattened: Promise<number[]> = generic(5);
void flattened;
const constrained = cache({ key: (id: string) => id })(async <Id extends string>(id: Id) => id);
same<Same<Parameters<typeof constrained.keyFor>, [id: string]>>();

/* Overloads are kept, all where they return Promises, else the last four. */

declare function overloaded(id: number): Promise<number>;
declare function overloaded(id: string, deep?: boolean): Promise<string>;
declare function plain(id: number): number;
declare function plain(id: string, deep?: boolean): string;
for (const f of [cache()(overloaded)]) {
  const [byNumber, byString]: [Promise<number>, Promise<string>] = [f(1), f('x', true)];
  void [byNumber, byString, f.invalidate(1), f.invalidate('x', true)];
  // @ts-expect-error: none of them
  void f(true);
  // @ts-expect-error: none of them
  void f.invalidate(true);
}
for (const f of [cache()(plain)]) {
  const [byNumber, byString]: [Promise<number>, Promise<string>] = [f(1), f('x', true)];
  void [byNumber, byString];
  // @ts-expect-error: none of them
  void f(1, true);
}

/* `this` */

const withThis = cache()(function (this: Date, days: number) {
  return this.getTime() + days;
});
same<Same<ThisParameterType<typeof withThis>, Date>>();
void withThis.call(new Date(), 1);
// @ts-expect-error: a Date is needed as `this`
void withThis.call('no', 1);
same<Same<ThisParameterType<typeof defaulted>, unknown>>();

/* Functions that are cached already, of type any, and what is no function. */

const again = cache()(defaulted);
same<Same<Parameters<typeof again>, [id: number, n?: number | undefined]>>();
// biome-ignore lint/suspicious/noExplicitAny: what is tested
declare const untyped: any;
void cache()(untyped)(1, 2).then();
// @ts-expect-error: a class is called with new
cache()(class {});
// @ts-expect-error: no function
cache()(5);

/* key, tags and tenant take what the function takes. */

cache({ key: (id: number) => `u:${id}` })((id: number, n = 3) => id + n);
cache({ key: (id: number, n?: number) => `u:${id}${n}` })((id: number, n = 3) => id + n);
cache({ key: (...ids: number[]) => ids.join() })((a: number, b: number) => a + b);
cache({ key: (id: string | number) => `u:${id}` })(overloaded);
cache({ tenant: (_id: number, org: string) => org, key: (id: number) => `${id}` })((id: number, _org: string) => id);
// @ts-expect-error: key takes a number, the function a string
cache({ key: (id: number) => `u:${id}` })((id: string) => id);
// @ts-expect-error: key takes a number, the function perhaps none
cache({ key: (id: number) => `u:${id}` })((id?: number) => id);
// @ts-expect-error: the default is the function's, key is not given it
cache({ key: (id: number, n: number) => `u:${id}${n}` })((id: number, n = 3) => id + n);
// @ts-expect-error: one overload takes a number
cache({ key: (id: string) => id })(overloaded);
// @ts-expect-error: tags take a second argument, the function does not
cache({ tags: (_id: number, org: string) => [org] })((id: number) => id);
// @ts-expect-error: tenant takes two arguments, the function one
cache({ tenant: (_id: number, org: string) => org })((id: number) => id);

/* Members, taken apart. */

const { entry, invalidate, keyFor, refresh, stats } = nullable;
void [entry('x'), invalidate('x'), keyFor('x'), refresh('x'), stats()];
// @ts-expect-error: a string
void entry(1);
const assignable: CachedFunction<unknown, [id: number, n?: number], number> = defaulted;
const members: CachedMembers<[id: number, n?: number], number> = defaulted;
const original: (id: number, n?: number) => Promise<number> = defaulted;
void [assignable, members, original];

/* Methods. */

class Service {
  async user(id: number, name = 'n'): Promise<User> {
    return { id, name };
  }
  readonly field = 5;
}
const service = new Service();
const whole = cachedMethod(service.user);
same<Same<ReturnType<typeof whole.entry>, Promise<Entry<User>>>>();
void cachedMethod(service.user).entry.call(service, 1);
const bound = cachedMethod(service, 'user');
same<Same<Parameters<typeof bound.refresh>, [id: number, name?: string | undefined]>>();
void [bound(1), bound.entry(1, 'x'), bound.stats()];
// @ts-expect-error: no such method
cachedMethod(service, 'users');
// @ts-expect-error: no function
void cachedMethod(service, 'field').entry();

/* Durations of text. */

const duration: Duration = parseDuration('5s');
const ttl: Ttl = parseTtl('never');
cache({ ttl: parseTtl('10m'), timeout: parseDuration('2s'), swr: parseDuration('1m') });
// @ts-expect-error: text must be parsed
cache({ ttl: String(duration) });
// @ts-expect-error: perhaps 'never'
cache({ swr: ttl });

/* Disposal, with a library that does not have it. */

same<Same<ReturnType<(typeof users)[typeof Symbol.asyncDispose]>, Promise<void>>>();
