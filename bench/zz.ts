import { GATES } from './lib/gates.js';
import { STORE_GATES } from './lib/store-gates.js';
import { verdictOf } from './lib/targets.js';
import { TIER_GATES } from './lib/tier-gates.js';

const which = process.argv[2] ?? '';
for (const g of [...GATES, ...TIER_GATES, ...STORE_GATES].filter((g) => new RegExp(which).test(g.name)))
  for (const t of await g.measure())
    console.log(t.name.padEnd(80), t.bound, t.value, t.unit, '=>', t.measured.toFixed(3), verdictOf(t));
process.exit();
