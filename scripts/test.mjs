import { ensurePeerVenv } from './lib/peer-venv.mjs';
import { asksForHelp, main, say, seconds, tool } from './lib/project.mjs';
import { runTests } from './lib/run-tests.mjs';
import { ensureReady, requireRust } from './lib/steps.mjs';
import { cargoReader, tapReader } from './lib/tap.mjs';

const usage = `
npm test [-- options] [test files]

Runs the Rust tests (cargo test) and the TypeScript tests (ava), installing and building first when needed.
The last line says "N passed, N failed" and, when there are any, "N skipped".

  --rust           the Rust tests only
  --ts             the TypeScript tests only
  --match PATTERN  the TypeScript tests whose titles match; this and file names are passed on to ava
  --help           this text
`;

const print = (line) => process.stdout.write(`${line}\n`);

// Not --release: overflow checks and debug assertions are on.
const rustTests = () => runTests('cargo test', 'cargo', ['test'], cargoReader(), { echo: print });
const tsTests = (args) =>
  runTests('ava', process.execPath, [tool('ava/entrypoints/cli.mjs'), '--tap', ...args], tapReader(print));

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const start = performance.now();
  const forAva = args.filter((arg) => arg !== '--rust' && arg !== '--ts');
  const only = args.includes('--rust') ? 'rust' : args.includes('--ts') || forAva.length > 0 ? 'ts' : undefined;
  const parts = [];

  if (only === 'rust') requireRust();
  else {
    await ensureReady({ features: ['test-hooks'] });
    ensurePeerVenv();
  }
  if (only !== 'ts') {
    say('\nRust tests (cargo test)');
    parts.push(await rustTests());
  }
  if (only !== 'rust') {
    say('\nTypeScript tests (ava)');
    parts.push(await tsTests(forAva));
  }

  const sum = (count) => parts.reduce((total, part) => total + part[count], 0);
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
  const failures = parts.flatMap((part) => part.failures);
  if (failures.length > 0) print(`\nFailed:\n${failures.map((title) => `  ✖ ${title}`).join('\n')}`);
  // A half that ran nothing did not succeed: a pattern that matches no test, a folder that moved.
  const empty = parts.some((part) => part.passed + part.failed + part.skipped === 0);
  const nothing = empty || passed + failed === 0;
  if (nothing) print('\nNo tests were run.');
  print(`\nTime: ${seconds(start)}`);
  print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 || nothing ? 1 : 0;
});
