import { randomBytes } from 'node:crypto';
import { createCache, RedisBackend } from '../../index.js';

/*
 * Which files of src/ an operation enters. Run with `traced-files.mjs`; prints `{ operation: [file, …] }`.
 */
declare global {
  var entered: string[] | null;
}

const walks: Record<string, string[]> = {};

async function walk<T>(name: string, operation: () => T | Promise<T>): Promise<T> {
  globalThis.entered = [];
  const value = await operation();
  walks[name] = globalThis.entered;
  globalThis.entered = null;
  return value;
}

const url = process.env.WALK_REDIS as string;
const masterKey = randomBytes(32).toString('hex');
const options = () => ({ backend: new RedisBackend({ url }), masterKey, tenantId: 'acme', namespace: 'walks' });
const { cache, tiered } = await walk('createCache', () => ({
  cache: createCache({ ...options(), l1: false }),
  tiered: createCache(options()),
}));
const patient = { id: 7, name: 'Ada' };

// Once each beforehand: what the first call alone does is not part of the walk.
for (const each of [cache, tiered]) {
  await each.set('warm', patient);
  await each.get('warm');
  await each.setMany([['warm', patient]]);
  await each.getMany(['warm', 'missing']);
}
await walk('set', () => cache.set('a', patient));
await walk('set with L1', () => tiered.set('b', patient));
await walk('L1 hit', () => tiered.get('b'));
await walk('Redis hit', () => cache.get('a'));
await walk('setMany of 3', () =>
  cache.setMany([
    ['x', patient],
    ['y', patient],
    ['z', patient],
  ]),
);
await walk('getMany of 3', () => cache.getMany(['x', 'y', 'z']));
const find = cache.wrap({ operation: 'find' })(async (id: number) => ({ ...patient, id }));
await find(1);
await walk('miss, run and store', () => find(2));
await walk('hit of a function', () => find(2));
await walk('delete', () => cache.delete('a'));
await cache.close();
await tiered.close();
process.stdout.write(JSON.stringify(walks));
