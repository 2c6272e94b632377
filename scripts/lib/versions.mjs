import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';

/** Every place that says the version, as a file and a pattern whose second group is it. `npm/` is made from package.json. */
const PLACES = [
  ['package.json', /^( {2}"version": ")([^"]+)(")/m],
  ['package-lock.json', /^( {2}"version": ")([^"]+)(")/m],
  ['package-lock.json', /^( {6}"version": ")([^"]+)(")/m],
  ['Cargo.toml', /^(version = ")([^"]+)(")/m],
  ['Cargo.lock', /^(name = "cachekit-native"\nversion = ")([^"]+)(")/m],
  ['src/native/version.ts', /^(export const VERSION = ')([^']+)(')/m],
  ['fuzz/Cargo.lock', /^(name = "cachekit-native"\nversion = ")([^"]+)(")/m],
];

const HEADING = /^## \[(\d+\.\d+\.\d+(?:-[\w.]+)?)\] - \d{4}-\d{2}-\d{2}$/m;

/** The newest version in a changelog, and whether something is listed that no version has. */
export function changelogOf(text) {
  const unreleased = /^## \[Unreleased\]\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text)?.[1] ?? '';
  return { version: HEADING.exec(text)?.[1], pending: /^- /m.test(unreleased) };
}

/**
 * What is wrong with the version, in a folder with the project's files. `publishing`: the changelog must name it, and
 * nothing may be listed behind it.
 */
export function versionFaults(folder = root, { publishing = false } = {}) {
  const read = (file) => readFileSync(join(folder, file), 'utf8');
  const { version, pending } = changelogOf(read('CHANGELOG.md'));
  const faults = [];
  if (publishing && (version === undefined || pending)) {
    faults.push('CHANGELOG.md has changes under "Unreleased": node scripts/release.mjs version X.Y.Z names them');
  }
  const wanted = pending || version === undefined ? JSON.parse(read('package.json')).version : version;
  for (const [file, pattern] of PLACES) {
    if (!existsSync(join(folder, file))) continue;
    const found = pattern.exec(read(file))?.[2];
    if (found !== wanted) faults.push(`${file} has version ${found}, not ${wanted}`);
  }
  return faults;
}

/** Writes a new version everywhere and gives the changelog's unreleased part its heading. */
export function writeVersion(version, date) {
  for (const [file, pattern] of PLACES) {
    const path = join(root, file);
    if (existsSync(path)) writeFileSync(path, readFileSync(path, 'utf8').replace(pattern, `$1${version}$3`));
  }
  const changelog = join(root, 'CHANGELOG.md');
  const text = readFileSync(changelog, 'utf8');
  writeFileSync(changelog, text.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${date}\n`));
}
