import { copyFileSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { build } from 'esbuild';
import { PREBUILT, platformName } from '../../src/native/platform.js';
import { PackedProject } from './packed.js';

let packed: PackedProject;
const addon = `cachekit-native.${platformName()}.node`;
/** A package that npm would not have chosen here. */
const other = PREBUILT.find((name) => name !== platformName() && !name.startsWith('linux')) as string;

test.before(() => {
  packed = new PackedProject();
  packed.write('main.mjs', program("'cachekit-native'"));
});

test.after.always(() => {
  if (packed) rmSync(packed.folder, { recursive: true });
});

const program = (from: string) => `
  import(${from}).then(async ({ createCache }) => {
    const cache = createCache({ masterKey: 'aa'.repeat(32) });
    await cache.set('k', 'kept');
    console.log(await cache.get('k'));
  }).catch(({ name, message }) => console.log(name + ': ' + message));`;

const folderOf = (t: ExecutionContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-loading-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
};

/** What a program prints, with variables of its environment. */
const output = (file: string, env: Record<string, string> = {}): string => {
  const { stdout, stderr } = packed.runWith(env, file);
  return stdout + stderr;
};

/** One file with the program and the package in it, in a folder of its own, and where the program was. */
async function bundled(t: ExecutionContext, format: 'esm' | 'cjs'): Promise<{ folder: string; file: string }> {
  const folder = folderOf(t);
  const file = join(folder, `service.${format === 'esm' ? 'mjs' : 'cjs'}`);
  await build({
    stdin: {
      contents: `import { createCache } from 'cachekit-native';
        const cache = createCache({ masterKey: 'aa'.repeat(32) });
        cache.set('k', 'kept').then(() => cache.get('k')).then((value) => console.log(value));`,
      resolveDir: packed.project,
    },
    bundle: true,
    platform: 'node',
    format,
    outfile: file,
    logLevel: 'error',
  });
  return { folder, file };
}

for (const format of ['esm', 'cjs'] as const) {
  test.serial(
    `a bundle (${format}) finds the addon beside it, where NAPI_RS_NATIVE_LIBRARY_PATH says, and by its package`,
    async (t) => {
      const { folder, file } = await bundled(t, format);
      const source = packed.installed(packed.platformPackage, addon);
      t.is(output(file, { NAPI_RS_NATIVE_LIBRARY_PATH: source }), 'kept\n');
      mkdirSync(join(folder, 'node_modules'));
      symlinkSync(
        packed.installed(packed.platformPackage),
        join(folder, 'node_modules', packed.platformPackage),
        'junction',
      );
      t.is(output(file), 'kept\n');
      rmSync(join(folder, 'node_modules'), { recursive: true });
      const failed = output(file);
      t.regex(failed, /NativeLoadError: No native addon for/);
      t.regex(failed, /This code runs in a bundle: .* external, or copy cachekit-native\.\S+\.node from/);
      copyFileSync(source, join(folder, addon));
      t.is(output(file), 'kept\n');
    },
  );
}

test.serial('a variable that names something else is not passed over', (t) => {
  const broken = packed.write('broken.node', 'no addon');
  const message = output('main.mjs', { NAPI_RS_NATIVE_LIBRARY_PATH: broken });
  t.regex(message, /^NativeLoadError: No native addon for /);
  t.true(message.includes(broken));
  t.regex(
    message,
    /Let NAPI_RS_NATIVE_LIBRARY_PATH name a cachekit-native\.\S+\.node of this version, or unset it\.\n$/,
  );
});

test.serial('an addon of another version is refused', (t) => {
  const older = packed.write('older.cjs', "exports.version = () => '0.0.1';");
  t.regex(output('main.mjs', { NAPI_RS_NATIVE_LIBRARY_PATH: older }), /it is of version 0\.0\.1, not \d+\.\d+\.\d+\n/);
  const unknown = packed.write('unknown.cjs', '');
  t.regex(output('main.mjs', { NAPI_RS_NATIVE_LIBRARY_PATH: unknown }), /it is of version unknown/);
});

test.serial('a broken file beside the package gives way to the package', (t) => {
  const beside = packed.installed('cachekit-native', addon);
  writeFileSync(beside, 'half a download');
  t.teardown(() => rmSync(beside));
  t.is(output('main.mjs'), 'kept\n');
});

// A file of the other C library in the place of the right one fails as it would there.
test.serial('what does not load says so, and what to do about it', (t) => {
  const away = join(packed.folder, 'away');
  const home = packed.installed(packed.platformPackage);
  renameSync(home, away);
  t.teardown(() => renameSync(away, home));
  const message = output('main.mjs');
  t.true(message.split('\n').length <= 11, message);
  t.regex(message, /\n {2}the package cachekit-native-\S+, from .*at-once-core\.cjs: Cannot find module/);
  t.regex(message, /\nInstall it with --include=optional .*lockfile/);

  const stranger = packed.installed(`cachekit-native-${other}`);
  cpSync(away, stranger, { recursive: true });
  t.regex(
    output('main.mjs'),
    new RegExp(`\\ncachekit-native-${other} is installed instead: .*lockfile were made on another platform`),
  );
  rmSync(stranger, { recursive: true });
});
