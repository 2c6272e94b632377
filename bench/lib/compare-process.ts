/** One process of `compare`: times each operation of three builds in turns, and prints what each took of the first build's time. */

import { loadBuild } from './builds.js';
import { COMPARISONS, type Operation } from './comparisons.js';
import { type Case, interleave } from './measure.js';

export type Ratios = Record<string, { again: number; other: number; baseNs: number }>;

const [name, quick, only, ...folders] = process.argv.slice(2) as [
  keyof typeof COMPARISONS,
  string,
  string,
  ...string[],
];
const wanted: string[] = JSON.parse(only);
const builds: { build: string; folder: string }[] = folders.map((entry) => {
  const at = entry.indexOf('=');
  return { build: entry.slice(0, at), folder: entry.slice(at + 1) };
});
const comparison = await COMPARISONS[name]();
const of: Record<string, Operation[]> = {};
for (const { build, folder } of builds) of[build] = await comparison.operations(await loadBuild(folder), build);

const ratios: Ratios = {};
for (const { name: operation } of of.base as Operation[]) {
  if (wanted.length > 0 && !wanted.includes(operation)) continue;
  const cases = builds.flatMap(({ build }): Case[] => {
    const found = of[build]?.find((one) => one.name === operation);
    return found === undefined ? [] : [{ name: build, run: (i) => found.run(i), isAsync: found.isAsync }];
  });
  if (cases.length < builds.length) continue;
  const timings = await interleave(cases, { rounds: quick === 'quick' ? 21 : 151, batchMs: 1.5, warmUpMs: 60 });
  ratios[operation] = {
    again: timings.ratio('again', 'base').median,
    other: timings.ratio('this', 'base').median,
    baseNs: timings.median('base'),
  };
}
await comparison.close();
process.stdout.write(JSON.stringify(ratios), () => process.exit(0));
