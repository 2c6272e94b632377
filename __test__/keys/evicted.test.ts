import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { EncryptionWrapper, Keyring } from '../../index.js';
import { EvictedKeys } from '../../src/keys/evicted-keys.js';
import { HeldKey } from '../../src/keys/held-key.js';
import { NonceSequences } from '../../src/keys/nonce-sequences.js';
import { native } from '../../src/native/addon.js';
import { NATIVE_CODE } from '../../src/native/result.js';

const masterKey = '7c'.repeat(32);
const PERIOD_MS = 200;
/** So many tenants' keys are kept. */
const KEPT = 10_000;

test.serial(
  'the keys of tenants that are kept no longer are wiped, when everybody has asked anew and some time has passed',
  async (t) => {
    let renewed = 0;
    const key = new HeldKey('key', masterKey, new EvictedKeys(() => renewed++, PERIOD_MS));
    const sequence = new NonceSequences().of('counter');
    const all = Array.from({ length: KEPT + 20 }, (_, i) => key.tenantKey('counter', `tenant-${i}`, sequence).sealer);
    const isWiped = (i: number) => native.fingerprint(all[i]!.handle, Buffer.alloc(16)) === NATIVE_CODE.KEY_DESTROYED;
    t.false(isWiped(0));
    const evicted = performance.now();
    while (renewed === 0 && performance.now() - evicted < 50 * PERIOD_MS) await pause(10);
    t.false(isWiped(0), 'what began with it may be under way');
    const begun = performance.now();
    while (!isWiped(0) && performance.now() - begun < 50 * PERIOD_MS) await pause(10);
    t.true(isWiped(0));
    t.true(performance.now() - begun >= PERIOD_MS / 2);
    t.true(Array.from({ length: 20 }, (_, i) => isWiped(i)).every(Boolean));
    t.false(isWiped(20) || isWiped(KEPT + 19));
    t.is(renewed, 1);
    key.destroy();
  },
);

test.serial('values of more tenants than keys are kept for open all the time', (t) => {
  using keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper({ keyring });
  const sealed = Array.from({ length: KEPT + 500 }, (_, i) => {
    return wrapper.serialize(i, { cacheKey: 'k', tenantId: `tenant-${i}` });
  });
  for (const [i, bytes] of sealed.entries()) {
    if (wrapper.deserialize(bytes, { cacheKey: 'k', tenantId: `tenant-${i}` }) !== i) t.fail();
  }
  t.pass();
});
