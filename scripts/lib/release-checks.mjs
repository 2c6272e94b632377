import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { buildFolders } from './addon-checks.mjs';
import { platforms } from './pack.mjs';
import { at, npm, packageJson, runQuietly, Stop, tool } from './project.mjs';

/** Bytes of the tarballs: the package's own, and a platform's. */
const LARGEST = { main: 700_000, platform: 900_000 };

const MAIN_FILES =
  /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|index\.d\.ts|dist\/(?:[\w-]+\.(?:js|d\.c?ts)|cjs\/[\w.-]+\.(?:cjs|cjs\.map|mjs)|esm\/[\w-]+\.js(?:\.map)?))$/;

const readJson = (...path) => JSON.parse(readFileSync(at(...path), 'utf8'));

/** What registry, provenance and readers need of the nine manifests. */
export function manifestFaults() {
  const main = packageJson();
  const faults = ['repository', 'homepage', 'bugs', 'license', 'description', 'engines']
    .filter((field) => main[field] === undefined)
    .map((field) => `package.json has no ${field}`);
  const home = /^git\+(https:\/\/github\.com\/[\w-]+\/[\w-]+)\.git$/.exec(main.repository?.url ?? '')?.[1];
  if (home === undefined)
    faults.push('package.json: repository.url is not of the form git+https://github.com/OWNER/NAME.git');
  else if (!main.homepage?.startsWith(home) || !String(main.bugs?.url ?? main.bugs).startsWith(home))
    faults.push('package.json: homepage and bugs are not of its repository');
  for (const name of platforms()) {
    const manifest = readJson('npm', name, 'package.json');
    for (const field of ['repository', 'bugs', 'homepage', 'license', 'version']) {
      if (JSON.stringify(manifest[field]) !== JSON.stringify(main[field])) faults.push(`npm/${name}: another ${field}`);
    }
  }
  return faults;
}

/** The files of a tarball with their contents. */
export function filesOf(tarball) {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-tarball-'));
  try {
    const { code, output } = runQuietly('tar', ['-xzf', tarball, '-C', folder]);
    if (code !== 0) throw new Stop(`${tarball}: ${output}`);
    const entries = readdirSync(join(folder, 'package'), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [relative(join(folder, 'package'), path), readFileSync(path)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is wrong with a packed package. */
export function tarballFaults(tarball, platform) {
  const files = filesOf(tarball);
  const name = basename(tarball);
  const faults = [];
  const manifest = JSON.parse(files.get('package.json') ?? '{}');
  const { size } = statSync(tarball);
  const largest = platform ? LARGEST.platform : LARGEST.main;
  if (size > largest) faults.push(`${name} has ${size} bytes, more than ${largest}`);
  if (manifest.private || manifest.scripts) faults.push(`${name} is private or has scripts`);
  const allowed = platform
    ? (file) => ['package.json', 'README.md', 'LICENSE', `cachekit-native.${platform}.node`].includes(file)
    : (file) => MAIN_FILES.test(file);
  const strange = [...files.keys()].filter((file) => !allowed(file));
  if (strange.length > 0) faults.push(`${name} has ${strange.join(', ')}`);
  const needed = platform
    ? [`cachekit-native.${platform}.node`, 'LICENSE']
    : ['dist/index.js', 'index.d.ts', 'LICENSE'];
  const missing = needed.filter((file) => !files.has(file));
  if (missing.length > 0) faults.push(`${name} lacks ${missing.join(', ')}`);
  const folders = buildFolders();
  for (const [file, bytes] of files) {
    const text = bytes.toString('latin1');
    if (folders.some((folder) => text.includes(folder))) faults.push(`${name}: ${file} has a folder of this machine`);
  }
  if (!platform) {
    const wanted = Object.fromEntries(platforms().map((each) => [`cachekit-native-${each}`, manifest.version]));
    const listed = manifest.optionalDependencies ?? {};
    const differs = Object.keys({ ...wanted, ...listed }).filter((each) => wanted[each] !== listed[each]);
    if (differs.length > 0) faults.push(`${name}: not at this version are ${differs.join(', ')}`);
  }
  return faults;
}

/** What publint and attw say of the main package. */
export function toolFaults(tarball) {
  const checks = [
    ['publint', tool('publint/src/cli.js'), tarball, '--strict'],
    ['attw', tool('@arethetypeswrong/cli/dist/index.js'), tarball, '--no-color', '--format', 'ascii'],
  ];
  return checks.flatMap(([name, ...args]) => {
    const { code, output } = runQuietly(process.execPath, args);
    return code === 0 ? [] : [`${name}: ${output}`];
  });
}

/** Whether the registry has this very version of a package. */
export function isPublished(name, version, registry) {
  const options = registry ? ['--registry', registry] : [];
  const { code, stdout, output } = npm(['view', `${name}@${version}`, 'version', '--loglevel=error', ...options]);
  if (code === 0) return stdout.trim() === version;
  if (/E404|404 Not Found/.test(output)) return false;
  throw new Error(`the registry did not say whether it has ${name} ${version}: ${output}`);
}
