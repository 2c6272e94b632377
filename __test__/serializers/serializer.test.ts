import test from 'ava';
import {
  ArrowSerializer,
  InteropSerializer,
  JsonSerializer,
  SerializationError,
  StandardSerializer,
} from '../../index.js';
import { assertSerializer } from '../../src/serializers/serializer.js';

const own = { format: 'lines', serialize: () => new Uint8Array(0), deserialize: () => undefined };

test('every serializer of this package is one, and so is any object of the shape', (t) => {
  const serializers = [
    new StandardSerializer(),
    new JsonSerializer(),
    new InteropSerializer(),
    new ArrowSerializer(),
    own,
    { ...own, container: 'none', compressed: true, originalType: 'lines' },
    { ...own, format: 'é'.repeat(127) },
    Object.assign(() => undefined, own),
  ];
  for (const serializer of serializers) t.notThrows(() => assertSerializer(serializer));
});

const wrong: [string, unknown, RegExp][] = [
  ['undefined', undefined, /^serializer must be an object/],
  ['null', null, /^serializer must be an object/],
  ['its name', 'standard', /^serializer must be an object/],
  ['a class rather than an object', StandardSerializer, /^serializer\.serialize must be a function/],
  ['no serialize', { ...own, serialize: undefined }, /^serializer\.serialize/],
  ['no deserialize', { ...own, deserialize: 1 }, /^serializer\.deserialize/],
  ['no format', { ...own, format: undefined }, /^serializer\.format must be a string/],
  ['a format that is no string', { ...own, format: 1 }, /^serializer\.format must be a string/],
  ['a lone surrogate in the format', { ...own, format: 'a\ud800' }, /^serializer\.format has a lone surrogate/],
  ['another container', { ...own, container: 'zip' }, /^serializer\.container/],
  ['a container that is null', { ...own, container: null }, /^serializer\.container/],
  ['compressed that is no boolean', { ...own, compressed: 'yes' }, /^serializer\.compressed/],
  ['an original type that is no string', { ...own, originalType: 5 }, /^serializer\.originalType/],
];

for (const [name, value, message] of wrong) {
  test(`${name} is a TypeError that names what is wrong`, (t) => {
    t.throws(() => assertSerializer(value), { instanceOf: TypeError, message });
  });
}

test('a format of no bytes or of more than 255 is a RangeError', (t) => {
  for (const format of ['', 'x'.repeat(256), 'é'.repeat(128)]) {
    t.throws(() => assertSerializer({ ...own, format }), { instanceOf: RangeError, message: /1 to 255 bytes/ });
  }
  t.throws(() => assertSerializer({ ...own, originalType: 'x'.repeat(256) }), { instanceOf: RangeError });
});

const secret = 'patient 4711';
const thrower = () => {
  throw new SerializationError(secret);
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test('options and bytes that cannot be looked at are a TypeError, which quotes nothing', (t) => {
  const classes = [StandardSerializer, JsonSerializer, InteropSerializer, ArrowSerializer];
  const getters = { errorPaths: { get: thrower, enumerable: true }, compressed: { get: thrower, enumerable: true } };
  for (const Class of classes) {
    for (const options of [revoked(), Object.create({}, getters), new Proxy({}, { ownKeys: thrower })]) {
      const error = t.throws(() => new Class(options), {
        instanceOf: TypeError,
        message: /^options must be an object/,
      });
      t.is(error?.cause, undefined);
    }
    const payload = revoked() as Uint8Array;
    t.throws(() => new Class().deserialize(payload), {
      instanceOf: TypeError,
      message: /^payload must be a Uint8Array/,
    });
  }
  t.throws(() => new ArrowSerializer({ arrow: revoked() as never }), { message: /^arrow must be the module/ });
  t.throws(() => new ArrowSerializer({ compression: revoked() as never }), {
    message: /^compression must be a string/,
  });
});
