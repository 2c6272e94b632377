import { parseArgs } from 'node:util';
import type { StoreName } from './stores.js';
import { torture } from './torture.js';

const STORES: readonly StoreName[] = ['redis', 'cluster', 'lmdb', 'file'];
const usage = `
Usage: npm run test:torture -- [options]

Processes read, load and change the same entries while the store and the way to it fail. Ends with 1 when a value is
older than an acknowledged change, of another key, or when a process ends or does not recover.

Options:
  --seconds <n>    for each store (default: 60)
  --store <name>   ${STORES.join(', ')} (repeatable; default: all)
  --processes <n>  (default: 3)
  --seed <n>       repeats the order of faults (default: a new one, which is printed)
`.trim();

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    store: { type: 'string', multiple: true, default: [...STORES] },
    processes: { type: 'string', default: '3' },
    seed: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const number = (name: string, text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`error: --${name} must be a whole number`);
  process.exit(1);
};
let failed = false;
for (const store of values.store as StoreName[]) {
  if (!STORES.includes(store)) {
    console.error(`error: --store must be one of ${STORES.join(', ')}`);
    process.exit(1);
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : number('seed', values.seed);
  console.log(`${store}: seed ${seed}`);
  const begun = performance.now();
  const report = await torture({
    store,
    seed,
    seconds: number('seconds', values.seconds),
    processes: number('processes', values.processes),
    onFault: (name) => console.log(`  ${((performance.now() - begun) / 1000).toFixed(1)} s  ${name}`),
  });
  console.log(JSON.stringify(report, null, 2));
  failed ||= report.violations.length + report.crashes.length + report.stuck.length > 0;
}
process.exitCode = failed ? 1 : 0;
