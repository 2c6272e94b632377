import { asksForHelp, main, root, run, tool } from './lib/project.mjs';
import { ensureReady } from './lib/steps.mjs';

const usage = `
npm run demo [-- options]

Runs examples/demo.ts on real data, installing and building first when needed.
Options are passed on to the demo; --help shows this text.
`;

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  await ensureReady();
  return run(process.execPath, [tool('tsx/dist/cli.mjs'), 'examples/demo.ts', ...args], { cwd: root });
});
