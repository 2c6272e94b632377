import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readPackageJson, root } from './packed.js';

interface Plan {
  tarball: string;
  name: string;
  version: string;
  done: boolean;
}

const lib = async <T>(name: string): Promise<T> =>
  (await import(new URL(`../../scripts/lib/${name}.mjs`, import.meta.url).href)) as T;
const versions = await lib<{ versionFaults(folder?: string, options?: { publishing: boolean }): string[] }>('versions');
const checks = await lib<{
  manifestFaults(): string[];
  tarballFaults(tarball: string, platform?: string): string[];
}>('release-checks');
const workflows = await lib<{ workflowFaults(folder?: string): Promise<string[]> }>('workflows');
const sbom = await lib<{
  npmBill(manifest: object): { components: { name: string }[] };
  licenceFaults(bill: object): string[];
}>('sbom');
const { platforms } = await lib<{ platforms(): string[] }>('pack');
const { publish, publishingPlan, publishUnpacked } = await lib<{
  publishUnpacked: string[];
  publishingPlan(tarballs: string[], registry: string): Plan[];
  publish(plan: Plan[], options: string[]): void;
}>('publish');
const { npm } = await lib<{ npm(args: string[], options?: object): { code: number; output: string; stdout: string } }>(
  'project',
);

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-release-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The files that say the version, one of them changed. */
function versioned(t: ExecutionContext, file: string, change: (text: string) => string): string {
  const folder = folderOf(t);
  for (const name of [
    'package.json',
    'package-lock.json',
    'Cargo.toml',
    'Cargo.lock',
    'CHANGELOG.md',
    'src/native/version.ts',
  ]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(root, name), join(folder, name));
  }
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')));
  return folder;
}

const { version } = readPackageJson(root);

for (const file of ['package.json', 'package-lock.json', 'Cargo.toml', 'Cargo.lock', 'src/native/version.ts']) {
  test(`another version in ${file} is found`, (t) => {
    const changed = versioned(t, file, (text) =>
      text.replace(
        new RegExp(`((?:cachekit-native"\\n|^  ?"?)?version"? ?[=:] "|VERSION = ')${version}`, 'm'),
        '$19.9.9',
      ),
    );
    const faults = versions.versionFaults(changed);
    t.true(
      faults.length > 0 && (file === 'package.json' || faults.every((fault) => fault.startsWith(file))),
      String(faults),
    );
  });
}

test('the changelog names the version of what is published', (t) => {
  const named = versioned(t, 'CHANGELOG.md', (text) =>
    text.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - 2026-01-31\n`),
  );
  t.deepEqual(versions.versionFaults(named, { publishing: true }), []);
  const newer = versioned(t, 'CHANGELOG.md', (text) =>
    text.replace('## [Unreleased]\n', '## [Unreleased]\n\n## [7.0.0] - 2026-01-31\n'),
  );
  t.true(versions.versionFaults(newer).length >= 5);
  const pending = versioned(t, 'CHANGELOG.md', (text) => `${text}\n`);
  if (/^## \[Unreleased\]\n+### /m.test(readFileSync(join(pending, 'CHANGELOG.md'), 'utf8'))) {
    t.regex(String(versions.versionFaults(pending, { publishing: true })), /under "Unreleased"/);
  }
});

test('the manifests and workflows of the project are in order', async (t) => {
  t.deepEqual(checks.manifestFaults(), []);
  t.deepEqual(await workflows.workflowFaults(), []);
});

test('a workflow whose pipe hides an error, or that runs what is not there, is found', async (t) => {
  const folder = folderOf(t);
  const workflow = (steps: string) =>
    `name: x\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n${steps}`;
  writeFileSync(join(folder, 'piped.yml'), workflow('      - run: node pack.mjs | tee tarballs.txt\n'));
  t.regex(String(await workflows.workflowFaults(folder)), /piped\.yml, a: node pack\.mjs .* does not run in bash/);
  rmSync(join(folder, 'piped.yml'));
  writeFileSync(join(folder, 'other.yml'), workflow('      - run: npm run nothing-of-the-kind\n        shell: bash\n'));
  t.regex(
    String(await workflows.workflowFaults(folder)),
    /"npm run nothing-of-the-kind", which package\.json does not have/,
  );
  writeFileSync(
    join(folder, 'other.yml'),
    workflow('      - run: echo hello\n        shell: bash\n        timeout: 1\n'),
  );
  t.regex(String(await workflows.workflowFaults(folder)), /other\.yml:9:9: unexpected key/);
});

test('the bill of materials has what is a development dependency as well, and what dependencies need', (t) => {
  const { components } = sbom.npmBill({
    name: 'x',
    version: '1.0.0',
    license: 'MIT',
    dependencies: { cockatiel: '3.2.1', debug: '4.4.3' },
    devDependencies: { cockatiel: '3.2.1', debug: '4.4.3' },
  });
  t.deepEqual(components.map(({ name }) => name).sort(), ['cockatiel', 'debug', 'ms']);
});

test('a licence that is not permissive, or none, is found', (t) => {
  const component = (name: string, ...licenses: object[]) => ({ name, licenses });
  const faults = sbom.licenceFaults({
    components: [
      component('fine', { license: { id: 'MIT' } }),
      component('choice', { expression: '(GPL-3.0-only OR Apache-2.0)' }),
      component('both', { expression: 'MIT AND BSD-3-Clause' }),
      component('gpl', { license: { id: 'GPL-3.0-only' } }),
      component('half', { expression: 'MIT AND AGPL-3.0-only' }),
      { name: 'none' },
    ],
  });
  t.deepEqual(
    faults.map((fault) => fault.split(' ')[0]),
    ['gpl', 'half', 'none'],
  );
});

test('a tarball with a path of this machine, a strange file, or without its addon is found', (t) => {
  const folder = folderOf(t);
  const stage = join(folder, 'stage');
  const packed = (files: Record<string, string>) => {
    rmSync(stage, { recursive: true, force: true });
    mkdirSync(stage);
    const manifest = { name: 'cachekit-native-linux-x64-gnu', version };
    for (const [name, text] of Object.entries({ 'package.json': JSON.stringify(manifest), LICENSE: '', ...files })) {
      writeFileSync(join(stage, name), text);
    }
    const { code, output } = npm(['pack', '--silent', '--pack-destination', folder], { cwd: stage });
    t.is(code, 0, output);
    return join(folder, `cachekit-native-linux-x64-gnu-${version}.tgz`);
  };
  const addon = 'cachekit-native.linux-x64-gnu.node';
  t.deepEqual(checks.tarballFaults(packed({ [addon]: 'x' }), 'linux-x64-gnu'), []);
  t.regex(String(checks.tarballFaults(packed({ [addon]: root }), 'linux-x64-gnu')), /has a folder of this machine/);
  t.regex(String(checks.tarballFaults(packed({ [addon]: 'x', '.env': 'x' }), 'linux-x64-gnu')), /has \.env/);
  t.regex(String(checks.tarballFaults(packed({}), 'linux-x64-gnu')), /lacks cachekit-native\.linux-x64-gnu\.node/);
  const scripts = JSON.stringify({ name: 'cachekit-native-linux-x64-gnu', version, scripts: { postinstall: 'x' } });
  t.regex(
    String(checks.tarballFaults(packed({ [addon]: 'x', 'package.json': scripts }), 'linux-x64-gnu')),
    /is private or has scripts/,
  );
});

test.serial('npm refuses to publish a clone, or a folder of npm/', (t) => {
  for (const folder of [root, join(root, 'npm', 'linux-x64-gnu')]) {
    const { code, output } = npm(publishUnpacked, { cwd: folder });
    t.not(code, 0);
    t.regex(output, /EPRIVATE/);
  }
});

test.serial('publishing puts the main package last, and goes on where it ended', async (t) => {
  const registry = await startRegistry(t);
  const out = folderOf(t);
  const names = ['cachekit-native', ...platforms().map((name) => `cachekit-native-${name}`)];
  const tarballs = names.map((name) => {
    writeFileSync(join(out, 'package.json'), JSON.stringify({ name, version }));
    const { code, output } = npm(['pack', '--silent'], { cwd: out });
    t.is(code, 0, output);
    return join(out, `${name}-${version}.tgz`);
  });
  const options = ['--registry', registry.url, '--userconfig', registry.userconfig];
  process.env.npm_config_userconfig = registry.userconfig;
  const plan = publishingPlan(tarballs, registry.url);
  t.is(plan.at(-1)?.name, 'cachekit-native');
  t.is(plan.length, 9);
  t.false(plan.some(({ done }) => done));
  // The fourth is not there: as a connection that ends.
  const broken = plan.map((item, i) => (i === 3 ? { ...item, tarball: `${item.tarball}.gone` } : item));
  t.throws(() => publish(broken, options), { message: /was not published: run this again/ });
  const rest = publishingPlan(tarballs, registry.url);
  t.deepEqual(
    rest.map(({ done }) => done),
    [true, true, true, false, false, false, false, false, false],
  );
  publish(rest, options);
  t.true(publishingPlan(tarballs, registry.url).every(({ done }) => done));
  publish(publishingPlan(tarballs, registry.url), options);
});

/** A registry of its own, which anybody may publish to, installed once below .build/. */
async function startRegistry(t: ExecutionContext): Promise<{ url: string; userconfig: string }> {
  const home = join(root, '.build', 'registry');
  const program = join(home, 'node_modules', 'verdaccio', 'bin', 'verdaccio');
  if (!existsSync(program)) {
    mkdirSync(home, { recursive: true });
    // Asked for by a tag, which a mirror may lack.
    const overrides = { 'node-fetch': '2.7.0', 'node-fetch-cjs': 'npm:node-fetch@2.7.0' };
    writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, overrides }));
    const install = ['install', 'verdaccio@6.1.6', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    const { code, output } = npm(install, { cwd: home });
    t.is(code, 0, output);
  }
  const folder = folderOf(t);
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address() as { port: number };
      server.close(() => resolve(address.port));
    });
  });
  const rule = '{ access: $all, publish: $anonymous }';
  writeFileSync(
    join(folder, 'config.yaml'),
    `storage: ./storage\nauth: {}\npackages: { '@*/*': ${rule}, '**': ${rule} }\nlog: { type: stdout, level: warn }\n`,
  );
  const child = spawn(process.execPath, [program, '--config', 'config.yaml', '--listen', `127.0.0.1:${port}`], {
    cwd: folder,
    stdio: 'ignore',
  });
  t.teardown(() => child.kill());
  const userconfig = join(folder, '.npmrc');
  writeFileSync(userconfig, `//127.0.0.1:${port}/:_authToken=anybody\n`);
  const url = `http://127.0.0.1:${port}/`;
  for (let i = 0; i < 600; i++) {
    const answer = await fetch(`${url}-/ping`).catch(() => undefined);
    if (answer?.ok) return { url, userconfig };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the registry did not start');
}
