import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import test from 'ava';
import { cache, MemoryBackend } from '../../index.js';
import { observeCaches } from '../../src/observability/opentelemetry.js';

const masterKey = 'a1'.repeat(32);

test('a meter reports counters with the names of the caches, and latencies with their namespaces', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const secret = cache.secure({ masterKey, namespace: 'n', operation: 'secret', backend: new MemoryBackend() })(
    (word: string) => ({ word }),
  );
  const end = observeCaches(provider.getMeter('test'), { secret });
  for (const word of ['sentinel', 'sentinel', 'other']) await secret(word);
  const collected = async () => {
    exporter.reset();
    await reader.forceFlush();
    const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return {
      text: JSON.stringify(metrics),
      points: (name: string) => metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [],
    };
  };
  const { points, text } = await collected();
  t.like(points('cachekit.hits'), [{ value: 1, attributes: { cache: 'secret' } }]);
  t.like(points('cachekit.loads'), [{ value: 2, attributes: { cache: 'secret' } }]);
  t.like(points('cachekit.load.duration'), [
    { value: { count: 2 }, attributes: { namespace: 'n', operation: 'secret' } },
  ]);
  t.like(points('cachekit.read.duration'), [{ value: { count: 2 } }]);
  t.false(text.includes('sentinel'));
  end();
  await secret('third');
  const [loads] = (await collected()).points('cachekit.load.duration');
  t.like(loads, { value: { count: 2 } }, 'ended, nothing is recorded');
  await provider.shutdown();
});

test('what is no meter is a TypeError', (t) => {
  t.throws(() => observeCaches({} as never, {}), { instanceOf: TypeError });
});
