import test from 'ava';
import { EncryptionWrapper, Keyring } from '../../index.js';

const [A, B] = ['a1', 'b2'].map((byte) => byte.repeat(32)) as [string, string];
const context = { cacheKey: 'users:1' };
const value = { name: 'Ada' };

test('inspect names the held key that a header or a frame names, by both of its fingerprints', (t) => {
  for (const wire of ['protocol', 'python'] as const) {
    const keyring = new Keyring({ masterKey: A });
    keyring.startRotation(B);
    const wrapper = new EncryptionWrapper({ keyring, tenantId: 'acme', wire });
    const sealed = wrapper.serialize(value, context);
    const [current] = keyring.fingerprints({ tenantId: 'acme' });
    t.deepEqual(wrapper.inspect(sealed).key, current);
    keyring.rollback();
    t.deepEqual(wrapper.inspect(sealed).key, { ...current!, position: 'previous' });
    t.is(new EncryptionWrapper({ masterKey: A, tenantId: 'acme', wire }).inspect(sealed).key, undefined);
    t.is(new EncryptionWrapper({ keyring, tenantId: 'other', wire }).inspect(sealed).key, undefined);
  }
});
