import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asksForHelp, at, main, run, Stop, say } from './lib/project.mjs';
import { requireRust } from './lib/steps.mjs';

const usage = `
npm run deny [-- manifests]

Holds the crates of Cargo.lock against deny.toml: their licences, where they are from, and whether any is there twice. Other
manifests (fuzz/Cargo.toml) as arguments. Installs cargo-deny into .build/tools/ the first time, which takes some minutes.
`;

const VERSION = '0.20.2';
const MANIFESTS = ['Cargo.toml', 'fuzz/Cargo.toml'];

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  requireRust();
  const folder = at('.build', 'tools', `cargo-deny-${VERSION}`);
  const program = join(folder, 'bin', process.platform === 'win32' ? 'cargo-deny.exe' : 'cargo-deny');
  if (!existsSync(program)) {
    say(`installing cargo-deny ${VERSION} (cargo; some minutes) …`);
    const install = ['install', '--quiet', '--locked', `cargo-deny@${VERSION}`, '--root', folder];
    if ((await run('cargo', install)) !== 0) throw new Stop('cargo-deny could not be installed.');
  }
  const manifests = (args.length > 0 ? args : MANIFESTS).filter((manifest) => existsSync(at(manifest)));
  const failed = [];
  for (const manifest of manifests) {
    say(manifest);
    const where = ['--manifest-path', at(manifest), '--config', at('deny.toml')];
    const check = [...where, 'check', 'bans', 'licenses', 'sources'];
    if ((await run(program, check)) !== 0) failed.push(manifest);
  }
  if (failed.length > 0) throw new Stop(`Not as deny.toml says: ${failed.join(', ')}`);
});
