/** What happens with more of everything: workers, bytes, time, tenants, keys. */
import type { TopLevelSpec } from 'vega-lite';
import { bytes, digits, time, timeSpread, times } from './lib/format.js';
import { interleave, spreadOf } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { publish } from './lib/report.js';
import { keysRun, memoryUse, soak, tenantsRun, workersRate } from './lib/scaling.js';

const MiB = 2 ** 20;
const options = benchOptions();
const soakSeconds = options.quick ? 5 : 60;
const TENANTS = options.quick ? [1, 10, 100] : [1, 10, 100, 1000, 10_000, 100_000];
const PREVIOUS_KEYS = [0, 1, 2, 3];
const workerRounds = options.quick ? 1 : 7;
const bar = progress(workerRounds + soakSeconds + 3, 'workers');

const rates: { one: number; two: number }[] = [];
for (let round = 0; round < workerRounds; round++) {
  const ms = options.quick ? 200 : 1000;
  rates.push({ one: await workersRate(1, ms), two: await workersRate(2, ms) });
  bar.step();
}
const one = spreadOf(rates.map((rate) => rate.one));
const two = spreadOf(rates.map((rate) => rate.two));
const gain = spreadOf(rates.map((rate) => rate.two / rate.one));

const size = (options.quick ? 32 : 256) * MiB;
const memory = await memoryUse(size);
bar.step('tenants');

const tenants = await interleave(
  TENANTS.map((count) => ({ name: String(count), run: tenantsRun(count) })),
  { rounds: options.quick ? 5 : 101, batchMs: 1, warmUpMs: options.quick ? 50 : 1000 },
);
bar.step('keys');

const keys = await interleave(
  PREVIOUS_KEYS.flatMap((previous) => [
    { name: `${previous} header`, run: keysRun(previous, true) },
    { name: `${previous} bare`, run: keysRun(previous, false) },
  ]),
  { rounds: options.quick ? 5 : 301 },
);
bar.step('soak');
const endurance = await soak(soakSeconds, () => bar.step());
bar.done();

await publish(
  {
    name: 'scale',
    title: 'More of everything',
    tables: [
      {
        title: 'Workers: seals of 1 KiB a second',
        columns: ['', 'a second', '25 %–75 %'],
        rows: [
          ['one worker', digits(one.median), `${digits(one.p25)}–${digits(one.p75)}`],
          ['two workers', digits(two.median), `${digits(two.p25)}–${digits(two.p75)}`],
          ['two of one', times(gain.median), `${digits(gain.p25)}–${digits(gain.p75)}`],
        ],
        notes: ['`sealInto`. More workers than cores gain nothing.'],
      },
      {
        title: `Memory: sealing a value of ${bytes(size)}`,
        columns: ['', 'resident memory added', 'of the value'],
        rows: memory.map(({ name, bytes: count }) => [
          name,
          bytes(Math.max(0, count)),
          times(Math.max(0, count) / size),
        ]),
        notes: [
          'The highest resident size less that before, the result included. `sealAsync` copies its input at the call: the caller may change it meanwhile.',
        ],
      },
      {
        title: 'Tenants: a write and a read of 256 B, tenants in turn',
        columns: ['tenants', 'time of both'],
        rows: TENANTS.map((count) => [count.toLocaleString('en'), timeSpread(tenants.of(String(count)))]),
        notes: ['The keys of 10,000 tenants are kept; the others are derived again.'],
      },
      {
        title: 'Keys: reading a value of 256 B that the oldest key of a keyring has sealed',
        columns: ['previous keys', 'with a header', 'without'],
        rows: PREVIOUS_KEYS.map((previous) => [
          String(previous),
          time(keys.median(`${previous} header`)),
          time(keys.median(`${previous} bare`)),
        ]),
        notes: ['Without a header, the current key and then the previous ones are tried.'],
      },
      {
        title: `Endurance: ${endurance.seconds} s of writes and reads of 100 B to 2 MiB`,
        columns: ['', ''],
        rows: [
          ['operations', endurance.operations.toLocaleString('en')],
          ['resident memory after the first tenth', bytes(endurance.rssStart)],
          ['resident memory at the end', bytes(endurance.rssEnd)],
          ['resident memory at most', bytes(endurance.rssHighest)],
          ['collections, minor and major', `${endurance.collections.minor} and ${endurance.collections.major}`],
          ['time in collections', `${digits((endurance.collections.ms / endurance.seconds / 1000) * 100)} %`],
        ],
        notes: ['L1 holds 32 MiB of it.'],
      },
    ],
    charts: [{ name: 'soak', spec: chart() }],
    data: {
      workers: { one, two, gain },
      memory,
      tenants: Object.fromEntries(TENANTS.map((count) => [count, tenants.of(String(count))])),
      keys: Object.fromEntries(keys.names.map((name) => [name, keys.of(name)])),
      endurance,
    },
  },
  options,
);

function chart(): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: 'Memory over time', subtitle: 'MiB resident while values of 100 B to 2 MiB are written and read' },
    width: 560,
    height: 200,
    data: { values: endurance.samples },
    mark: { type: 'line', strokeWidth: 2 },
    encoding: {
      x: { field: 'second', type: 'quantitative', title: 'seconds', axis: { grid: false } },
      y: { field: 'rssMiB', type: 'quantitative', title: 'MiB', scale: { zero: true } },
    },
  };
}
