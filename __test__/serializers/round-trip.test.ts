import test from 'ava';
import fc from 'fast-check';
import {
  InteropSerializer,
  JsonSerializer,
  PlainDate,
  PlainTime,
  SerializationError,
  type Serializer,
  StandardSerializer,
} from '../../index.js';
import { assertEqual, holds } from '../support/properties.js';

const exoticText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', minLength: 20, maxLength: 200 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toJSON',
    'hasOwnProperty',
    '0',
    '-1',
    '',
    '\ufeff',
    '\u2028',
    '"\\',
    '\u0000',
    '1234567890123456789',
  ),
);
const largeInt = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
  .filter((n) => n > Number.MAX_SAFE_INTEGER || n < Number.MIN_SAFE_INTEGER);
const finite = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
const date = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});
const plainDate = date.map((d) => new PlainDate(d.toISOString().slice(0, 10)));
const plainTime = date.map((d) => new PlainTime(d.toISOString().slice(11, 23)));

const json = [fc.constant(null), fc.boolean(), exoticText, finite.filter((n) => !Object.is(n, -0))];
const interop = [
  fc.constant(null),
  fc.boolean(),
  exoticText,
  finite,
  largeInt,
  date,
  plainDate,
  plainTime,
  fc.uint8Array({ maxLength: 300 }),
];
const standard = [...interop, fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)];

const objectOf = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(exoticText, value), { maxLength: 20 }).map((entries) => {
    const object: Record<string, unknown> = {};
    for (const [name, item] of entries) {
      Object.defineProperty(object, name, { value: item, enumerable: true, configurable: true, writable: true });
    }
    return object;
  });

const treeOf = (
  leaves: fc.Arbitrary<unknown>[],
  extra: (value: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>[] = () => [],
) =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      ...leaves,
      fc.array(tie('value'), { maxLength: 20 }),
      objectOf(tie('value')),
      ...extra(tie('value')),
    ),
  })).value;

const nodeTypes = (value: fc.Arbitrary<unknown>) => [
  fc.bigInt(),
  fc.array(fc.tuple(value, value), { maxLength: 5 }).map((entries) => new Map(entries)),
  fc.array(value, { maxLength: 5 }).map((elements) => new Set(elements)),
  fc.float64Array({ maxLength: 20 }),
  fc.int16Array({ maxLength: 20 }),
  fc.bigUint64Array({ maxLength: 20 }),
];

/** The prototypes of all objects in a value, which a comparison of properties does not see. */
function prototypes(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (ArrayBuffer.isView(value)) return [prototype];
  const names = Object.keys(value).sort();
  return [prototype, ...names.flatMap((name) => prototypes((value as Record<string, unknown>)[name]))];
}

const carried: [string, Serializer, fc.Arbitrary<unknown>][] = [
  ['StandardSerializer', new StandardSerializer(), treeOf(standard)],
  ["StandardSerializer with types 'node'", new StandardSerializer({ types: 'node' }), treeOf(standard, nodeTypes)],
  ['InteropSerializer', new InteropSerializer(), treeOf(interop)],
  ['JsonSerializer', new JsonSerializer(), treeOf(json)],
];

for (const [name, serializer, values] of carried) {
  test(`${name} reads back what it wrote, with its prototypes`, async (t) => {
    await holds(
      t,
      fc.property(values, (value) => {
        const payload = serializer.serialize(value);
        const read = serializer.deserialize(payload);
        assertEqual(read, value);
        const kept = prototypes(read);
        t.true(prototypes(value).every((prototype, i) => prototype === kept[i]));
        assertEqual(serializer.serialize(read), payload);
      }),
    );
    t.is(({} as { x?: unknown }).x, undefined);
  });
}

for (const [name, serializer] of carried) {
  test(`${name} reads back anything exactly or refuses it`, async (t) => {
    let refused = 0;
    const runs = await holds(
      t,
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withNullPrototype: false,
          withSparseArray: true,
          withUnicodeString: true,
        }),
        (value) => {
          let payload: Uint8Array;
          try {
            payload = serializer.serialize(value);
          } catch (error) {
            t.true(error instanceof SerializationError);
            refused++;
            return;
          }
          assertEqual(serializer.deserialize(payload), withoutUndefined(value));
        },
      ),
    );
    t.true(refused > 0 && refused < runs);
  });
}

/** A copy without the properties that are undefined, which are left out by design. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [withoutUndefined(k), withoutUndefined(v)]));
  if (value instanceof Set) return new Set([...value].map(withoutUndefined));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    Object.defineProperty(copy, name, {
      value: withoutUndefined(item),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}
