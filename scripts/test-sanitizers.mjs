import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { asksForHelp, at, main, root, Stop, say, seconds, tool } from './lib/project.mjs';
import { Sanitized, sanitizerNames } from './lib/sanitizers.mjs';
import { ensureReady } from './lib/steps.mjs';
import { tapReader } from './lib/tap.mjs';

const usage = `
npm run test:sanitizers -- address|thread [--minutes N] [--load]

Builds the addon with AddressSanitizer or ThreadSanitizer, loads it into Node and runs tests (vectors, altered input,
the first tier, async work, workers) and then, for N minutes, a load of all of it with workers that come and go.
x64 Linux with GCC's libasan or libtsan. Prints what was executed; exits with 1 when anything of the addon is reported,
a test fails, a value is wrong, or a kind of work was not done.

  --minutes N  of the load (default: 10)
  --load       only that
  --help       this text
`;

/** Files whose tests do not measure time or memory, and load the published addon. */
const TESTS = [
  'vectors',
  'cache/calls',
  'cache/first-tier',
  'cache/gathered',
  'cache/tags',
  'codec/batch',
  'codec/encryption-wrapper',
  'codec/seal',
  'keys/keyring',
  'keys/sealer',
  'native/abort',
  'native/file-lock',
  'security/aliasing',
  'security/altered',
  'security/altered-containers',
  'security/lent-memory',
  'security/worker-termination',
];
/** Fewer mean that a file was lost. */
const LEAST_TESTS = 100;

/** Runs Node with the sanitizer; `line` sees what it prints. */
async function runSanitized(sanitized, args, line) {
  const { command, args: all, env } = sanitized.command(args);
  const child = spawn(command, all, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code ?? 1)));
  for await (const text of createInterface({ input: child.stdout })) line(text);
  return await exit;
}

/** What a sanitizer has found, as failures. */
function findings(sanitized, what) {
  const { ours, others } = sanitized.reports();
  for (const report of ours) say(report);
  say(`${what}: ${ours.length} reports of the addon, ${others} of Node alone`);
  return ours.length > 0 ? [`${what}: ${ours.length} reports of the addon`] : [];
}

async function runTests(sanitized) {
  const reader = tapReader(say);
  // One process after the other: each is several times slower and larger than usual.
  const options = ['--tap', '--concurrency=1', '--timeout=20m'];
  const files = TESTS.map((name) => `__test__/${name}.test.ts`);
  const args = [tool('ava/entrypoints/cli.mjs'), ...options, ...files];
  const code = await runSanitized(sanitized, args, (line) => reader.line(line));
  const { passed, failed, skipped } = reader.results();
  say(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  const failures = findings(sanitized, 'tests');
  if (code !== 0 || failed > 0) failures.push(`tests: ${failed} failed, exit code ${code}`);
  if (passed < LEAST_TESTS) failures.push(`tests: ${passed} passed, at least ${LEAST_TESTS} were expected`);
  return failures;
}

async function runLoad(sanitized, minutes) {
  let output = '';
  const program = at('__test__', 'sanitized', 'load.mjs');
  const code = await runSanitized(sanitized, [program, String(minutes * 60)], (line) => {
    output += line;
  });
  say(`load: ${output}`);
  const failures = findings(sanitized, 'load');
  if (code !== 0) return [...failures, `load: exit code ${code}`];
  const { addon, wrong, ...counts } = JSON.parse(output);
  if (addon !== sanitized.addon) failures.push(`load: it has used another addon, ${addon}`);
  if (wrong > 0) failures.push(`load: ${wrong} wrong results`);
  const missing = Object.keys(counts).filter((kind) => counts[kind] === 0);
  if (missing.length > 0) failures.push(`load: nothing was executed of ${missing.join(', ')}`);
  return failures;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { minutes: { type: 'string', default: '10' }, load: { type: 'boolean', default: false } },
  });
  const [name] = positionals;
  const minutes = Number(values.minutes);
  if (positionals.length !== 1 || !sanitizerNames.includes(name) || !(minutes > 0)) throw new Stop(usage.trim());
  const sanitized = new Sanitized(name);
  await ensureReady();
  await sanitized.build();
  const start = performance.now();
  const failures = [...(values.load ? [] : await runTests(sanitized)), ...(await runLoad(sanitized, minutes))];
  say(`${name}: ${seconds(start)}`);
  if (failures.length > 0) throw new Stop(`failed:\n  ${failures.join('\n  ')}`);
  say(`${name}: nothing of the addon was reported`);
});
