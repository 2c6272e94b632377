import { KEY_MEASURES } from '../../src/observability/key-measures.js';
import { CACHE_MEASURES, type Instrument, LATENCIES, prometheusName } from '../../src/observability/measures.js';

const PREFIX = 'cachekit';

const instruments: readonly Instrument[] = [...CACHE_MEASURES, ...LATENCIES, ...KEY_MEASURES];
const byName = new Map(instruments.map((instrument) => [instrument.name, instrument]));

/** What Prometheus calls an instrument. @throws Error for one that there is not, so that a renamed one cannot stay in an expression. */
export function metric(name: string, part?: 'bucket' | 'count' | 'sum'): string {
  const instrument = byName.get(name);
  if (instrument === undefined) throw new Error(`There is no metric ${name}: rename it in scripts/monitoring, too`);
  if ((instrument.kind === 'histogram') !== (part !== undefined)) throw new Error(`${name} is a ${instrument.kind}`);
  return prometheusName(PREFIX, instrument) + (part === undefined ? '' : `_${part}`);
}
