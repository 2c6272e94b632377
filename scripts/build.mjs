import { writeFileSync } from 'node:fs';
import { asksForHelp, at, main } from './lib/project.mjs';
import { ensureReady } from './lib/steps.mjs';
import { rollUpTypes } from './lib/types.mjs';

const usage = `
npm run build [-- options]

Builds the addon (cargo), dist/ (TypeScript) and index.d.ts (the public types in one file),
installing the Node modules first when they are missing.

  --if-needed    only what is stale, and leave the committed index.d.ts alone
  --test-hooks   also the addon that some tests load, into .build/test-hooks/
  --help         this text
`;

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const ifNeeded = args.includes('--if-needed');
  await ensureReady({ force: !ifNeeded, features: args.includes('--test-hooks') ? ['test-hooks'] : [] });
  if (!ifNeeded) writeFileSync(at('index.d.ts'), await rollUpTypes(at('dist')));
});
