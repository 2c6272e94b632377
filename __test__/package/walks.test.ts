import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { supportFile } from '../support/child.js';
import { requireRedis } from '../support/redis-server.js';

/*
 * How many files of src/ someone who follows an operation has to open. Fewer when a step is really gone, and not because files
 * were put together: layers.test.ts bounds their length.
 */

const BOUNDS = {
  set: 27,
  'set with L1': 32,
  'Redis hit': 28,
  'L1 hit': 13,
  'getMany of 3': 27,
} as const;

const run = promisify(execFile);

test('an operation enters few files', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const loaders = [import.meta.resolve('tsx'), new URL('../support/traced-files.mjs', import.meta.url).href];
  const { stdout } = await run(
    process.execPath,
    [...loaders.map((loader) => `--import=${loader}`), supportFile('walks.ts')],
    { env: { ...process.env, WALK_REDIS: server.url } },
  );
  const entered = JSON.parse(stdout) as Record<string, string[]>;
  for (const [operation, bound] of Object.entries(BOUNDS)) {
    const files = new Set(entered[operation]?.map((place) => place.split('#')[0]));
    t.log(`${operation}: ${files.size} files`);
    t.true(files.size > 5 && files.size <= bound, `${operation}: ${files.size} files:\n${[...files].join('\n')}`);
  }
});
