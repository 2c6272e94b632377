// What every project of Jest tests, with the module as its kind of file has it.
module.exports = (kit, { jest, test, expect }) => {
  const masterKey = 'aa'.repeat(32);

  test('a value is kept, exactly', async () => {
    const cache = kit.createCache({ masterKey });
    const value = { at: new Date(5), bytes: Uint8Array.of(1, 2), list: [1, null, 'ö'] };
    await cache.set('k', value);
    expect(await cache.get('k')).toEqual(value);
    await expect(cache.set('k', Symbol('x'))).rejects.toBeInstanceOf(kit.CacheKitError);
    await cache.close();
  });

  test('a function is cached in Redis', async () => {
    let calls = 0;
    const cache = kit.createCache({ masterKey, backend: process.env.REDIS_URL, namespace: `jest-${process.pid}` });
    const square = cache.wrap({ operation: 'square', ttl: '1m' })((n) => {
      calls++;
      return n * n;
    });
    expect([await square(3), await square(3), calls]).toEqual([9, 9, 1]);
    expect(await square.invalidate(3)).toBe(true);
    await cache.close();
  });

  test('a TTL ends under fake timers', async () => {
    const cache = kit.createCache({ masterKey });
    jest.useFakeTimers();
    try {
      await cache.set('k', 1, { ttl: '1m' });
      jest.advanceTimersByTime(59_000);
      expect(await cache.get('k')).toBe(1);
      jest.advanceTimersByTime(2_000);
      expect(await cache.get('k')).toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });
};
