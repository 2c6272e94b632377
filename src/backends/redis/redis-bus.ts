import { assertWellFormed, kindOf } from '../../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../../util/options-object.js';
import type { InvalidationBus } from '../invalidation-bus.js';
import { RedisBus } from './bus.js';
import type { RedisClient } from './clients.js';

export interface RedisBusOptions {
  /**
   * The channel of messages, the same in all processes. A user of Redis needs the right to it and to what begins with it
   * (`&cachekit:invalidation*`). Default `cachekit:invalidation`.
   */
  channel?: string;
}

const CHANNEL = 'cachekit:invalidation';

/**
 * Carries invalidations over Redis's publish and subscribe, with a client that you have: of `ioredis`, `iovalkey` or `redis`, for one server or for
 * a cluster. It publishes with the client itself and subscribes on a connection of its own, made as the client's `duplicate()`,
 * which ends with the last cache that listens. The client stays open.
 *
 * @throws TypeError and ConfigurationError for what is no such client, as RedisBackend.
 */
export function redisBus(client: RedisClient, options: RedisBusOptions = {}): InvalidationBus {
  assertOptionsObject(options, ['channel']);
  const { channel = CHANNEL } = ownOptions(options);
  if (typeof channel !== 'string') throw new TypeError(`channel must be a string, not ${kindOf(channel)}`);
  if (channel === '') throw new RangeError('channel must not be empty');
  assertWellFormed('channel', channel);
  const bus = new RedisBus(client, channel);
  return { publish: (message) => bus.publish(message), subscribe: (listener, state) => bus.subscribe(listener, state) };
}
