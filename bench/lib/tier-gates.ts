import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Gate } from './gates.js';
import { atMost, faster, type Target } from './targets.js';

/** What a full first tier of 100-byte values takes and does. */
export interface TierFigures {
  entries: number;
  /** What the process has grown by, filled and after a while in which a fifth of the operations write. */
  filledMB: number;
  churnedMB: number;
  /** Major collections meanwhile, and the longest of them. */
  majors: number;
  longestMs: number;
  writeµs: number;
  /** An invalidation of a tag that ten entries have. */
  tagMs: number;
}

const run = promisify(execFile);
const program = fileURLToPath(new URL('tier-process.mjs', import.meta.url));

export async function tierFigures(mebibytes: number, seconds: number): Promise<TierFigures> {
  const args = ['--expose-gc', program, String(mebibytes), String(seconds)];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as TierFigures;
}

const entries = (name: string, least: number, measured: number): Target => ({
  ...faster(name, least, measured),
  unit: '',
});

/** @param held of the memory after a while, where the target is out of reach. */
const tier = (mebibytes: number, least: number, most: number, held: number | undefined): Gate => ({
  name: `first tier of ${mebibytes} MiB`,
  async measure() {
    const figures = await tierFigures(mebibytes, 15);
    if (figures.majors === 0) throw new Error('no major collection was seen');
    const of = (what: string) => `first tier of ${mebibytes} MiB, ${what}`;
    return [
      entries(of('entries of 100 B'), least, figures.entries),
      atMost(of('memory, filled'), most, figures.filledMB, { unit: 'MB' }),
      atMost(of('memory, a fifth of the operations write'), most, figures.churnedMB, { unit: 'MB', held }),
      atMost(of('longest collection'), 15, figures.longestMs, { unit: 'ms' }),
      atMost(of('a write'), 5, figures.writeµs, { unit: 'µs' }),
      atMost(of('invalidateTags of ten entries'), 0.2, figures.tagMs, { unit: 'ms' }),
    ];
  },
});

export const TIER_GATES: readonly Gate[] = [tier(64, 260_000, 100, 115), tier(512, 2_100_000, 615, 660)];
