import { inspect } from 'node:util';
import { deserialize as fromV8, serialize as toV8 } from 'node:v8';
import test from 'ava';
import {
  AuthenticationError,
  cache,
  createCache,
  EncryptionWrapper,
  HttpBackend,
  Keyring,
  RedisBackend,
  Sealer,
  UnknownKeyError,
} from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { unwrappingProvider } from '../../src/providers/index.js';
import { runNode, supportFile } from '../support/child.js';
import { withEnvironment } from '../support/environment.js';
import { oracleDomainKey } from '../support/oracle.js';
import { forms, shownIn } from '../support/secret-forms.js';

const masterKey = Buffer.from('6b65796b65797365637265744b4559fe00ff10203a5c77e1d2c3b4a596877869', 'hex');
const previous = Buffer.from('91f2c40b7de6835a20cc17b94e03ad6855f9b0e1728c3d46aa1e97d05b3884c6', 'hex');
const tenantId = 'tenant-of-the-secrets';
const password = 'pass-word-of-the-store-83';
const apiKey = 'ck_live_key-of-the-api-4711';
const secrets = {
  'the password of a store': forms(Buffer.from(password)),
  'the API key': forms(Buffer.from(apiKey)),
  'the master key': forms(masterKey),
  // As text without its first or last digits.
  'the first half of the master key': forms(masterKey.subarray(0, 16)),
  'the second half of the master key': forms(masterKey.subarray(16)),
  'a previous master key': forms(previous),
  'the encryption key': forms(oracleDomainKey(masterKey, 'encryption', tenantId)),
  'the authentication key': forms(oracleDomainKey(masterKey, 'authentication', tenantId)),
  'the key for private names': forms(oracleDomainKey(masterKey, 'cache_keys', tenantId)),
};

async function holders(): Promise<Record<string, object>> {
  const keyring = new Keyring({ masterKey, previousMasterKeys: [previous] });
  const hex = masterKey.toString('hex');
  const wrapper = new EncryptionWrapper({ keyring, tenantId });
  const cached = cache.secure({ masterKey, tenantId })(async (id: number) => ({ id }));
  await cached(1);
  const store = createCache({ masterKey: hex, tenantId, namespace: 'secrets' });
  await store.set('one', { value: 1 });
  const composed = cache({ serializer: new EncryptionWrapper({ masterKey, tenantId }) })(async () => 1);
  await composed();
  const used = new Sealer(masterKey, tenantId);
  used.seal(new Uint8Array(1), new Uint8Array(0));
  const destroyed = new Sealer(hex, tenantId);
  destroyed.destroy();
  const unwrap = (wrapped: Uint8Array) => Uint8Array.from(wrapped[0] === 0 ? masterKey : previous);
  const wrapped = { masterKey: Uint8Array.of(0), previousMasterKeys: [Uint8Array.of(1)] };
  const provider = unwrappingProvider({ name: 'HSM', keys: wrapped, unwrap });
  wrapper.serialize({ a: 1 }, { cacheKey: 'k' });
  codecOf(wrapper).privateNames('entry', 'k');
  return {
    keyring,
    wrapper,
    cached,
    store,
    composed,
    used,
    destroyed,
    'wrapper from hex': new EncryptionWrapper({ masterKey: hex }),
    'wrapper from the environment': withEnvironment(
      { CACHEKIT_MASTER_KEY: hex, CACHEKIT_PREVIOUS_MASTER_KEYS: previous.toString('hex') },
      () => new EncryptionWrapper(),
    ),
    'Redis backend': new RedisBackend({ url: `redis://user:${password}@127.0.0.1:1` }),
    'HTTP backend': new HttpBackend({ url: 'https://cache.example', apiKey }),
    'cache with a URL': createCache({ masterKey, namespace: 'n', backend: `redis://user:${password}@127.0.0.1:1` }),
    'function with a URL': cache.secure({
      masterKey,
      namespace: 'n',
      operation: 'o',
      backend: `rediss://user:${password}@127.0.0.1:1`,
    })(async () => 1),
    'usage of a keyring': keyring.usage(),
    'key provider': provider,
    'keyring that follows a provider': await Keyring.fromProvider(provider, { refresh: '1h' }),
    'what inspect says': wrapper.inspect(wrapper.serialize({ a: 1 }, { cacheKey: 'k' })),
  };
}

/** Everything that prints, logs or copies an object. */
const views: Record<string, (holder: object) => string> = {
  inspect: (holder) =>
    inspect(holder, { showHidden: true, depth: Number.POSITIVE_INFINITY, getters: true, showProxy: true }),
  'inspect of its prototype': (holder) =>
    inspect(Object.getPrototypeOf(holder), { showHidden: true, depth: 5, getters: false }),
  JSON: (holder) => JSON.stringify(holder, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? '',
  String: (holder) => String(holder) + Object.prototype.toString.call(holder),
  'own properties': (holder) =>
    Reflect.ownKeys(holder)
      .map((name) => `${String(name)}=${inspect(Reflect.get(holder, name), { depth: Number.POSITIVE_INFINITY })}`)
      .join(),
  structuredClone: (holder) =>
    cloned(holder, (value) => inspect(structuredClone(value), { showHidden: true, depth: 20 })),
  'v8.serialize': (holder) =>
    cloned(holder, (value) => `${toV8(value).toString('latin1')}${inspect(fromV8(toV8(value)), { depth: 20 })}`),
};

function cloned(holder: object, clone: (value: object) => string): string {
  try {
    return clone(holder);
  } catch (error) {
    // Functions and native handles cannot be cloned; what the refusal says must be clean too.
    return inspect(error, { showHidden: true });
  }
}

test('no object that holds a key shows it in any form', async (t) => {
  const all = await holders();
  let looks = 0;
  for (const [name, holder] of Object.entries(all)) {
    for (const [view, look] of Object.entries(views)) {
      const shown = look(holder);
      for (const [secret, secretForms] of Object.entries(secrets)) {
        t.deepEqual(shownIn(shown, secretForms), [], `${secret} in ${view} of ${name}`);
        looks++;
      }
    }
  }
  t.is(looks, 17 * 7 * 9);
});

test('the search finds a key that is shown, in each form', (t) => {
  const found = (text: string) => shownIn(text, forms(masterKey)).length > 0;
  t.true(found(inspect({ deep: { masterKey } }, { depth: 5 })));
  t.true(found(inspect(new Uint8Array(masterKey), { maxArrayLength: 40 })));
  t.true(found(JSON.stringify({ masterKey })));
  t.true(found(`key ${masterKey.toString('hex').toUpperCase()}`));
  t.true(found(`x${Buffer.concat([Buffer.from('x'), masterKey]).toString('base64')}`));
  t.true(found(Buffer.concat([Buffer.from('xy'), masterKey, Buffer.from('z')]).toString('base64url')));
  t.true(found(masterKey.toString('latin1')));
  t.false(found('nothing here'));
});

test('errors of every class say neither key, plaintext nor cache key', async (t) => {
  const cacheKey = 'patients:alice-liddell:diagnosis';
  const plaintext = 'PLAINTEXT-melancholia';
  const hex = masterKey.toString('hex');
  const wrapper = new EncryptionWrapper<unknown>({ masterKey, tenantId });
  const other = new EncryptionWrapper<unknown>({ masterKey: previous, tenantId });
  const sealed = wrapper.serialize({ plaintext }, { cacheKey });
  const headed = new EncryptionWrapper<unknown>({ masterKey, tenantId, rotationHeader: 'always' });
  const keyring = new Keyring({ masterKey, previousMasterKeys: [previous] });
  const gone = new Sealer(masterKey, tenantId);
  gone.destroy();
  const cycle: Record<string, unknown> = { plaintext };
  cycle.self = cycle;
  const raising = {
    get boom() {
      throw new Error('a getter');
    },
    plaintext,
  };
  const failures: (() => unknown)[] = [
    () => other.deserialize(sealed, { cacheKey }),
    () => other.deserialize(headed.serialize({ plaintext }, { cacheKey }), { cacheKey }),
    () => wrapper.deserialize(sealed.subarray(1), { cacheKey }),
    () => new EncryptionWrapper({ masterKey, tenantId, wire: 'python' }).deserialize(sealed, { cacheKey }),
    () => new Sealer(`${hex}g`, tenantId),
    () => new Sealer(hex.slice(1), tenantId),
    () => new Sealer(hex.slice(0, 60), tenantId),
    () => new Sealer(` ${hex}`, tenantId),
    () => new Sealer(Buffer.from(hex), tenantId),
    () => new Sealer(masterKey.subarray(0, 15), tenantId),
    () => new Keyring({ masterKey, previousMasterKeys: [masterKey] }),
    () => keyring.stage(masterKey),
    () => keyring.startRotation(hex),
    () => new EncryptionWrapper({ masterKey, keyring }),
    () => gone.seal(Buffer.from(plaintext), Buffer.from(cacheKey)),
    () => wrapper.serialize(cycle, { cacheKey }),
    () => wrapper.serialize({ plaintext, f: () => plaintext }, { cacheKey }),
    () => wrapper.serialize({ [plaintext]: undefined, bad: [undefined] }, { cacheKey }),
    () => wrapper.serialize({ plaintext: `${plaintext}\ud800` }, { cacheKey }),
    () => wrapper.serialize(raising, { cacheKey }),
    () => wrapper.serialize({ plaintext }, { cacheKey: `${cacheKey}\ud800` }),
    () => wrapper.serialize({ plaintext }, { cacheKey, tenantId: '' }),
    () => createCache({ masterKey: `${hex}zz`, namespace: 'n' }),
    () => createCache({ masterKey, backend: `redis://user:${password}@bad host` }),
    () => createCache({ masterKey, backend: `nowhere://user:${password}@host` }),
    () => new RedisBackend({ url: `redis://user:${password}@host:port` }),
    () => new HttpBackend({ url: `https://user:${password}@cache.example`, apiKey }),
    () => new HttpBackend({ url: 'https://cache.example', apiKey: `${apiKey}\n` }),
  ];
  const forbidden = {
    ...secrets,
    plaintext: forms(Buffer.from(plaintext)),
    'the cache key': forms(Buffer.from(cacheKey)),
  };
  for (const [index, fail] of failures.entries()) {
    const error = t.throws(fail, undefined, `failure ${index}`) as Error | undefined;
    if (error === undefined) continue;
    for (const [secret, secretForms] of Object.entries(forbidden)) {
      const shown = `${error.message}\n${error.stack}\n${inspect(error, { showHidden: true, depth: 20 })}`;
      t.deepEqual(shownIn(shown, secretForms), [], `${secret} in failure ${index}`);
    }
  }
  t.is(inspect(new AuthenticationError()).includes('cause'), false);
  const names = ['ab', 'cd', 'ef'].map((byte) => byte.repeat(16)) as [string, string, string];
  for (const name of names) t.true(new UnknownKeyError(...names).message.includes(name));
});

test('a heap snapshot and stderr of a process that sealed hold no key, and none of its first tier', async (t) => {
  const { code, stdout, stderr } = await runNode(supportFile('heap-snapshot.ts'), []);
  t.is(code, 0, stderr);
  const { entries, ...others } = JSON.parse(String(stdout)) as { entries: number[] };
  t.deepEqual(others as unknown, { found: [], planted: true, sealed: true });
  // The last ones may be in flight.
  t.true(Array.isArray(entries) && entries.length < 20, `${entries.length} entries: ${entries}`);
});
