import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, npm, run, runQuietly, Stop, say } from './project.mjs';

const CARGO_CYCLONEDX = '0.5.7';

/**
 * The npm part of the bill of materials (CycloneDX): what is installed with the package. It is made of a project that has the
 * package's own dependencies alone: of this one, npm leaves out what is a development dependency's as well.
 */
export function npmBill({ name, version, license, dependencies }) {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-sbom-'));
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, license, dependencies }));
    const inFolder = (...args) => {
      const { code, stdout, output } = npm([...args, '--loglevel=error'], { cwd: folder });
      if (code !== 0) throw new Stop(`${output}\nnpm ${args[0]} failed.`);
      return stdout;
    };
    inFolder('install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund');
    const bill = JSON.parse(inFolder('sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'library'));
    const missing = Object.keys(dependencies).filter((wanted) => !namesOf(bill).includes(wanted));
    if (missing.length > 0) throw new Stop(`the bill of materials lacks ${missing.join(', ')}`);
    return bill;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The crates that are compiled into an addon of any platform. Builds cargo-cyclonedx the first time, some minutes. */
export async function cargoBill() {
  const tools = at('.build', 'tools');
  const program = join(tools, 'bin', process.platform === 'win32' ? 'cargo-cyclonedx.exe' : 'cargo-cyclonedx');
  if (!existsSync(program)) {
    say(`building cargo-cyclonedx ${CARGO_CYCLONEDX} (some minutes, once) …`);
    const args = ['install', '--quiet', '--locked', '--root', tools, `cargo-cyclonedx@${CARGO_CYCLONEDX}`];
    if ((await run('cargo', args)) !== 0) throw new Stop('cargo-cyclonedx could not be built.');
  }
  const file = at('sbom-cargo.cdx.json');
  // It writes beside Cargo.toml and nowhere else.
  const options = ['--format', 'json', '--target', 'all', '--override-filename', 'sbom-cargo.cdx'];
  const { code, output } = runQuietly(program, ['cyclonedx', ...options]);
  if (code !== 0) throw new Stop(`${output}\ncargo cyclonedx failed.`);
  const bill = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(file);
  const missing = compiledCrates().filter((crate) => !namesOf(bill).includes(crate));
  if (missing.length > 0) throw new Stop(`the bill of materials lacks the crates ${missing.join(', ')}`);
  return bill;
}

/** As cargo itself resolves them, without what only builds or tests use. */
function compiledCrates() {
  const options = ['tree', '--locked', '--edges', 'normal', '--target', 'all', '--prefix', 'none', '--format', '{p}'];
  const { code, stdout, output } = runQuietly('cargo', options);
  if (code !== 0) throw new Stop(`${output}\ncargo tree failed.`);
  const crates = stdout.split('\n').map((line) => line.split(' ')[0]);
  return [...new Set(crates)].filter((crate) => crate && crate !== 'cachekit-native');
}

const namesOf = ({ components }) => components.map(({ group, name }) => (group ? `${group}/${name}` : name));

const ALLOWED =
  /^(?:MIT|ISC|Apache-2\.0(?: WITH LLVM-exception)?|BSD-[23]-Clause|0BSD|BSL-1\.0|CC0-1\.0|Zlib|Unicode-3\.0|Unlicense|MIT-0)$/;

/** Components whose licence is none of the permissive ones; of several that a component offers, one is enough. */
export function licenceFaults({ components }) {
  const isAllowed = (expression) =>
    expression
      .replace(/[()]/g, '')
      .split(/\s+OR\s+|\//)
      .some((choice) => choice.split(/\s+AND\s+/).every((licence) => ALLOWED.test(licence.trim())));
  return components
    .map(({ name, licenses = [] }) => [
      name,
      licenses.map(({ expression, license }) => expression ?? license?.id ?? license?.name),
    ])
    .filter(([, licences]) => licences.length === 0 || !licences.every((licence) => isAllowed(String(licence))))
    .map(([name, licences]) => `${name} has the licence ${licences.join(', ') || 'of nobody'}`);
}
