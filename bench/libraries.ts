/**
 * Sealing and opening with ring, as published, and with AWS-LC (a build with the feature `aws-lc`). Each has processes of its
 * own, in turns: of two addons in one process, the second one's short calls take up to a third longer, even where it is a copy.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes, randomFillSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, time, times } from './lib/format.js';
import { interleave, spreadOf } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { createAad, Sealer } from './lib/product.js';
import { progress } from './lib/progress.js';
import { publish, type Table } from './lib/report.js';

const KiB = 1024;
const SIZES = [100, KiB, 64 * KiB, 1024 * KiB] as const;
const OVERHEAD = 28;
const WHAT = ['seal', 'open'] as const;

/** Nanoseconds of one, by size and what is done: medians of a process. */
type Figures = Record<string, number>;
const keyOf = (what: string, size: number) => `${what} ${size}`;

/** Set in the processes that measure. */
const ROUNDS = process.env.CACHEKIT_BENCH_ROUNDS;
if (ROUNDS === undefined) await compare();
else process.stdout.write(JSON.stringify(await measure(Number(ROUNDS))));

/** Into memory that is there, so that nothing but the call and the cipher is timed. */
async function measure(rounds: number): Promise<Figures> {
  const aad = createAad({ tenantId: 'default', cacheKey: 'users:42:profile', format: 'msgpack', compressed: true });
  const figures: Figures = {};
  for (const size of SIZES) {
    const sealer = new Sealer(randomBytes(32), 'default');
    const plaintext = randomFillSync(Buffer.alloc(size));
    const [out, opened] = [Buffer.alloc(size + OVERHEAD), Buffer.alloc(size)];
    const sealed = sealer.seal(plaintext, aad);
    const cases = [
      { name: 'seal', run: () => sealer.sealInto(out, plaintext, aad) },
      { name: 'open', run: () => sealer.openInto(opened, sealed, aad) },
    ];
    const timings = await interleave(cases, { rounds, warmUpMs: 60 });
    for (const what of WHAT) figures[keyOf(what, size)] = timings.median(what);
  }
  return figures;
}

async function compare(): Promise<void> {
  const options = benchOptions();
  const folder = join(import.meta.dirname, '..', '.build', 'aws-lc');
  const addon = join(folder, readdirSync(folder).find((name) => name.endsWith('.node')) as string);
  const environments = { ring: {}, 'AWS-LC': { NAPI_RS_NATIVE_LIBRARY_PATH: addon } };
  const libraries = Object.keys(environments) as (keyof typeof environments)[];
  const figures: Record<(typeof libraries)[number], Figures[]> = { ring: [], 'AWS-LC': [] };
  const processes = options.quick ? 2 : 10;
  const bar = progress(processes, 'libraries');
  for (let i = 0; i < processes; i++) {
    for (const library of i % 2 === 0 ? libraries : [...libraries].reverse()) {
      const env = { ...process.env, ...environments[library], CACHEKIT_BENCH_ROUNDS: options.quick ? '21' : '201' };
      const args = ['--expose-gc', '--import', 'tsx', import.meta.filename];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${library} could not be measured: ${stderr}`);
      figures[library].push(JSON.parse(stdout) as Figures);
    }
    bar.step();
  }
  bar.done();

  const of = (library: keyof typeof figures, key: string) => figures[library].map((one) => one[key] as number);
  const row = (title: string, cell: (size: number) => string) => [title, ...SIZES.map(cell)];
  const ratio = (key: string) => {
    const [ring, awsLc] = [of('ring', key), of('AWS-LC', key)];
    const ratios = awsLc.map((ns, i) => ns / (ring[i] as number));
    return `${times(spreadOf(ratios).median)} (${times(Math.min(...ratios))}–${times(Math.max(...ratios))})`;
  };
  const table: Table = {
    title: 'Time of one',
    columns: ['', ...SIZES.map(bytes)],
    rows: WHAT.flatMap((what) => [
      ...libraries.map((library) =>
        row(`${what}, ${library}`, (size) => time(spreadOf(of(library, keyOf(what, size))).median)),
      ),
      row(`${what}, AWS-LC of ring's`, (size) => ratio(keyOf(what, size))),
    ]),
    notes: [
      `\`sealInto\` and \`openInto\`. Medians of ${processes} processes of each, in turns; in brackets the lowest and the highest pair.`,
    ],
  };
  await publish({ name: 'libraries', title: 'ring and AWS-LC', tables: [table], data: figures }, options);
}
