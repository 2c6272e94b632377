/** Compares with the targets and exits with 1 below them: `npm run bench:gate`. */

import { digits } from './lib/format.js';
import { GATES } from './lib/gates.js';
import { machine, machineLine } from './lib/machine.js';
import { benchOptions } from './lib/options.js';
import { progress } from './lib/progress.js';
import { markdown } from './lib/report.js';
import { better, reached, slack, type Target } from './lib/targets.js';

const RETRIES = 2;

benchOptions();
const host = machine();
process.stdout.write(`${machineLine(host)}; load ${host.load}\n`);
const bar = progress(GATES.length, 'gate');
const results: Target[] = [];
let retried = 0;
for (const { name, measure } of GATES) {
  bar.step(name);
  let targets = await measure();
  for (let retry = 0; retry < RETRIES && !targets.every(reached); retry++) {
    retried++;
    targets = better(targets, await measure());
  }
  results.push(...targets);
}
bar.done();

const verdict = (target: Target) => (!reached(target) ? 'MISSED' : slack(target) >= 1 ? 'ok' : 'ok, within noise');
const figure = (value: number, unit: Target['unit']) =>
  unit === '×' ? `${digits(value)}×` : `${digits(value)} ${unit}`;
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
const missed = results.filter((target) => !reached(target));
process.stdout.write(
  `\n${results.length - missed.length} of ${results.length} targets reached; ${retried} measurements were repeated.\n`,
);
if (missed.length > 0) process.exitCode = 1;
