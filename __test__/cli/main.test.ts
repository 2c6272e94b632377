import { readFileSync } from 'node:fs';
import test from 'ava';
import { runCli } from './run-cli.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test.serial('--version is the package’s, and --help names every command', async (t) => {
  const shown = await runCli(['--version']);
  t.deepEqual([shown.code, shown.stdout, shown.stderr], [0, `${version}\n`, '']);
  const help = await runCli(['--help']);
  t.is(help.code, 0);
  for (const name of ['serve', 'inspect', 'keygen']) t.regex(help.stdout, new RegExp(`^  ${name} `, 'm'));
  for (const name of ['serve', 'inspect', 'keygen']) {
    const { code, stdout } = await runCli([name, '--help']);
    t.is(code, 0);
    t.true(stdout.startsWith(`Usage: cachekit-native ${name}`));
  }
});

test.serial('what is no command is refused and not repeated when it looks like a token', async (t) => {
  const nothing = await runCli([]);
  t.is(nothing.code, 1);
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
    t.deepEqual(await runCli(args), { code: 1, signal: null, stdout: '', stderr: `error: ${message} ${hint}\n` });
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
  t.deepEqual([code, stdout], [1, '']);
});
