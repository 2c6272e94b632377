import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { type BackendSetOptions, createCache, MemoryBackend } from '../../index.js';
import { MapBackend, masterKey } from './map-backend.js';

/** A memory store that takes the longer for a value the fewer it was given before. */
class Overtaking extends MemoryBackend {
  #sets = 0;

  override async set(cacheKey: string, bytes: Uint8Array, options?: BackendSetOptions): Promise<void> {
    await pause(Math.max(0, 60 - 20 * this.#sets++));
    return super.set(cacheKey, bytes, options);
  }
}

test('of equal keys in one setMany the last value counts, whatever order a store takes them in', async (t) => {
  const plain = new MapBackend();
  let sets = 0;
  plain.before = (operation) => (operation === 'set' ? pause(Math.max(0, 60 - 20 * sets++)) : undefined);
  for (const options of [
    { backend: plain },
    { backend: new Overtaking(), namespace: 'n', masterKey, privateKeys: true },
    { backend: new MemoryBackend() },
    {},
  ]) {
    const entries = createCache(options);
    for (const view of [entries, entries.tenant('a')]) {
      t.true(
        await view.setMany([
          ['k', 'first'],
          ['l', 'other'],
          ['k', 'second'],
          ['k', 'last'],
        ]),
      );
      t.deepEqual(await view.getMany(['k', 'l']), ['last', 'other']);
      // What the store has, without copies.
      if (options.backend) t.is(await createCache({ ...options, l1: false }).get('k'), 'last');
    }
  }
});
