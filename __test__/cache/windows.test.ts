import test from 'ava';
import { type Backend, createCache } from '../../index.js';
import { TEST_MASTER_KEY } from '../../src/testing/master-key.js';

/** A backend without methods for many, which answers in a later turn and counts what is under way. */
function oneByOne() {
  const entries = new Map<string, Uint8Array>();
  const most = { underWay: 0 };
  let underWay = 0;
  const later = async <T>(work: () => T): Promise<T> => {
    most.underWay = Math.max(most.underWay, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return work();
  };
  const backend: Backend = {
    get: (cacheKey) => later(() => withBytes(entries.get(cacheKey))),
    set: (cacheKey, bytes) => later(() => void entries.set(cacheKey, bytes)),
    delete: (cacheKey) => later(() => entries.delete(cacheKey)),
  };
  return { backend, entries, most };
}

const withBytes = (bytes: Uint8Array | undefined) => bytes && { bytes };

test('a list longer than the operations that may be under way is read, written and removed whole', async (t) => {
  const { backend, entries, most } = oneByOne();
  const errors: unknown[] = [];
  await using cache = createCache({
    namespace: 'many',
    masterKey: TEST_MASTER_KEY,
    backend,
    l1: false,
    timeout: '60s',
    onError: (error) => errors.push(error),
  });
  const cacheKeys = Array.from({ length: 12_000 }, (_, i) => `k${i}`);
  t.true(await cache.setMany(cacheKeys.map((cacheKey) => [cacheKey, cacheKey])));
  t.is(entries.size, 12_000);
  t.deepEqual(await cache.getMany(cacheKeys), cacheKeys);
  t.is(await cache.deleteMany(cacheKeys), 12_000);
  t.is(entries.size, 0);
  t.deepEqual(errors, []);
  t.true(most.underWay <= 1_000, `${most.underWay} were under way at once`);
});

test('when one of a long list cannot be removed, the others are, and the call rejects', async (t) => {
  const { backend, entries } = oneByOne();
  const fails = async () => {
    throw new Error('not this one');
  };
  const own = { ...backend, delete: (cacheKey: string) => (/k7$/.test(cacheKey) ? fails() : backend.delete(cacheKey)) };
  await using cache = createCache({ namespace: 'many', masterKey: TEST_MASTER_KEY, backend: own, l1: false, retry: 0 });
  const cacheKeys = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
  await cache.setMany(cacheKeys.map((cacheKey) => [cacheKey, cacheKey]));
  await t.throwsAsync(cache.deleteMany(cacheKeys));
  t.is(entries.size, 1);
});
