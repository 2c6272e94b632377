// A service that is shipped as its bundle alone: values in this process, no package beside it.
import { createCache } from 'cachekit-native';

const cache = createCache({ masterKey: '5a'.repeat(32), namespace: 'alone' });
const square = cache.wrap({ operation: 'square' })(async (n) => n * n);
cache
  .set('k', { at: new Date(5), bytes: Uint8Array.of(1, 2) })
  .then(async () => {
    const { at, bytes } = await cache.get('k');
    console.log('alone', at.getTime(), bytes.length, await square(4), await square(4));
  })
  .catch((error) => {
    console.log(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  });
