import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeSeeds } from './lib/fuzz-seeds.mjs';
import { again, buildTargets, fuzz, reproduce, targetNames } from './lib/fuzzing.mjs';
import { asksForHelp, main, Stop, say, seconds } from './lib/project.mjs';
import { leastProperties, runProperties } from './lib/property-runs.mjs';
import { ensureInstalled, ensureReady } from './lib/steps.mjs';

const usage = `
npm run fuzz [-- options]

Builds the fuzz targets of fuzz/ with AddressSanitizer and runs each for a time: what Rust reads is compared with
independent implementations (CONTRIBUTING.md, "Fuzzing"). Prints one line for each target; exits with 1 when one has found
something, whose input is kept in fuzz/artifacts/, or has executed less than ${least(1)} inputs a second. x64 Linux, g++.

  --seconds N    of each target (default: 60)
  --minutes N    the same in minutes
  --target NAME  only that target; may be given several times
  --jobs N       targets at a time (default: one for each processor)
  --input FILE   runs the target on this input only
  --seeds        writes the committed corpus from the test vectors, and runs nothing

  --javascript   the properties of the TypeScript tests (fast-check) instead
  --runs N       of each property (default: 100000)
  --help         this text
`;

/**
 * A target that executes less was not fuzzed. It is a third of what the slowest does with a quarter of a processor, so that no
 * machine is too slow for it.
 */
function least(forSeconds) {
  return 300 * forSeconds;
}

const text = (number) => number.toLocaleString('en-US');

function report(result, forSeconds) {
  const { target, failed, executions, rate, corpus, coverage } = result;
  const tooFew = executions < least(forSeconds);
  const verdict = failed ? 'FAILED' : tooFew ? `TOO FEW: at least ${text(least(forSeconds))} were expected` : 'ok';
  say(
    `${target.padEnd(9)} ${text(executions).padStart(12)} executions ${text(rate).padStart(8)}/s` +
      `   corpus ${text(corpus).padStart(6)}   coverage ${text(coverage).padStart(6)}   ${verdict}`,
  );
  if (failed) {
    say(result.output);
    say(result.kept ? `The input is kept: ${again(result)}` : 'No input was kept.');
  }
  return failed || tooFew;
}

async function fuzzAll(targets, forSeconds, jobs) {
  await buildTargets();
  const start = performance.now();
  const waiting = [...targets];
  const results = [];
  const worker = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const result = await fuzz(target, forSeconds);
      results.push({ ...result, bad: report(result, forSeconds) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, targets.length) }, worker));
  const executions = results.reduce((sum, result) => sum + result.executions, 0);
  const bad = results.filter((result) => result.bad).map(({ target }) => target);
  if (bad.length > 0) throw new Stop(`fuzz: ${bad.length} of ${results.length} targets failed: ${bad.join(', ')}`);
  say(`fuzz: ${results.length} targets, ${text(executions)} executions, nothing found (${seconds(start)})`);
}

async function fuzzProperties(runs) {
  await ensureReady({ features: ['test-hooks'] });
  const start = performance.now();
  const { executed, code } = await runProperties(runs);
  if (code !== 0) throw new Stop(`fuzz: the tests failed, exit code ${code}`);
  const few = executed.filter((times) => times !== runs).length;
  if (few > 0) throw new Stop(`fuzz: ${few} properties were not run ${text(runs)} times`);
  if (executed.length < leastProperties)
    throw new Stop(`fuzz: ${executed.length} properties were run, at least ${leastProperties} were expected`);
  say(`fuzz: ${executed.length} properties, ${text(runs)} runs each, nothing found (${seconds(start)})`);
}

const options = {
  seconds: { type: 'string' },
  minutes: { type: 'string' },
  target: { type: 'string', multiple: true },
  jobs: { type: 'string' },
  input: { type: 'string' },
  seeds: { type: 'boolean' },
  javascript: { type: 'boolean' },
  runs: { type: 'string', default: '100000' },
};

function positive(text, name) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Stop(`--${name} must be a whole number from 1 on.`);
  return number;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const { values } = parseArgs({ args, options });
  await ensureInstalled();
  if (values.seeds) return writeSeeds();
  if (values.javascript) return fuzzProperties(positive(values.runs, 'runs'));
  const names = targetNames();
  const targets = values.target ?? names;
  const unknown = targets.find((target) => !names.includes(target));
  if (unknown !== undefined) throw new Stop(`There is no target ${unknown}; there are ${names.join(', ')}.`);
  if (values.input !== undefined) {
    if (values.target?.length !== 1) throw new Stop('--input needs one --target.');
    await buildTargets();
    return reproduce(values.target[0], resolve(values.input));
  }
  const forSeconds = values.minutes
    ? 60 * positive(values.minutes, 'minutes')
    : positive(values.seconds ?? '60', 'seconds');
  await fuzzAll(targets, forSeconds, positive(values.jobs ?? String(availableParallelism()), 'jobs'));
});
