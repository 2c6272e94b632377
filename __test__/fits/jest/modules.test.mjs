import { createRequire } from 'node:module';
import { expect, jest, test } from '@jest/globals';
import * as kit from 'cachekit-native';

const require = createRequire(import.meta.url);
require('./behaviour.js')(kit, { jest, test, expect });

test('import and require give one instance', () => {
  expect(require('cachekit-native').createCache).toBe(kit.createCache);
});
