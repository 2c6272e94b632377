const kit = require('cachekit-native');
const { RedisBackend } = require('cachekit-native/redis');
const { fakeClock } = require('cachekit-native/testing');

require('./behaviour.js')(kit, { jest, test, expect });

test('the entries share their classes', () => {
  expect(RedisBackend).toBe(kit.RedisBackend);
  expect(typeof fakeClock).toBe('function');
});

test('a module that is loaded again is another one, which works too', async () => {
  jest.resetModules();
  const again = require('cachekit-native');
  expect(again).not.toBe(kit);
  const cache = again.createCache({ masterKey: 'aa'.repeat(32) });
  await cache.set('k', 1);
  expect(await cache.get('k')).toBe(1);
});
