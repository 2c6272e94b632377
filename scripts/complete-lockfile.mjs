import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { asksForHelp, at, main, say } from './lib/project.mjs';

const usage = `
node scripts/complete-lockfile.mjs [package-lock.json]

Adds to the lockfile the packages for other platforms that npm left out because the registry in use does not have
them (a mirror). Without them npm ci refuses the lockfile as out of sync.
`;

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const libcs = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** Whether the lockfile has the package that `from` sees under this name, in its own node_modules or further up. */
function isLocked(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    if (packages[`${folder && `${folder}/`}node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

/** The entry npm would write, as far as the package's name tells; npm installs it nowhere but on that platform. */
function entryFor(name, version, dev) {
  const words = name.replace(/^@[^/]+\//, '').split('-');
  const [os, cpu] = [systems, processors].map((list) => list.filter((word) => words.includes(word)));
  const libc = os[0] === 'linux' ? words.flatMap((word) => libcs[word] ?? []) : [];
  if (os.length === 0 && cpu[0] !== 'wasm32') return undefined;
  const some = (list) => (list.length > 0 ? list : undefined);
  return { version, cpu: some(cpu), dev: dev || undefined, libc: some(libc), optional: true, os: some(os) };
}

await main((args) => {
  if (asksForHelp(args, usage)) return;
  const file = args[0] ? resolve(args[0]) : at('package-lock.json');
  const lockfile = JSON.parse(readFileSync(file, 'utf8'));
  const { packages } = lockfile;
  let added = 0;
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const entry = isLocked(packages, path, name) ? undefined : entryFor(name, version, dev);
      if (!entry) continue;
      packages[`node_modules/${name}`] = entry;
      added++;
    }
  }
  const byPath = ([a], [b]) => a.localeCompare(b, 'en');
  lockfile.packages = Object.fromEntries(Object.entries(packages).sort(byPath));
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
  say(`${added} packages added to the lockfile`);
});
