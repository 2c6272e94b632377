import { backends } from './backends.mjs';
import { caching } from './caching.mjs';
import { containers } from './containers.mjs';
import { firstTier } from './first-tier.mjs';
import { keys } from './keys.mjs';
import { memory } from './memory.mjs';
import { privacy } from './privacy.mjs';
import { sealing } from './sealing.mjs';

/**
 * Programming errors, each with the test that fails by it.
 *
 * `from` stands in `file` exactly once. `test` is the name of a Rust test, or the file and the title of one in TypeScript,
 * which for an error in Rust runs with the addon that has it. `hooks`: the test needs that addon for
 * what published builds do not have.
 */
export const mutants = [
  ...sealing,
  ...containers,
  ...memory,
  ...firstTier,
  ...keys,
  ...privacy,
  ...caching,
  ...backends,
];
