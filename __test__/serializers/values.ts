/** Stands in every refused value that has room for it; no message may show it. */
export const secret = 'S3CRET-value';

/** `levels` arrays, one in the other. */
export function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

/** `levels` objects, one in the other. */
export function nestedObjects(levels: number): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}

export const symbolKeyed = (): object => ({ a: 1, [Symbol(secret)]: secret });

class Point {
  x = secret;
}

function withExtra(): unknown[] {
  return Object.assign([secret], { extra: secret });
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** What no portable serializer carries. */
/** Built-ins that look like objects of properties, or like other built-ins, by their prototypes. */
export function withOtherPrototypes(): Record<string, unknown> {
  const as = (value: object, prototype: object | null, own = {}) =>
    Object.assign(Object.setPrototypeOf(value, prototype) as object, own);
  const plain = Object.prototype;
  const shrunk = new ArrayBuffer(16, { maxByteLength: 16 });
  const outOfBounds = new Uint8Array(shrunk, 8, 8);
  shrunk.resize(4);
  const values: object[] = [
    ...[null, plain].flatMap((prototype) => [
      as(new Map([[secret, 1]]), prototype),
      as(new Set([secret]), prototype),
      as(new Date(5), prototype),
      as(/secret/, prototype),
      as(new Error(secret), prototype),
      as(Promise.resolve(1), prototype),
      as(new WeakMap(), prototype),
      as(new WeakSet(), prototype),
      as(new ArrayBuffer(4), prototype),
      as(new DataView(new ArrayBuffer(4)), prototype),
      as(Object(5), prototype),
      as(Object('text'), prototype),
      as(Uint8Array.of(7), prototype),
      as(new Float64Array(0), prototype),
    ]),
    as(new Map([[secret, 1]]), null, { a: 1 }),
    as(new Date(0), null, { a: 1 }),
    as(new Map([[secret, 1]]), Set.prototype),
    as(new Set([secret]), Map.prototype),
    as(
      new Map(),
      class {
        forEach() {}
      }.prototype,
    ),
    as(
      new Date(0),
      class {
        toISOString() {}
      }.prototype,
    ),
    as(Float64Array.of(1.5), Int32Array.prototype),
    as(Uint8Array.of(1), Float64Array.prototype),
    (
      function () {
        // biome-ignore lint/complexity/noArguments: what they are is what is tested
        return arguments;
      } as (...args: unknown[]) => object
    )(secret, 2),
    Math,
    Intl,
    Reflect,
    outOfBounds,
  ];
  return Object.fromEntries(values.map((value, i) => [`a built-in with another prototype (${i})`, value]));
}

function withProto<T extends object>(value: T): T {
  return Object.defineProperty(value, '__proto__', { value: secret, enumerable: true });
}

export const unsupported = (): { name: string; value: unknown }[] =>
  Object.entries({
    undefined: undefined,
    'a function': () => secret,
    'a symbol': Symbol(secret),
    'a Map': new Map([['k', secret]]),
    'a Set': new Set([secret]),
    'a WeakMap': new WeakMap(),
    'a RegExp': new RegExp(secret),
    'an Error': new Error(secret),
    'a Promise': Promise.resolve(secret),
    'an instance of a class': new Point(),
    'an instance of a class that extends Array': new (class extends Array {})(),
    'an instance of a class that extends Date': new (class extends Date {})(0),
    'an instance of a class that extends Uint8Array': new (class extends Uint8Array {})(1),
    'a boxed string': new String(secret),
    'a boxed number': new Number(1),
    'an ArrayBuffer': new ArrayBuffer(8),
    'a DataView': new DataView(new ArrayBuffer(8)),
    'a Uint16Array': new Uint16Array(1),
    'a Uint8ClampedArray': new Uint8ClampedArray(1),
    'a BigInt64Array': new BigInt64Array(1),
    'a detached Uint8Array': detached(),
    'a URL': new URL('http://localhost'),
    'an object with a prototype of its own': Object.create({ inherited: secret }),
    'an array with a hole': Array(3),
    'an array with undefined': [undefined],
    'an array with further properties': withExtra(),
    'a long array with further properties': Object.assign(Array(100).fill(1), { extra: secret }),
    'a long array with a symbol as a property': Object.assign(Array(100).fill(1), { [Symbol(secret)]: 1 }),
    'what String.match returns': 'abc'.match(/b/),
    'an object with a symbol as a property': symbolKeyed(),
    'an object with a function': { toJSON: () => secret },
    ...withOtherPrototypes(),
    'an empty array with a property called __proto__': withProto([]),
    'a long array with a property called __proto__': withProto(Array(200).fill(1)),
    'a Date with a property called __proto__': withProto(new Date(0)),
    'a lone high surrogate': `${secret}\ud800`,
    'a lone low surrogate': `\udc00${secret}`,
    'a long string with a lone surrogate': `${secret.repeat(50)}\ud83d`,
    'a property name with a lone surrogate': { [`${secret}\ud800`]: 1 },
  }).map(([name, value]) => ({ name, value }));
