import test from 'ava';
import { Keyring } from '../../index.js';
import { environmentProvider } from '../../src/providers/index.js';
import { A, B, C, failureOf, heldBy, heldOf, keysIn, nameOf } from './outcomes.js';

const [hexA, hexB, hexC] = [A, B, C].map((key) => key.toString('hex'));
const variables = () => ({
  CACHEKIT_MASTER_KEY: hexA,
  CACHEKIT_PREVIOUS_MASTER_KEYS: `${hexB}, ${hexC},`,
});
const left = () => Object.keys(process.env).filter((name) => name in variables());
test.beforeEach(() => {
  Object.assign(process.env, variables());
});
test.afterEach.always(() => {
  for (const name of Object.keys(variables())) delete process.env[name];
});

test.serial('keys of the environment are held, and stay there', async (t) => {
  const provider = environmentProvider();
  t.deepEqual(await heldOf(provider), [A, B, C].map(nameOf));
  t.deepEqual(await heldOf(provider), [A, B, C].map(nameOf));
  t.is(left().length, 2);
});

test.serial('with `clear` they are removed once they are read, and not before', async (t) => {
  process.env.CACHEKIT_PREVIOUS_MASTER_KEYS = `${hexB},${hexC}0`;
  const provider = environmentProvider({ clear: true });
  const { message, shown } = await failureOf(provider);
  t.regex(message, /^Key 2 of 2 in CACHEKIT_PREVIOUS_MASTER_KEYS has an odd number/);
  t.deepEqual(keysIn(shown), []);
  t.is(left().length, 2);
  Object.assign(process.env, variables());
  t.deepEqual(await heldOf(provider), [A, B, C].map(nameOf));
  t.deepEqual(left(), []);
  t.is((await failureOf(provider)).message, 'The keys were removed from the environment when they were read');
});

test.serial('a keyring removes them with `clearEnvironment`, once they are held', (t) => {
  process.env.CACHEKIT_PREVIOUS_MASTER_KEYS = hexA;
  t.throws(() => new Keyring({ clearEnvironment: true }), { code: 'ERR_KEY' });
  t.is(left().length, 2);
  Object.assign(process.env, variables());
  t.deepEqual(heldBy(new Keyring({ clearEnvironment: false })), [A, B, C].map(nameOf));
  t.is(left().length, 2);
  t.deepEqual(heldBy(new Keyring({ clearEnvironment: true })), [A, B, C].map(nameOf));
  t.deepEqual(left(), []);
  t.throws(() => new Keyring({ clearEnvironment: true }), { code: 'ERR_CONFIGURATION' });
});

test.serial('options that are none, and an environment without a key, are refused', async (t) => {
  t.throws(() => environmentProvider({ delete: true } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => environmentProvider({ clear: 1 as never }), { instanceOf: TypeError });
  t.throws(() => new Keyring({ clearEnvironment: 1 as never }), { instanceOf: TypeError });
  delete process.env.CACHEKIT_MASTER_KEY;
  t.is((await failureOf(environmentProvider())).code, 'ERR_CONFIGURATION');
});
