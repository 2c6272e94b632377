import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Fewer rounds and smaller sizes: to see that it runs. Leaves the published tables and charts alone. */
  quick: boolean;
}

/** The options of a benchmark's command line. */
export function benchOptions(): BenchOptions {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  return { quick: values.quick };
}
