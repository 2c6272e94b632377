import { createHmac } from 'node:crypto';
import test from 'ava';
import { EncryptionWrapper, KeyError, Keyring } from '../../index.js';
import { deriveTenantKeys } from '../../src/protocol/index.js';
import { Random, testSeed } from '../support/random.js';

const [A, B, C] = ['a1', 'b2', 'c3'].map((byte) => byte.repeat(32)) as [string, string, string];
const tenantId = 'Mieter Ø';
const text = 'ns:users:func:get:args:00';

/** The name by node:crypto, from the key that `deriveTenantKeys` hands out. */
function oracleName(masterKey: string, tenant: string, ...input: (string | Uint8Array)[]): string {
  const hmac = createHmac('sha256', deriveTenantKeys(masterKey, tenant).cacheKeys);
  for (const part of input) hmac.update(part);
  return hmac.digest('hex');
}

const tagPrefix = Uint8Array.of(0xff);

test('a private name is HMAC-SHA256 with the key for cache keys, of any text', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A, tenantId });
  const random = new Random(testSeed());
  const texts = ['', 'k', 'é'.repeat(64), '日本😀', 'x'.repeat(5_000), 'short again', 'y'.repeat(100_000)];
  for (let i = 0; i < 500; i++) texts.push(random.text(300));
  for (const each of texts) {
    const [entry, tag] = [wrapper.privateName('entry', each), wrapper.privateName('tag', each)];
    if (entry !== oracleName(A, tenantId, each) || tag !== oracleName(A, tenantId, tagPrefix, each)) {
      t.fail(`seed ${random.seed}, a text of ${each.length} characters`);
    }
  }
  t.regex(wrapper.privateName('entry', text), /^[0-9a-f]{64}$/);
});

test('tenants, cache keys and tags have names of their own', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A, tenantId });
  const names = [
    wrapper.privateName('entry', text),
    wrapper.privateName('tag', text),
    wrapper.privateName('entry', `${text}1`),
    wrapper.privateName('entry', text, 'other'),
    wrapper.privateName('tag', text, 'other'),
    // As text the tag's first byte is another one.
    wrapper.privateName('entry', `ÿ${text}`),
    new EncryptionWrapper({ masterKey: B, tenantId }).privateName('entry', text),
  ];
  t.is(new Set(names).size, names.length);
  t.is(wrapper.privateName('entry', text, tenantId), names[0]);
  t.is(wrapper.privateName('entry', text, 'other'), oracleName(A, 'other', text));
});

test('every wire and kind of nonce gives the same names', (t) => {
  for (const options of [{ wire: 'interop' }, { wire: 'python' }, { nonces: 'random' }] as const) {
    const wrapper = new EncryptionWrapper({ masterKey: A, tenantId, ...options });
    t.is(wrapper.privateName('entry', text), oracleName(A, tenantId, text));
  }
});

test('names follow a rotation: the current key first, then the previous ones, newest first, then the staged ones', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const wrapper = new EncryptionWrapper({ keyring, tenantId });
  const [a, b, c] = [A, B, C].map((key) => oracleName(key, tenantId, text)) as [string, string, string];
  const seen = () => {
    t.is(wrapper.privateName('entry', text), wrapper.privateNames('entry', text)[0]!);
    return wrapper.privateNames('entry', text);
  };
  t.deepEqual(seen(), [a]);
  keyring.stage(B);
  t.deepEqual(seen(), [a, b], 'a neighbour may be ahead');
  keyring.startRotation(B);
  t.deepEqual(seen(), [b, a]);
  keyring.startRotation(C);
  t.deepEqual(seen(), [c, b, a]);
  t.deepEqual(
    wrapper.privateNames('tag', text),
    [C, B, A].map((key) => oracleName(key, tenantId, tagPrefix, text)),
  );
  keyring.rollback();
  t.deepEqual(seen(), [b, c, a]);
  keyring.completeRotation();
  t.deepEqual(seen(), [b]);
});

test('after destroy, of the wrapper or of the keyring it shares, there are no names', (t) => {
  const keyring = new Keyring({ masterKey: A, previousMasterKeys: [B] });
  const [one, two] = [new EncryptionWrapper({ keyring }), new EncryptionWrapper({ keyring })];
  const [name] = one.privateNames('entry', text);
  one.destroy();
  for (const use of ['privateName', 'privateNames'] as const) {
    t.throws(() => one[use]('entry', text), { instanceOf: KeyError });
    t.is([two[use]('entry', text)].flat()[0], name);
  }
  keyring.destroy();
  for (const use of ['privateName', 'privateNames'] as const) {
    t.throws(() => two[use]('entry', text), { instanceOf: KeyError });
    t.throws(() => two[use]('tag', text, 'a tenant never seen'), { instanceOf: KeyError });
  }
});

test('a text that UTF-8 cannot carry, or that is none, has no name', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A });
  t.throws(() => wrapper.privateName('entry', 'k\ud800'), { instanceOf: TypeError, message: /lone surrogate/ });
  t.throws(() => wrapper.privateNames('tag', 7 as unknown as string), { instanceOf: TypeError });
  t.throws(() => wrapper.privateName('entry', 'k', ''), { instanceOf: RangeError });
});

test('more tenants than a wrapper keeps still have their names', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey: A });
  const first = wrapper.privateName('entry', text, 't0');
  for (let i = 1; i < 10_050; i++) wrapper.privateName('entry', text, `t${i}`);
  t.is(wrapper.privateName('entry', text, 't0'), first);
  t.is(wrapper.privateName('entry', text, 't10049'), oracleName(A, 't10049', text));
});
