import { fitsProjects, runProject } from './lib/fits.mjs';
import { packedPackages, startRedis } from './lib/platform-tests.mjs';
import { asksForHelp, main, Stop, say } from './lib/project.mjs';
import { ensureReady, platformName } from './lib/steps.mjs';

const usage = `
npm run test:fits [-- [--quick | NAME …]]

Installs the packed package into the projects of __test__/fits/, each with a bundler, test runner or framework, and runs what
each calls its test. They are kept in the folder of temporary files, and installed again when what they need has changed.

  --quick  those that take seconds, as .ci/run does
`;

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const known = fitsProjects();
  const quick = args.includes('--quick');
  const named = args.filter((arg) => arg !== '--quick');
  const unknown = named.filter((name) => !known.some((project) => project.name === name));
  if (unknown.length > 0)
    throw new Stop(`no project ${unknown.join(', ')}; there are ${known.map(({ name }) => name).join(', ')}.`);
  const chosen = known.filter(({ name, slow }) => (named.length > 0 ? named.includes(name) : !(quick && slow)));
  await ensureReady();
  const packages = packedPackages([platformName()], { gathered: false });
  const redis = await startRedis();
  let failed = 0;
  try {
    for (const project of chosen) {
      const start = performance.now();
      const fault = await runProject(project, packages, { REDIS_URL: redis.url });
      if (fault !== undefined) failed++;
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      say(
        fault === undefined
          ? `ok     ${project.name}: ${project.expected} (${seconds} s)`
          : `FAULT  ${project.name} (${seconds} s)\n${fault}`,
      );
    }
  } finally {
    redis.stop();
  }
  process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});
