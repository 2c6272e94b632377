import { createCache, BackendError, Keyring, type Cache, type CachedFunction, ArrowSerializer, type Serializer, StandardSerializer } from 'cachekit-native';
import { RedisBackend, type RedisBackendOptions } from 'cachekit-native/redis';
import { fakeClock } from 'cachekit-native/testing';
import kit = require('cachekit-native');

const cache: Cache = createCache({ masterKey: 'aa'.repeat(32) });
const double = cache.wrap({ namespace: 'n', operation: 'double' })(async (n: number, by = 2): Promise<number> => n * by);
const options: RedisBackendOptions = {};
const serializer: Serializer<unknown> = new StandardSerializer();
class Mine extends StandardSerializer {}
export type Typed = CachedFunction<unknown, [number], string>;
export const rows = (arrow: ArrowSerializer): Serializer<unknown> => arrow as Serializer<unknown>;

async function main(): Promise<void> {
  const clock = fakeClock();
  const doubled: number = await double(4);
  await cache.set('k', 1, { ttl: '1m' });
  clock.advance(61_000);
  const { isOneInstance } = await import('./module.mjs');
  const backend = null as unknown as RedisBackend;
  const same: boolean = isOneInstance(cache, new Keyring({ masterKey: 'aa'.repeat(32) }), backend);
  const kept: unknown = await cache.get('k');
  if (doubled !== 8 || kept !== undefined || !same || kit.createCache !== createCache) throw new Error('not one instance');
  if (!(new Mine() instanceof StandardSerializer) || !(new BackendError('x') instanceof Error)) throw new Error('classes');
  console.log(typeof options, typeof serializer);
}
main();
