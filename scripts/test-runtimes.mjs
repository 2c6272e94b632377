import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedProject, packedPackages, runIn, startRedis } from './lib/platform-tests.mjs';
import { asksForHelp, at, main, Stop, say } from './lib/project.mjs';
import { ensureInstalled, ensureReady, platformName } from './lib/steps.mjs';

const usage = `
npm run test:runtimes

Runs the packed package in Bun and Deno, on Linux and x64: a round trip through Redis, and workers.
`;

const modules = (...path) => at('scripts', 'runtimes', 'node_modules', ...path);

const RUNTIMES = {
  Bun: [modules('@oven', 'bun-linux-x64', 'bin', 'bun')],
  Deno: [modules('@deno', 'linux-x64-glibc', 'deno'), 'run', '--allow-all', '--no-lock', '--node-modules-dir=manual'],
};

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  if (platformName() !== 'linux-x64-gnu') throw new Stop('this is for Linux on x64 with glibc.');
  await ensureReady();
  await ensureInstalled(join('scripts', 'runtimes'));
  const node = { name: 'this Node', command: [process.execPath] };
  const project = installedProject(node, packedPackages([platformName()], { gathered: false }));
  const redis = await startRedis();
  let passed = 0;
  try {
    copyFileSync(at('__test__', 'platforms', 'packed-program.mjs'), join(project.folder, 'program.mjs'));
    for (const [name, command] of Object.entries(RUNTIMES)) {
      const { status, stdout, stderr } = runIn(project.folder, { command }, ['program.mjs'], { REDIS_URL: redis.url });
      const result = status === 0 ? JSON.parse(stdout) : {};
      const right = result.redis === true && result.addons.length === 1 && String(result.workers) === '500,500,500,500';
      passed += right ? 1 : 0;
      say(`${right ? 'ok    ' : 'FAULT '} ${name}: ${right ? stdout.trim() : `${stdout}${stderr}`}`);
    }
  } finally {
    redis.stop();
    project.remove();
  }
  const failed = Object.keys(RUNTIMES).length - passed;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});
