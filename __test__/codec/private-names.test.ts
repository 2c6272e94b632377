import { createHmac } from 'node:crypto';
import test from 'ava';
import { createCache, EncryptionWrapper, KeyError, Keyring, MemoryBackend } from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
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
  const codec = codecOf(new EncryptionWrapper({ masterKey: A, tenantId }));
  const random = new Random(testSeed());
  const texts = ['', 'k', 'é'.repeat(64), '日本😀', 'x'.repeat(5_000), 'short again', 'y'.repeat(100_000)];
  for (let i = 0; i < 500; i++) texts.push(random.text(300));
  for (const each of texts) {
    const [entry, tag] = [codec.privateName('entry', each), codec.privateName('tag', each)];
    if (entry !== oracleName(A, tenantId, each) || tag !== oracleName(A, tenantId, tagPrefix, each)) {
      t.fail(`seed ${random.seed}, a text of ${each.length} characters`);
    }
  }
  t.regex(codec.privateName('entry', text), /^[0-9a-f]{64}$/);
});

test('tenants, cache keys and tags have names of their own', (t) => {
  const codec = codecOf(new EncryptionWrapper({ masterKey: A, tenantId }));
  const names = [
    codec.privateName('entry', text),
    codec.privateName('tag', text),
    codec.privateName('entry', `${text}1`),
    codec.privateName('entry', text, 'other'),
    codec.privateName('tag', text, 'other'),
    // As text the tag's first byte is another one.
    codec.privateName('entry', `ÿ${text}`),
    codecOf(new EncryptionWrapper({ masterKey: B, tenantId })).privateName('entry', text),
  ];
  t.is(new Set(names).size, names.length);
  t.is(codec.privateName('entry', text, tenantId), names[0]);
  t.is(codec.privateName('entry', text, 'other'), oracleName(A, 'other', text));
});

test('every wire and kind of nonce gives the same names', (t) => {
  for (const options of [{ wire: 'interop' }, { wire: 'python' }, { nonces: 'random' }] as const) {
    const codec = codecOf(new EncryptionWrapper({ masterKey: A, tenantId, ...options }));
    t.is(codec.privateName('entry', text), oracleName(A, tenantId, text));
  }
});

test('names follow a rotation: the current key first, then the previous ones, newest first, then the staged ones', (t) => {
  const keyring = new Keyring({ masterKey: A });
  const codec = codecOf(new EncryptionWrapper({ keyring, tenantId }));
  const [a, b, c] = [A, B, C].map((key) => oracleName(key, tenantId, text)) as [string, string, string];
  const seen = () => {
    t.is(codec.privateName('entry', text), codec.privateNames('entry', text)[0]!);
    return codec.privateNames('entry', text);
  };
  t.deepEqual(seen(), [a]);
  keyring.stage(B);
  t.deepEqual(seen(), [a, b], 'a neighbour may be ahead');
  keyring.startRotation(B);
  t.deepEqual(seen(), [b, a]);
  keyring.startRotation(C);
  t.deepEqual(seen(), [c, b, a]);
  t.deepEqual(
    codec.privateNames('tag', text),
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
  const [name] = codecOf(one).privateNames('entry', text);
  one.destroy();
  for (const use of ['privateName', 'privateNames'] as const) {
    t.throws(() => codecOf(one)[use]('entry', text), { instanceOf: KeyError });
    t.is([codecOf(two)[use]('entry', text)].flat()[0], name);
  }
  keyring.destroy();
  for (const use of ['privateName', 'privateNames'] as const) {
    t.throws(() => codecOf(two)[use]('entry', text), { instanceOf: KeyError });
    t.throws(() => codecOf(two)[use]('tag', text, 'a tenant never seen'), { instanceOf: KeyError });
  }
});

test('what UTF-8 cannot carry, or is no tenant, has no name', async (t) => {
  const codec = codecOf(new EncryptionWrapper({ masterKey: A }));
  t.throws(() => codec.privateName('entry', 'k', ''), { instanceOf: RangeError });
  const store = createCache({ masterKey: A, namespace: 'n', privateKeys: true, backend: new MemoryBackend() });
  const refused = { instanceOf: TypeError, message: /lone surrogate/ };
  await t.throwsAsync(store.get('k\ud800'), refused);
  await t.throwsAsync(store.set('k', 1, { tags: ['t\ud800'] }), refused);
  await t.throwsAsync(store.invalidateTags(['t\ud800']), refused);
});

test('more tenants than a wrapper keeps still have their names', (t) => {
  const codec = codecOf(new EncryptionWrapper({ masterKey: A }));
  const first = codec.privateName('entry', text, 't0');
  for (let i = 1; i < 10_050; i++) codec.privateName('entry', text, `t${i}`);
  t.is(codec.privateName('entry', text, 't0'), first);
  t.is(codec.privateName('entry', text, 't10049'), oracleName(A, 't10049', text));
});
