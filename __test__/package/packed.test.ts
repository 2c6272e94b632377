import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { filesBelow, PackedProject, readPackageJson, root } from './packed.js';

let packed: PackedProject;

test.before(() => {
  packed = new PackedProject();
});

test.after.always(() => {
  if (packed) rmSync(packed.folder, { recursive: true });
});

const sealAndOpen = `
  const wrapper = new EncryptionWrapper({ masterKey: 'a1'.repeat(32), tenantId: 'acme' });
  const sealed = wrapper.serialize({ user: 'ada' }, { cacheKey: 'users:1' });
  if (sealed.includes('ada')) throw new Error('not sealed');
  console.log(JSON.stringify(wrapper.deserialize(sealed, { cacheKey: 'users:1' })));
`;

test.serial('the project has no compiler, only Node, on its PATH', (t) => {
  t.is(readdirSync(packed.path).length, 1);
  for (const program of ['cargo', 'rustc', 'gcc', 'cc', 'node-gyp', 'sh']) {
    const found = spawnSync(program, ['--version'], { env: { PATH: packed.path } });
    t.is((found.error as NodeJS.ErrnoException | undefined)?.code, 'ENOENT', program);
  }
});

test.serial('npm picks the package of this platform and no other', (t) => {
  const installed = readdirSync(packed.installed()).filter((name) => name.startsWith('cachekit-native'));
  t.deepEqual(installed, ['cachekit-native', packed.platformPackage]);
});

test.serial('the installed package seals and opens a value by import', (t) => {
  packed.write('import.mjs', `import { EncryptionWrapper } from 'cachekit-native';${sealAndOpen}`);
  const { code, stdout, stderr } = packed.run('import.mjs');
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '{"user":"ada"}\n', stderr: '' });
});

test.serial('the installed package seals and opens a value by require()', (t) => {
  packed.write('require.cjs', `const { EncryptionWrapper } = require('cachekit-native');${sealAndOpen}`);
  const { code, stdout, stderr } = packed.run('require.cjs');
  t.is(code, 0, stderr);
  t.is(stdout, '{"user":"ada"}\n');
});

test.serial('import and require() give the same instance', (t) => {
  packed.write(
    'both.mjs',
    `import { createRequire } from 'node:module';
     import * as imported from 'cachekit-native';
     const required = createRequire(import.meta.url)('cachekit-native');
     const names = Object.keys(imported);
     console.log(names.length > 0 && names.every((name) => imported[name] === required[name]));`,
  );
  const { stdout, stderr } = packed.run('both.mjs');
  t.is(stdout, 'true\n', stderr);
});

/** An entry that imports its framework: __test__/fits/nest-module imports it. */
const OF_FRAMEWORK = { entry: './nest', files: ['cjs/nest.cjs', 'esm/nest.js'], needs: '@nestjs/common' };

test.serial('what the types export as a value is there', (t) => {
  const types = readFileSync(packed.installed('cachekit-native', 'index.d.ts'), 'utf8');
  const [, list = ''] = /^export \{ ([^}]*) \};$/m.exec(types) ?? [];
  const values = list.split(', ').filter((name) => !name.startsWith('type '));
  packed.write('values.mjs', `console.log(Object.keys(await import('cachekit-native')).sort().join(' '));`);
  const { stdout } = packed.run('values.mjs');
  t.deepEqual(values.map((name) => name.split(' as ').at(-1)).sort(), stdout.trim().split(' '));
});

test.serial('every entry of the exports can be imported', (t) => {
  const entries = Object.keys(readPackageJson(packed.installed('cachekit-native')).exports ?? {})
    .filter((entry) => entry !== './package.json' && entry !== OF_FRAMEWORK.entry)
    .map((entry) => entry.replace('.', 'cachekit-native'));
  t.true(entries.includes('cachekit-native'));
  packed.write('entries.mjs', entries.map((entry) => `await import(${JSON.stringify(entry)});`).join('\n'));
  const { code, stderr } = packed.run('entries.mjs');
  t.is(code, 0, stderr);
});

test.serial('the subpaths share the classes and the clock of the main entry, by import and by require()', (t) => {
  packed.write(
    'shared.mjs',
    `import { createRequire } from 'node:module';
     import * as main from 'cachekit-native';
     import { fakeClock } from 'cachekit-native/testing';
     const require = createRequire(import.meta.url);
     const { exports } = require('cachekit-native/package.json');
     let shared = 0;
     for (const entry of Object.keys(exports).filter((entry) => !['./package.json', '${OF_FRAMEWORK.entry}'].includes(entry))) {
       const name = entry.replace('.', 'cachekit-native');
       const imported = await import(name);
       for (const [key, value] of Object.entries(imported)) {
         if (require(name)[key] !== value) throw new Error(name + ' ' + key + ' differs by require()');
         if (!(key in main)) continue;
         if (main[key] !== value) throw new Error(name + ' ' + key + ' differs');
         if (entry !== '.') shared++;
       }
     }
     const backend = new main.MemoryBackend();
     await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
     const clock = fakeClock();
     clock.advance(60_000);
     console.log(shared >= 3, await backend.has('a'));
     clock.restore();
     console.log(await backend.has('a'));`,
  );
  const { stdout, stderr } = packed.run('shared.mjs');
  t.is(stdout, 'true false\ntrue\n', stderr);
});

test.serial('the conformance suite and the HTTP server run from the package', (t) => {
  packed.write(
    'conformance.mjs',
    `import { HttpBackend } from 'cachekit-native';
     import { backendConformance, startCacheServer, TEST_MASTER_KEY } from 'cachekit-native/testing';
     const server = await startCacheServer();
     const traits = { tellsExistence: false, shortestTtlMs: 1_000, longestTtlMs: 2_592_000_000, extendsLeases: false };
     const make = () => new HttpBackend({ url: server.url, apiKey: 'ck_live_test', allowPrivateHosts: true });
     const [miss, bytes] = backendConformance({ make, traits });
     console.log(miss.title, await miss.run(), await bytes.run(), TEST_MASTER_KEY.length);
     await server.stop();`,
  );
  const { stdout, stderr } = packed.run('conformance.mjs');
  t.is(stdout, 'a cache key that was never set is a miss passed passed 64\n', stderr);
});

test.serial('npx cachekit-native runs the program', (t) => {
  const bin = packed.installed('.bin', process.platform === 'win32' ? 'cachekit-native.cmd' : 'cachekit-native');
  const env = { ...process.env, PATH: packed.path, NODE_OPTIONS: '' };
  const { status, stdout, stderr } = spawnSync(bin, ['--help'], {
    env,
    cwd: packed.project,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  t.is(status, 0, stderr);
  t.regex(stdout, /^Usage: cachekit-native /);
});

test.serial('an import reads four files of code and the addon; the rest is read when it is used', (t) => {
  packed.write(
    'read.mjs',
    `import { createRequire } from 'node:module';
     import { basename } from 'node:path';
     const { cache: read } = createRequire(import.meta.url);
     const report = () => console.log(Object.keys(read).map((file) => basename(file)).join(' '));
     const { createCache, RedisBackend } = await import('cachekit-native');
     report();
     const values = createCache({ masterKey: 'aa'.repeat(32) });
     await values.set('k', 1);
     await values.get('k');
     report();`,
  );
  const { stdout, stderr } = packed.run('read.mjs');
  t.is(stderr, '');
  const [imported = '', used = ''] = stdout.split('\n');
  const addon = packed.platformPackage.replace('cachekit-native-', 'cachekit-native.');
  t.deepEqual(imported.split(' '), [
    'index.import.cjs',
    'index.cjs',
    'at-once-core.cjs',
    'at-once-headers.cjs',
    `${addon}.node`,
  ]);
  t.deepEqual(
    used.split(' ').filter((file) => file.startsWith('on-demand-')),
    ['on-demand-engine.cjs'],
  );
});

test.serial('what shows a header needs no addon and no dependency', (t) => {
  const text = readFileSync(packed.installed('cachekit-native/dist/cjs/at-once-headers.cjs'), 'utf8');
  const required = [...text.matchAll(/require\(['"]([^'"]+)['"]\)/g)].map(([, name = '']) => name);
  t.true(required.length > 0);
  t.deepEqual(
    required.filter((name) => !name.startsWith('node:')),
    [],
  );
});

test.serial('the code requires and imports nothing but Node, the dependencies and its own files', (t) => {
  const main = readPackageJson(packed.installed('cachekit-native'));
  for (const file of filesBelow(packed.installed('cachekit-native', 'dist')).filter((name) => /\.c?js$/.test(name))) {
    const text = readFileSync(packed.installed('cachekit-native', 'dist', file), 'utf8');
    const found = text.matchAll(
      /^(?:import|export)\b[^;]*?\bfrom ['"]([^'"]+)['"];|^(?:var|const)[^;\n]*\brequire\(['"]([^'"]+)['"]\)/gm,
    );
    const strange = [...found]
      .map(([, imported, required]) => imported ?? required ?? '')
      .filter((name) => !/^(node:|\.)/.test(name) && main.dependencies?.[name] === undefined);
    t.deepEqual(strange, OF_FRAMEWORK.files.includes(file.replaceAll('\\', '/')) ? [OF_FRAMEWORK.needs] : [], file);
  }
});

test.serial('the main package holds the compiled code, its types and nothing else', (t) => {
  const files = filesBelow(packed.installed('cachekit-native')).map((file) => file.replaceAll('\\', '/'));
  const allowed =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|index\.d\.ts|dist\/([\w-]+(\.d\.c?ts|\.js)|cjs\/[\w.-]+(\.cjs(\.map)?|\.mjs)|esm\/[\w-]+\.js(\.map)?))$/;
  t.deepEqual(
    files.filter((file) => !allowed.test(file)),
    [],
  );
  for (const file of [
    'package.json',
    'README.md',
    'LICENSE',
    'index.d.ts',
    'dist/index.js',
    'dist/cjs/index.cjs',
    'dist/esm/index.js',
  ]) {
    t.true(files.includes(file), file);
  }
});

test.serial('a stack shows the lines of the sources', (t) => {
  packed.write(
    'stack.cjs',
    `try { new (require('cachekit-native').MemoryBackend)({ maxBytes: -1 }); } catch ({ stack }) { console.log(stack); }`,
  );
  const { stdout } = packed.run('--enable-source-maps', 'stack.cjs');
  const [, path = '', line = ''] = /\((?:file:\/\/)?[^)]*\/(src\/backends\/memory\.ts):(\d+)/.exec(stdout) ?? [];
  t.not(path, '', stdout);
  const source = readFileSync(join(root, path), 'utf8').split('\n')[Number(line) - 1] ?? '';
  t.regex(source, /maxBytes/, `${path}:${line}`);
});

test.serial('the platform package holds the addon and its papers', (t) => {
  const files = filesBelow(packed.installed(packed.platformPackage));
  const addon = packed.platformPackage.replace('cachekit-native-', 'cachekit-native.');
  t.deepEqual(files, ['LICENSE', 'README.md', `${addon}.node`, 'package.json']);
});

test.serial('nothing runs at install, and every platform is an optional dependency at this version', (t) => {
  const main = readPackageJson(packed.installed('cachekit-native'));
  t.is(main.scripts, undefined);
  t.is(readPackageJson(packed.installed(packed.platformPackage)).scripts, undefined);
  const platforms = readdirSync(join(root, 'npm')).map((platform) => `cachekit-native-${platform}`);
  t.is(platforms.length, 8);
  t.deepEqual(main.optionalDependencies, Object.fromEntries(platforms.sort().map((name) => [name, main.version])));
});

test.serial('an installation takes at most 6 MB with its dependencies (import time printed)', (t) => {
  const sizes = filesBelow(packed.installed()).map((file) => statSync(packed.installed(file)).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  packed.write(
    'time.mjs',
    `const start = performance.now();
     await import('cachekit-native');
     console.log(performance.now() - start);`,
  );
  const times = Array.from({ length: 5 }, () => Number(packed.run('time.mjs').stdout)).sort((a, b) => a - b);
  t.log(
    `installed: ${(total / 1e6).toFixed(2)} MB in ${sizes.length} files; import: ${times[0]?.toFixed(1)} ms (best of 5)`,
  );
  t.true(total <= 6_000_000, `${total} bytes`);
});

test.serial('a project in strict TypeScript compiles against the packed types', (t) => {
  const { code, stdout } = compile('consumer.ts', consumer);
  t.is(code, 0, stdout);
});

test.serial('the packed types refuse wrong arguments of a wrapped function', (t) => {
  const { code, stdout } = compile('wrong.ts', `${consumer}\nlookUp('not a number', 'name');\n`);
  t.not(code, 0);
  t.regex(stdout, /wrong\.ts\(\d+,8\): error TS2345/);
});

const consumer = `
import { backendConformance, type FakeClock, fakeClock, TEST_MASTER_KEY } from 'cachekit-native/testing';
import { type Backend, cache, MemoryBackend, type Cache, createCache, EncryptionWrapper, type Serializer, StandardSerializer } from 'cachekit-native';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const assertType = <T extends true>(_proof?: T): void => {};

interface User { id: number; name: string }
const lookUp = cache.secure({ namespace: 'users', operation: 'lookUp', ttl: 60, masterKey: 'a1'.repeat(32), backend: null })(
  async (id: number, name?: string): Promise<User> => ({ id, name: name ?? '' }),
);
assertType<Same<Parameters<typeof lookUp>, [id: number, name?: string]>>();
assertType<Same<ReturnType<typeof lookUp>, Promise<User>>>();

const plain = cache({ ttl: '10m' })((text: string) => text.length);
assertType<Same<ReturnType<typeof plain>, Promise<number>>>();

const store: Cache = createCache({ namespace: 'x', backend: null });
const serializer: Serializer = new StandardSerializer();
const wrapper = new EncryptionWrapper<User>({ serializer: serializer as Serializer<User>, masterKey: new Uint8Array(32) });
const user: User = wrapper.deserialize(wrapper.serialize({ id: 1, name: 'ada' }, { cacheKey: 'k' }), { cacheKey: 'k' });
const mine: Backend = new MemoryBackend();
const titles: string[] = backendConformance({ make: () => mine, traits: { shortestTtlMs: 1000 } }).map(({ title }) => title);
const clock: FakeClock & Disposable = fakeClock();
export { clock, lookUp, plain, store, TEST_MASTER_KEY, titles, user };
`;

/** Compiles a file of the project as a user's strict project would, with our declarations checked as well. */
function compile(name: string, text: string) {
  packed.write(name, text);
  packed.write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        target: 'ES2022',
        lib: ['ES2023', 'ESNext.Disposable', 'ESNext.Decorators'],
        module: 'NodeNext',
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        skipLibCheck: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: [name],
    }),
  );
  return packed.run(join(root, 'node_modules/typescript/lib/tsc.js'), '-p', '.');
}

// Last, because they take the platform package away and put something broken in its place.
test.serial('without the platform package the error says platform, package and how to mend it', (t) => {
  rmSync(packed.installed(packed.platformPackage), { recursive: true });
  packed.write('missing.mjs', failingImport);
  const { code, stdout, stderr } = packed.run('missing.mjs');
  t.is(code, 0, stderr);
  const error: { name: string; code: string; message: string } = JSON.parse(stdout);
  t.is(error.name, 'NativeLoadError');
  t.is(error.code, 'ERR_NATIVE_LOAD');
  for (const part of [process.platform, process.arch, packed.platformPackage, '--include=optional', 'lockfile']) {
    t.true(error.message.includes(part), `${part} in: ${error.message}`);
  }
});

const failingImport = `
  try {
    await import('cachekit-native');
  } catch (error) {
    const { name, code, message } = error;
    console.log(JSON.stringify({ name, code, message }));
  }
`;
