import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { bundle } from './bundle.mjs';
import { exclusively, step } from './fresh.mjs';
import { at, npm, onPath, packageJson, root, run, runQuietly, Stop, say, seconds, tool } from './project.mjs';

const rustInputs = ['Cargo.toml', 'Cargo.lock', 'build.rs', '.cargo', 'rust-toolchain.toml', 'src-rs'];

/** `linux-x64-gnu` and the like: how @napi-rs/cli names this machine. */
export function platformName() {
  const { platform, arch } = process;
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`;
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

const isMusl = () => !process.report?.getReport()?.header?.glibcVersionRuntime;

export const addonName = () => `${packageJson().napi.binaryName}.${platformName()}.node`;
const napiConfig = () => {
  const { name, version, napi } = packageJson();
  return { name, version, napi };
};

const addon = () => step({ name: 'addon', inputs: rustInputs, outputs: [addonName()], extra: napiConfig() });

/** Builds of the crate with a feature that no published build has, for tests and benchmarks to load by path. */
const featureAddon = (feature) =>
  step({
    name: feature,
    inputs: rustInputs,
    outputs: [`.build/${feature}/${addonName()}`],
    extra: packageJson().napi,
  });

const javascript = () =>
  step({
    name: 'javascript',
    inputs: [
      'index.ts',
      'src',
      'tsconfig.json',
      ...['bundle', 'commonjs-types', 'compact-lines', 'entry-types', 'lazy-requires', 'sources', 'types'].map(
        (name) => `scripts/lib/${name}.mjs`,
      ),
      'node_modules/typescript/package.json',
    ],
    outputs: ['dist/index.js', 'dist/index.d.ts'],
    extra: { exports: packageJson().exports, bin: packageJson().bin },
  });

/**
 * Installs the Node modules of package-lock.json when they are missing or other than the lockfile says.
 * `folder` is that of a package in this project, which has modules of its own.
 */
export async function ensureInstalled(folder = '.') {
  if (isInstalled(folder)) return;
  await exclusively(async () => {
    if (isInstalled(folder)) return;
    const start = performance.now();
    const what = folder === '.' ? 'the Node modules' : `the Node modules of ${folder}/`;
    say(`installing ${what} (npm ci) …`);
    const { code, output } = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: at(folder) });
    if (code !== 0) throw new Stop(`${output}\nnpm ci failed: ${what} could not be installed.`);
    say(`installed ${what} in ${seconds(start)}`);
  });
}

function isInstalled(folder) {
  const installed = at(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const { packages: wanted } = JSON.parse(readFileSync(at(folder, 'package-lock.json'), 'utf8'));
  const { packages: present } = JSON.parse(readFileSync(installed, 'utf8'));
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional, peer }]) =>
      path === '' || (optional || devOptional || peer ? true : present[path]?.version === version),
  );
}

export function requireRust() {
  if (onPath('cargo')) return;
  throw new Stop('Rust is needed to build from a clone: https://rustup.rs (cargo is not on PATH).');
}

/** Installs and builds what is missing or stale, and says what cannot be built before anything is downloaded. */
export async function ensureReady(options) {
  if (!addon().isFresh()) requireRust();
  await ensureInstalled();
  await ensureBuilt(options);
}

/**
 * Builds what is stale: the addon, those with a feature (`test-hooks`, `bench`) into .build/, then `dist/`.
 * `force` builds everything. Never touches the committed index.d.ts.
 */
export async function ensureBuilt({ force = false, features = [] } = {}) {
  const steps = [
    { ...addon(), work: () => buildAddon('the addon', ['--no-js', '--dts', '.build/native.d.ts']) },
    ...features.map((feature) => ({ ...featureAddon(feature), work: () => buildFeatureAddon(feature) })),
    { ...javascript(), work: buildJavaScript },
  ];
  if (!force && steps.every(({ isFresh }) => isFresh())) return;
  await exclusively(async () => {
    for (const { isFresh, build, work } of steps) if (force || !isFresh()) await build(work);
  });
}

const buildFeatureAddon = (feature) =>
  buildAddon(`the addon with ${feature}`, ['--no-js', '--features', feature, '--output-dir', `.build/${feature}`]);

async function buildAddon(what, options) {
  requireRust();
  const start = performance.now();
  say(`building ${what} (cargo; one to two minutes the first time) …`);
  const cli = tool('@napi-rs/cli/dist/cli.js');
  const args = [cli, 'build', '--platform', '--release', ...options];
  // stdout carries only the generator's notes; cargo's progress is on stderr.
  if ((await run(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })) !== 0) {
    throw new Stop(`${what} could not be built; cargo's message stands above.`);
  }
  if (!options.includes('--features')) checkThatItLoads();
  say(`built ${what} in ${seconds(start)}`);
}

function checkThatItLoads() {
  const { code, output } = runQuietly(process.execPath, ['-e', `require('./${addonName()}')`], { cwd: root });
  if (code !== 0) throw new Stop(`${output}\nthe addon was built but does not load.`);
}

async function buildJavaScript() {
  const start = performance.now();
  const fresh = at('.build', 'dist');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(at('.build'), { recursive: true });
  const compiler = tool('typescript/lib/tsc.js');
  // Into a folder of its own, then moved: a process that imports dist/ meanwhile never finds half of it.
  if (
    (await run(process.execPath, [compiler, '-p', 'tsconfig.json', '--emitDeclarationOnly', '--outDir', fresh])) !== 0
  ) {
    throw new Stop('the TypeScript sources do not compile; the messages stand above.');
  }
  await bundle(fresh);
  rmSync(at('dist'), { recursive: true, force: true });
  renameSync(fresh, at('dist'));
  say(`built dist/ in ${seconds(start)}`);
}
