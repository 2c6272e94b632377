import { asksForHelp, at, main, onPath, runQuietly, Stop, say, seconds, tool } from './lib/project.mjs';
import { ensureInstalled } from './lib/steps.mjs';

const usage = `
npm run lint

Linters, formatters (checking only) and types of both languages. \`npm run format\` mends what can be mended.
`;

const node = (name, script, ...args) => [name, process.execPath, [tool(script), ...args]];
const cargo = (...args) => [`cargo ${args.join(' ')}`, 'cargo', args];
/** Of the packages beside the main one, which share what was compiled for that. */
const cargoIn = (folder, ...args) => [
  `cargo ${args.join(' ')} (${folder}/)`,
  'cargo',
  args,
  { cwd: at(folder), env: { ...process.env, CARGO_TARGET_DIR: at('target') } },
];
const BESIDE = ['fuzz', 'constant-time'];
/** Where they can be built: libFuzzer is C++, and valgrind's requests are instructions of x64. */
const buildsBeside = () => process.platform === 'linux' && process.arch === 'x64' && onPath('g++');
const CLIPPY = ['clippy', '--all-targets', '--quiet', '--', '-D', 'warnings'];

const checks = [
  node('biome check', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
  node('tsc (strict: sources, tests, benchmarks, examples)', 'typescript/lib/tsc.js', '-p', 'tsconfig.check.json'),
  node('knip (unused files, exports and dependencies)', 'knip/bin/knip.js', '--no-progress'),
  cargo('fmt', '--check'),
  cargo(...CLIPPY),
  // Not --all-features: AWS-LC takes minutes to compile. `npm run test:aws-lc` looks at that one.
  cargo('clippy', '--all-targets', '--features', 'test-hooks,bench', '--quiet', '--', '-D', 'warnings'),
  ...BESIDE.map((folder) => cargoIn(folder, 'fmt', '--check')),
  ...(buildsBeside() ? BESIDE.map((folder) => cargoIn(folder, ...CLIPPY)) : []),
];

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  await ensureInstalled();
  await ensureInstalled('bench');
  if (!onPath('cargo')) throw new Stop('Rust is needed to lint: https://rustup.rs (cargo is not on PATH).');
  const failed = [];
  for (const [name, command, commandArgs, options] of checks) {
    const start = performance.now();
    const { code, output } = runQuietly(command, commandArgs, options);
    say(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds(start)})`);
    if (code !== 0) {
      failed.push(name);
      say(output);
    }
  }
  if (failed.length > 0)
    throw new Stop(`lint: ${failed.length} of ${checks.length} checks failed: ${failed.join('; ')}`);
  say(`lint: ${checks.length} checks passed`);
});
