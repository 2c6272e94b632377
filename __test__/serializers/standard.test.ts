import { runInNewContext } from 'node:vm';
import test from 'ava';
import { PlainDate, PlainTime, SerializationError, StandardSerializer } from '../../index.js';
import { Payloads } from '../../src/codec/payloads.js';
import { type SharedMemory, sharedMemory } from '../../src/serializers/serializer.js';
import { again, exact, standard } from './standard-values.js';

const hexOf = (value: unknown) => Buffer.from(standard.serialize(value)).toString('hex');
const memory = sharedMemory.get(standard) as SharedMemory;

test('describes itself as compressed MessagePack in an envelope, with no original type', (t) => {
  const { format, container, compressed, originalType } = standard;
  t.deepEqual(
    { format, container, compressed, originalType },
    { format: 'msgpack', container: 'envelope', compressed: true, originalType: undefined },
  );
});

for (const [name, value] of Object.entries(exact)) {
  test(`${name} are read back exactly`, (t) => t.deepEqual(again(value), value));
}

test('the sign of zero survives, as a member and as a value', (t) => {
  t.true(Object.is(again(-0), -0));
  t.true(Object.is((again([0]) as number[])[0], 0));
});

test('an own property named __proto__ is read back as an own property', (t) => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
  const read = again(value) as Record<string, unknown>;
  t.deepEqual(Object.keys(read), ['__proto__', 'a']);
  t.is(Object.getPrototypeOf(read), Object.prototype);
  t.is(({} as Record<string, unknown>).polluted, undefined);
});

test('a property that is undefined is left out, whatever that does to the header', (t) => {
  t.deepEqual(again({ a: undefined, b: 1 }), { b: 1 });
  for (const kept of [0, 15, 16, 65_535, 65_536]) {
    const value: Record<string, unknown> = { first: undefined };
    for (let i = 0; i < kept; i++) value[`k${i}`] = i;
    value.last = undefined;
    const { first: _first, last: _last, ...rest } = value;
    t.deepEqual(standard.serialize(value), standard.serialize(rest));
    t.deepEqual(again(value), rest);
  }
});

test('Buffers are read back as Uint8Arrays, and objects without a prototype as plain ones', (t) => {
  const read = again([Buffer.from('ab'), Object.assign(Object.create(null), { a: 1 })]) as [Uint8Array, object];
  t.deepEqual(read[0], Uint8Array.of(97, 98));
  t.false(Buffer.isBuffer(read[0]));
  t.is(Object.getPrototypeOf(read[1]), Object.prototype);
});

test('values from another realm are what they are here', (t) => {
  const foreign = runInNewContext("({ list: [1, { a: 'b' }], when: new Date(5), bytes: Uint8Array.of(7) })");
  t.deepEqual(again(foreign), { list: [1, { a: 'b' }], when: new Date(5), bytes: Uint8Array.of(7) });
  t.throws(() => again(runInNewContext('new (class { a = 1 })')), { instanceOf: SerializationError });
  t.throws(() => again(runInNewContext('new (class extends Array {})')), { instanceOf: SerializationError });
});

const bytes: [string, unknown, string][] = [
  [
    'a Date of whole seconds',
    new Date('2025-11-14T10:30:00Z'),
    '82ac5f5f6461746574696d655f5fc3a576616c7565b9323032352d31312d31345431303a33303a30302b30303a3030',
  ],
  [
    'a Date of milliseconds',
    new Date('2025-01-02T03:04:05.006Z'),
    '82ac5f5f6461746574696d655f5fc3a576616c7565d920323032352d30312d30325430333a30343a30352e3030363030302b30303a3030',
  ],
  ['a number that is an integer', 2, '02'],
  ['a number that is none', 1.5, 'cb3ff8000000000000'],
  ['minus zero', -0, 'cb8000000000000000'],
  ['2^33', 2 ** 33, 'cf0000000200000000'],
  ['2^60 as a number', 2 ** 60, 'cb43b0000000000000'],
  ['2^60 as a BigInt', 2n ** 60n, 'cf1000000000000000'],
  ['-2^63', -(2n ** 63n), 'd38000000000000000'],
  ['NaN', Number.NaN, 'cb7ff8000000000000'],
  ['properties in their order', { b: 1, a: [null, true] }, '82a16201a16192c0c3'],
];

for (const [name, value, expected] of bytes) {
  test(`${name} has the bytes that a peer writes`, (t) => t.is(hexOf(value), expected));
}

test('toJSON is not called', (t) => {
  let called = false;
  const value = {
    toJSON: () => {
      called = true;
      return 'json';
    },
  };
  t.throws(() => standard.serialize(value), { instanceOf: SerializationError });
  t.false(called);
});

test('what serialize returns is never overwritten, and what deserialize returns shares nothing with the payload', (t) => {
  const first = standard.serialize({ a: 'x'.repeat(100) });
  const copy = first.slice();
  for (let i = 0; i < 10; i++) standard.serialize({ b: 'y'.repeat(100) });
  t.deepEqual(first, copy);
  t.is(first.buffer.byteLength, first.byteLength);

  const payload = standard.serialize({
    bytes: new Uint8Array(64).fill(7),
    text: 'a rather long text, longer than others',
  });
  const read = standard.deserialize(payload) as { bytes: Uint8Array; text: string };
  t.not(read.bytes.buffer, payload.buffer);
  payload.fill(0);
  t.deepEqual(read.bytes, new Uint8Array(64).fill(7));
  t.is(read.text, 'a rather long text, longer than others');
});

test('a getter may serialize with the same serializer, and both values are whole', (t) => {
  const large = 'z'.repeat(3_000_000);
  let inner: Uint8Array | undefined;
  const value = {
    before: large,
    get middle() {
      inner = memory.encoder.shared({ inner: new Date(7), zero: -0 });
      return 1;
    },
    after: large,
  };
  t.deepEqual(again(value), { before: large, middle: 1, after: large });
  t.deepEqual(standard.deserialize(inner as Uint8Array), { inner: new Date(7), zero: -0 });
});

test('after an error in the middle of a value the next one is whole', (t) => {
  const fails = {
    a: 1,
    get b(): unknown {
      throw new Error('from the getter');
    },
  };
  t.throws(() => standard.serialize(fails), { instanceOf: SerializationError });
  t.throws(() => standard.serialize([1, 2, undefined]));
  t.deepEqual(again({ fine: true }), { fine: true });
});

test('shared bytes are those of serialize, until the next call', (t) => {
  const value = { a: [1, 'two'] };
  t.deepEqual(memory.encoder.shared(value).slice(), standard.serialize(value));
  const buffer = Buffer.concat([standard.serialize(value), Buffer.from('81a161', 'hex')]);
  t.deepEqual(memory.reader.read(buffer, 0, buffer.length - 3), value);
});

test('a value of several megabytes is written, read back, and its buffer is not kept', (t) => {
  const value = { text: 'x'.repeat(5_000_000), bytes: new Uint8Array(1_000_000).fill(3) };
  const shared = memory.encoder.shared(value);
  const next = memory.encoder.shared({ a: 1 });
  t.not(next.buffer, shared.buffer);
  t.true(next.buffer.byteLength < 1_000_000);
  t.deepEqual(standard.deserialize(shared), value);
});

test('a class that extends the serializer is asked for its own bytes', (t) => {
  class Upper extends StandardSerializer {
    override serialize(value: unknown): Uint8Array {
      return super.serialize(String(value).toUpperCase());
    }
    override deserialize(payload: Uint8Array): unknown {
      return `read ${super.deserialize(payload)}`;
    }
  }
  const upper = new Upper();
  const payloads = new Payloads(upper);
  const shared = payloads.encodeBorrowed('abc');
  t.is(payloads.decodeBorrowed(Buffer.from(shared), shared.length), 'read ABC');
});

test('a reviver makes what stands for dates and times, and may use the serializer meanwhile', (t) => {
  const seen: [string, string][] = [];
  const serializer: StandardSerializer = new StandardSerializer({
    reviver: (type, iso) => {
      seen.push([type, iso]);
      return serializer.deserialize(serializer.serialize({ type }));
    },
  });
  const value = {
    a: [new Date('2025-01-02T03:04:05.678Z'), new PlainDate('2025-01-02')],
    b: new PlainTime('10:30:00'),
  };
  t.deepEqual(again(value, serializer), { a: [{ type: 'datetime' }, { type: 'date' }], b: { type: 'time' } });
  t.deepEqual(seen, [
    ['datetime', '2025-01-02T03:04:05.678000+00:00'],
    ['date', '2025-01-02'],
    ['time', '10:30:00'],
  ]);
});
