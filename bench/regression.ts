/**
 * Gross regressions only: a fast path that is not taken any more, a copy too many. What is compared runs in turns in one
 * process, and each bound leaves room for any machine: `npm run bench:check`. The targets themselves are `npm run bench:gate`.
 */
import { digits } from './lib/format.js';
import { machine, machineLine } from './lib/machine.js';
import { progress } from './lib/progress.js';
import { REGRESSIONS } from './lib/regressions.js';
import { markdown } from './lib/report.js';
import { better, type Target, verdictOf } from './lib/targets.js';

const ATTEMPTS = 3;
const missed = (target: Target) => verdictOf(target) === 'missed';

const host = machine();
process.stdout.write(`${machineLine(host)}; load ${host.load}\n`);
const bar = progress(REGRESSIONS.length, 'regression');
const results: Target[] = [];
for (const { name, measure } of REGRESSIONS) {
  bar.step(name);
  let targets = await measure();
  for (let attempt = 1; attempt < ATTEMPTS && targets.some(missed); attempt++) {
    targets = better(targets, await measure());
  }
  results.push(...targets);
}
bar.done();

process.stdout.write(
  `\n${markdown({
    title: 'Against gross regressions',
    columns: ['', 'bound', 'measured', ''],
    rows: results.map((target) => [
      target.name,
      `${target.bound === 'least' ? 'at least' : 'at most'} ${digits(target.value)}×`,
      `${digits(target.measured)}×`,
      missed(target) ? 'MISSED' : 'ok',
    ]),
  })}\n`,
);
if (results.some(missed)) process.exitCode = 1;
