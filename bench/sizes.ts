/** Sealing and opening bytes, 64 B to 64 MiB, against node:crypto and against ring alone in the same process. */
import type { TopLevelSpec } from 'vega-lite';
import { bytes, time, times } from './lib/format.js';
import { interleave, type Timings } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { publish, type Table } from './lib/report.js';
import { furtherCases, measureOptions, NAMES, SIZES, sealingCases } from './lib/sealing.js';

const options = benchOptions();
const bar = progress(SIZES.length, bytes(SIZES[0]));
const measured = new Map<number, Timings>();
for (const size of SIZES) {
  const cases = [...sealingCases(size), ...furtherCases(size)];
  measured.set(size, await interleave(cases, measureOptions(size, options.quick)));
  bar.step(bytes(size));
}
bar.done();

const columns = (...names: string[]) => ['', ...SIZES.map(bytes), ...names];
const row = (title: string, cell: (timings: Timings, size: number) => string | undefined): string[] => [
  title,
  ...SIZES.map((size) => cell(measured.get(size) as Timings, size) ?? '–'),
];
const timeRow = (name: string, title = name) =>
  row(title, (timings) => (timings.has(name) ? time(timings.median(name)) : undefined));
const fasterRow = (title: string, name: string, reference: string) =>
  row(title, (timings) => times(timings.ratio(reference, name).median));

const tables: Table[] = [
  {
    title: 'Sealing: time of one',
    columns: columns(),
    rows: [
      timeRow(NAMES.ring),
      timeRow(NAMES.sealInPlace),
      timeRow(NAMES.sealInto),
      timeRow(NAMES.seal, 'seal (fresh Buffer)'),
      timeRow(NAMES.sealBatch, 'in a batch of 64, each'),
      timeRow(NAMES.sealAsync, 'sealAsync, one after the other'),
      timeRow(NAMES.ncSeal, 'node:crypto (fresh Buffer)'),
    ],
  },
  {
    title: 'Opening: time of one',
    columns: columns(),
    rows: [
      row('openInPlace', (timings) => time(timings.difference(NAMES.thereAndBack, NAMES.sealInPlace).median)),
      timeRow(NAMES.openInto),
      timeRow(NAMES.open, 'open (fresh Buffer)'),
      timeRow(NAMES.openBatch, 'in a batch of 64, each'),
      timeRow(NAMES.openAsync, 'openAsync, one after the other'),
      timeRow(NAMES.ncOpen, 'node:crypto (fresh Buffer)'),
    ],
    notes: ['`openInPlace` is the time of sealing and opening in place less that of sealing in place.'],
  },
  {
    title: 'In proportion',
    columns: columns(),
    rows: [
      fasterRow('seal, faster than node:crypto', NAMES.seal, NAMES.ncSeal),
      fasterRow('sealInto, faster than node:crypto', NAMES.sealInto, NAMES.ncSeal),
      fasterRow('open, faster than node:crypto', NAMES.open, NAMES.ncOpen),
      fasterRow("sealInto, of ring's own time", NAMES.ring, NAMES.sealInto),
      fasterRow("sealInPlace, of ring's own time", NAMES.ring, NAMES.sealInPlace),
    ],
    notes: [
      'Medians of the ratios of each round. The limit is ring in a loop of its own, without a call from JavaScript.',
    ],
  },
];

await publish(
  {
    name: 'sizes',
    title: 'Sealing and opening bytes',
    tables,
    charts: [{ name: 'sizes', spec: chart() }],
    data: Object.fromEntries(
      SIZES.map((size) => {
        const timings = measured.get(size) as Timings;
        return [size, Object.fromEntries(timings.names.map((name) => [name, timings.of(name)]))];
      }),
    ),
  },
  options,
);

function chart(): TopLevelSpec {
  const lines = [
    ['sealInto', NAMES.sealInto],
    ['seal', NAMES.seal],
    ['open', NAMES.open],
    ['ring alone', NAMES.ring],
    ['node:crypto', NAMES.ncSeal],
  ] as const;
  const values = SIZES.flatMap((size) =>
    lines.map(([label, name]) => ({ size, label, rate: size / (measured.get(size) as Timings).median(name) })),
  );
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: 'AES-256-GCM from JavaScript', subtitle: 'Gigabytes a second on one thread; higher is better' },
    width: 560,
    height: 300,
    data: { values },
    mark: { type: 'line', point: true, strokeWidth: 2 },
    encoding: {
      x: {
        field: 'size',
        type: 'quantitative',
        scale: { type: 'log', base: 2, nice: false },
        axis: {
          values: [...SIZES],
          labelExpr:
            "datum.value < 1024 ? datum.value + ' B' : datum.value < 1048576 ? datum.value / 1024 + ' KiB' : datum.value / 1048576 + ' MiB'",
          title: null,
          grid: false,
        },
      },
      y: { field: 'rate', type: 'quantitative', scale: { type: 'log' }, title: 'GB/s', axis: { format: '~g' } },
      color: { field: 'label', type: 'nominal', sort: lines.map(([label]) => label) },
    },
  };
}
