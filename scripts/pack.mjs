import { resolve } from 'node:path';
import { pack, platforms } from './lib/pack.mjs';
import { asksForHelp, at, main } from './lib/project.mjs';
import { platformName } from './lib/steps.mjs';

const usage = `
node scripts/pack.mjs [options]

Packs what is built: the main package, with the platform packages as its optionalDependencies, and the package
of this platform. Prints the tarballs' paths, one a line, the main package's first.

  --all       the packages of all platforms (their addons are those in npm/)
  --out DIR   where to put the tarballs; .build/packages unless given
  --help      this text
`;

await main((args) => {
  if (asksForHelp(args, usage)) return;
  const out = args.includes('--out') ? resolve(args[args.indexOf('--out') + 1]) : at('.build', 'packages');
  const gathered = args.includes('--all');
  for (const tarball of pack(out, gathered ? platforms() : [platformName()], { gathered })) {
    process.stdout.write(`${tarball}\n`);
  }
});
