import { clientPrefix } from '../backends/keyv.js';
import { isThenable } from '../util/realms.js';
import { type EncryptedStoreOptions, SealedText } from './sealed-text.js';

/** A driver of bentocache's second layer (`type` `'l2'`, all promises) or of its first (`'l1'`, none). */
export interface CacheDriver {
  type: 'l1' | 'l2';
  namespace(namespace: string): unknown;
  get(key: string): unknown;
  pull(key: string): unknown;
  set(key: string, value: string, ttl?: number): unknown;
  delete(key: string): unknown;
  deleteMany(keys: string[]): unknown;
  clear(): unknown;
  disconnect(): unknown;
  prune?(): unknown;
  getRemainingTtl?(key: string): number | undefined;
}

/** What bentocache's `memoryDriver`, `redisDriver` and the others return. */
export interface DriverFactory<D> {
  // biome-ignore lint/suspicious/noExplicitAny: bentocache's own type, which ours must be assignable to
  options: Record<string, any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  factory: (config: any) => D;
}

/**
 * Encryption for bentocache: a driver that seals each value under its key, the prefix and namespaces included, before
 * it reaches `driver`. What does not open is a miss. Each layer has a driver of its own: wrap both, or values lie in
 * the first layer as they are.
 *
 * @example
 * bentostore().useL1Layer(encryptedDriver(memoryDriver(), options)).useL2Layer(encryptedDriver(redisDriver({ connection }), options))
 *
 * @throws TypeError for what is no driver; as the constructor of EncryptionWrapper for the options.
 */
export function encryptedDriver<D extends object>(
  driver: DriverFactory<D>,
  options?: EncryptedStoreOptions,
): DriverFactory<D> {
  if (typeof driver !== 'object' || driver === null || typeof driver.factory !== 'function') {
    throw new TypeError('driver must be what a driver function of bentocache returns');
  }
  const sealed = new SealedText(options);
  return {
    options: driver.options,
    factory: (config) => {
      const inner = driver.factory(config) as unknown as CacheDriver;
      const { prefix } = (config ?? {}) as { prefix?: unknown };
      const path = typeof prefix === 'string' ? prefix.replace(/:+$/, '') : '';
      const { getConnection } = inner as { getConnection?: unknown };
      const client = typeof getConnection === 'function' ? clientPrefix(getConnection.call(inner)) : '';
      sealed.assertBare(client + path);
      return sealing(inner, sealed, path, client) as unknown as D;
    },
  };
}

/** `path` is what stands before the keys of this driver, `client` what its client writes in front of that. */
function sealing(inner: CacheDriver, sealed: SealedText, path: string, client: string): CacheDriver {
  const within = (name: string) => (path === '' ? name : `${path}:${name}`);
  const bound = (key: string) => client + within(key);
  // The first layer is asked synchronously.
  const opened = (key: string, stored: unknown) =>
    isThenable(stored) ? stored.then((text) => sealed.open(bound(key), text)) : sealed.open(bound(key), stored);
  return {
    type: inner.type,
    namespace: (namespace) => sealing(inner.namespace(namespace) as CacheDriver, sealed, within(namespace), client),
    get: (key) => opened(key, inner.get(key)),
    pull: (key) => opened(key, inner.pull(key)),
    set: (key, value, ttl) => inner.set(key, sealed.seal(bound(key), value), ttl),
    delete: (key) => inner.delete(key),
    deleteMany: (keys) => inner.deleteMany(keys),
    clear: () => inner.clear(),
    disconnect: () => inner.disconnect(),
    ...(inner.prune && { prune: () => inner.prune?.() }),
    ...(inner.getRemainingTtl && { getRemainingTtl: (key: string) => inner.getRemainingTtl?.(key) }),
  };
}
