/** Hits in a directory that processes share: an encrypted cache beside one made by hand. */
import { bytes, timeSpread, times } from './lib/format.js';
import { LMDB_CACHES, lmdbCases } from './lib/lmdb-caches.js';
import { interleave, type Timings } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { publish } from './lib/report.js';
import { CACHED_VALUES } from './lib/values.js';

const options = benchOptions();
const rounds = options.quick ? 7 : 201;
const bar = progress(rounds * CACHED_VALUES.length, 'hits in LMDB');
const measured: { label: string; size: number; timings: Timings }[] = [];
for (const { label, values } of CACHED_VALUES) {
  const { cases, close } = await lmdbCases(values);
  const timings = await interleave(cases, { rounds, onRound: () => bar.step(`hits of ${label}`) });
  await close();
  measured.push({ label, size: JSON.stringify(values[0]).length, timings });
}
bar.done();

const candidates = Object.values(LMDB_CACHES);
await publish(
  {
    name: 'lmdb',
    title: 'Hits in a directory that processes share',
    tables: [
      {
        title: 'Time of one hit in LMDB',
        columns: ['', ...measured.map(({ label, size }) => `${label} (JSON: ${bytes(size)})`)],
        rows: candidates.map((name) => [name, ...measured.map(({ timings }) => timeSpread(timings.of(name)))]),
        notes: [
          'Medians (25 % to 75 % of the rounds), each awaited before the next but for `getBinary`, which is synchronous and decodes nothing. Nothing is kept in the process: each hit is read from the memory-mapped file.',
        ],
      },
      {
        title: 'A secure hit in proportion',
        columns: ['to', ...measured.map(({ label }) => label)],
        rows: candidates
          .filter((name) => name !== LMDB_CACHES.secure)
          .map((name) => [
            name,
            ...measured.map(({ timings }) => times(timings.ratio(LMDB_CACHES.secure, name).median)),
          ]),
        notes: ['Below 1×, the encrypted cache is the faster one. Medians of the ratios of each round.'],
      },
    ],
    data: Object.fromEntries(
      measured.map(({ label, timings }) => [
        label,
        Object.fromEntries(candidates.map((name) => [name, timings.of(name)])),
      ]),
    ),
  },
  options,
);
