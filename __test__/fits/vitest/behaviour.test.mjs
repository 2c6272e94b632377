import * as kit from 'cachekit-native';
import { fakeClock } from 'cachekit-native/testing';
import { expect, test, vi } from 'vitest';

const masterKey = 'aa'.repeat(32);

test('a value is kept, exactly', async () => {
  const cache = kit.createCache({ masterKey });
  const value = { at: new Date(5), bytes: Uint8Array.of(1, 2), list: [1, null, 'ö'] };
  await cache.set('k', value);
  expect(await cache.get('k')).toEqual(value);
  await expect(cache.set('k', Symbol('x'))).rejects.toBeInstanceOf(kit.CacheKitError);
});

test('a function is cached in Redis', async () => {
  const cache = kit.createCache({ masterKey, backend: process.env.REDIS_URL, namespace: `vitest-${process.pid}` });
  const load = vi.fn((n) => n * n);
  const square = cache.wrap({ operation: 'square' })(load);
  expect([await square(3), await square(3), load.mock.calls.length]).toEqual([9, 9, 1]);
  await cache.close();
});

test('a TTL ends under fake timers', async () => {
  const cache = kit.createCache({ masterKey });
  vi.useFakeTimers();
  try {
    await cache.set('k', 1, { ttl: '1m' });
    vi.advanceTimersByTime(61_000);
    expect(await cache.get('k')).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

test('the clock of the package is the one that its entry for tests moves', async () => {
  const cache = kit.createCache({ masterKey });
  const clock = fakeClock();
  try {
    await cache.set('k', 1, { ttl: '1m' });
    clock.advance(61_000);
    expect(await cache.get('k')).toBeUndefined();
  } finally {
    clock.restore();
  }
});
