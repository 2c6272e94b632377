import { join } from 'node:path';
import { asksForHelp, at, main, run, Stop, say, seconds, tool } from './lib/project.mjs';
import { runTests } from './lib/run-tests.mjs';
import { addonName, ensureReady } from './lib/steps.mjs';
import { cargoReader, tapReader } from './lib/tap.mjs';

const usage = `
npm run test:aws-lc

Builds the addon with AWS-LC in the place of ring (the Cargo feature "aws-lc"; a C compiler is needed, and two to four
minutes the first time) and runs clippy, all Rust tests, and those TypeScript tests with it that are about bytes, keys
and memory. Exits with 1 when a test fails, was lost, or has run with another addon. It is not FIPS-validated:
docs/compliance.md.
`;

const TESTS = [
  'vectors',
  'codec/*',
  'interop/interop-v2',
  'interop/oracle',
  'keys/*',
  'native/*',
  'protocol/*',
  'cache/isolation',
  'cache/private-keys',
  'security/aliasing',
  'security/altered',
  'security/altered-containers',
  'security/hostile-input',
  'security/lent-memory',
  'security/memory',
  'security/nonces',
  'security/properties',
  'security/secrets',
  'security/wrong-arguments',
  'security/worker-termination',
];
/** Fewer mean that a file was lost. */
const LEAST = { rust: 97, typescript: 800 };
/** The test that looks at the addon which was loaded. */
const WITNESS = /^ok \d+ - native › library › /;

const FEATURE = ['--features', 'aws-lc'];
const print = (line) => process.stdout.write(`${line}\n`);

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  await ensureReady({ features: ['aws-lc'] });
  const start = performance.now();
  if ((await run('cargo', ['clippy', '--all-targets', '--quiet', ...FEATURE, '--', '-D', 'warnings'])) !== 0) {
    throw new Stop('clippy has found something; it stands above.');
  }
  const rust = await runTests('cargo test', 'cargo', ['test', ...FEATURE], cargoReader(), { echo: print });
  let witnessed = false;
  const typescript = await runTests(
    'ava',
    process.execPath,
    [tool('ava/entrypoints/cli.mjs'), '--tap', ...TESTS.map((name) => `__test__/${name}.test.ts`)],
    tapReader(print),
    {
      env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: join(at('.build', 'aws-lc'), addonName()) },
      echo: (line) => {
        witnessed ||= WITNESS.test(line);
      },
    },
  );
  say(`with AWS-LC: ${seconds(start)}`);
  const failures = Object.entries({ rust, typescript }).flatMap(([language, { passed, failed, failures: titles }]) => {
    say(`${language}: ${passed} passed, ${failed} failed`);
    const lost =
      passed < LEAST[language] ? [`${language}: ${passed} passed, at least ${LEAST[language]} were expected`] : [];
    return [...titles, ...lost];
  });
  if (!witnessed) failures.push('no test has seen the addon with AWS-LC');
  if (failures.length > 0) throw new Stop(`failed:\n  ${failures.join('\n  ')}`);
});
