import { subscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import test from 'ava';
import { cache, createCache, Keyring, MemoryBackend, Sealer } from '../../index.js';
import { forms, shownIn } from '../support/secret-forms.js';

/* What the package says of its own accord, to `onError`, as warnings and on channels, when things go wrong. */

const masterKey = Buffer.from('e3a17c05d94b62f8813ec6507fba249d5810cc7e36f4ab92d06e5b18a7c3f240', 'hex');
const shortKey = Buffer.from('b7204d9e61f3a85c0d7be294f6183ac5', 'hex');
const cacheKey = 'patients:alice-liddell';
const plaintext = 'PLAINTEXT-melancholia';
const secrets = [masterKey, shortKey, Buffer.from(cacheKey), Buffer.from(plaintext)].flatMap(forms);

const said: unknown[] = [];
process.on('warning', (warning) => said.push(warning));
subscribe('cachekit-native:nonces', (message) => said.push(message));

function assertSilent(
  t: { deepEqual(actual: unknown, expected: unknown, message: string): void },
  what: unknown,
): void {
  const shown = inspect(what, { showHidden: true, depth: 20 });
  t.deepEqual(shownIn(shown, secrets), [], shown.slice(0, 200));
}

test('what onError is told of altered, foreign and refused values has no secret in it', async (t) => {
  const backend = new MemoryBackend();
  const told: unknown[] = [];
  const options = { backend, l1: false, onError: (error: unknown) => told.push(error) };
  await using mine = createCache({ ...options, masterKey });
  await using other = createCache({ ...options, masterKey: Buffer.alloc(32, 1) });
  await mine.set(cacheKey, { plaintext });
  t.is(await other.get(cacheKey), undefined);
  await mine.set(cacheKey, { plaintext });
  const stored = (await backend.get(cacheKey))?.bytes as Uint8Array;
  for (const bytes of [stored.subarray(1), Buffer.from(plaintext), Buffer.alloc(0)]) {
    await backend.set(cacheKey, new Uint8Array(bytes));
    t.is(await mine.get(cacheKey), undefined);
  }
  const refused = cache.secure({ ...options, masterKey, namespace: 'n', key: () => cacheKey });
  await refused(() => ({ plaintext, f: () => plaintext }))();
  t.true(told.length >= 5, `${told.length}`);
  assertSilent(t, told);
});

test('what a backend throws is passed on as an error, and adds no key or value to it', async (t) => {
  const told: unknown[] = [];
  const broken = {
    get: async () => {
      throw new Error('down');
    },
    set: async () => {
      throw new Error('down');
    },
    delete: async () => false,
  };
  await using store = createCache({ backend: broken, masterKey, l1: false, onError: (error) => told.push(error) });
  t.is(await store.get(cacheKey), undefined);
  t.false(await store.set(cacheKey, plaintext));
  t.is(told.length, 2);
  assertSilent(t, told);
});

test('warnings come once and show nothing', async (t) => {
  for (let i = 0; i < 3; i++) new Sealer(shortKey, 't').destroy();
  using keyring = new Keyring({ masterKey: shortKey });
  t.false(keyring.rotating);
  // Without onError, a value that cannot be stored is a warning.
  const load = cache.secure({ masterKey })(async (_: string) => ({ plaintext, f: () => plaintext }));
  for (let i = 0; i < 3; i++) await load(cacheKey);
  await new Promise(setImmediate);
  const codes = said.map((warning) => (warning as { code?: string }).code);
  t.is(codes.filter((code) => code === 'CACHEKIT_SHORT_MASTER_KEY').length, 1);
  t.is(codes.filter((code) => code === 'CACHEKIT_REFUSED_VALUE').length, 1);
  assertSilent(t, said);
});
