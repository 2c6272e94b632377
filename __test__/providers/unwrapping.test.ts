import test from 'ava';
import { type UnwrappingProviderOptions, unwrappingProvider } from '../../src/providers/index.js';
import { ownKeys } from '../../src/providers/own-keys.js';
import { A, B, C, failureOf, heldOf, keysIn, nameOf } from './outcomes.js';

/** A "service" that only reverses the bytes, and remembers the arrays that it gave. */
function reversing() {
  const given: Uint8Array[] = [];
  const unwrap = async (wrapped: Uint8Array) => {
    const plaintext = Uint8Array.from(wrapped).reverse();
    given.push(plaintext);
    return plaintext;
  };
  return { given, unwrap };
}
const reversed = (bytes: Uint8Array) => Uint8Array.from(bytes).reverse();
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

test('wrapped keys are bytes or base64, and their plaintexts bytes or hex digits', async (t) => {
  const { unwrap } = reversing();
  const hex = Buffer.from(`${C.toString('hex').toUpperCase()}\r\n`);
  const keys = { masterKey: reversed(A), previousMasterKeys: [`${base64(reversed(B))}\n`, base64(reversed(hex))] };
  t.deepEqual(await heldOf(unwrappingProvider({ name: 'Mirror', keys, unwrap })), [A, B, C].map(nameOf));
  const read = async () => ({ masterKey: base64(reversed(A)) });
  t.deepEqual(await heldOf(unwrappingProvider({ name: 'Mirror', keys: read, unwrap })), [nameOf(A)]);
});

test('every array is overwritten: what the service gave, and what the keyring was made of', async (t) => {
  const { given, unwrap } = reversing();
  const provider = unwrappingProvider({ name: 'Mirror', keys: { masterKey: reversed(A) }, unwrap });
  const keys = await provider({ signal: new AbortController().signal });
  t.true(Buffer.from(keys.masterKey as Uint8Array).equals(A));
  t.true(given.every((bytes) => bytes.every((byte) => byte === 0)));
  keys[Symbol.dispose]?.();
  t.true((keys.masterKey as Uint8Array).every((byte) => byte === 0));

  let last: Uint8Array | undefined;
  const seen = async (options: { signal: AbortSignal }) => {
    const answer = await provider(options);
    last = answer.masterKey as Uint8Array;
    return answer;
  };
  t.deepEqual(await heldOf(seen), [nameOf(A)]);
  t.true(last?.every((byte) => byte === 0));
});

test('one key that fails takes the others along, overwritten, and the error says which', async (t) => {
  const { given, unwrap } = reversing();
  const failing = async (wrapped: Uint8Array) => {
    const plaintext = await unwrap(wrapped);
    if (plaintext[0] === B[0]) throw Object.assign(new Error(`it was ${B.toString('hex')}`), { name: 'AccessDenied' });
    return plaintext;
  };
  const keys = { masterKey: reversed(A), previousMasterKeys: [reversed(C), reversed(B)] };
  const { code, message, shown } = await failureOf(unwrappingProvider({ name: 'Mirror', keys, unwrap: failing }));
  t.is(code, 'ERR_KEY_PROVIDER');
  t.is(message, 'Mirror did not unwrap previousMasterKeys[1]: AccessDenied');
  t.deepEqual(keysIn(shown), []);
  t.is(given.length, 3);
  t.deepEqual(given.map((bytes) => bytes.every((byte) => byte === 0)).sort(), [false, true, true]);
});

test('keys that came beside one that did not are overwritten', async (t) => {
  const [first, last] = [Uint8Array.from(A), Uint8Array.from(B)];
  const keys = [Promise.resolve(first), Promise.reject(new Error('down')), Promise.resolve(last)];
  await t.throwsAsync(ownKeys(keys), { message: 'down' });
  t.true([...first, ...last].every((byte) => byte === 0));
});

test('a plaintext that is no key is refused by its length, and never repeated', async (t) => {
  const hex = A.toString('hex');
  const wrong: [unknown, string, RegExp][] = [
    [
      Uint8Array.from(A.subarray(1)),
      'ERR_KEY',
      /^masterKey of Mirror must be 32 bytes, or 64 hex digits, not 31 bytes/,
    ],
    [Buffer.concat([A, B]), 'ERR_KEY', /not 64 bytes/],
    [Buffer.from(`${hex} `), 'ERR_KEY', /not 65 bytes/],
    [Buffer.from(`${hex}\n\n`), 'ERR_KEY', /not 66 bytes/],
    [Buffer.from(`g${hex.slice(1)}`), 'ERR_KEY', /not 64 bytes/],
    [Buffer.from(hex.slice(2)), 'ERR_KEY', /not 62 bytes/],
    [new Uint8Array(32), 'ERR_KEY', /nothing but zeros/],
    [new Uint8Array(0), 'ERR_KEY_PROVIDER', /^Mirror gave an empty plaintext for masterKey$/],
    [undefined, 'ERR_KEY_PROVIDER', /^Mirror gave no bytes for masterKey$/],
    [hex, 'ERR_KEY_PROVIDER', /gave no bytes/],
    [[...A], 'ERR_KEY_PROVIDER', /gave no bytes/],
  ];
  for (const [plaintext, expected, pattern] of wrong) {
    const unwrap = async () => plaintext as Uint8Array;
    const { code, message, shown } = await failureOf(
      unwrappingProvider({ name: 'Mirror', keys: { masterKey: 'AAAA' }, unwrap }),
    );
    t.is(code, expected);
    t.regex(message, pattern);
    t.deepEqual(keysIn(shown), []);
    if (ArrayBuffer.isView(plaintext))
      t.true(
        (plaintext as Uint8Array).every((byte) => byte === 0),
        message,
      );
  }
});

test('options and wrapped keys that are not what they should be are refused when the provider is made', (t) => {
  const { unwrap } = reversing();
  const good = { name: 'Mirror', keys: { masterKey: 'AAAA' }, unwrap };
  const make = (change: object) => () => unwrappingProvider({ ...good, ...change } as UnwrappingProviderOptions);
  t.notThrows(make({}));
  t.throws(make({ key: 1 }), { code: 'ERR_CONFIGURATION', message: /^Unknown option 'key'/ });
  t.throws(make({ name: '' }), { code: 'ERR_CONFIGURATION' });
  t.throws(make({ unwrap: undefined }), { instanceOf: TypeError });
  t.throws(make({ keys: undefined }), { instanceOf: TypeError, message: /^keys must be a function or an object/ });
  t.throws(make({ keys: {} }), { code: 'ERR_CONFIGURATION', message: /have no masterKey/ });
  const keys = (change: object) => make({ keys: { masterKey: 'AAAA', ...change } });
  t.throws(keys({ previousMasterkeys: [] }), { message: /^Unknown option 'keys.previousMasterkeys'/ });
  t.throws(keys({ previousMasterKeys: 'AAAA' }), { instanceOf: TypeError });
  t.throws(keys({ previousMasterKeys: Array(4).fill('AAAA') }), { message: /more than 3 keys/ });
  for (const wrapped of [
    '',
    'AAA',
    'not base64',
    new Uint8Array(0),
    7,
    null,
    new Uint8Array(new SharedArrayBuffer(8)),
  ]) {
    t.throws(keys({ previousMasterKeys: [wrapped] }), {
      code: 'ERR_CONFIGURATION',
      message: 'keys.previousMasterKeys[0] for Mirror must be base64 or a Uint8Array, and not empty',
    });
  }
});

test('what a function gives as wrapped keys is checked at each call', async (t) => {
  const { unwrap } = reversing();
  const misspelt = { masterKey: 'AAAA', previousMasterkeys: [] } as { masterKey: string };
  const { code, message } = await failureOf(unwrappingProvider({ name: 'Mirror', keys: () => misspelt, unwrap }));
  t.is(code, 'ERR_CONFIGURATION');
  t.regex(message, /keys\.previousMasterkeys/);
});
