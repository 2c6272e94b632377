import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  type CacheOptions,
  ConfigurationError,
  cache,
  createCache,
  EncryptionWrapper,
  JsonSerializer,
  type Serializer,
  StandardSerializer,
} from '../../index.js';
import type { EntryRef } from '../../src/cache/engine/entry-ref.js';
import { FailedLoads } from '../../src/cache/engine/failed-loads.js';
import { MISS } from '../../src/cache/engine/first-tier.js';
import { L1 } from '../../src/cache/engine/l1.js';
import { SingleFlight } from '../../src/cache/engine/single-flight.js';
import { ValueL1 } from '../../src/cache/engine/value-l1.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';
import { HashedKeys } from '../../src/protocol/cache-key.js';
import { now } from '../../src/util/clock.js';
import { holds } from '../support/properties.js';
import { MapBackend, masterKey, otherKey, settle } from './map-backend.js';

type Call = () => Promise<string>;

/** Two callers who must not meet: in turns, at the same time, and again when both have stored something. */
async function apart(t: ExecutionContext, what: string, one: Call, two: Call): Promise<void> {
  t.deepEqual(await Promise.all([one(), two()]), ['one', 'two'], `${what}: at the same time`);
  t.deepEqual([await one(), await two(), await one(), await two()], ['one', 'two', 'one', 'two'], `${what}: in turns`);
}

const own = (format: string, container?: Serializer['container']): Serializer => ({
  format,
  container,
  serialize: (value) => Buffer.from(`${format}:${String(value)}`),
  deserialize: (payload) =>
    Buffer.from(payload)
      .toString()
      .slice(format.length + 1),
});

const hash = new HashedKeys('', '').keyOf([1]);
const base = { namespace: 'n', operation: 'o' };
const pairs: [what: string, one: CacheOptions<[number]>, two: CacheOptions<[number]>][] = [
  ['operations', base, { ...base, operation: 'p' }],
  ['namespaces', base, { ...base, namespace: 'm' }],
  ['names that differ in case', base, { ...base, operation: 'O' }],
  ['names exchanged', { namespace: 'a', operation: 'b' }, { namespace: 'b', operation: 'a' }],
  ['a colon in the operation', { namespace: 'a', operation: 'b:c' }, { namespace: 'a', operation: 'b' }],
  ['a whole key in the operation', base, { ...base, operation: `o:args:${hash}:1s` }],
  ['another part of a key in it', { namespace: 'a', operation: 'func:b' }, { namespace: 'a', operation: 'b' }],
  [
    'long names with the same beginning',
    { ...base, operation: 'x'.repeat(300) },
    { ...base, operation: 'x'.repeat(301) },
  ],
  ['serializers', base, { ...base, serializer: new JsonSerializer() }],
  ['own serializers in envelopes', { ...base, serializer: own('a') }, { ...base, serializer: own('b') }],
  [
    'own serializers with long formats',
    { ...base, serializer: own('a'.repeat(40)) },
    { ...base, serializer: own('b'.repeat(40)) },
  ],
  [
    'own formats of which one ends like the other',
    { ...base, serializer: own('a') },
    { ...base, serializer: own('aa') },
  ],
  ['an own serializer that calls itself msgpack', base, { ...base, serializer: own('msgpack') }],
  ['plain and secure', base, { ...base, masterKey }],
  ['master keys', { ...base, masterKey }, { ...base, masterKey: otherKey }],
  ['fixed tenants, secure', { ...base, masterKey, tenantId: 'a' }, { ...base, masterKey, tenantId: 'b' }],
  ['fixed tenants, plain', { ...base, tenantId: 'a' }, { ...base, tenantId: 'b' }],
  ['a fixed tenant and none, plain', base, { ...base, tenantId: 'default' }],
  [
    'wrappers of two serializers',
    { ...base, serializer: wrapper() },
    { ...base, serializer: wrapper(new JsonSerializer()) },
  ],
  ['wires', base, { ...base, wire: 'interop' }],
  ['secure, by wire', { ...base, masterKey }, { ...base, masterKey, wire: 'interop' }],
  ['per-call tenants', { ...base, tenant: () => 'a' }, { ...base, tenant: () => 'b' }],
  ['per-call tenants, secure', { ...base, masterKey, tenant: () => 'a' }, { ...base, masterKey, tenant: () => 'b' }],
  ['a per-call tenant and none', base, { ...base, tenant: () => 'default' }],
  ['tenant and key that join alike', byKey('a', 'b:c'), byKey('a:b', 'c')],
  ['tenant and key that join alike, secure', { ...byKey('a', 'b:c'), masterKey }, { ...byKey('a:b', 'c'), masterKey }],
  ['an empty-looking tenant', byKey(' ', 'k'), byKey('  ', 'k')],
];

function wrapper(serializer?: Serializer): EncryptionWrapper {
  return new EncryptionWrapper({ masterKey, serializer });
}

function byKey(tenantId: string, cacheKey: string): CacheOptions<[number]> {
  return { namespace: 'n', key: () => cacheKey, tenant: () => tenantId };
}

for (const [what, one, two] of pairs) {
  for (const l1 of [true, false]) {
    test(`${what} stay apart in one backend ${l1 ? 'with' : 'without'} L1`, async (t) => {
      const backend = new MapBackend();
      const a = cache({ ...one, backend, l1 })((_id: number) => settle().then(() => 'one'));
      const b = cache({ ...two, backend, l1 })((_id: number) => settle().then(() => 'two'));
      await apart(
        t,
        what,
        () => a(1),
        () => b(1),
      );
    });
  }
}

test('two functions without a backend stay apart, whatever they are called', async (t) => {
  const make = (options: CacheOptions<[number]>) => {
    const wrap = cache(options);
    const one = wrap((_id: number) => 'one');
    const two = wrap((_id: number) => 'two');
    return apart(
      t,
      JSON.stringify(Object.keys(options)),
      () => one(1),
      () => two(1),
    );
  };
  await make({});
  await make(base);
  await make({ masterKey });
  await make({ key: () => 'the same key' });
  await make({ l1: { values: true } });
  const shared = createCache();
  const one = shared.wrap()((_id: number) => 'one');
  const two = shared.wrap()((_id: number) => 'two');
  const wrapAgain = shared.wrap();
  const three = wrapAgain((_id: number) => 'one');
  const four = wrapAgain((_id: number) => 'two');
  await apart(
    t,
    'of one cache',
    () => one(1),
    () => two(1),
  );
  await apart(
    t,
    'of one wrap',
    () => three(1),
    () => four(1),
  );
  t.is(new Set([one, two, three, four].map((fn) => fn.keyFor(1))).size, 4);
});

test('one operation is not given to two functions', (t) => {
  for (const wrap of [
    cache({ ...base, backend: new MapBackend() }),
    createCache({ backend: new MapBackend() }).wrap(base),
  ]) {
    const fn = (id: number) => id;
    wrap(fn);
    t.notThrows(() => wrap(fn));
    t.throws(() => wrap((id: number) => id), { instanceOf: ConfigurationError });
  }
  t.notThrows(() => {
    const byKey = cache({ namespace: 'n', key: (id: number) => `k${id}`, backend: new MapBackend() });
    byKey((id: number) => id);
    byKey((id: number) => id);
  });
});

test('plain and secure functions of one cache stay apart', async (t) => {
  for (const backend of [null, new MapBackend()]) {
    for (const l1 of [true, { values: true }]) {
      const entries = createCache({ backend, l1, namespace: `n${String(l1 === true)}` });
      const plain = entries.wrap({ operation: 'o' })(() => 'one');
      const secure = entries.secure({ operation: 'o', masterKey })(() => 'two');
      const other = entries.secure({ operation: 'o', masterKey: otherKey })(() => 'one');
      await apart(t, 'plain and secure', plain, secure);
      await apart(t, 'two keys', other, secure);
    }
  }
});

test('tenants of one cache stay apart', async (t) => {
  for (const options of [
    {},
    { masterKey },
    { namespace: 'n' },
    { backend: new MapBackend() },
    { backend: new MapBackend(), masterKey, l1: false },
  ]) {
    const entries = createCache(options);
    const by =
      (view: Pick<typeof entries, 'getOrSet'>, key: string, value: string): Call =>
      () =>
        view.getOrSet(key, () => value);
    await apart(t, 'tenants', by(entries.tenant('a'), 'k', 'one'), by(entries.tenant('b'), 'k', 'two'));
    await apart(t, 'joined alike', by(entries.tenant('a'), 'b:c', 'one'), by(entries.tenant('a:b'), 'c', 'two'));
    await apart(t, 'tenant and none', by(entries, 'l', 'one'), by(entries.tenant('default'), 'l', 'two'));
    await entries.tenant('a').delete('k');
    t.is(await entries.tenant('b').get('k'), 'two');
    t.deepEqual(await entries.tenant('b').getMany(['k', 'l']), ['two', undefined]);
  }
});

test('a key from outside names no entry of a tenant', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend });
  await entries.tenant('a').set('k', 'theirs');
  const theirs = `t:${createHash('sha256').update('a').digest('hex').slice(0, 16)}:k`;
  t.is(backend.only, theirs);
  for (const use of [() => entries.get(theirs), () => entries.delete(theirs), () => entries.tenant('b').get(theirs)]) {
    await t.throwsAsync(use(), { instanceOf: RangeError });
  }
  const byKey = cache({ backend, namespace: 'n', key: (key: string) => key })((_key: string) => 'mine');
  await t.throwsAsync(byKey(theirs), { instanceOf: RangeError });
  t.is(await entries.tenant('a').get('k'), 'theirs');
});

test('a key from outside names no entry of a function with a namespace', async (t) => {
  const backend = new MapBackend();
  const entries = createCache({ backend, namespace: 'n' });
  const load = entries.wrap({ operation: 'o' })((_id: number) => 'the function');
  await load(1);
  t.is(await entries.get(load.keyFor(1)), undefined);
  t.is(await entries.get(`func:o:args:${hash}:1s`), undefined);
  await entries.set('k', 1);
  t.is(entries.keyFor('k'), 'ns:n:key:k');
  t.is(await createCache({ backend, namespace: 'm' }).get('k'), undefined);
  t.is(await createCache({ backend }).get('ns:n:key:k'), 1);
});

test('calls of one function with different arguments stay apart', async (t) => {
  const list: unknown[][] = [
    [],
    [null],
    [1],
    ['1'],
    [1n + 2n ** 60n],
    [1.5],
    [true],
    [[1]],
    [[]],
    [{}],
    [{ a: 1 }],
    [{ a: '1' }],
    [{ b: 1 }],
    [1, 2],
    [[1, 2]],
    [2, 1],
    [12],
    ['a', 'b'],
    ['ab'],
    ['a,b'],
    [new Uint8Array([1])],
    [{ a: { b: 1 } }],
    [[{ a: 1 }]],
    ['null'],
    ['undefined'],
    [''],
    [' '],
  ];
  let runs = 0;
  const load = cache({})((..._args: unknown[]) => runs++);
  const first = await Promise.all(list.map((args) => load(...args)));
  t.is(new Set(first).size, list.length);
  t.deepEqual(await Promise.all(list.map((args) => load(...args))), first);
});

test('two entries never share a flight, and a change of a key reaches those of every tenant and no other key', async (t) => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('a', ':', '1', '2', '-', '\0'), maxLength: 8 }),
  );
  // Pairs that join alike are those that cut one text at two places.
  await holds(
    t,
    fc.property(text, fc.nat(12), fc.nat(12), (whole, i, j) => {
      const cut = (at: number) => [whole.slice(0, at), whole.slice(at)] as const;
      const separated = (at: number) => [whole.slice(0, at), whole.slice(at + 1)] as const;
      const pairs = [cut(i), cut(j), separated(i), separated(j)];
      const same = (one: readonly [string, string], two: readonly [string, string]) =>
        one[0] === two[0] && one[1] === two[1];
      const flights = new SingleFlight<undefined, undefined>();
      const joined = pairs.map(([tenantId, cacheKey]) => flights.join({ tenantId, cacheKey }));
      // No tenant is another identity than any tenant, whatever its cache key looks like.
      const own = pairs.map(([, cacheKey]) => flights.join({ tenantId: undefined, cacheKey }));
      if (own.some((flight) => joined.includes(flight))) return false;
      const apart = pairs.every((one, a) =>
        pairs.every(
          (two, b) => (joined[a] === joined[b]) === same(one, two) && (own[a] === own[b]) === (one[1] === two[1]),
        ),
      );
      const [, changed] = pairs[0] as readonly [string, string];
      const marks = [...joined, ...own].map((flight) => flight.begin());
      flights.invalidateKey(changed);
      const told = pairs.map(([, cacheKey]) => cacheKey === changed);
      const heard = marks.every((mark, n) => mark.mayStore() !== told[n % pairs.length]);
      for (const flight of [...joined, ...own]) flights.leave(flight);
      return apart && heard && flights.join({ tenantId: pairs[0]?.[0], cacheKey: changed }) !== joined[0];
    }),
    5000,
  );
});

test('L1 shows an entry to its own tenant only, also when stored keys are the same', (t) => {
  const settings = { ttlMs: 1000, graceMs: 0 };
  for (const l1 of [new L1(10_000, new PlainCodec(), settings), new ValueL1(10_000, settings)]) {
    const until = now() + 1000;
    const about = { until, expiresAt: until, tags: [], validity: undefined };
    t.true(l1.keep({ cacheKey: 'k', tenantId: 'a' }, new PlainCodec().serialize('secret'), 'secret', about));
    t.is(l1.hit('k', 'a'), 'secret');
    for (const other of ['b', undefined]) {
      t.is(l1.hit('k', other), MISS);
      t.is(l1.get('k', other), undefined);
    }
    t.false(l1.delete('k', 'b'));
    t.is(l1.hit('k', 'a'), 'secret');
  }
});

test('what is remembered of a failed function is of its own tenant, also when stored keys are the same', (t) => {
  const failed = new FailedLoads();
  const policy = { backoff: { firstMs: 1000, maxMs: 1000 }, errorTtlMs: 1000, graceMs: 1 } as EntryRef['policy'];
  const ref = (tenantId: string | undefined) => ({ cacheKey: 'k', tenantId, policy }) as EntryRef;
  failed.threw(ref('a'), new Error('of a'));
  t.true(failed.isBackedOff(ref('a')));
  t.not(failed.errorOf(ref('a')), undefined);
  for (const other of ['b', undefined]) {
    t.false(failed.isBackedOff(ref(other)));
    t.is(failed.errorOf(ref(other)), undefined);
  }
});

test('an own serializer and the standard one do not read each other under one key', async (t) => {
  for (const key of [{}, { masterKey }]) {
    const backend = new MapBackend();
    // Its payload is the MessagePack of the number 7.
    const seven: Serializer = { format: 'seven', serialize: () => Uint8Array.of(7), deserialize: () => 'seven' };
    await createCache({ ...key, backend, serializer: seven }).set('k', 'seven');
    t.is(await createCache({ ...key, backend }).get('k'), undefined);
    await createCache({ ...key, backend }).set('k', 7);
    t.is(await createCache({ ...key, backend, serializer: seven }).get('k'), undefined);
  }
});

test('standard serializers of two kinds exchange no value that one of them would misread', async (t) => {
  const backend = new MapBackend();
  const node = cache({ ...base, backend, serializer: new StandardSerializer({ types: 'node' }) })(
    () => new Set([1]) as unknown,
  );
  await node();
  const standard = cache({ ...base, backend })((): unknown => 'two');
  t.is(await standard(), 'two');
  t.is(standard.stats().unreadableValues, 1);
});
