import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Case } from './measure.js';

interface BenchAddon {
  /** Nanoseconds that ring takes to seal `buffer` in place `rounds` times, in a loop in Rust. */
  ringSeal(buffer: Uint8Array, aad: Uint8Array, rounds: number): number;
}

const folder = join(import.meta.dirname, '..', '..', '.build', 'bench');

let addon: BenchAddon | undefined;

/** ring alone, in this very process: the limit of what any binding can reach. The product's own addon has no such loop. */
export function ringCase(name: string, buffer: Uint8Array, aad: Uint8Array): Case {
  if (addon === undefined) {
    const file = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.node'));
    if (!file) throw new Error('the addon of the benchmarks is missing: start them by `npm run bench`');
    addon = createRequire(import.meta.url)(join(folder, file)) as BenchAddon;
  }
  const { ringSeal } = addon;
  return { name, batch: (count) => ringSeal(buffer, aad, count) };
}
