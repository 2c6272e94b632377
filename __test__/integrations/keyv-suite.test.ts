import test from 'ava';
import { Keyv } from 'keyv';
import { encryptedStore } from '../../index.js';
import { keyvStorages } from '../support/keyv-storages.js';
import { runKeyvSuite } from '../support/keyv-suite.js';
import { Keyv5 } from '../support/keyv5.js';

const MASTER_KEY = '5a'.repeat(32);

const versions = { 'Keyv 5': Keyv5, 'Keyv 6': Keyv };

for (const [storage, open] of Object.entries(keyvStorages)) {
  for (const [version, make] of Object.entries(versions)) {
    test.serial(`${version}, ${storage}: encrypted, every test of the suite passes that passes without`, async (t) => {
      const [bare, inner] = [await open(t), await open(t)];
      if (bare === undefined || inner === undefined) return;
      const plain = await runKeyvSuite(make as never, bare);
      const sealed = await runKeyvSuite(make as never, () => encryptedStore(inner(), { masterKey: MASTER_KEY }));
      const passed = [...plain].filter(([, error]) => error === undefined).map(([name]) => name);
      t.is(sealed.size, plain.size);
      t.true(plain.size >= 42, `${plain.size} tests`);
      t.true(passed.length >= 40, `${passed.length} passed: ${[...plain].filter(([, e]) => e).join('\n')}`);
      for (const name of passed) t.is(sealed.get(name), undefined, name);
      const more = [...sealed].filter(([, error]) => error === undefined).length;
      t.log(`${plain.size} tests: ${passed.length} pass plain, ${more} encrypted`);
    });
  }
}
