/** Compares with the targets and exits with 1 when one is missed: `npm run bench:gate`. */

import { digits } from './lib/format.js';
import { GATES } from './lib/gates.js';
import { machine, machineLine } from './lib/machine.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { markdown } from './lib/report.js';
import { STORE_GATES } from './lib/store-gates.js';
import { better, slack, type Target, type Verdict, verdictOf } from './lib/targets.js';
import { TIER_GATES } from './lib/tier-gates.js';

const RETRIES = 2;
const missed = (target: Target) => verdictOf(target) === 'missed';

benchOptions();
const host = machine();
process.stdout.write(`${machineLine(host)}; load ${host.load}\n`);
const gates = [...GATES, ...TIER_GATES, ...STORE_GATES];
const bar = progress(gates.length, 'gate');
const results: Target[] = [];
let retried = 0;
for (const { name, measure } of gates) {
  bar.step(name);
  let targets = await measure();
  for (let retry = 0; retry < RETRIES && targets.some(missed); retry++) {
    retried++;
    targets = better(targets, await measure());
  }
  results.push(...targets);
}
bar.done();

const verdict = (target: Target) => {
  const { held, unit } = target;
  const bound = held === undefined ? '' : `${target.bound === 'least' ? 'at least' : 'at most'} ${figure(held, unit)}`;
  switch (verdictOf(target)) {
    case 'reached':
      return slack(target) >= 1 ? 'ok' : 'ok, within noise';
    case 'held':
      return `out of reach, held: ${bound}`;
    default:
      return held === undefined ? 'MISSED' : `MISSED, and not held: ${bound}`;
  }
};
const figure = (value: number, unit: Target['unit']) =>
  unit === '×' ? `${digits(value)}×` : `${digits(value)} ${unit}`.trim();
process.stdout.write(
  `\n${markdown({
    title: 'Targets',
    columns: ['', 'target', 'measured', ''],
    rows: results.map((target) => [
      target.name,
      `${target.bound === 'least' ? 'at least' : 'at most'} ${figure(target.value, target.unit)}`,
      figure(target.measured, target.unit),
      verdict(target),
    ]),
  })}\n`,
);
const count = (wanted: Verdict) => results.filter((target) => verdictOf(target) === wanted).length;
process.stdout.write(
  `\n${count('reached')} of ${results.length} targets reached, ${count('held')} out of reach and held, ` +
    `${count('missed')} missed; ${retried} measurements were repeated.\n`,
);
if (count('missed') > 0) process.exitCode = 1;
