import type { FastifyPluginAsync } from 'fastify';
import type { Cache } from '../../index.js';
import { type CacheSource, openCache } from './arguments.js';

export type { CacheSource } from './arguments.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Of the plugin `cachekit`. */
    cache: Cache;
  }
}

/** What fastify-plugin notes: `fastify.cache` is for the whole application, and not only for plugins inside of this one. */
const META = {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'cachekit-native',
  [Symbol.for('plugin-meta')]: { name: 'cachekit-native', fastify: '>=4' },
};

/**
 * A Fastify plugin: `fastify.cache` is a cache. One that it has made is closed with the application, after its last request; one that is
 * passed is left to its owner.
 *
 * @example
 * await fastify.register(cachekit, { backend: 'redis://localhost', namespace: 'shop' });
 * fastify.get('/rates', () => fastify.cache.getOrSet('rates', fetchRates, { ttl: '1m' }));
 *
 * @throws as `createCache`, when the application starts.
 */
export const cachekit: FastifyPluginAsync<CacheSource> = Object.assign(
  async (fastify: Parameters<FastifyPluginAsync>[0], options: CacheSource) => {
    const { cache, close } = openCache(options);
    fastify.decorate('cache', cache);
    fastify.addHook('onClose', close);
  },
  META,
);
