import { Encoder } from '@msgpack/msgpack';
import test from 'ava';
import { SerializationError, StandardSerializer } from '../../index.js';
import { notBytes, notObject, sentinel } from '../support/wrong-values.js';
import { again, standard } from './standard-values.js';
import { nested, nestedObjects, secret, symbolKeyed, unsupported } from './values.js';

for (const { name, value } of unsupported()) {
  test(`${name} is refused, also inside other values, and without its content`, (t) => {
    for (const make of [
      () => value,
      () => [value],
      () => ({ a: [value] }),
      () => ({ a: value === undefined ? [value] : value }),
    ]) {
      const error = t.throws(() => standard.serialize(make()), {
        instanceOf: SerializationError,
        code: 'ERR_SERIALIZATION',
      });
      t.false(error.message.includes(secret) || String(error.stack).includes(secret));
      t.is(error.cause, undefined);
    }
  });
}

const onlyStandard: Record<string, unknown> = {
  'a small BigInt': 1n,
  'a BigInt of 2^53 − 1': 2n ** 53n - 1n,
  'a BigInt of −(2^53 − 1)': -(2n ** 53n) + 1n,
  'a BigInt of 2^64': 2n ** 64n,
  'a BigInt below −2^63': -(2n ** 63n) - 1n,
  'an invalid Date': new Date(Number.NaN),
  'a Date in the year 0': new Date('0000-12-31T23:59:59.999Z'),
  'a Date in the year 10000': new Date('+010000-01-01T00:00:00Z'),
  'a map that looks like a date': { __datetime__: true, value: '2025-01-02T03:04:05Z' },
  'a map that a peer would try to read as a date': { value: 1, __date__: 'yes' },
  'a map that looks like a time once undefined is left out': { __time__: true, x: undefined, value: '10:30:00' },
  '1,025 levels': nested(1025),
  '1,025 levels of objects': nestedObjects(1025),
};

for (const [name, value] of Object.entries(onlyStandard)) {
  test(`${name} is refused`, (t) => {
    t.throws(() => standard.serialize(value), { instanceOf: SerializationError });
    t.throws(() => standard.serialize([value]), { instanceOf: SerializationError });
  });
}

test('what looks like a cyclic or endless value is refused, not followed to the end of the stack', (t) => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = [cyclic, cyclic];
  t.throws(() => standard.serialize(cyclic), { message: 'A cyclic value cannot be serialized (at .self[0])' });
  t.throws(() => standard.serialize(nested(100_000)), { message: /nested deeper than 1024 levels/ });
});

test('a caller that is deep in its own stack is refused, rather than failing with an error of the engine', (t) => {
  const value = nested(1000);
  const payload = standard.serialize(value);
  for (const call of [() => standard.serialize(value), () => standard.deserialize(payload)]) {
    const seen = new Set<string>();
    // Calls itself to the end of the stack, and from there back until there is enough of it.
    const descend = (): unknown => {
      try {
        return descend();
      } catch {
        try {
          return call();
        } catch (error) {
          seen.add((error as Error).name);
          throw error;
        }
      }
    };
    t.truthy(descend());
    t.true(seen.has('SerializationError'), [...seen].join());
  }
  t.deepEqual(standard.deserialize(payload), value);
});

test('a symbol as a property is refused, and one that is not enumerable is not part of the value', (t) => {
  t.throws(() => standard.serialize(symbolKeyed()), { instanceOf: SerializationError });
  const hidden = Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 2 });
  t.deepEqual(again(hidden), { a: 1 });
});

test('each property is read once, so that what was checked is what is written', (t) => {
  let reads = 0;
  const value = {
    get fickle() {
      reads++;
      return reads === 1 ? 'fine' : () => 'not fine';
    },
  };
  t.deepEqual(standard.deserialize(standard.serialize(value)), { fickle: 'fine' });
  t.is(reads, 1);
});

test('the parts of the library that are overridden are there', (t) => {
  const parts = new Encoder() as unknown as Record<string, unknown>;
  const methods = [
    'encodeSharedRef',
    'clone',
    'doEncode',
    'encodeNil',
    'encodeBoolean',
    'encodeNumber',
    'encodeNumberAsFloat',
    'encodeBigInt64',
    'encodeString',
    'encodeBinary',
    'writeStringHeader',
    'writeU8',
    'writeU16',
    'writeU32',
    'ensureBufferSizeToWrite',
    'resizeBuffer',
  ];
  for (const method of methods) t.is(typeof parts[method], 'function', method);
  t.is(parts.pos, 0);
  t.false(parts.entered as boolean);
  t.true(parts.bytes instanceof Uint8Array && parts.view instanceof DataView);
});

test('wrong arguments are a TypeError or a RangeError, without their content', (t) => {
  for (const { name, value } of notBytes()) {
    const error = t.throws(() => standard.deserialize(value as Uint8Array), { instanceOf: TypeError }, name);
    t.false(error.message.includes(sentinel));
  }
  for (const { name, value } of notObject()) {
    t.throws(() => new StandardSerializer(value as object), { instanceOf: TypeError }, name);
  }
  for (const types of ['Node', '', sentinel]) {
    const error = t.throws(() => new StandardSerializer({ types: types as 'node' }), { instanceOf: RangeError });
    t.false(error.message.includes(sentinel));
  }
  for (const types of [null, 1, {}, ['node']]) {
    t.throws(() => new StandardSerializer({ types: types as unknown as 'node' }), { instanceOf: TypeError });
  }
  for (const reviver of [null, 'iso', {}]) {
    t.throws(() => new StandardSerializer({ reviver: reviver as never }), { instanceOf: TypeError });
  }
});
