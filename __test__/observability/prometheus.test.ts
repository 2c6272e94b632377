import test from 'ava';
import { Registry } from 'prom-client';
import { cache, createCache, MemoryBackend } from '../../index.js';
import { registerCacheMetrics } from '../../src/observability/prometheus.js';

const masterKey = 'a1'.repeat(32);

test('a registry tells what caches and cached functions have counted', async (t) => {
  const register = new Registry();
  const square = cache.secure({ masterKey, namespace: 'n', operation: 'square', backend: new MemoryBackend() })(
    (n: number) => n * n,
  );
  await using sessions = createCache({ masterKey });
  registerCacheMetrics(register, { square, sessions });
  for (const n of [1, 2, 2, 2]) await square(n);
  await sessions.set('a', 1);
  const text = await register.metrics();
  t.regex(text, /# TYPE cachekit_hits_total counter/);
  t.regex(text, /^cachekit_hits_total\{cache="square"\} 2$/m);
  t.regex(text, /^cachekit_loads_total\{cache="square"\} 2$/m);
  t.regex(text, /^cachekit_sets_total\{cache="sessions"\} 1$/m);
  t.regex(text, /^cachekit_l1_entries\{cache="square"\} 2$/m);
  t.regex(text, /# TYPE cachekit_read_duration_seconds histogram/);
  t.regex(text, /^cachekit_read_duration_seconds_bucket\{cache="square",le="\+Inf"\} 2$/m);
  t.regex(text, /^cachekit_load_duration_seconds_count\{cache="square"\} 2$/m);
  const buckets = [...text.matchAll(/^cachekit_load_duration_seconds_bucket\{cache="square",le="[^"]+"\} (\d+)$/gm)];
  const counts = buckets.map(([, count]) => Number(count));
  t.true(counts.length > 10);
  t.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
    'buckets hold those of the smaller ones',
  );
});

test('as OpenMetrics, counters have their suffix once, also when the registry is read again', async (t) => {
  const register = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const sessions = createCache({ masterKey });
  registerCacheMetrics(register as never, { sessions });
  await sessions.set('a', 1);
  await sessions.get('a');
  for (let read = 0; read < 2; read++) {
    const text = await register.metrics();
    t.regex(text, /^# TYPE cachekit_hits counter$/m);
    t.regex(text, /^cachekit_hits_total\{cache="sessions"\} 1$/m);
    t.notRegex(text, /_total_total|# (TYPE|HELP) \w+_total /);
    t.regex(text, /^cachekit_read_duration_seconds_count\{cache="sessions"\} /m);
    t.true(text.endsWith('# EOF\n'));
  }
  await sessions.close();
});

test('two registrations live side by side by their prefixes, and end', async (t) => {
  const register = new Registry();
  const caches = { only: cache()(() => 1) };
  const end = registerCacheMetrics(register, caches);
  registerCacheMetrics(register, caches, { prefix: 'app_cache' });
  t.throws(() => registerCacheMetrics(register, caches), { code: 'ERR_CONFIGURATION' }, 'a name twice');
  end();
  const text = await register.metrics();
  t.notRegex(text, /cachekit_/);
  t.regex(text, /app_cache_misses_total\{cache="only"\} 0/);
});

test('what is no registry or no cache is a TypeError', (t) => {
  t.throws(() => registerCacheMetrics({} as never, {}), { instanceOf: TypeError });
  t.throws(() => registerCacheMetrics(new Registry(), { x: {} as never }), { instanceOf: TypeError });
  t.throws(() => registerCacheMetrics(new Registry(), null as never), { instanceOf: TypeError });
});
