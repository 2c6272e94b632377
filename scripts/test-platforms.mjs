import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platforms } from './lib/pack.mjs';
import { compiledTests, installedProject, packedPackages, runIn, runTests, startRedis } from './lib/platform-tests.mjs';
import { asksForHelp, at, main, Stop, say, seconds } from './lib/project.mjs';
import { ensureReady } from './lib/steps.mjs';
import { addonFile, addonPath, chosen, ensureTools, nodesOf, ownNode, TARGETS } from './lib/targets.mjs';

const usage = `
npm run test:platforms [-- options] [PLATFORM …]

Loads the addons of npm/ (npm run build:platforms), each under Nodes of its own C library and architecture, arm64 in an
emulator: the vectors and the tests of the protocol, of sealing and of keys; then the packed packages, installed by that
Node's npm into an empty project with nothing on PATH, with the README's first example, a round trip through Redis and workers.

  --newest   under the newest Node of each alone
  --here     under this very Node alone, for this machine's own platform
  --help     this text
`;

/** As many as there are of vectors and tests, or some were left out. */
const AT_LEAST = 600;

/** The README's first block of code, its backend the given one. */
function readmeExample(url) {
  const block = /^```ts\n(.*?)^```$/ms.exec(readFileSync(at('README.md'), 'utf8'))?.[1] ?? '';
  if (!block.includes('cache.secure')) throw new Stop('the README does not begin with the main job.');
  return `${block.replace(/'redis:[^']*'/, url === undefined ? 'null' : `'${url}'`)}\nprocess.exit(0);\n`.replace(
    '(id: number)',
    '(id)',
  );
}

/** The faults of one platform under one Node. */
async function faultsOf(platform, node, { folder, packages, redis }) {
  const faults = [];
  const start = performance.now();
  const { passed, failed, output } = runTests(node, folder, addonPath(platform));
  if (failed.length > 0 || passed < AT_LEAST) faults.push(`${passed} tests passed\n${failed.join('\n')}\n${output}`);

  const project = installedProject(node, packages);
  try {
    if (String(project.chosen) !== `cachekit-native-${platform}`) faults.push(`npm chose ${project.chosen}`);
    copyFileSync(at('__test__', 'platforms', 'packed-program.mjs'), join(project.folder, 'program.mjs'));
    writeFileSync(join(project.folder, 'readme.mjs'), readmeExample(redis?.url));
    const env = { ...(redis && { REDIS_URL: redis.url }), CACHEKIT_MASTER_KEY: '5a'.repeat(32) };
    const program = () => {
      const { status, stdout, stderr } = runIn(project.folder, node, ['program.mjs'], env);
      const result = status === 0 ? JSON.parse(stdout) : undefined;
      const right =
        result?.redis === true &&
        String(result.addons) === addonFile(platform) &&
        result.workers.every((count) => count === 500);
      if (!right) faults.push(`the packed package: ${stdout}${stderr}`);
    };
    program();
    const example = runIn(project.folder, node, ['readme.mjs'], env);
    if ((example.stdout.match(/Ada Lovelace/g) ?? []).length !== 2)
      faults.push(`README: ${example.stdout}${example.stderr}`);
    // The packages of both C libraries are there, as in an image that was filled on another one.
    const other = platform.endsWith('musl') ? platform.replace('musl', 'gnu') : platform.replace('gnu', 'musl');
    if (existsSync(addonPath(other))) {
      cpSync(at('npm', other), join(project.folder, 'node_modules', `cachekit-native-${other}`), { recursive: true });
      program();
    }
  } finally {
    project.remove();
  }
  say(
    `${faults.length === 0 ? 'ok    ' : 'FAULT '} ${platform}, ${node.name}: ${passed} tests, packed package (${seconds(start)})`,
  );
  for (const fault of faults) say(fault);
  return faults;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const names = chosen(args.filter((arg) => !arg.startsWith('--')));
  const missing = names.filter((name) => !existsSync(addonPath(name)));
  if (missing.length > 0) throw new Stop(`there is no addon of ${missing.join(', ')}: npm run build:platforms`);
  await ensureReady();
  const here = args.includes('--here');
  if (!here && names.some((name) => name in TARGETS)) await ensureTools('nodes');
  const redis = process.platform === 'linux' ? await startRedis() : undefined;
  let [runs, failed] = [0, 0];
  try {
    const folder = await compiledTests();
    const packages = packedPackages(platforms().filter((name) => existsSync(addonPath(name))));
    for (const platform of names) {
      for (const node of here ? [ownNode()] : nodesOf(platform).slice(args.includes('--newest') ? -1 : 0)) {
        runs++;
        failed += (await faultsOf(platform, node, { folder, packages, redis })).length > 0 ? 1 : 0;
      }
    }
  } finally {
    redis?.stop();
  }
  process.stdout.write(`${runs - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});
