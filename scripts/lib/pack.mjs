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
  const { devDependencies, scripts, private: _, ...published } = packageJson();
  const platformPackages = platforms().map(platformPackageJson);
  const stale = platformPackages.filter(({ version }) => version !== published.version);
  if (stale.length > 0) {
    throw new Stop(
      `npm/ is of version ${stale[0].version}, not ${published.version}: run "node scripts/release.mjs npm-dirs".`,
    );
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

/** npm/PLATFORM/package.json is private, so that nobody publishes the folder by hand. */
function publishedPlatformJson(platform) {
  const { private: _, ...published } = platformPackageJson(platform);
  return published;
}

function stageMain(stage) {
  for (const { path } of npmPack(root, '--dry-run').files) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    copyFileSync(at(path), join(stage, path));
  }
  writeJson(join(stage, 'package.json'), publishedPackageJson());
}

/** `gathered`: only an addon of npm/ will do; else this machine's own build, which is never older than one there. */
function stagePlatform(stage, platform, gathered) {
  cpSync(at('npm', platform), stage, { recursive: true });
  writeJson(join(stage, 'package.json'), publishedPlatformJson(platform));
  copyFileSync(at('LICENSE'), join(stage, 'LICENSE'));
  const { main: addon } = platformPackageJson(platform);
  const own = at(addon);
  if (!gathered && existsSync(own)) copyFileSync(own, join(stage, addon));
  if (!existsSync(join(stage, addon)))
    throw new Stop(`there is no ${addon} in npm/${platform}: npm run build:platforms`);
}

/**
 * Packs the main package and the given platforms' into `out` and answers the tarballs' paths, main first.
 * `gathered`: all with the addons of npm/, as a release has them.
 */
export function pack(out, platformNames, { gathered = false } = {}) {
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
    ...platformNames.map((platform) => packOne(platform, (stage) => stagePlatform(stage, platform, gathered))),
  ];
}
