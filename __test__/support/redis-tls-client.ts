import { RedisBackend } from '../../index.js';
import type { RedisLibrary } from '../../src/backends/redis.js';
import { until } from '../../src/testing/behaviour.js';

/* Writes to every server of a cluster, and waits to be told that another connection has changed an entry. */
const [library, url] = process.argv.slice(2) as [RedisLibrary, string];
const [here, there] = [new RedisBackend({ url, library }), new RedisBackend({ url, library })];
const told = new Set<string | undefined>();
here.watch?.((cacheKey) => told.add(cacheKey));
const cacheKeys = Array.from({ length: 30 }, (_, i) => `k${i}`);
try {
  await here.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('1') })));
  await until(async () => {
    await here.getMany(cacheKeys);
    await there.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('2') })));
    return cacheKeys.every((cacheKey) => told.has(cacheKey));
  });
  console.log('stored and told');
} catch (error) {
  console.log((error as Error).message);
}
