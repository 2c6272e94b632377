import { parseArgs } from 'node:util';
import { MutantTests } from './lib/mutant-tests.mjs';
import { MutantTree } from './lib/mutant-tree.mjs';
import { TypeChecker } from './lib/mutant-types.mjs';
import { asksForHelp, main, Stop, say, seconds } from './lib/project.mjs';
import { ensureReady, requireRust } from './lib/steps.mjs';
import { mutants } from './mutants/index.mjs';

const usage = `
npm run test:mutants [-- options]

Makes one programming error after the other in a copy of the project (.build/mutants/), and runs the test that must fail
by it: that one alone, which passes without it. Prints a line for each, and last "N mutants: N killed, 0 survived". Exits
with 1 when one survives, does not compile, no longer fits the source, or was not tried for another reason.

  --only NAME  this one; may be repeated
  --smoke      a handful of them, in about a minute
  --list       their names, files and tests, and nothing else
  --help       this text
`;

/** Fewer mean that some were lost. */
const LEAST = { all: 60, smoke: 6 };

const print = (line) => process.stdout.write(`${line}\n`);
const nameOf = ({ test }) => (typeof test === 'string' ? test : `${test.file}, "${test.title}"`);

/** Whether a test in TypeScript runs with an addon of this tree. */
const needsAddon = ({ file, test, hooks }) => hooks || (file.startsWith('src-rs/') && typeof test !== 'string');

function chosen({ only, smoke }) {
  const names = mutants.map(({ name }) => name);
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  if (repeated.length > 0) throw new Stop(`Two mutants have the name ${repeated.join(', ')}.`);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Stop(`There is no mutant ${unknown.join(', ')}: --list tells which there are.`);
  if (only.length > 0) return mutants.filter(({ name }) => only.includes(name));
  const some = smoke ? mutants.filter((mutant) => mutant.smoke) : mutants;
  const least = smoke ? LEAST.smoke : LEAST.all;
  if (some.length < least) throw new Stop(`There are ${some.length} mutants; at least ${least} were expected.`);
  return some;
}

/** What became of one: undefined when it was killed. */
async function outcome(mutant, { tree, tests, types }) {
  const { file, test } = mutant;
  const mutated = tree.mutated(mutant);
  const errors = file.startsWith('src-rs/') ? undefined : types.errorsIn(file, mutated);
  if (errors) return { reason: `does not compile: ${errors}` };
  try {
    tree.write(file, mutated);
    const result = await tests.run([test], { build: needsAddon(mutant) });
    if (result.error) return { reason: result.error };
    if (result.failedAlone) return undefined;
    if (result.passed === 1 && result.failed === 0) return { survived: true, reason: 'SURVIVED' };
    return { reason: `the test did not fail by itself:\n${result.output}` };
  } finally {
    tree.restore(file);
  }
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      smoke: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const list = chosen(values);
  if (values.list) {
    for (const mutant of list) print(`${mutant.name}  ${mutant.file}  ${nameOf(mutant)}`);
    return;
  }
  requireRust();
  await ensureReady();
  const start = performance.now();
  const tree = new MutantTree();
  // Before anything is built: that one no longer fits is told at once.
  for (const mutant of list) tree.mutated(mutant);
  const tests = new MutantTests(tree.folder);
  say(
    `running the tests of ${list.length} mutants on the code as it is (cargo compiles for a minute the first time) …`,
  );
  const before = await tests.run(
    list.map(({ test }) => test),
    { build: list.some(needsAddon) },
  );
  if (before.error || before.failed > 0 || before.skipped > 0 || before.passed < before.tests) {
    const { passed, failed, skipped } = before;
    const counts = `${passed} of ${before.tests} passed, ${failed} failed, ${skipped} skipped`;
    throw new Stop(`${before.error ?? before.output}\nWithout a mutant all of their tests must pass: ${counts}.`);
  }
  say(`${before.passed} tests pass without a mutant (${seconds(start)})`);

  const types = new TypeChecker(tree.folder);
  const failures = [];
  let survived = 0;
  for (const [i, mutant] of list.entries()) {
    const begun = performance.now();
    const failure = await outcome(mutant, { tree, tests, types });
    const what = failure ? failure.reason : `killed by ${nameOf(mutant)}`;
    print(`${i + 1}/${list.length} ${mutant.name}: ${what} (${seconds(begun)})`);
    if (failure) failures.push(mutant.name);
    if (failure?.survived) survived++;
  }
  say(`\n${seconds(start)}`);
  const broken = failures.length - survived;
  if (failures.length > 0) say(`not killed: ${failures.join(', ')}`);
  const counts = `${list.length - failures.length} killed, ${survived} survived`;
  print(`${list.length} mutants: ${counts}${broken > 0 ? `, ${broken} not tried` : ''}`);
  return failures.length > 0 ? 1 : 0;
});
