/** Stands in every wrong value that has room for it; no message may show it. */
export const sentinel = 'S3NT1NEL-plain';

export interface WrongValue {
  name: string;
  value: unknown;
}

const named = (values: Record<string, unknown>): WrongValue[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

function detached(): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(sentinel));
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
  return bytes;
}

function resizable(): Uint8Array {
  const buffer = new (ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer)(64, {
    maxByteLength: 128,
  });
  return new Uint8Array(buffer);
}

const ofNoUse = (): WrongValue[] =>
  named({
    null: null,
    true: true,
    'a number': 7,
    NaN: Number.NaN,
    'a bigint': 7n,
    'a symbol': Symbol(sentinel),
    'a function': () => sentinel,
    'an object': { secret: sentinel },
    'an object without a prototype': Object.assign(Object.create(null), { secret: sentinel }),
    'an array': [1, 2, 3],
    'a date': new Date(),
    'a map': new Map([['secret', sentinel]]),
    'a promise': Promise.resolve(sentinel),
    'a regular expression': /x/,
    'an error': new Error(sentinel),
  });

/** What must never pass for bytes. */
export const notBytes = (): WrongValue[] => [
  ...ofNoUse(),
  ...named({
    undefined: undefined,
    'a string': sentinel,
    'an empty string': '',
    'array-like': { length: 8, 0: 1 },
    'an ArrayBuffer': new ArrayBuffer(64),
    'a DataView': new DataView(new ArrayBuffer(64)),
    'a Uint16Array': new Uint16Array(32),
    'a Float64Array': new Float64Array(8),
    'an Int8Array': new Int8Array(64),
    'a Uint8ClampedArray': new Uint8ClampedArray(64),
    'a proxy of bytes': new Proxy(new Uint8Array(64), {}),
    'an impostor': Object.create(Uint8Array.prototype),
    'shared memory': new Uint8Array(new SharedArrayBuffer(64)),
    'a resizable buffer': resizable(),
    'a detached buffer': detached(),
  }),
];

/** What must never pass for a string that UTF-8 carries. */
export const notText = (): WrongValue[] => [
  ...ofNoUse(),
  ...named({
    'a String object': new String(sentinel),
    bytes: new Uint8Array(Buffer.from(sentinel)),
    'an object that turns into text': { toString: () => sentinel },
    'an object that throws': {
      toString: () => {
        throw new Error(sentinel);
      },
    },
    'a lone high surrogate': `${sentinel}\ud800`,
    'a lone low surrogate': `\udc00${sentinel}`,
    'surrogates in the wrong order': '\udc00\ud800',
  }),
];

/** What must never pass for a boolean. */
export const notBoolean = (): WrongValue[] => [
  ...ofNoUse().filter(({ value }) => value !== true),
  ...named({ 'the text true': 'true', 'an empty string': '', zero: 0, bytes: new Uint8Array(1) }),
];

/** What must never pass for a whole number from 0 to 15. */
export const notSmallNumber = (): WrongValue[] => [
  ...ofNoUse().filter(({ value }) => value !== 7),
  ...named({
    'a negative number': -1,
    'a fraction': 1.5,
    infinity: Number.POSITIVE_INFINITY,
    'a huge number': 2 ** 53,
    'beyond 32 bits': 2 ** 32 + 1,
    'a digit': '1',
  }),
];

/** What must never pass for an object of options; `undefined` may. */
export const notObject = (): WrongValue[] =>
  named({ null: null, true: true, 'a number': 7, 'a bigint': 7n, 'a string': sentinel, 'a symbol': Symbol(sentinel) });

/** What must never pass for a master key. */
export const notMasterKey = (): WrongValue[] => [
  ...notBytes().filter(({ name }) => name !== 'undefined'),
  ...named({
    '15 bytes': new Uint8Array(15).fill(1),
    'no bytes': new Uint8Array(0),
    'a number object': Object(7),
    '63 digits': 'a'.repeat(63),
    '65 digits': 'a'.repeat(65),
    '62 digits': 'a'.repeat(62),
    '0x and digits': `0x${'a'.repeat(64)}`,
    'a space inside': `${'a'.repeat(32)} ${'a'.repeat(32)}`,
    'a line end': `${'a'.repeat(64)}\n`,
    'a foreign digit': `${'a'.repeat(63)}g`,
    'full-width digits': '\uff41'.repeat(64),
    'hex digits as bytes': new Uint8Array(Buffer.from('a'.repeat(64))),
  }),
];
