/** Sealing and opening with ring, as published, and with AWS-LC (a build with the feature `aws-lc`), in one process and in turns. */
import { randomBytes, randomFillSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { NativeAddon } from '../src/native/addon.js';
import { bytes, time, times } from './lib/format.js';
import { type Case, interleave, type Spread, type Timings } from './lib/measure.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { createAad } from './lib/product.js';
import { publish, type Table } from './lib/report.js';

const KiB = 1024;
const SIZES = [100, KiB, 64 * KiB, 1024 * KiB] as const;
const OVERHEAD = 28;

const root = join(import.meta.dirname, '..');
const folder = join(root, '.build', 'aws-lc');
const load = (path: string): NativeAddon => createRequire(import.meta.url)(path);
const addons = {
  ring: load(join(root, 'native.cjs')),
  'AWS-LC': load(join(folder, readdirSync(folder).find((name) => name.endsWith('.node')) as string)),
};

const aad = createAad({ tenantId: 'default', cacheKey: 'users:42:profile', format: 'msgpack', compressed: true });

/** Into memory that is there, so that nothing but the call and the cipher is timed. */
function casesOf(size: number): Case[] {
  const plaintext = randomFillSync(Buffer.alloc(size));
  const masterKey = randomBytes(32);
  return Object.entries(addons).flatMap(([library, addon]) => {
    const sealer = new addon.MasterKey(masterKey).sealer(Buffer.from('default'), new addon.NonceSequence(false));
    const { handle } = sealer;
    const sealed = Buffer.alloc(size + OVERHEAD);
    const [out, opened] = [Buffer.alloc(size + OVERHEAD), Buffer.alloc(size)];
    if (addon.sealInto(handle, sealed, plaintext, aad) !== sealed.length) throw new Error(`${library} does not seal`);
    if (addon.openInto(handle, opened, sealed, aad) !== size) throw new Error(`${library} does not open`);
    // The sealer is named in the cases: its key goes with it.
    return [
      { name: `${library} seal`, run: () => sealer && addon.sealInto(handle, out, plaintext, aad) },
      { name: `${library} open`, run: () => sealer && addon.openInto(handle, opened, sealed, aad) },
    ];
  });
}

const options = benchOptions();
const bar = progress(SIZES.length, bytes(SIZES[0]));
const measured = new Map<number, Timings>();
for (const size of SIZES) {
  measured.set(size, await interleave(casesOf(size), { rounds: options.quick ? 21 : 401, warmUpMs: 60 }));
  bar.step(bytes(size));
}
bar.done();

const spread = ({ median, p25, p75 }: Spread) => `${times(median)} (${times(p25)}–${times(p75)})`;
const table: Table = {
  title: 'ring and AWS-LC',
  columns: ['', ...SIZES.map(bytes)],
  rows: ['seal', 'open'].flatMap((what) => [
    ...Object.keys(addons).map((library) => [
      `${what}, ${library}`,
      ...[...measured.values()].map((timings) => time(timings.median(`${library} ${what}`))),
    ]),
    [
      `${what}, AWS-LC of ring's time`,
      ...[...measured.values()].map((timings) => spread(timings.ratio(`AWS-LC ${what}`, `ring ${what}`))),
    ],
  ]),
  notes: ['Called from JavaScript, into memory that is there. Medians of rounds; in brackets the quarters of the rounds.'],
};

await publish(
  {
    name: 'libraries',
    title: 'ring and AWS-LC',
    tables: [table],
    data: Object.fromEntries(
      [...measured].map(([size, timings]) => [
        size,
        Object.fromEntries(timings.names.map((name) => [name, timings.of(name)])),
      ]),
    ),
  },
  options,
);
