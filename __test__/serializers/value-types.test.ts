import { readFileSync } from 'node:fs';
import { Temporal } from '@js-temporal/polyfill';
import test from 'ava';
import * as bson from 'bson';
import * as decimals from 'decimal.js';
import esbuild from 'esbuild';
import * as luxon from 'luxon';
import {
  ConfigurationError,
  cache,
  createCache,
  JsonSerializer,
  MemoryBackend,
  SerializationError,
  StandardSerializer,
  type ValueType,
} from '../../index.js';
import { masterKey } from '../cache/map-backend.js';

/** The types of docs/values.md, as they stand there. */
function documented(): ValueType[] {
  const blocks = [
    ...readFileSync('docs/values.md', 'utf8').matchAll(
      /```ts\nimport \{ \w+ \} from '[^']+';\n\n(const (\w+): [\s\S]*?)```/g,
    ),
  ];
  const code = blocks.map(([, block]) => block).join('\n');
  const names = blocks.map(([, , name]) => name);
  const { code: script } = esbuild.transformSync(`${code}\nreturnTypes([${names}]);`, { loader: 'ts' });
  let types: ValueType[] = [];
  new Function('ObjectId', 'Decimal', 'DateTime', 'Temporal', 'returnTypes', script)(
    bson.ObjectId,
    decimals.Decimal,
    luxon.DateTime,
    Temporal,
    (all: ValueType[]) => {
      types = all;
    },
  );
  return types;
}

class Money {
  constructor(
    readonly cents: number,
    readonly of?: unknown,
  ) {}
}

const money: ValueType<Money> = {
  name: 'Money/1',
  is: (value) => value instanceof Money,
  encode: ({ cents, of }) => [cents, of ?? null],
  decode: (parts) => {
    const [cents, of] = parts as [number, unknown];
    if (typeof cents !== 'number') throw new TypeError('secret');
    return new Money(cents, of ?? undefined);
  },
};

test('the types of docs/values.md carry values of the real packages', async (t) => {
  const types = documented();
  t.is(types.length, 4);
  const value = {
    id: new bson.ObjectId(),
    price: new decimals.Decimal('0.1').plus('1e-30'),
    at: luxon.DateTime.fromISO('2026-03-29T01:30:00.123', { zone: 'Europe/Berlin', locale: 'de' }),
    zoned: Temporal.ZonedDateTime.from('2026-03-29T03:30:00.123456789+02:00[Europe/Berlin]'),
    list: [new Map([['k', new bson.ObjectId()]]), new Set([1n]), null],
  };
  for (const backend of [null, new MemoryBackend()]) {
    const users = createCache({ namespace: 'n', backend, masterKey, types });
    await users.set('k', value);
    const read = (await users.get<typeof value>('k')) as typeof value;
    t.true(read.id.equals(value.id) && read.id instanceof bson.ObjectId);
    t.true(read.price.equals(value.price));
    t.true(read.at.equals(value.at));
    t.true(read.zoned.equals(value.zoned));
    t.is(
      `${(read.list[0] as Map<string, bson.ObjectId>).get('k')}`,
      `${(value.list[0] as Map<string, bson.ObjectId>).get('k')}`,
    );
    const fn = users.wrap({ operation: 'o' })(async (id: string) => new decimals.Decimal(id));
    await fn('1.5');
    t.true((await fn('1.5')) instanceof decimals.Decimal);
  }
});

test('own types lie in one another, and the first that says so writes a value', (t) => {
  const second: ValueType<Money> = {
    ...money,
    name: 'Money/2',
    encode: ({ cents, of }) => ({ cents, of: of ?? null }),
    decode: (parts) => new Money((parts as Money).cents, (parts as Money).of ?? undefined),
  };
  const before = new StandardSerializer({ types: [money] });
  const after = new StandardSerializer({ types: [second, money] });
  const value = [new Money(1, new Money(2, new Map([[1, new Money(3)]]))), new Money(4)];
  t.deepEqual(before.deserialize(before.serialize(value)), value);
  t.deepEqual(after.deserialize(before.serialize(value)), value);
  t.deepEqual(after.deserialize(after.serialize(value)), value);
  t.throws(() => before.deserialize(after.serialize(value)), {
    instanceOf: SerializationError,
    message: /not among types/,
  });
  // A decoder may read another value meanwhile.
  const nested: ValueType<Money> = {
    ...money,
    decode: (parts) => new Money((parts as number[])[0] as number, before.deserialize(before.serialize(1))),
  };
  const reader = new StandardSerializer({ types: [nested] });
  t.deepEqual(reader.deserialize(before.serialize([new Money(1), new Money(2)])), [new Money(1, 1), new Money(2, 1)]);
});

test('what is no value of a type is refused, without a word of it', async (t) => {
  const types = [money];
  const serializer = new StandardSerializer({ types });
  const refused = (value: unknown, more = types as ValueType[]) =>
    t.throws(() => new StandardSerializer({ types: more }).serialize(value), { instanceOf: SerializationError });
  const throwing = () => {
    throw new Error('secret');
  };
  refused(new Date(Number.NaN));
  refused(new URL('http://localhost'));
  for (const broken of [
    { ...money, is: throwing },
    { ...money, encode: throwing },
    { ...money, encode: () => undefined },
  ]) {
    t.notRegex(`${refused(new Money(1), [broken])?.stack}`, /secret/);
  }
  const cyclic = new Money(1, []);
  (cyclic.of as unknown[]).push(cyclic);
  refused(cyclic);
  const good = serializer.serialize(new Money(1));
  for (let i = 0; i < good.length; i++) {
    for (const change of [1, 0x80, 0xff]) {
      const altered = good.slice();
      altered[i] = (altered[i] as number) ^ change;
      try {
        serializer.deserialize(altered);
      } catch (error) {
        t.true(error instanceof SerializationError);
        t.notRegex(`${(error as Error).stack}`, /secret/);
      }
    }
    t.throws(() => serializer.deserialize(good.slice(0, i)), { instanceOf: SerializationError });
  }
  // Names of Object.prototype choose no decoder.
  const named = (name: string) => new StandardSerializer({ types: [{ ...money, name }] }).serialize(new Money(1));
  for (const name of ['constructor/1', '__proto__/1', 'toString/1']) {
    t.throws(() => serializer.deserialize(named(name)), { instanceOf: SerializationError, message: /not among/ });
  }
  for (const payload of [serializer.serialize([new Money(1)]), new StandardSerializer().serialize([1])]) {
    t.notThrows(() => serializer.deserialize(payload));
  }
  t.throws(() => new StandardSerializer({ types: 'node' }).deserialize(good), { instanceOf: SerializationError });
  t.throws(() => new StandardSerializer().deserialize(good), { instanceOf: SerializationError });
  // In a cache it is a miss that is counted, and stays.
  const backend = new MemoryBackend();
  await createCache({ namespace: 'n', backend, types }).set('k', new Money(1));
  const without = createCache({ namespace: 'n', backend, onError: () => {} });
  t.is(await without.get('k'), undefined);
  t.is(without.stats().unreadableValues, 1);
  t.deepEqual(await createCache({ namespace: 'n', backend, types }).get('k'), new Money(1));
});

test('types that are none are refused', (t) => {
  for (const wrong of [
    [1],
    [{}],
    [{ ...money, name: 'Money' }],
    [{ ...money, name: 'Mo ney/1' }],
    [{ ...money, is: 1 }],
    [{ ...money, decode: undefined }],
    [{ ...money, extra: 1 }],
    [money, money],
    1,
    {},
  ]) {
    t.throws(() => new StandardSerializer({ types: wrong as never }), { instanceOf: Error });
    t.throws(() => cache({ types: wrong as never }), { instanceOf: Error });
  }
  t.throws(() => cache({ types: 'node', serializer: new JsonSerializer() }), { instanceOf: ConfigurationError });
  t.throws(() => cache({ types: [money], wire: 'interop' }), { instanceOf: ConfigurationError });
  t.notThrows(() => cache({ types: 'node' }));
});
