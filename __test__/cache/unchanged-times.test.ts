import test from 'ava';
import { type Backend, createCache, MemoryBackend } from '../../index.js';

test('a backend of others is told when a function began for the moment in which it asks', async (t) => {
  const memory = new MemoryBackend();
  const times: number[] = [];
  const backend: Backend = {
    get: (cacheKey, options) => memory.get(cacheKey, options),
    set: (cacheKey, bytes, options) => memory.set(cacheKey, bytes, options),
    delete: (cacheKey, options) => memory.delete(cacheKey, options),
    setIfUnchanged: async (cacheKey, bytes, options) => {
      times.push(options.sinceMs);
      // Busy for a while, as a process that others keep from running.
      for (const until = performance.now() + 5; performance.now() < until; );
      times.push(options.sinceMs);
      return memory.setIfUnchanged(cacheKey, bytes, options);
    },
  };
  const cache = createCache({ namespace: 'n', backend, l1: false });
  t.is(await cache.getOrSet('k', () => 1), 1);
  t.true((times[1] ?? 0) >= (times[0] ?? 0) + 5);
  t.is(await cache.get('k'), 1, 'and it was stored');
});

test('a class that replaces set stores results by that', async (t) => {
  class Counting extends MemoryBackend {
    stored = 0;
    override async set(...args: Parameters<MemoryBackend['set']>): Promise<void> {
      this.stored++;
      await super.set(...args);
    }
  }
  const backend = new Counting();
  const cache = createCache({ namespace: 'n', backend, l1: false });
  await cache.getOrSet('k', () => 1);
  t.is(backend.stored, 1);
  t.is(await cache.get('k'), 1);
});

/** A backend of others that remembers deletions for so long, and counts how often it is asked. */
function remembering(remembersMs: unknown) {
  const memory = new MemoryBackend();
  const backend = {
    asked: 0,
    remembersMs: remembersMs as number,
    get: memory.get.bind(memory),
    set: memory.set.bind(memory),
    delete: memory.delete.bind(memory),
    setIfUnchanged: memory.setIfUnchanged.bind(memory),
    changedSince: async () => {
      backend.asked++;
      return false;
    },
  };
  return backend;
}

test('a backend that remembers for longer than timers last is not asked all the time', async (t) => {
  for (const remembersMs of [Number.POSITIVE_INFINITY, 2 ** 40]) {
    const backend = remembering(remembersMs);
    const cache = createCache({ namespace: 'n', backend, l1: false });
    await cache.getOrSet('k', () => new Promise((resolve) => setTimeout(resolve, 50, 1)));
    t.is(backend.asked, 0);
    t.is(await cache.get('k'), 1);
  }
});

test('a backend that remembers for no time is refused', (t) => {
  for (const remembersMs of [0, -1, Number.NaN]) {
    t.throws(() => createCache({ namespace: 'n', backend: remembering(remembersMs) }), { instanceOf: RangeError });
  }
  t.throws(() => createCache({ namespace: 'n', backend: remembering('1m') }), { instanceOf: TypeError });
});
