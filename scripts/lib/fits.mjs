import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { platforms } from './pack.mjs';
import { at, npm } from './project.mjs';

const HOME = () => join(tmpdir(), `cachekit-native-fits-${userInfo().username}`);

/**
 * The projects of __test__/fits/. A package.json says what the last line is that `npm test` prints (`expected`), what is `slow`, and which
 * project it is `like`, whose files it has but for its own.
 */
export function fitsProjects() {
  return readdirSync(at('__test__', 'fits'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .map(({ name }) => {
      const { expected, slow = false } = manifestOf(name);
      return { name, expected, slow };
    });
}

const manifestOf = (name) => JSON.parse(readFileSync(at('__test__', 'fits', name, 'package.json'), 'utf8'));

/**
 * Installs a project with the packed package and runs its test, far from this project's modules.
 *
 * @returns what was wrong, undefined when nothing was.
 */
export async function runProject({ name, expected }, packages, variables) {
  const folder = join(HOME(), name);
  const installed = install(name, folder, packages);
  if (installed !== undefined) return installed;
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TMPDIR: process.env.TMPDIR,
    CACHEKIT_MASTER_KEY: '5a'.repeat(32),
    NEXT_TELEMETRY_DISABLED: '1',
    ...variables,
  };
  const { code, stdout, output } = npm(['test', '--silent'], { cwd: folder, env, timeout: 600_000 });
  if (code === 0 && stdout.trimEnd().split('\n').at(-1) === expected) return undefined;
  return `${output.slice(-6_000)}\n(exit code ${code}; expected as the last line: ${expected})`;
}

/** Copies the project; its modules are kept while package.json and the packed package are as they were. */
function install(name, folder, { main, byPlatform }) {
  const manifest = manifestOf(name);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) {
    if (!['node_modules', 'installed.txt', 'packages'].includes(file))
      rmSync(join(folder, file), { recursive: true, force: true });
  }
  for (const from of ['_shared', manifest.like, name].filter(Boolean))
    cpSync(at('__test__', 'fits', from), folder, { recursive: true });
  writeFileSync(join(folder, 'example.mjs'), example());
  // By content: npm keeps what it has installed while a file's name is the same.
  const tarball = (file) => {
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
    const kept = join(folder, 'packages', `${digest}.tgz`);
    mkdirSync(join(folder, 'packages'), { recursive: true });
    if (!existsSync(kept)) cpSync(file, kept);
    return `file:${kept}`;
  };
  const overrides = Object.fromEntries(
    platforms().map((platform) => [
      `cachekit-native-${platform}`,
      byPlatform[platform] ? tarball(byPlatform[platform]) : `file:${at('npm', platform)}`,
    ]),
  );
  manifest.dependencies = { ...manifest.dependencies, 'cachekit-native': tarball(main) };
  manifest.overrides = { ...manifest.overrides, ...overrides };
  const text = JSON.stringify(manifest, null, 2);
  writeFileSync(join(folder, 'package.json'), text);
  const mark = join(folder, 'installed.txt');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === text) return undefined;
  rmSync(join(folder, 'node_modules', 'cachekit-native'), { recursive: true, force: true });
  const { code, output } = npm(
    ['install', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'],
    { cwd: folder },
  );
  if (code !== 0) return output.slice(-6_000);
  writeFileSync(mark, text);
  return undefined;
}

/** The main job of the README, with the Redis server of the tests. */
function example() {
  const [, code] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(at('README.md'), 'utf8'));
  return `${code.replace("'redis://127.0.0.1:6379'", 'process.env.REDIS_URL').replace('id: number', 'id')}\nprocess.exit(0);\n`;
}
