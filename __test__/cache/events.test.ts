import { randomBytes } from 'node:crypto';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { cache, createCache, type LatencyStats, MemoryBackend } from '../../index.js';
import { MapBackend, masterKey, otherKey, settle, withClock } from './map-backend.js';

const names = ['hit', 'stale', 'miss', 'load', 'read', 'write', 'delete', 'invalidate', 'failure', 'lock', 'breaker'];
const quiet = { onError: () => {} };

interface Seen {
  name: string;
  namespace?: string;
  entry?: string;
  [field: string]: unknown;
}

/** What is published for a namespace, until the test ends. */
function listen(t: ExecutionContext, namespace: string): Seen[] {
  const seen: Seen[] = [];
  for (const name of names) {
    const listener = (event: unknown) => {
      if ((event as Seen).namespace === namespace) seen.push({ name, ...(event as object) } as Seen);
    };
    subscribe(`cachekit-native:${name}`, listener);
    t.teardown(() => unsubscribe(`cachekit-native:${name}`, listener));
  }
  return seen;
}

const named = (seen: Seen[]) => seen.splice(0).map(({ name }) => name);

test('each operation publishes what it did', async (t) => {
  const seen = listen(t, 'ops');
  const entries = createCache({ namespace: 'ops', backend: new MemoryBackend(), masterKey });
  const load = entries.wrap({ operation: 'o', tags: ['t'] })((_id: number) => 1);
  await load(1);
  const operations = seen.map(({ operation }) => operation);
  t.true(operations.every((operation) => operation === 'o'));
  t.is(new Set(seen.map(({ entry }) => entry)).size, 1);
  t.deepEqual(named(seen), ['read', 'miss', 'load', 'write']);
  await load(1);
  t.deepEqual(seen[0], { name: 'hit', namespace: 'ops', operation: 'o', entry: seen[0]?.entry, tier: 'l1' });
  t.regex(String(seen[0]?.entry), /^[0-9a-f]{16}$/);
  seen.length = 0;
  await entries.invalidateTags(['t', 'u']);
  t.like(seen.pop(), { name: 'invalidate', tags: 2, entries: 1 });
  await entries.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  t.deepEqual(named(seen), ['write', 'write']);
  const other = createCache({ namespace: 'ops', backend: new MapBackend(), masterKey, l1: false });
  await other.set('a', 1);
  seen.length = 0;
  await other.getMany(['a', 'x']);
  t.deepEqual(named(seen), ['read', 'read', 'hit', 'miss']);
  await other.deleteMany(['a', 'x']);
  await other.delete('a');
  t.deepEqual(named(seen), ['delete', 'delete', 'delete']);
});

test.serial('stale answers and failures say why', async (t) => {
  await withClock(async (clock) => {
    const seen = listen(t, 'why');
    const backend = new MapBackend();
    backend.expiresInMs = 100_000;
    let works = true;
    const times = { ttl: '10s', swr: '5s', staleIfError: '90s' } as const;
    const options = { ...quiet, ...times, namespace: 'why', operation: 'o', backend, breaker: false };
    const load = cache(options)(() => {
      if (!works) throw new Error('rosebud');
      return 1;
    });
    await load();
    works = false;
    seen.length = 0;
    backend.expiresInMs = 88_000;
    clock.ms += 12_000;
    await load();
    await settle();
    t.like(
      seen.find(({ name }) => name === 'stale'),
      { reason: 'swr' },
    );
    t.like(
      seen.find(({ name }) => name === 'load'),
      { ok: false },
    );
    t.like(
      seen.find(({ name }) => name === 'failure'),
      { kind: 'refresh', code: undefined },
    );
    seen.length = 0;
    backend.expiresInMs = 50_000;
    clock.ms += 38_000;
    await load();
    t.like(
      seen.find(({ name }) => name === 'stale'),
      { reason: 'error' },
    );
    seen.length = 0;
    backend.failing.add('get');
    await createCache({ ...quiet, namespace: 'why', backend }).get('k');
    t.like(seen[0], { name: 'failure', kind: 'backend', code: undefined });
  });
});

test('every failure has a kind and a counter', async (t) => {
  const seen = listen(t, 'kinds');
  const backend = new MemoryBackend({ maxBytes: 4_096 });
  const options = { ...quiet, namespace: 'kinds', backend, l1: false } as const;
  const sealed = createCache({ ...options, masterKey });
  await sealed.set('k', 1);
  await createCache({ ...options, masterKey: otherKey }).get('k');
  await createCache(options).set('k', 1);
  await sealed.getOrSet('k', () => new Map());
  const big = sealed.wrap({ operation: 'big' })(() => new Uint8Array(randomBytes(9_000)));
  t.is((await big()).length, 9_000);
  const failures = seen.filter(({ name }) => name === 'failure').map(({ kind, code }) => [kind, code]);
  t.deepEqual(failures, [
    ['unopened', 'ERR_AUTHENTICATION'],
    ['unopened', 'ERR_AUTHENTICATION'],
    ['refused', 'ERR_SERIALIZATION'],
    ['oversize', 'ERR_VALUE_TOO_LARGE'],
  ]);
  t.like(sealed.stats(), { authenticationFailures: 1, refusedValues: 1, oversizeValues: 1, backendErrors: 0 });
});

test('no event and no count shows a key, a value, a tag or a tenant', async (t) => {
  const seen = listen(t, 'quiet');
  const backend = new MemoryBackend();
  const entries = createCache({ ...quiet, namespace: 'quiet', backend, masterKey, lock: true, swr: '1m' });
  const tags = ['rosebud-tag'];
  const load = entries.wrap({ operation: 'o', tenant: () => 'rosebud-tenant', tags: () => tags })(
    (_: string) => 'rosebud-value',
  );
  await load('rosebud-argument');
  await load.invalidate('rosebud-argument');
  await entries.set('rosebud-key', 'rosebud-value', { tags });
  await entries.getMany(['rosebud-key', 'rosebud-other']);
  await entries.invalidateTags(tags);
  await entries.tenant('rosebud-tenant').delete('rosebud-key');
  await backend.close();
  await entries.getOrSet('rosebud-key', () => 'rosebud-value');
  t.true(seen.some(({ name }) => name === 'failure'));
  const told = inspect({ seen, stats: entries.stats(), own: load.stats() }, { depth: 9, maxStringLength: null });
  t.true(seen.length > 10);
  t.false(told.includes('rosebud'));
  t.false(told.includes(load.keyFor('rosebud-argument')));
});

test('without subscribers nothing is published, and a cache works the same', async (t) => {
  const load = cache({ ...quiet, namespace: 'nobody', operation: 'o', backend: new MapBackend() })(() => 1);
  const hit = channel('cachekit-native:hit');
  const { publish } = hit;
  let published = 0;
  hit.publish = (event) => {
    if ((event as Seen).namespace === 'nobody') published++;
    publish.call(hit, event);
  };
  t.teardown(() => Reflect.deleteProperty(hit, 'publish'));
  await load();
  await load();
  if (!hit.hasSubscribers) t.is(published, 0);
  t.is(load.stats().hits, 1);
});

test('stats are numbers, and histograms add up', async (t) => {
  const entries = createCache({ namespace: 'n', backend: new MapBackend(), l1: false });
  const load = entries.wrap({ operation: 'o' })((id: number) => id);
  for (let i = 0; i < 5; i++) await load(i % 3);
  await entries.set('k', 1);
  await entries.get('k');
  const { readLatency, writeLatency, loadLatency, breaker, ...counts } = entries.stats();
  t.is(breaker, 'closed');
  t.true(Object.values(counts).every((count) => typeof count === 'number' && Number.isFinite(count)));
  t.like(counts, { hits: 3, l1Hits: 0, misses: 3, loads: 3, loadErrors: 0, sets: 4, staleHits: 0, lockWaits: 0 });
  for (const [latency, count] of [
    [readLatency, 6],
    [writeLatency, 4],
    [loadLatency, 3],
  ] as [LatencyStats, number][]) {
    t.is(latency.count, count);
    t.true(latency.sumMs >= 0);
    t.is(latency.buckets.at(-1)?.leMs, Number.POSITIVE_INFINITY);
    t.is(latency.buckets.at(-1)?.count, count);
    t.true(latency.buckets.every((bucket, i) => i === 0 || bucket.count >= (latency.buckets[i - 1]?.count ?? 0)));
    t.true(latency.buckets.every((bucket, i) => i === 0 || bucket.leMs > (latency.buckets[i - 1]?.leMs ?? 0)));
  }
  t.is(load.stats().loadLatency.count, 3);
});
