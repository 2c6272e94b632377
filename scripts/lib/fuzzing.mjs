import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { corpusOf } from './fuzz-seeds.mjs';
import { at, onPath, root, run, Stop, say, seconds } from './project.mjs';
import { requireRust } from './steps.mjs';

const TRIPLE = 'x86_64-unknown-linux-gnu';
/** The instrumented builds, and what was found since the checkout was made beside the committed corpus. */
const folder = at('.build', 'fuzz');
const artifacts = at('fuzz', 'artifacts');
const program = (target) => join(folder, 'target', TRIPLE, 'release', target);

/** Counters on branches and comparisons for libFuzzer, and AddressSanitizer: no part of stable Rust, of the toolchain that is there. */
const FLAGS = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Zsanitizer=address',
  '-Ccodegen-units=1',
];

const OPTIONS = [
  '-max_len=4096',
  // An input that claims a lot and holds little must not be given it.
  '-malloc_limit_mb=64',
  '-timeout=120',
  '-print_final_stats=1',
];

/** The names of the targets, as `fuzz/Cargo.toml` has them. */
export const targetNames = () =>
  [...readFileSync(at('fuzz', 'Cargo.toml'), 'utf8').matchAll(/^\[\[bin\]\]\nname = "(\w+)"/gm)].map(
    ([, name]) => name,
  );

export async function buildTargets() {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Stop('The Rust targets run on x64 Linux.');
  requireRust();
  if (!onPath('g++')) throw new Stop('g++ is needed to build libFuzzer: apt-get install g++');
  const start = performance.now();
  say('building the fuzz targets (cargo; one to two minutes the first time) …');
  const args = ['build', '--release', '--locked', '--quiet', '--target', TRIPLE];
  const code = await run('cargo', args, {
    cwd: at('fuzz'),
    env: {
      ...process.env,
      RUSTC_BOOTSTRAP: '1',
      RUSTFLAGS: FLAGS.join(' '),
      CARGO_TARGET_DIR: join(folder, 'target'),
    },
  });
  if (code !== 0) throw new Stop("the targets could not be built; cargo's message stands above.");
  say(`built them in ${seconds(start)}`);
}

/**
 * Runs a target for a time, from the committed corpus and what earlier runs have added to it. Answers what libFuzzer says:
 * executions, their rate, the corpus and the coverage, and whether it failed, with the end of its output.
 */
export async function fuzz(target, forSeconds) {
  const grown = join(folder, 'corpus', target);
  for (const path of [grown, artifacts]) mkdirSync(path, { recursive: true });
  if (!existsSync(corpusOf(target)) || readdirSync(corpusOf(target)).length === 0)
    throw new Stop(`${target}: there is no committed corpus; npm run fuzz -- --seeds writes it.`);
  const prefix = `-artifact_prefix=${artifacts}/${target}-`;
  const args = [...OPTIONS, `-max_total_time=${forSeconds}`, prefix, grown, corpusOf(target)];
  const { code, output } = await collect(program(target), args);
  const number = (pattern) => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return {
    target,
    failed: code !== 0,
    executions: number(/^stat::number_of_executed_units: (\d+)/gm),
    rate: number(/^stat::average_exec_per_sec: +(\d+)/gm),
    corpus: number(/ corp: (\d+)/g),
    coverage: number(/ cov: (\d+)/g),
    kept: /Test unit written to (.*)/.exec(output)?.[1],
    output: output.split('\n').slice(-60).join('\n'),
  };
}

/** Runs a target on one input and answers its exit code. */
export const reproduce = (target, input) => run(program(target), [input]);

/** The command that runs an input again. */
export const again = ({ target, kept }) => `npm run fuzz -- --target ${target} --input ${relative(root, kept)}`;

async function collect(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    // Of an hour's lines about new inputs only the last matter.
    output = (output + text).slice(-200_000);
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, output };
}
