import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asksForHelp, main, root, run, Stop, say, seconds } from './lib/project.mjs';
import { ensureBuilt, ensureInstalled } from './lib/steps.mjs';

const benchmarks = {
  overhead: 'what encryption adds to a small value, beside node:crypto, WebCrypto, noble and the Python peer',
  sizes: 'seal and open from 64 B to 64 MiB, against node:crypto and against ring alone',
  pipeline: 'objects, rows and DataFrames, whole write and read, with event-loop time',
  cache: 'hits in the process, against other caches that store plaintext; then redis and lmdb',
  redis: 'hits and writes in Redis, against bare clients, a hand-made encrypted cache and caches of plaintext',
  lmdb: 'hits in a directory that processes share',
  scale: 'workers, memory, a minute of writes and reads, many tenants, many keys',
  soak: 'two tiers at full speed for ten minutes',
  profile: 'where the time of a write and a read goes, and what they allocate',
};

/** Only where they are named: one takes an hour, the other has AWS-LC compiled. */
const ENDURANCE = 'endurance';
const LIBRARIES = 'libraries';

const usage = `
npm run bench [-- [options] [names]]      all benchmarks, or those that are named
npm run bench:gate                        compares with the targets; exits with 1 when one is missed
npm run bench:check                       looks for gross regressions, as CI does; exits with 1 when it finds one
npm run bench -- compare --with FOLDER [cache] [pipeline] [redis] [lmdb]
                                          compares this build with another one, and that one with itself

${Object.entries(benchmarks)
  .map(([name, question]) => `  ${name.padEnd(10)}${question}`)
  .join('\n')}

  ${ENDURANCE.padEnd(10)}an hour of a first tier in the process: sizes, tags, TTLs, rotations, workers; only where it is named
  ${LIBRARIES.padEnd(10)}sealing and opening with ring and with AWS-LC; only where it is named

  --with FOLDER   another clone of this project, built (npm run build)
  --quick         fewer rounds and smaller sizes: shows that it runs. The tables and charts of a full run are left alone.
  --help          this text

Installs and builds first when needed. Results go to bench/results/ and docs/charts/.
`;

/** For the one that has no compiler in its heap. */
const programOf = (name) => (name === ENDURANCE ? [`bench/${name}.mjs`] : ['--import', 'tsx', `bench/${name}.ts`]);

/** A process of its own for each, so that none runs in the heap and the compiled code that another one left. */
const runBenchmark = (name, args) => run(process.execPath, ['--expose-gc', ...programOf(name), ...args], { cwd: root });

async function ensureReadyToMeasure(...features) {
  await ensureInstalled();
  await ensureInstalled('bench');
  await ensureBuilt({ features: ['bench', ...features] });
}

/** What is asked by name only: they exit with 1 when something is too slow. */
const CHECKS = ['gate', 'regression'];

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, with: { type: 'string' } },
  });
  const quick = values.quick ? ['--quick'] : [];
  if (positionals[0] === 'compare') {
    await ensureReadyToMeasure();
    const other = values.with === undefined ? [] : ['--with', resolve(values.with)];
    return await runBenchmark('compare', [...other, ...quick, ...positionals.slice(1)]);
  }
  // What a hit costs is one question, wherever it is stored.
  const named = positionals.flatMap((name) => (name === 'cache' ? ['cache', 'redis', 'lmdb'] : [name]));
  const names = named.length > 0 ? [...new Set(named)] : Object.keys(benchmarks);
  const unknown = names.find((name) => !(name in benchmarks) && ![...CHECKS, ENDURANCE, LIBRARIES].includes(name));
  if (unknown !== undefined)
    throw new Stop(`There is no benchmark '${unknown}'; there are ${Object.keys(benchmarks).join(', ')}.`);
  await ensureReadyToMeasure(...(names.includes(LIBRARIES) ? ['aws-lc'] : []));
  const failed = [];
  for (const name of names) {
    const start = performance.now();
    if ((await runBenchmark(name, quick)) !== 0) failed.push(name);
    say(`${name}: ${seconds(start)}`);
  }
  if (failed.length > 0) throw new Stop(`failed: ${failed.join(', ')}`);
});
