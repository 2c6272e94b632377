const kit = require('cachekit-native');

const masterKey = 'aa'.repeat(32);

beforeEach(() => jest.resetModules());

// What is loaded on demand is loaded after the registry was emptied: it must be of the same instance.
test('parts that are loaded later belong to what was loaded first', async () => {
  const cache = kit.createCache({ keyring: new kit.Keyring({ masterKey }) });
  await cache.set('k', 1);
  expect(await cache.get('k')).toBe(1);
  await expect(cache.set('k', Symbol('x'))).rejects.toBeInstanceOf(kit.CacheKitError);
  const sealed = new kit.EncryptionWrapper({ serializer: new kit.JsonSerializer(), masterKey });
  const other = kit.createCache({
    serializer: sealed,
    backend: process.env.REDIS_URL,
    namespace: `reset-${process.pid}`,
  });
  await other.set('k', { n: 1 });
  expect(await other.get('k')).toEqual({ n: 1 });
  await other.close();
  expect(() => kit.createCache({ backend: 'redis://host?x=1' })).toThrow(kit.ConfigurationError);
});
