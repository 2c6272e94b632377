import { nextUseCacheHandler } from 'cachekit-native/next';
import { cache } from './shared-cache.mjs';

export default nextUseCacheHandler({ cache });
