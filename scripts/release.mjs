import { writeNpmDirs } from './lib/npm-dirs.mjs';
import { platforms } from './lib/pack.mjs';
import { asksForHelp, main, root, Stop, say, seconds } from './lib/project.mjs';
import { publish } from './lib/publish.mjs';
import { outFolder, RELEASE_STEPS } from './lib/release-steps.mjs';
import { ensureReady } from './lib/steps.mjs';
import { TARGETS } from './lib/targets.mjs';
import { writeVersion } from './lib/versions.mjs';

const usage = `
npm run release:dry [-- options]     all that a release does, but for publishing; into .build/release/
node scripts/release.mjs publish     the same, then publishes what the registry does not have yet, the main package last
node scripts/release.mjs version X.Y.Z
                                     writes a version everywhere and names the changelog's unreleased part
node scripts/release.mjs npm-dirs    writes npm/ from package.json

  --platforms A,B    whose addons are in npm/; for dry the four of Linux unless given, for publish all eight
  --registry URL     another registry than npm's
  --help             this text
`;

const option = (args, name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);

async function rehearse(state) {
  await ensureReady();
  let failed = 0;
  for (const [name, step] of RELEASE_STEPS) {
    const start = performance.now();
    let faults;
    try {
      faults = await step(state);
    } catch (error) {
      faults = [error instanceof Stop ? error.message : String(error?.stack ?? error)];
    }
    process.stdout.write(`${faults.length === 0 ? 'ok    ' : 'FAULT '} ${name} (${seconds(start)})\n`);
    for (const fault of faults) process.stdout.write(`         ${fault}\n`);
    failed += faults.length > 0 ? 1 : 0;
    // What follows needs the tarballs.
    if (faults.length > 0 && name === 'pack') break;
  }
  const missing = platforms().filter((name) => !state.platforms.includes(name));
  if (missing.length > 0) say(`not looked at, as they are built on machines of their own: ${missing.join(', ')}`);
  for (const { name, version, done } of state.plan ?? [])
    say(`${done ? 'published already' : 'to publish'}: ${name} ${version}`);
  process.stdout.write(`${RELEASE_STEPS.length} steps, ${failed} with a fault; ${state.out}\n`);
  return failed;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const [command] = args;
  const registry = option(args, '--registry');
  const named = option(args, '--platforms')?.split(',');
  if (command === 'npm-dirs') return writeNpmDirs(root);
  if (command === 'version') {
    if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(args[1] ?? '')) throw new Stop('a version is X.Y.Z');
    writeVersion(args[1], new Date().toISOString().slice(0, 10));
    return writeNpmDirs(root);
  }
  if (command !== 'dry' && command !== 'publish') throw new Stop(usage.trim());
  const publishing = command === 'publish';
  const state = {
    out: outFolder(),
    platforms: named ?? (publishing ? platforms() : Object.keys(TARGETS)),
    registry,
    publishing,
  };
  if ((await rehearse(state)) > 0) return 1;
  if (publishing) {
    const provenance = process.env.GITHUB_ACTIONS === 'true' ? ['--provenance'] : [];
    publish(state.plan, [...provenance, ...(registry ? ['--registry', registry] : [])]);
  }
});
