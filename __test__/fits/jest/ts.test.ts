import * as kit from 'cachekit-native';
import { type Cache, createCache } from 'cachekit-native';
import { RedisBackend } from 'cachekit-native/redis';

const behaviour = require('./behaviour.js') as (module: typeof kit, test: object) => void;
behaviour(kit, { jest, test, expect });

test('types fit', async () => {
  const cache: Cache = createCache({ masterKey: 'aa'.repeat(32) });
  const double = cache.wrap({ operation: 'double', namespace: 'n' })(async (n: number) => n * 2);
  const result: number = await double(2);
  expect(result).toBe(4);
  expect(RedisBackend).toBe(kit.RedisBackend);
});
