import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runCli, runCliInto } from './run-cli.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test.serial('--version is the package’s, and --help names every command', async (t) => {
  const shown = await runCli(['--version']);
  t.deepEqual([shown.code, shown.stdout, shown.stderr], [0, `${version}\n`, '']);
  const help = await runCli(['--help']);
  t.is(help.code, 0);
  for (const name of ['keygen', 'fingerprint', 'inspect', 'report', 'rewrap', 'doctor', 'bench', 'serve'])
    t.regex(help.stdout, new RegExp(`^  ${name} `, 'm'));
  for (const name of ['keygen', 'fingerprint', 'inspect', 'report', 'rewrap', 'doctor', 'bench', 'serve']) {
    const { code, stdout } = await runCli([name, '--help']);
    t.is(code, 0);
    t.true(stdout.startsWith(`Usage: cachekit-native ${name}`));
  }
});

test.serial('what is no command is refused and not repeated when it looks like a token', async (t) => {
  const nothing = await runCli([]);
  t.is(nothing.code, 2);
  t.regex(nothing.stderr, /^Usage: cachekit-native /);
  const hint = '(see cachekit-native --help)';
  const rows: [string[], string][] = [
    [['ck_live_secret'], 'unknown command'],
    [['ck_live_secret', '--port', '0'], 'unknown command'],
    [['constructor'], 'unknown command'],
    [['--secret'], 'unknown option'],
    [['--version=secret'], '--version takes no value'],
  ];
  for (const [args, message] of rows) {
    t.deepEqual(await runCli(args), { code: 2, signal: null, stdout: '', stderr: `error: ${message} ${hint}\n` });
  }
});

test.serial('keygen prints a new master key each time', async (t) => {
  const keys = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { code, stdout } = await runCli(['keygen']);
    t.is(code, 0);
    t.regex(stdout, /^[0-9a-f]{64}\n$/);
    keys.add(stdout);
  }
  t.is(keys.size, 3);
  const { code, stdout } = await runCli(['keygen', 'secret']);
  t.deepEqual([code, stdout], [2, '']);
});

test.serial('keygen writes a file for its owner alone, and never over another', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-keygen-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [hex, raw] = [join(directory, 'hex'), join(directory, 'raw')];
  t.deepEqual(await runCli(['keygen', '--out', hex]), { code: 0, signal: null, stdout: '', stderr: '' });
  t.is((await runCli(['keygen', '--raw', '--out', raw])).code, 0);
  t.regex(readFileSync(hex, 'utf8'), /^[0-9a-f]{64}\n$/);
  t.is(readFileSync(raw).length, 32);
  if (process.platform !== 'win32') for (const path of [hex, raw]) t.is(statSync(path).mode & 0o777, 0o600);
  const before = readFileSync(hex, 'utf8');
  const again = await runCli(['keygen', '--out', hex]);
  t.deepEqual([again.code, again.stdout], [2, '']);
  t.regex(again.stderr, /^error: the file of --out is there already, and is not overwritten/);
  t.is(readFileSync(hex, 'utf8'), before);
  const nowhere = await runCli(['keygen', '--out', join(directory, 'none', 'key')]);
  t.deepEqual([nowhere.code, nowhere.stderr], [1, 'error: open failed: ENOENT\n']);
});

test.serial('what a command prints and cannot write is a failure', async (t) => {
  if (!existsSync('/dev/full')) return t.pass('skipped: there is no /dev/full');
  for (const args of [['keygen'], ['--version'], ['--help'], ['inspect', '--help']]) {
    const { code, stderr } = await runCliInto('/dev/full', args);
    t.deepEqual([code, stderr], [1, 'error: write failed: ENOSPC\n']);
  }
});
