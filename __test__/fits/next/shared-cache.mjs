import { createCache } from 'cachekit-native';

export const cache = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'shop',
});
