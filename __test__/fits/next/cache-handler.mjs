import { nextCacheHandler } from 'cachekit-native/next';
import { cache } from './shared-cache.mjs';

export default nextCacheHandler({ cache });
