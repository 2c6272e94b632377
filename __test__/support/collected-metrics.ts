import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';

/** A meter, and what its reader collects when it is asked. */
export function collector() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    meter: provider.getMeter('test'),
    shutdown: () => provider.shutdown(),
    async collect() {
      exporter.reset();
      await reader.forceFlush();
      const metrics = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      return {
        metrics,
        text: JSON.stringify(metrics),
        points: (name: string) =>
          metrics
            .filter(({ descriptor }) => descriptor.name === name)
            .flatMap(({ dataPoints }) => dataPoints as { value: unknown; attributes: Record<string, unknown> }[]),
      };
    },
  };
}
