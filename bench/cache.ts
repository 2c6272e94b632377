/** Hits in the process: an encrypted cache beside caches that hold plaintext. */
import type { TopLevelSpec } from 'vega-lite';
import { CACHES, HANDS_OUT, hitCases } from './lib/caches.js';
import { OURS_AND_OTHERS } from './lib/chart.js';
import { bytes, time, timeSpread, times } from './lib/format.js';
import { interleave, type Timings } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { publish } from './lib/report.js';
import { CACHED_VALUES } from './lib/values.js';

type Candidate = keyof typeof CACHES;

const options = benchOptions();
const rounds = options.quick ? 7 : 201;
const bar = progress(rounds * CACHED_VALUES.length, 'hits');
const measured: { label: string; size: number; timings: Timings }[] = [];
for (const { label, values } of CACHED_VALUES) {
  const cases = await hitCases(values);
  const timings = await interleave(cases, { rounds, onRound: () => bar.step(`hits of ${label}`) });
  measured.push({ label, size: JSON.stringify(values[0]).length, timings });
}
bar.done();

const candidates = Object.keys(CACHES) as Candidate[];
await publish(
  {
    name: 'cache',
    title: 'Hits in the process',
    tables: [
      {
        title: 'Time of one hit',
        columns: ['', 'a hit is', ...measured.map(({ label, size }) => `${label} (JSON: ${bytes(size)})`)],
        rows: candidates.map((name) => [
          CACHES[name],
          HANDS_OUT[name],
          ...measured.map(({ timings }) => timeSpread(timings.of(CACHES[name]))),
        ]),
        notes: [
          'Medians (25 % to 75 % of the rounds), each awaited before the next. All others hold plaintext. Default options everywhere; ours makes its cache key of the arguments, the others are given theirs.',
        ],
      },
      {
        title: 'A secure hit in proportion',
        columns: ['to', ...measured.map(({ label }) => label)],
        rows: candidates
          .filter((name) => name !== 'secure')
          .map((name) => [
            CACHES[name],
            ...measured.map(({ timings }) => times(timings.ratio(CACHES.secure, CACHES[name]).median)),
          ]),
        notes: ['Below 1×, the encrypted cache is the faster one. Medians of the ratios of each round.'],
      },
    ],
    charts: [{ name: 'cache', spec: chart() }],
    data: Object.fromEntries(
      measured.map(({ label, timings }) => [
        label,
        Object.fromEntries(candidates.map((name) => [name, timings.of(CACHES[name])])),
      ]),
    ),
  },
  options,
);

function chart(): TopLevelSpec {
  const shown: Candidate[] = ['secure', 'values', 'cacheManager', 'bentocache', 'cacheable', 'keyv'];
  const values = measured.flatMap(({ label, timings }) =>
    shown.map((name) => {
      const ns = timings.median(CACHES[name]);
      const own = name === 'secure' || name === 'values';
      return { label, candidate: CACHES[name], µs: ns / 1000, text: time(ns), own };
    }),
  );
  const y = { field: 'candidate', type: 'nominal', sort: shown.map((name) => CACHES[name]), axis: { title: null } };
  const x = { field: 'µs', type: 'quantitative', scale: { type: 'log', domain: [0.3, 3000] } };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'A hit in the process',
      subtitle: 'Microseconds, logarithmic; ours is encrypted in memory, the others hold plaintext',
    },
    data: { values },
    facet: {
      row: { field: 'label', title: null, sort: measured.map(({ label }) => label), header: { labelAngle: 0 } },
    },
    spec: {
      width: 420,
      height: { step: 24 },
      layer: [
        {
          mark: { type: 'bar', height: 13 },
          encoding: {
            y,
            x: { ...x, title: null, axis: { values: [1, 10, 100, 1000], format: '~g' } },
            x2: { datum: 0.3 },
            color: { field: 'own', ...OURS_AND_OTHERS },
          },
        },
        { mark: { type: 'text', align: 'left', dx: 5 }, encoding: { y, x, text: { field: 'text' } } },
      ],
    },
  } as TopLevelSpec;
}
