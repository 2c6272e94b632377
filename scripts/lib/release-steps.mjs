import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inspectAddon } from './addon-checks.mjs';
import { pack } from './pack.mjs';
import { installedProject, runIn, startRedis } from './platform-tests.mjs';
import { at, npm, packageJson, runQuietly } from './project.mjs';
import { publishingPlan, publishUnpacked } from './publish.mjs';
import { manifestFaults, tarballFaults, toolFaults } from './release-checks.mjs';
import { cargoBill, licenceFaults, npmBill } from './sbom.mjs';
import { platformName } from './steps.mjs';
import { addonFile, TARGETS } from './targets.mjs';
import { versionFaults } from './versions.mjs';
import { workflowFaults } from './workflows.mjs';

/**
 * What a release does but for publishing, as steps with what is wrong in each. They share `state`: the folder `out`, the names of
 * the platforms, and from one to the next the tarballs.
 */
export const RELEASE_STEPS = [
  ['the version is the same everywhere', ({ publishing }) => versionFaults(undefined, { publishing })],
  ['the manifests name repository, homepage and bugs', () => manifestFaults()],
  ['workflows: linted, and no pipe hides an error', () => workflowFaults()],
  ['npm refuses to publish what is not packed', () => unpackedFaults()],
  ['an addon for each platform', addonFaults],
  ['pack', packAll],
  [
    'contents and sizes of the tarballs',
    ({ tarballs }) =>
      Object.entries(tarballs).flatMap(([name, file]) => tarballFaults(file, name === 'main' ? undefined : name)),
  ],
  ['publint and attw', ({ tarballs }) => toolFaults(tarballs.main)],
  ['bills of materials, and the licences in them', billFaults],
  ['checksums', checksumFaults],
  ['installed into an empty project, it runs', installedFaults],
  ['the registry says what is published already', planFaults],
];

function addonFaults({ platforms }) {
  return platforms.flatMap((platform) => {
    const file = at('npm', platform, addonFile(platform));
    if (!existsSync(file)) return [`npm/${platform} has no addon: npm run build:platforms`];
    // The others are built on machines of their own, and loaded there.
    if (!(platform in TARGETS)) return [];
    return inspectAddon(platform, file).faults.map((fault) => `npm/${platform}: ${fault}`);
  });
}

function packAll(state) {
  const { out, platforms } = state;
  rmSync(out, { recursive: true, force: true });
  const [main, ...others] = pack(out, platforms, { gathered: true });
  state.tarballs = { main, ...Object.fromEntries(platforms.map((name, i) => [name, others[i]])) };
  return [];
}

async function billFaults({ out }) {
  const bills = { npm: npmBill(packageJson()), cargo: await cargoBill() };
  return Object.entries(bills).flatMap(([name, bill]) => {
    writeFileSync(join(out, `sbom-${name}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`);
    return licenceFaults(bill);
  });
}

function checksumFaults({ out, tarballs }) {
  const files = [...Object.values(tarballs).map((file) => basename(file)), 'sbom-npm.cdx.json', 'sbom-cargo.cdx.json'];
  const line = (file) =>
    `${createHash('sha256')
      .update(readFileSync(join(out, file)))
      .digest('hex')}  ${file}\n`;
  writeFileSync(join(out, 'SHA256SUMS'), files.map(line).join(''));
  const { code, output } = runQuietly('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: out });
  return code === 0 ? [] : [output];
}

/** By this very Node, on this machine's platform, with the registry for what the package depends on. */
async function installedFaults({ tarballs }) {
  const node = { name: `Node ${process.version}`, command: [process.execPath] };
  const own = platformName();
  if (tarballs[own] === undefined) return [`there is no package of ${own}, which is this machine`];
  const { main, ...byPlatform } = tarballs;
  const project = installedProject(node, { main, byPlatform });
  const redis = await startRedis();
  try {
    copyFileSync(at('__test__', 'platforms', 'packed-program.mjs'), join(project.folder, 'program.mjs'));
    const { status, stdout, stderr } = runIn(project.folder, node, ['program.mjs'], { REDIS_URL: redis.url });
    const right =
      status === 0 && JSON.parse(stdout).redis === true && String(project.chosen) === `cachekit-native-${own}`;
    return right ? [] : [`${project.chosen}: ${stdout}${stderr}`];
  } finally {
    redis.stop();
    project.remove();
  }
}

function unpackedFaults() {
  const { code, output } = npm(publishUnpacked, { cwd: at() });
  return code !== 0 && output.includes('EPRIVATE') ? [] : ['"npm publish" in a clone would publish it, without addons'];
}

function planFaults(state) {
  const { tarballs, registry } = state;
  const { main, ...platforms } = tarballs;
  state.plan = publishingPlan([main, ...Object.values(platforms)], registry);
  return [];
}

export const outFolder = () => {
  const folder = at('.build', 'release');
  mkdirSync(folder, { recursive: true });
  return folder;
};
