import * as kit from 'cachekit-native';
import { createCache } from 'cachekit-native';
import behaviour from './behaviour.js';

behaviour(kit, { jest, test, expect });

test('names are found', () => {
  expect(createCache).toBe(kit.createCache);
});
