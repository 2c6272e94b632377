/**
 * Another build of this project against this one: `npm run bench -- compare --with FOLDER cache|pipeline|redis|lmdb`.
 * Each process times three builds in turns: the other one, a copy of it, and this one. What the copy differs by is noise.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertBuild, copyOfBuild } from './lib/builds.js';
import type { Ratios } from './lib/compare-process.js';
import { COMPARISONS } from './lib/comparisons.js';
import { time } from './lib/format.js';
import { machine, machineLine } from './lib/machine.js';
import { spreadOf } from './lib/measure.js';
import { progress } from './lib/progress.js';
import { markdown } from './lib/report.js';

/** By how much an operation may be slower, beyond noise. */
const SLOWER = 0.03;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { with: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const names = (positionals.length > 0 ? positionals : ['cache', 'pipeline']) as (keyof typeof COMPARISONS)[];
const unknown = names.find((name) => !(name in COMPARISONS));
if (unknown !== undefined)
  fail(`There is nothing to compare by the name '${unknown}'; there are ${Object.keys(COMPARISONS).join(', ')}.`);
if (values.with === undefined) fail('compare needs --with FOLDER: another clone of this project, built.');
const other = values.with as string;
const own = join(import.meta.dirname, '..');
try {
  assertBuild(other);
} catch (error) {
  fail((error as Error).message);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const copy = copyOfBuild(other);
const processes = values.quick ? 3 : 6;
process.stdout.write(`${machineLine(machine())}; ${processes} processes each, in turns\n`);
let slower = 0;
for (const name of names) {
  const bar = progress(2 * processes, name);
  const all: Ratios[] = [];
  const measure = (only: readonly string[] = []) => {
    for (let i = 0; i < processes; i++) {
      all.push(measured(name, i, only));
      bar.step(name);
    }
  };
  measure();
  const operations = Object.keys(all[0] as Ratios);
  // Among so many, some look slower by chance: those are measured once more.
  const suspects = operations.filter((operation) => isSlower(all, operation));
  if (suspects.length > 0) measure(suspects);
  bar.done();
  const rows = operations.map((operation) => {
    if (isSlower(all, operation)) slower++;
    const [again, now] = [figures(all, operation, 'again'), figures(all, operation, 'other')];
    return [
      operation,
      time(spreadOf(figures(all, operation, 'baseNs')).median),
      range(again),
      range(now),
      isSlower(all, operation) ? 'SLOWER' : '',
    ];
  });
  process.stdout.write(
    `\n${markdown({ title: name, columns: ['', 'before', 'before against itself', 'now', ''], rows })}\n`,
  );
}
copy.remove();
process.stdout.write(
  `\nBoth of the time before; in brackets the lowest and highest process. SLOWER: in three of four processes by more than ` +
    `${SLOWER * 100} %, beyond what the same build differs by from itself. ${slower} slower.\n`,
);
if (slower > 0) process.exitCode = 1;

/** The order changes from process to process: who is loaded first finds another heap than who comes last. */
function measured(name: string, i: number, only: readonly string[]): Ratios {
  const builds = [`base=${other}`, `again=${copy.folder}`, `this=${own}`];
  const order = [...builds.slice(i % 3), ...builds.slice(0, i % 3)];
  const args = ['--expose-gc', '--import', 'tsx', join(import.meta.dirname, 'lib', 'compare-process.ts')];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...args, name, values.quick ? 'quick' : 'full', JSON.stringify(only), ...order],
    { encoding: 'utf8', cwd: own, maxBuffer: 1 << 26 },
  );
  if (status !== 0) fail(`${stdout}${stderr}\n${name} could not be measured.`);
  return JSON.parse(stdout) as Ratios;
}

function figures(all: readonly Ratios[], operation: string, part: keyof Ratios[string]): number[] {
  return all.flatMap((ratios) => ratios[operation]?.[part] ?? []);
}

/** In three of four processes, and by more than what the copy differs by in them. */
function isSlower(all: readonly Ratios[], operation: string): boolean {
  const [again, now] = [spreadOf(figures(all, operation, 'again')), spreadOf(figures(all, operation, 'other'))];
  const noise = Math.max(1, again.p75, 1 / again.p25);
  return now.p25 > 1 + SLOWER && now.median > (1 + SLOWER) * noise;
}

function range(ratios: readonly number[]): string {
  const part = (ratio: number) => ratio.toFixed(3);
  return `${part(spreadOf(ratios).median)} (${part(Math.min(...ratios))} … ${part(Math.max(...ratios))})`;
}
