import { createCache } from 'cachekit-native';
import { TEST_MASTER_KEY } from 'cachekit-native/testing';

const cache = createCache({ masterKey: TEST_MASTER_KEY });
cache.set('k', 5).then(async () => {
  const value: number | undefined = await cache.get('k');
  console.log(value);
});
