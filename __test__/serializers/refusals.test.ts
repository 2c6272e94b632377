import { runInNewContext } from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import {
  InteropSerializer,
  JsonSerializer,
  SerializationError,
  type Serializer,
  StandardSerializer,
  ValueTooLargeError,
} from '../../index.js';
import { encodeInteropArgs } from '../../src/protocol/index.js';
import { assertEqual, holds } from '../support/properties.js';
import { secret } from './values.js';

const node = new StandardSerializer({ types: 'node' });
const serializers: Record<string, Serializer> = {
  standard: new StandardSerializer(),
  node,
  json: new JsonSerializer(),
  interop: new InteropSerializer(),
};
const withPositions: Serializer[] = [
  new StandardSerializer({ errorPaths: 'positions' }),
  new StandardSerializer({ types: 'node', errorPaths: 'positions' }),
  new JsonSerializer({ errorPaths: 'positions' }),
  new InteropSerializer({ errorPaths: 'positions' }),
];

/** That every serializer refuses the value, and the arguments do, with these words and this path. */
function refusedByAll(t: import('ava').ExecutionContext, value: unknown, words: RegExp, path: string): void {
  for (const [name, serializer] of Object.entries(serializers)) {
    const error = t.throws(() => serializer.serialize(value), { instanceOf: SerializationError, message: words }, name);
    t.true(error.message.endsWith(` (at ${path})`), `${name}: ${error.message}`);
    t.is(error.cause, undefined);
    t.false(error.message.includes(secret));
  }
  const error = t.throws(() => encodeInteropArgs([0, value]), { instanceOf: TypeError, message: words });
  t.true(error.message.includes(` (arguments[1]${path})`), error.message);
  t.regex(error.message, /`key`/);
  t.false(error.message.includes(secret));
}

test('an error says where, by positions and by names that are identifiers of at most 40 characters', (t) => {
  const long = 'x'.repeat(41);
  refusedByAll(t, [1, 2, 3, { customer: () => 1 }], /function/, '[3].customer');
  refusedByAll(t, { a: { b: [[Symbol(secret)]] } }, /symbol/, '.a.b[0][0]');
  refusedByAll(t, { z: 1, 'a b': { größe: [() => 1] } }, /function/, '{1}.größe[0]');
  refusedByAll(t, { [long]: { [long.slice(1)]: () => 1 } }, /function/, `{0}.${long.slice(1)}`);
  refusedByAll(t, { '4111-1111': 1, 'ada@example.com': [() => 1] }, /function/, '{1}[0]');
  refusedByAll(t, { a: [`${secret}\ud800`] }, /lone surrogate/, '.a[0]');
  refusedByAll(t, { a: { [`${secret}\ud800`]: 1 } }, /lone surrogate/, '.a{0}');
  refusedByAll(t, { a: [1].concat(Array(2), [3]) }, /holes/, '.a[1]');
  refusedByAll(t, { left: undefined, z: 2, a: [new WeakMap()] }, /class/, '.a[0]');
});

test("errorPaths: 'positions' leaves all names out", (t) => {
  for (const serializer of withPositions) {
    t.throws(() => serializer.serialize([{ ok: 1, customer: { x: () => 1 } }]), { message: /\(at \[0\]\{1\}\{0\}\)$/ });
  }
});

test('a Map and a Set are told by the positions of their entries', (t) => {
  const at = (value: unknown, path: string) => {
    const error = t.throws(() => node.serialize(value), { instanceOf: SerializationError });
    t.true(error.message.endsWith(` (at ${path})`), error.message);
  };
  at({ m: new Map<unknown, unknown>([['secret', 1], ['key', { x: () => 1 }]]) }, '.m{1}.x'); // biome-ignore format: short.
  at(new Map<unknown, unknown>([[1, 1], [() => 1, 1]]), '{1}'); // biome-ignore format: short.
  at(new Set([1, 2, [Symbol('x')]]), '{2}[0]');
  const error = t.throws(() => encodeInteropArgs([new Set([1, { a: () => 1 }])]), { instanceOf: TypeError });
  t.regex(error.message, /\(arguments\[0\]\{1\}\.a\)/);
});

test('a value refused as a whole has no path, and a deep one a path that is shortened', (t) => {
  t.throws(() => serializers.standard.serialize(() => 1), { message: 'A function cannot be serialized' });
  let deep: unknown = () => 1;
  for (let i = 0; i < 1000; i++) deep = [deep];
  const error = t.throws(() => serializers.standard.serialize(deep), { instanceOf: SerializationError });
  t.true(error.message.length < 200);
  t.regex(error.message, /\[0\]…\[0\]/);
});

test('the path leads to what is refused, wherever it is', async (t) => {
  const key = fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme-ascii' }).filter((name) => name !== '__proto__');
  const steps = fc.array(fc.oneof(fc.nat(5), key), { minLength: 1, maxLength: 12 });
  await holds(
    t,
    fc.property(steps, fc.nat(3), (path, before) => {
      let value: unknown = () => 1;
      let expected = '';
      for (const step of path.toReversed()) {
        if (typeof step === 'number') {
          value = [...Array(step).fill(0), value];
          expected = `[${step}]${expected}`;
        } else {
          const others = Array.from({ length: before }, (_, i) => [`~${i}`, i] as const);
          value = Object.fromEntries([...others, [step, value]]);
          const position = Object.keys(value as object).indexOf(step);
          expected = (/^[A-Za-z_$][\w$]{0,39}$/.test(step) ? `.${step}` : `{${position}}`) + expected;
        }
      }
      refusedByAll(t, value, /function/, expected);
    }),
    200,
  );
});

test('a cycle is refused as one, where it closes first', (t) => {
  const page: { title: string; children: unknown[]; self?: unknown } = { title: 'x', children: [] };
  page.children.push({ parent: page });
  refusedByAll(t, page, /cyclic/, '.children[0].parent');
  const own: unknown[] = [1];
  own.push(own);
  refusedByAll(t, own, /cyclic/, '[1]');
  refusedByAll(t, { a: [own] }, /cyclic/, '.a[0][1]');
  const map = new Map<unknown, unknown>();
  map.set('k', [1, map]);
  t.throws(() => node.serialize(map), { message: 'A cyclic value cannot be serialized (at {0}[1])' });
  const set = new Set<unknown>();
  set.add({ set });
  t.throws(() => node.serialize([set]), { message: 'A cyclic value cannot be serialized (at [0]{0}.set)' });
  t.throws(() => encodeInteropArgs([set]), { message: /cyclic .*\(arguments\[0\]\{0\}\.set\)/ });
  const args: unknown[] = [];
  args.push(args);
  t.throws(() => encodeInteropArgs(args), { message: /cyclic .*\(arguments\[0\]\)/ });
});

test('a cycle of any length at any depth is refused as one, and the values after it are whole', (t) => {
  for (const before of [0, 1, 2, 3, 14, 15, 16, 17, 100, 900]) {
    for (const length of [1, 2, 3, 4, 5, 6, 15, 16, 17, 30, 100]) {
      const first: unknown[] = [];
      let last = first;
      for (let i = 1; i < length; i++) {
        const next: unknown[] = [];
        last.push(next);
        last = next;
      }
      last.push(first);
      let value: unknown = first;
      for (let i = 0; i < before; i++) value = [value];
      for (const serializer of Object.values(serializers)) {
        t.throws(() => serializer.serialize(value), { message: /cyclic/ }, `${length} in ${before}`);
        t.deepEqual(serializer.deserialize(serializer.serialize([[[1]]])), [[[1]]]);
      }
      t.throws(() => encodeInteropArgs([value]), { message: /cyclic/ });
    }
  }
});

test('what stands before a cycle is not written again and again', (t) => {
  // 100 MB: written a few times it is over the limit of 512 MiB, and refused as too large.
  const page: Record<string, unknown> = { title: 'x'.repeat(1e8), list: [] };
  (page.list as unknown[]).push({ parent: page });
  for (const serializer of Object.values(serializers)) {
    t.throws(() => serializer.serialize(page), { message: /cyclic/ });
  }
});

test('what is shared without a cycle is written each time', (t) => {
  const shared = { a: [1] };
  const value = [shared, shared, { x: shared, y: [shared, [shared]] }];
  for (const serializer of Object.values(serializers)) {
    t.deepEqual(serializer.deserialize(serializer.serialize(value)), value);
  }
  t.notThrows(() => encodeInteropArgs([shared, value]));
});

test('what has the same parts again and again without end is refused as too large', (t) => {
  let value: unknown = [1];
  for (let i = 0; i < 64; i++) value = [value, value];
  t.throws(() => serializers.standard.serialize(value), {
    instanceOf: ValueTooLargeError,
    message: /arrays and objects/,
  });
  t.throws(() => encodeInteropArgs([value]), { instanceOf: ValueTooLargeError });
});

function revoked(target: object = {}): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const fail = (): never => {
  throw new TypeError(secret);
};
/** Tells its names once, and no more when one was read. */
function onceReadable(): object {
  let told = false;
  return new Proxy(
    { a: 1 },
    {
      ownKeys: (target) => (told ? fail() : Reflect.ownKeys(target)),
      get: () => {
        told = true;
        return fail();
      },
    },
  );
}
const traps = ['getPrototypeOf', 'ownKeys', 'get', 'getOwnPropertyDescriptor'] as const;

test('what throws when it is read is refused, and nothing of what it threw is told', (t) => {
  for (const value of [
    revoked(),
    revoked([]),
    { get a() { return fail(); } }, // biome-ignore format: short.
    Object.defineProperty([1], 0, { enumerable: true, get: fail }),
    new Proxy([1], { get: fail }),
    ...traps.map((trap) => new Proxy({ a: 1 }, { [trap]: fail })),
    new Proxy({ a: 1 }, { get: () => { throw undefined; } }), // biome-ignore format: short.
    new Proxy({ a: 1 }, { get: () => { throw new SerializationError(secret); } }), // biome-ignore format: short.
    new Proxy({ a: 1 }, { get: () => serializers.standard.serialize({ [secret]: () => secret }) }),
    new Proxy({ a: 1 }, { get: () => { throw revoked(); } }), // biome-ignore format: short.
    new Proxy({ a: 1 }, { get: () => { throw Object.defineProperty(new RangeError(), 'message', { get: fail }); } }), // biome-ignore format: short.
    onceReadable(),
    new Proxy(new Map([[1, 2]]), {}),
    new Proxy(new Set([1]), {}),
    new Proxy(new Date(0), {}),
    new Proxy(new Uint8Array(1), {}),
    new Proxy(new Float64Array(1), {}),
  ]) {
    for (const [name, serializer] of Object.entries(serializers)) {
      for (const whole of [value, [value], { a: { value } }]) {
        const error = t.throws(() => serializer.serialize(whole), { instanceOf: SerializationError }, name);
        t.false(`${error.message}${error.stack}`.includes(secret));
        t.is(error.cause, undefined);
      }
      t.deepEqual(serializer.deserialize(serializer.serialize([{ fine: true }])), [{ fine: true }]);
    }
    const error = t.throws(() => encodeInteropArgs([value]), { instanceOf: TypeError, message: /`key`/ });
    t.false(error.message.includes(secret));
  }
});

test('a proxy that lies about its length writes no other value', (t) => {
  for (const length of [-1, 1.5, 2.5, Number.NaN, '2', 2 ** 32, null]) {
    const get = (target: unknown[], name: string) => (name === 'length' ? length : (Reflect.get(target, name) ?? 3));
    const value = new Proxy([1, 2], { get: get as never });
    for (const serializer of Object.values(serializers)) {
      t.throws(() => serializer.serialize([value]), { instanceOf: SerializationError }, String(length));
    }
    t.throws(() => encodeInteropArgs([value]), { instanceOf: TypeError }, String(length));
  }
});

test('a tag, a length or a method of its own does not say what a value is', (t) => {
  const own = (value: object, name: string | symbol, descriptor: PropertyDescriptor) =>
    Object.defineProperty(value, name, descriptor);
  const { standard, interop } = serializers as { standard: Serializer; interop: Serializer };
  for (const tag of [{ value: 'Map' }, { get: fail }]) {
    const floats = own(Float64Array.of(1), Symbol.toStringTag, tag) as Float64Array;
    t.deepEqual(node.deserialize(node.serialize(floats)), Float64Array.of(1));
    t.throws(() => standard.serialize(floats), { message: /^A Float64Array cannot/ });
    t.deepEqual(standard.deserialize(standard.serialize(own({ a: 1 }, Symbol.toStringTag, tag))), { a: 1 });
  }
  for (const name of ['length', 'byteLength']) {
    for (const value of [1000, 0, Number.NaN, 3]) {
      const bytes = own(Uint8Array.of(1, 2, 3), name, { value });
      for (const serializer of [standard, node, interop]) {
        t.deepEqual(serializer.deserialize(serializer.serialize(bytes)), Uint8Array.of(1, 2, 3));
      }
      t.deepEqual(encodeInteropArgs([bytes]), encodeInteropArgs([Uint8Array.of(1, 2, 3)]));
      const floats = own(Float64Array.of(1, 2), name, { value });
      t.deepEqual(node.deserialize(node.serialize(floats)), Float64Array.of(1, 2));
    }
  }
  const map = own(new Map([[1, 2]]), Symbol.iterator, { value: fail });
  t.deepEqual(node.deserialize(node.serialize(map)), new Map([[1, 2]]));
  const date = own(new Date(5000), 'getTime', { value: fail });
  t.deepEqual(encodeInteropArgs([date]), encodeInteropArgs([new Date(5000)]));
  t.deepEqual(standard.deserialize(standard.serialize(date)), new Date(5000));
});

const makers: Record<string, () => object> = {
  Date: () => new Date(0),
  Map: () => new Map([[1, 2]]),
  Set: () => new Set([1]),
  Float64Array: () => Float64Array.of(1, 2),
  'long Float64Array': () => new Float64Array(1000),
  'empty Float64Array': () => new Float64Array(),
  array: () => [1],
  'empty array': () => [],
  'long array': () => Array(1000).fill(1),
  'Date of another realm': () => runInNewContext('new Date(0)'),
  'Map of another realm': () => runInNewContext('new Map()'),
  'long Float64Array of another realm': () => runInNewContext('new Float64Array(1000)'),
  'long array of another realm': () => runInNewContext('Array(1000).fill(1)'),
};

for (const [name, make] of Object.entries(makers)) {
  test(`a property of its own of a ${name} is refused, and one that is not enumerable is not part of the value`, (t) => {
    for (const property of ['tz', Symbol('tz'), 'length ']) {
      for (const serializer of Object.values(serializers)) {
        const value = Object.assign(make(), { [property]: secret });
        const error = t.throws(() => serializer.serialize({ value }), { instanceOf: SerializationError });
        t.false(error.message.includes(secret));
      }
      t.throws(() => encodeInteropArgs([Object.assign(make(), { [property]: secret })]), { instanceOf: TypeError });
    }
    const hidden = Object.defineProperty(make(), 'hidden', { value: 1 });
    t.deepEqual(node.serialize({ value: hidden }), node.serialize({ value: make() }));
  });
}

test("undefined in a list is carried by types: 'node', and refused elsewhere with the way out", (t) => {
  for (const value of [
    [undefined],
    [1, undefined, null, [undefined]],
    new Map<unknown, unknown>([['a', undefined], [undefined, 1]]), // biome-ignore format: short.
    new Set([undefined, null]),
    { list: Array(100).fill(undefined) },
  ]) {
    t.deepEqual(node.deserialize(node.serialize(value)), value);
  }
  t.is(Buffer.from(node.serialize([1, undefined])).toString('hex'), '9201c70005');
  t.deepEqual(node.deserialize(node.serialize({ a: undefined, b: 1 })), { b: 1 });
  t.throws(() => node.serialize(undefined), { message: 'Undefined cannot be serialized' });
  for (const name of ['standard', 'json', 'interop'] as const) {
    const error = t.throws(() => serializers[name]?.serialize({ a: [1, undefined] }), {
      instanceOf: SerializationError,
    });
    t.regex(error.message, /types: 'node'.*null.*\(at \.a\[1\]\)$/);
  }
  t.throws(() => serializers.standard?.deserialize(Buffer.from('9201c70005', 'hex')), { message: /types: 'node'/ });
  t.throws(() => node.deserialize(Buffer.from('9201c7010500', 'hex')), { instanceOf: SerializationError });
});

test('lists with undefined are read back exactly, whatever else is in them', async (t) => {
  const leaf = fc.oneof(fc.constant(undefined), fc.constant(null), fc.integer(), fc.string({ unit: 'grapheme' }));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.array(tie('value')).map((elements) => new Set(elements)),
      fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
    ),
  }));
  await holds(
    t,
    fc.property(value, (any) => assertEqual(node.deserialize(node.serialize([any])), [any])),
    300,
  );
});

test('wrong errorPaths are a TypeError or a RangeError', (t) => {
  for (const Class of [StandardSerializer, JsonSerializer, InteropSerializer]) {
    t.throws(() => new Class({ errorPaths: 1 as never }), { instanceOf: TypeError });
    t.throws(() => new Class({ errorPaths: 'none' as never }), { instanceOf: RangeError });
    t.throws(() => new Class(null as never), { instanceOf: TypeError });
  }
});

test('the exports of a module are plain values', async (t) => {
  const exported = await import(`data:text/javascript,export const a = 1; export const b = [2, 'c'];` as string);
  const serializer = new StandardSerializer();
  t.deepEqual(serializer.deserialize(serializer.serialize(exported)), { ...exported });
});

test('a property that the traps of a proxy add to an array is refused, however long it is', (t) => {
  for (const length of [3, 1000]) {
    const value = new Proxy(new Array(length).fill(1), {
      ownKeys: (target) => [...Reflect.ownKeys(target), 'extra'],
      getOwnPropertyDescriptor: (target, name) =>
        name === 'extra'
          ? { value: 1, enumerable: true, configurable: true }
          : Reflect.getOwnPropertyDescriptor(target, name),
    });
    for (const serializer of Object.values(serializers)) {
      t.throws(() => serializer.serialize(value), { instanceOf: SerializationError });
    }
    t.throws(() => encodeInteropArgs([value]), { instanceOf: TypeError, message: /beside its elements/ });
  }
});
