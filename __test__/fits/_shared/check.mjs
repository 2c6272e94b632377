// node check.mjs FILE…: each is a bundle of example.mjs that was run with `node FILE`. node check.mjs --alone FOLDER FILE: a bundle of alone.mjs.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const run = (file, env = {}) => {
  // With an error's message alone: what Node prints of one begins with its line, which is all of a minified bundle.
  const program = `import(${JSON.stringify(pathToFileURL(resolve(file)))}).catch(({ name, message }) => console.log(name + ': ' + message))`;
  const options = { encoding: 'utf8', env: { ...process.env, ...env } };
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], options);
  return stdout + stderr;
};
const must = (what, output, pattern) => {
  if (pattern.test(output)) return;
  throw new Error(`${what}: expected ${pattern}, and it printed\n${output}`);
};
const PATIENT = /^\{\s*id: 7,\s*name: 'Ada Lovelace',\s*born: 1815-12-10T00:00:00\.000Z\s*\}\n/;
const TWICE = new RegExp(`${PATIENT.source}${PATIENT.source.slice(1)}$`);
const VALUES = /^alone 5 2 16 16\n$/;

/** The addon that npm has installed for this machine. */
const addonFile = () => {
  const platform = readdirSync('elsewhere').find((name) => name.startsWith('cachekit-native-'));
  const folder = resolve('elsewhere', platform);
  return join(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).main);
};

const [option, ...others] = process.argv.slice(2);
if (option === '--alone') {
  const [folder, file] = others;
  const away = mkdtempSync(join(tmpdir(), 'cachekit-native-alone-'));
  // Some bundlers write into a bundle where its sources were.
  renameSync('node_modules', 'elsewhere');
  try {
    cpSync(folder, away, { recursive: true });
    const bundle = join(away, file);
    must(
      'without the addon',
      run(bundle),
      /No native addon for[\s\S]*This code runs in a bundle: tell the bundler that cachekit-native is external, or copy/,
    );
    must('with the variable', run(bundle, { NAPI_RS_NATIVE_LIBRARY_PATH: addonFile() }), VALUES);
    copyFileSync(addonFile(), join(away, basename(addonFile())));
    must('with the addon beside it', run(bundle), VALUES);
  } finally {
    renameSync('elsewhere', 'node_modules');
    rmSync(away, { recursive: true });
  }
} else {
  for (const file of [option, ...others]) must(file, run(file), TWICE);
}
