import test from 'ava';
import { createCache, HttpBackend } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { startCacheServer } from '../../src/testing/server.js';

const masterKey = '5a'.repeat(32);

test.serial('caches of two processes share sealed entries, and the server sees nothing of the values', async (t) => {
  await using server = await startCacheServer({ tokens: ['ck_sdk_a'] });
  const open = () => new HttpBackend({ url: server.url, apiKey: 'ck_sdk_a', allowPrivateHosts: true });
  let loads = 0;
  const load = async (id: number) => ({ id, diagnosis: `secret ${++loads}` });
  await using one = createCache({ backend: open(), namespace: 'patients', ttl: '1h', masterKey });
  await using two = createCache({ backend: open(), namespace: 'patients', ttl: '1h', masterKey });
  const [first, second] = [one, two].map((cache) => cache.secure({ operation: 'byId' })(load));
  t.deepEqual(await first?.(7), { id: 7, diagnosis: 'secret 1' });
  t.deepEqual(await second?.(7), { id: 7, diagnosis: 'secret 1' });
  t.is(loads, 1);
  t.is(server.entries.size, 1);
  for (const [cacheKey, bytes] of server.entries) {
    t.regex(cacheKey, /^ns:patients:/, 'a cache key that the API takes');
    t.false(Buffer.from(bytes).includes('secret'));
  }
});

test.serial('the server says when an entry is stale: it is given at once and loaded anew', async (t) => {
  using clock = fakeClock();
  await using server = await startCacheServer();
  const backend = new HttpBackend({ url: server.url, apiKey: 'ck_live_a', allowPrivateHosts: true });
  await using cache = createCache({ backend, namespace: 'n', ttl: '1h', swr: '1h', masterKey });
  let loads = 0;
  const cached = cache.secure({ operation: 'count' })(async () => ++loads);
  t.is(await cached(), 1);
  clock.advance(3_000_000);
  t.is(await cached(), 1);
  clock.advance(700_000);
  t.is(await cached(), 1, 'stale');
  for (let value = 1; value === 1; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    value = await cached();
  }
  t.is(loads, 2);
  clock.advance(7_300_000);
  t.is(await cached(), 3, 'past the stale time it is loaded first');
});
