import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, npm, packageJson, root, Stop } from './project.mjs';

/** The platform packages' folders below npm/, as `napi create-npm-dirs` made them. */
export const platforms = () => readdirSync(at('npm')).filter((name) => existsSync(at('npm', name, 'package.json')));

const platformPackageJson = (platform) => JSON.parse(readFileSync(at('npm', platform, 'package.json'), 'utf8'));

/**
 * The published package.json: every platform package at this very version as an optional dependency. They are not in
 * the project's own package.json, where `npm ci` would look for versions that are not published yet.
 */
function publishedPackageJson() {
  const { devDependencies, scripts, ...published } = packageJson();
  const platformPackages = platforms().map(platformPackageJson);
  const stale = platformPackages.filter(({ version }) => version !== published.version);
  if (stale.length > 0) {
    throw new Stop(`npm/ is of version ${stale[0].version}, not ${published.version}: run "npx napi create-npm-dirs".`);
  }
  const optionalDependencies = Object.fromEntries(platformPackages.map(({ name, version }) => [name, version]));
  return { ...published, optionalDependencies };
}

const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

function npmPack(cwd, ...args) {
  const { code, stdout, output } = npm(['pack', '--json', '--ignore-scripts', '--loglevel=error', ...args], { cwd });
  if (code !== 0) throw new Stop(`${output}\nnpm pack failed.`);
  const result = JSON.parse(stdout);
  // npm 12 answers an object by package name, npm 11 and before an array.
  return Object.values(result)[0];
}

function stageMain(stage) {
  for (const { path } of npmPack(root, '--dry-run').files) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    copyFileSync(at(path), join(stage, path));
  }
  writeJson(join(stage, 'package.json'), publishedPackageJson());
}

function stagePlatform(stage, platform) {
  cpSync(at('npm', platform), stage, { recursive: true });
  copyFileSync(at('LICENSE'), join(stage, 'LICENSE'));
  const { main: addon } = platformPackageJson(platform);
  // A release gathers the addons in npm/ (napi artifacts); a build of this machine leaves its own at the top.
  if (existsSync(join(stage, addon))) return;
  if (!existsSync(at(addon))) throw new Stop(`there is no ${addon}: build it, or gather it with "npx napi artifacts".`);
  copyFileSync(at(addon), join(stage, addon));
}

/** Packs the main package and the given platforms' into `out` and answers the tarballs' paths, main first. */
export function pack(out, platformNames) {
  mkdirSync(out, { recursive: true });
  const packOne = (name, fill) => {
    const stage = join(out, `stage-${name}`);
    rmSync(stage, { recursive: true, force: true });
    mkdirSync(stage, { recursive: true });
    fill(stage);
    const { filename } = npmPack(stage, '--pack-destination', out);
    rmSync(stage, { recursive: true });
    return join(out, filename);
  };
  return [
    packOne('main', stageMain),
    ...platformNames.map((platform) => packOne(platform, (stage) => stagePlatform(stage, platform))),
  ];
}
