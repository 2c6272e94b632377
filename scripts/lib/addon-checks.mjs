import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { packageJson, root } from './project.mjs';
import { cross, outputOf, TARGETS } from './targets.mjs';

/** What an addon may ask of the system it is loaded on. */
const LIBRARIES = {
  gnu: /^(?:libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-(?:x86-64|aarch64)\.so\.[12])$/,
  musl: /^libc\.so$/,
};
/** What Node calls in an addon, and nothing of what is inside. */
const EXPORTS = ['napi_register_module_v1'];
const MACHINES = { x86_64: /X86-64/, aarch64: /AArch64/ };
/** Bytes; they have 0.9 to 1.2 million. */
const LARGEST = 1_600_000;

/** Folders of the building machine that have no place in what is published. */
export const buildFolders = (env = process.env) =>
  [root, homedir(), env.CARGO_HOME, env.RUSTUP_HOME, cross(), dirname(process.execPath)].filter(
    (folder) => folder && folder !== '/' && folder.length > 4 && !/^\/usr(?:\/bin)?$/.test(folder),
  );

/** What is wrong with an addon's file, and its figures. */
export function inspectAddon(platform, file) {
  const { arch, glibc } = TARGETS[platform];
  const faults = [];
  const expect = (fine, fault) => fine || faults.push(fault);
  const readelf = (...options) => outputOf('readelf', ['--wide', ...options, file]);

  expect(MACHINES[arch].test(readelf('--file-header')), `it is no file for ${arch}`);
  const libraries = [...readelf('--dynamic').matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
  const strange = libraries.filter((name) => !LIBRARIES[glibc ? 'gnu' : 'musl'].test(name));
  expect(strange.length === 0, `it needs ${strange.join(', ')}`);
  expect(
    !/\((?:RPATH|RUNPATH|TEXTREL)\)/.test(readelf('--dynamic')),
    'it has a path of libraries, or text that is relocated',
  );

  const versions = [...new Set(readelf('--version-info').match(/GLIBC_\d+(?:\.\d+)+/g))].map((name) => name.slice(6));
  const newest = versions.sort(compareVersions).at(-1);
  if (glibc) expect(newest && compareVersions(newest, glibc) <= 0, `it needs glibc ${newest}, not ${glibc}`);
  else expect(newest === undefined, `it needs glibc ${newest}`);

  const symbols = readelf('--dyn-syms')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const exported = symbols.filter(
    ([, , , type, bind, , section]) => type === 'FUNC' && bind === 'GLOBAL' && section !== 'UND',
  );
  const names = exported.map((columns) => columns[7]).sort();
  expect(String(names) === String(EXPORTS), `it exports ${names.join(', ') || 'nothing'}`);

  const bytes = readFileSync(file).toString('latin1');
  const found = buildFolders().filter((folder) => bytes.includes(folder));
  expect(found.length === 0, `it has ${found.length} folders of the machine that built it`);
  expect(!/\/home\/|\/Users\/|\/root\/|\.cargo\/registry/.test(bytes), 'it has a path of a user or of cargo');
  expect(bytes.includes(packageJson().version), `it is not of version ${packageJson().version}`);
  expect(!bytes.includes('forcePanic'), 'it was built with test hooks');
  const { size } = statSync(file);
  expect(size <= LARGEST, `it has ${size} bytes, more than ${LARGEST}`);
  return { faults, size, libraries, newest: newest ? `glibc ${newest}` : 'musl' };
}

function compareVersions(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
