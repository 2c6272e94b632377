import { rmSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { filesOf } from './lib/fresh.mjs';
import { ensurePeerVenv } from './lib/peer-venv.mjs';
import { asksForHelp, at, main, root, run, Stop, say, seconds, tool } from './lib/project.mjs';
import { RustCoverage } from './lib/rust-coverage.mjs';
import { ensureReady, requireRust } from './lib/steps.mjs';
import { keepComparable } from './lib/v8-counts.mjs';

const usage = `
npm run coverage [-- rust|ts]

Runs the tests and counts which lines of the sources they execute. Prints them by file, and exits with 1 when they are less than
95 % in either language, or a test fails.

  rust    cargo test, and TypeScript tests with the addon of a build that counts; needs LLVM's llvm-profdata and llvm-cov, of the
          version that rustc has or a newer one (Debian: llvm-22; rustup component add llvm-tools)
  ts      the TypeScript tests: a quarter of an hour
  --help  this text
`;

/** Lines, in percent. */
const LEAST = 95;

/** What measures time or memory, which counting changes, or runs what is built and not the sources. */
const NOT_RUN = ['__test__/bench/', '__test__/package/packed', '__test__/torture/'];

/** Files that are nothing but types are none to V8, and do not count. */
async function typescript() {
  await ensureReady({ features: ['test-hooks'] });
  ensurePeerVenv();
  const counts = at('.build', 'coverage', 'ts');
  rmSync(counts, { recursive: true, force: true });
  const tests = filesOf(['__test__'])
    .map((path) => relative(root, path))
    .filter((path) => path.endsWith('.test.ts') && !NOT_RUN.some((part) => path.startsWith(part)));
  const env = { ...process.env, NODE_V8_COVERAGE: counts };
  const passed = await run(process.execPath, [tool('ava/entrypoints/cli.mjs'), ...tests], { env });
  say('adding up what was executed …');
  keepComparable(counts);
  const limits = ['--check-coverage', `--lines=${LEAST}`, '--functions=0', '--branches=0', '--statements=0'];
  const files = ['--include=index.ts', '--include=src/**', '--reporter=text', `--temp-directory=${counts}`];
  const covered = await run(process.execPath, [tool('c8/bin/c8.js'), 'report', ...limits, ...files]);
  return passed === 0 && covered === 0;
}

async function rust() {
  requireRust();
  const coverage = new RustCoverage();
  await ensureReady();
  const passed = await coverage.run();
  const { files, percent } = coverage.report();
  for (const { name, covered, count } of files) {
    say(`${((100 * covered) / count).toFixed(1).padStart(6)} %  ${`${covered}/${count}`.padStart(9)}  ${name}`);
  }
  process.stdout.write(`Rust: ${percent.toFixed(2)} % of lines in ${files.length} files\n`);
  return passed && percent >= LEAST;
}

const LANGUAGES = { rust, ts: typescript };

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [name] = positionals;
  if (positionals.length > 1 || (name !== undefined && !Object.hasOwn(LANGUAGES, name))) throw new Stop(usage.trim());
  const failed = [];
  for (const [language, measure] of Object.entries(LANGUAGES)) {
    if (name !== undefined && name !== language) continue;
    const start = performance.now();
    if (!(await measure())) failed.push(language);
    say(`${language}: ${seconds(start)}`);
  }
  if (failed.length > 0)
    throw new Stop(`${failed.join(' and ')}: a test has failed, or less than ${LEAST} % of lines are covered`);
});
