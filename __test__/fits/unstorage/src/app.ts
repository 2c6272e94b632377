import { createCache } from 'cachekit-native';
import { cachekitDriver } from 'cachekit-native/unstorage';
import { createStorage, prefixStorage } from 'unstorage';

export const cache = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'storage',
  ttl: 'never',
});

export const driver = cachekitDriver({ cache });
export const storage = createStorage({ driver });
export const drafts = prefixStorage<{ title: string; words: number }>(storage, 'drafts');
