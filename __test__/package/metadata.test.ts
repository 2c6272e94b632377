import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { filesBelow, readPackageJson, root } from './packed.js';

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

/** A folder of the project, so that the compiler finds the Node modules from it; removed after the test. */
function temporaryFolder(t: ExecutionContext, parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('index.d.ts is what the sources say (npm run build writes it)', async (t) => {
  const folder = temporaryFolder(t, join(root, '.build'));
  const options = ['-p', 'tsconfig.json', '--emitDeclarationOnly', '--outDir', folder];
  const compiled = node('node_modules/typescript/lib/tsc.js', ...options);
  t.is(compiled.status, 0, compiled.stdout);
  const script = new URL('../../scripts/lib/types.mjs', import.meta.url).href;
  const { rollUpTypes } = (await import(script)) as { rollUpTypes(declarations: string): Promise<string> };
  const committed = readFileSync(join(root, 'index.d.ts'), 'utf8');
  const expected = await rollUpTypes(folder);
  const linesNotIn = (text: string, other: string) => {
    const others = new Set(other.split('\n'));
    return text.split('\n').filter((line) => !others.has(line));
  };
  // Lines first, because ava would print both texts whole.
  t.deepEqual(linesNotIn(expected, committed), [], 'missing');
  t.deepEqual(linesNotIn(committed, expected), [], 'no longer there');
  t.true(committed === expected, 'the order differs');
});

test('npm/ is what package.json says (node scripts/release.mjs npm-dirs writes it)', async (t) => {
  const folder = temporaryFolder(t, tmpdir());
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  const script = new URL('../../scripts/lib/npm-dirs.mjs', import.meta.url).href;
  const { writeNpmDirs } = (await import(script)) as { writeNpmDirs(folder: string): void };
  writeNpmDirs(folder);
  const expected = filesBelow(join(folder, 'npm'));
  t.is(expected.length, 16);
  t.deepEqual(
    filesBelow(join(root, 'npm')).filter((file) => !file.endsWith('.node')),
    expected,
  );
  for (const file of expected) {
    t.is(readFileSync(join(root, 'npm', file), 'utf8'), readFileSync(join(folder, 'npm', file), 'utf8'), file);
  }
});

test('every platform package names its licence, engine and machine', (t) => {
  for (const platform of readdirSync(join(root, 'npm'))) {
    const { name, license, engines, os, cpu, libc } = readPackageJson(join(root, 'npm', platform));
    const [system = '', arch = '', abi] = platform.split('-');
    const libcOf: Record<string, string[]> = { gnu: ['glibc'], musl: ['musl'] };
    t.deepEqual(
      { name, license, engines, os, cpu, libc },
      {
        name: `cachekit-native-${platform}`,
        license: 'MIT',
        engines: { node: '>=20.19' },
        os: [system],
        cpu: [arch],
        libc: libcOf[abi ?? ''],
      },
    );
  }
});

test('the lockfile has every platform, as npm ci wants it (scripts/complete-lockfile.mjs adds what a mirror lacks)', (t) => {
  const folder = temporaryFolder(t, tmpdir());
  copyFileSync(join(root, 'package-lock.json'), join(folder, 'package-lock.json'));
  const completed = node('scripts/complete-lockfile.mjs', join(folder, 'package-lock.json'));
  t.is(completed.stderr, '0 packages added to the lockfile\n');
});

test('the version is the same everywhere that it is written', async (t) => {
  const script = new URL('../../scripts/lib/versions.mjs', import.meta.url).href;
  const { versionFaults } = (await import(script)) as { versionFaults(): string[] };
  t.deepEqual(versionFaults(), []);
});

test('publint and attw find nothing wrong with the packed package and its types', (t) => {
  const packed = node('scripts/pack.mjs', '--out', temporaryFolder(t, tmpdir()));
  t.is(packed.status, 0, packed.stderr);
  const tarball = packed.stdout.split('\n')[0] ?? '';
  const publint = node('node_modules/publint/src/cli.js', tarball, '--strict');
  t.is(publint.status, 0, publint.stdout + publint.stderr);
  const options = ['--no-color', '--format', 'ascii'];
  const attw = node('node_modules/@arethetypeswrong/cli/dist/index.js', tarball, ...options);
  t.is(attw.status, 0, attw.stdout + attw.stderr);
});

test('the newest glibc symbol that the addon needs is known (printed)', (t) => {
  const addons = readdirSync(root).filter((file) => file.endsWith('.node'));
  t.true(addons.length > 0);
  for (const addon of addons) {
    const symbols = readFileSync(join(root, addon), 'latin1').match(/GLIBC_\d+\.\d+(\.\d+)?/g) ?? [];
    const versions = symbols.map((symbol) => symbol.slice('GLIBC_'.length).split('.').map(Number));
    const newest = versions.sort(([a1 = 0, a2 = 0], [b1 = 0, b2 = 0]) => b1 - a1 || b2 - a2)[0];
    t.log(`${addon}: ${newest ? `GLIBC_${newest.join('.')}` : 'no glibc'}`);
    if (addon.includes('linux') && addon.includes('gnu')) t.truthy(newest);
  }
});
