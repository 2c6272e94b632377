/** What encryption adds to writing and reading a small value, beside others who would do the same. */
import Benchmark from 'benchmark';
import type { TopLevelSpec } from 'vega-lite';
import { OURS_AND_OTHERS } from './lib/chart.js';
import { bytes, time, timeSpread } from './lib/format.js';
import { interleave, type Spread, spreadOf } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { pythonOverhead } from './lib/python-peer.js';
import { publish, type Table } from './lib/report.js';
import { session } from './lib/values.js';
import { type Direction, overheadCases, SMALL_SIZES, wrapping } from './lib/wrapping.js';

const CANDIDATES = {
  ours: 'cachekit-native',
  nodeCrypto: 'node:crypto, well written',
  webCrypto: 'WebCrypto',
  noble: '@noble/ciphers',
  python: 'cachekit (Python)',
} as const;
type Candidate = keyof typeof CANDIDATES;
type Figures = Partial<Record<Candidate | 'base', number>>;

const options = benchOptions();
/** Each candidate is timed this often, in turns: `benchmark` itself takes one after the other. */
const passes = options.quick ? 1 : 5;
const seconds = options.quick ? 0.05 : 0.3;
const directions = ['write', 'read'] as const;
const bar = progress(SMALL_SIZES.length * (2 * passes + 1), 'overhead');

const benchmarked = new Map<number, { write: Figures[]; read: Figures[] }>();
const interleaved = new Map<number, { write: Spread; read: Spread }>();
const payloadLens = new Map<number, number>();
for (const size of SMALL_SIZES) {
  const candidates = await wrapping(size);
  payloadLens.set(size, candidates.payloadLen);
  const figures: { write: Figures[]; read: Figures[] } = { write: [], read: [] };
  for (let pass = 0; pass < passes; pass++) {
    for (const direction of directions) {
      figures[direction].push(await timeEach(candidates[direction]));
      bar.step(`${direction} of ${bytes(size)}`);
    }
  }
  benchmarked.set(size, figures);
  const timings = await interleave(overheadCases(candidates), { rounds: options.quick ? 21 : 601 });
  interleaved.set(size, {
    write: timings.difference('write: wrapper', 'write: serializer'),
    read: timings.difference('read: wrapper', 'read: serializer'),
  });
  bar.step();
}
bar.done();
for (const size of SMALL_SIZES) {
  const python = pythonOverhead([session(size)], options.quick ? 0.05 : 1)?.[0];
  if (python === undefined) break;
  for (const direction of directions) {
    for (const figures of benchmarked.get(size)?.[direction] ?? []) figures.python = python[direction];
  }
}

/** Nanoseconds of each candidate's operation, by the package `benchmark`. */
async function timeEach(direction: Direction): Promise<Figures> {
  const figures: Figures = {};
  for (const name of ['base', 'ours', 'nodeCrypto', 'noble'] as const) figures[name] = await benchmark(direction[name]);
  figures.webCrypto = await benchmark(direction.webCrypto, true);
  return figures;
}

function benchmark(run: () => unknown, isAsync = false): Promise<number> {
  return new Promise((resolve, reject) => {
    const fn = isAsync
      ? (deferred: { resolve: () => void }) => {
          (run() as Promise<unknown>).then(() => deferred.resolve(), reject);
        }
      : run;
    const bench = new Benchmark('', fn as () => void, {
      minTime: 0.002,
      maxTime: seconds,
      defer: isAsync,
      async: true,
    });
    // Short samples and their median: a mean of long ones is another program's as much as this one's.
    bench.on('complete', () => resolve(spreadOf(bench.stats.sample).median * 1e9));
    bench.on('error', () => reject(bench.error));
    bench.run();
  });
}

/** The median of the passes. */
const median = (size: number, direction: 'write' | 'read', figure: (pass: Figures) => number | undefined) => {
  const figures = (benchmarked.get(size)?.[direction] ?? []).map(figure).filter((value) => value !== undefined);
  return figures.length === 0 ? undefined : spreadOf(figures).median;
};

const added = (size: number, direction: 'write' | 'read', name: Candidate): number | undefined =>
  median(size, direction, (pass) => {
    const whole = pass[name];
    if (whole === undefined || pass.base === undefined) return undefined;
    // The peer's figure is a difference already.
    return name === 'python' ? whole : whole - pass.base;
  });

const table = (direction: 'write' | 'read', title: string): Table => ({
  title,
  columns: ['payload', ...SMALL_SIZES.map((size) => bytes(payloadLens.get(size) as number))],
  rows: [
    [
      'the serializer and its envelope',
      ...SMALL_SIZES.map((size) => time(median(size, direction, (pass) => pass.base) ?? 0)),
    ],
    ...(Object.keys(CANDIDATES) as Candidate[]).map((name) => [
      `+ ${CANDIDATES[name]}`,
      ...SMALL_SIZES.map((size) => {
        const figure = added(size, direction, name);
        return figure === undefined ? 'not installed' : time(figure);
      }),
    ]),
    ['+ as the documents say', ...SMALL_SIZES.map(() => '3–5 µs')],
    [
      '+ cachekit-native, interleaved',
      ...SMALL_SIZES.map((size) => timeSpread((interleaved.get(size) as { write: Spread; read: Spread })[direction])),
    ],
  ],
  notes: [
    'What is added to the line on top. By the package `benchmark`: medians of its samples, and of five passes. The last line is by the interleaved harness: medians, and 25 % to 75 % of the rounds. Python: its wrapper less its own serializer.',
  ],
});

await publish(
  {
    name: 'overhead',
    title: 'What encryption adds to a small value',
    tables: [table('write', 'Writing'), table('read', 'Reading')],
    charts: [{ name: 'overhead', spec: chart() }],
    data: {
      benchmarked: Object.fromEntries(benchmarked),
      interleaved: Object.fromEntries(interleaved),
      payloadBytes: Object.fromEntries(payloadLens),
    },
  },
  options,
);

function chart(): TopLevelSpec {
  const size = 256;
  const values = directions.flatMap((direction) =>
    (Object.keys(CANDIDATES) as Candidate[]).flatMap((name) => {
      const figure = added(size, direction, name);
      if (figure === undefined) return [];
      return { direction, candidate: CANDIDATES[name], µs: figure / 1000, label: time(figure), ours: name === 'ours' };
    }),
  );
  const y = { field: 'candidate', type: 'nominal', sort: Object.values(CANDIDATES), axis: { title: null } } as const;
  const x = { field: 'µs', type: 'quantitative', scale: { type: 'log', domain: [0.1, 100] } } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'What encryption adds to a value of 256 bytes',
      subtitle: 'Microseconds on top of serializing it, logarithmic; the band is the 3–5 µs of the documents',
    },
    data: { values },
    facet: { row: { field: 'direction', title: null, sort: [...directions], header: { labelAngle: 0 } } },
    spec: {
      width: 460,
      height: { step: 26 },
      layer: [
        {
          data: { values: [{ from: 3, to: 5 }] },
          mark: { type: 'rect', opacity: 0.25 },
          encoding: { x: { field: 'from', type: 'quantitative' }, x2: { field: 'to' } },
        },
        {
          mark: { type: 'bar', height: 14 },
          encoding: {
            y,
            x: { ...x, title: null, axis: { values: [0.1, 1, 10, 100], format: '~g' } },
            x2: { datum: 0.1 },
            color: { field: 'ours', ...OURS_AND_OTHERS },
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 5 },
          encoding: { y, x, text: { field: 'label' } },
        },
      ],
    },
  } as TopLevelSpec;
}
