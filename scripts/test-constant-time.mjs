import { asksForHelp, at, main, onPath, run, runQuietly, Stop, say } from './lib/project.mjs';
import { requireRust } from './lib/steps.mjs';

const usage = `
npm run test:constant-time

Builds constant-time/ as the addon is built and runs it under valgrind, with keys and tags marked as undefined: derivation,
fingerprints, private names, seal, open with its comparison of tags, wiping. Prints a line for each step; exits with 1 when a
jump or an address depends on a secret, or when one that was planted is not reported. x64 Linux; without valgrind it is
skipped, and with CI=true it fails. CONTRIBUTING.md, "Constant time", says what it does not see.
`;

const folder = at('.build', 'constant-time');
/** Fewer mean that the program ended early. */
const STEPS = 9;

function missing() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'it runs on x64 Linux';
  return onPath('valgrind') ? undefined : 'valgrind is not on PATH (apt-get install valgrind)';
}

async function build() {
  requireRust();
  say('building constant-time/ (cargo; a minute the first time) …');
  const options = { cwd: at('constant-time'), env: { ...process.env, CARGO_TARGET_DIR: folder } };
  if ((await run('cargo', ['build', '--release', '--locked', '--quiet'], options)) !== 0)
    throw new Stop("it could not be built; cargo's message stands above.");
}

/** A line of the program: the step, how much was reported in it, and whether something had to be. */
function judge(line) {
  const [name, reports, expected] = line.split('\t');
  if (expected === '-') {
    say(`${name}: ${reports}`);
    return undefined;
  }
  const right = Number(reports) > 0 === (expected === 'some');
  say(`${right ? 'ok    ' : 'FAILED'} ${name}: ${reports} reported${expected === 'some' ? ', as planted' : ''}`);
  return right;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const reason = missing();
  if (reason !== undefined) {
    if (process.env.CI === 'true') throw new Stop(`constant time: ${reason}.`);
    say(`skipped: ${reason}`);
    return;
  }
  await build();
  const program = [at('.build', 'constant-time', 'release', 'constant-time')];
  const { code, stdout, output } = runQuietly('valgrind', ['--quiet', '--read-inline-info=yes', ...program]);
  const verdicts = stdout
    .trim()
    .split('\n')
    .map(judge)
    .filter((verdict) => verdict !== undefined);
  const bad = verdicts.filter((right) => !right).length;
  if (code !== 0 || bad > 0 || verdicts.length !== STEPS) {
    say(output.slice(stdout.length));
    throw new Stop(
      `constant time: ${bad} of ${verdicts.length} steps failed, ${STEPS} were expected; exit code ${code}`,
    );
  }
  say(`constant time: ${verdicts.length} steps, nothing depends on a secret`);
});
