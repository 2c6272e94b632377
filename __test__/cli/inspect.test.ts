import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { EncryptionWrapper, type EncryptionWrapperOptions } from '../../index.js';
import { runCli } from './run-cli.js';

const masterKey = 'ab'.repeat(32);

function seal(options: EncryptionWrapperOptions): Buffer {
  using wrapper = new EncryptionWrapper({ masterKey, tenantId: 'tenant', ...options });
  return wrapper.serialize({ diagnosis: 'secret' }, { cacheKey: 'patient:secret' });
}

test.serial('inspect shows the header and sizes of a sealed value, from a file or the standard input', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-inspect-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'value');
  const cases: [Buffer, string[], object][] = [
    [seal({ rotationHeader: 'always' }), [], { wire: 'protocol', header: { keyVersion: 0 } }],
    [seal({ rotationHeader: 'never' }), [], { wire: 'protocol' }],
    [seal({ wire: 'python' }), [], { wire: 'python', frame: { encrypted: true, tenantId: 'tenant' } }],
    [seal({ wire: 'interop' }), ['--wire', 'interop'], { wire: 'interop' }],
  ];
  for (const [stored, args, expected] of cases) {
    writeFileSync(path, stored);
    const fromFile = await runCli(['inspect', path, ...args]);
    const fromInput = await runCli(['inspect', '-', ...args], stored);
    t.is(fromFile.code, 0, fromFile.stderr);
    t.is(fromInput.stdout, fromFile.stdout);
    const shown = JSON.parse(fromFile.stdout);
    t.like(shown, { length: stored.length, ...expected });
    if (stored.length > 28) t.regex(shown.instanceId, /^\d+$/);
    t.false(fromFile.stdout.includes('secret') || fromFile.stdout.includes(masterKey));
  }
});

test.serial('inspect says of what is certainly no sealed value that it is none', async (t) => {
  const foreign = [
    '',
    'short',
    'hello world',
    '{"hello":1}',
    JSON.stringify({ ssn: 'a secret of some length', ünï: [1, 2, 3] }),
    'line\n'.repeat(20),
  ];
  for (const text of foreign) {
    const { code, stdout, stderr } = await runCli(['inspect', '-'], Buffer.from(text));
    t.deepEqual([code, stdout, stderr], [1, '', 'error: This is not a sealed value\n']);
  }
  const header = seal({ rotationHeader: 'always' }).subarray(0, 40);
  t.is((await runCli(['inspect', '-'], header)).code, 1, 'a header without a value');
});

test.serial('inspect says what it cannot read, without what it read', async (t) => {
  const missing = await runCli(['inspect', join(tmpdir(), 'cachekit-no-such-file')]);
  t.deepEqual([missing.code, missing.stderr], [1, 'error: open failed: ENOENT\n']);
  const directory = await runCli(['inspect', tmpdir()]);
  t.deepEqual([directory.code, directory.stderr], [1, 'error: read failed: EISDIR\n']);
  const broken = await runCli(['inspect', '-'], Buffer.from('CK\x03\0\0\0\x09"secret"}'));
  t.is(broken.code, 1);
  t.regex(broken.stderr, /^error: /);
  t.false(broken.stderr.includes('secret'));
  const rows: [string[], string][] = [
    [[], 'the file is missing'],
    [['-', 'secret'], 'too many arguments'],
    [['-', '--wire', 'secret'], '--wire must be protocol, interop, interop-v2 or python'],
  ];
  for (const [args, message] of rows) {
    const { code, stderr } = await runCli(['inspect', ...args]);
    t.deepEqual([code, stderr], [2, `error: ${message} (see cachekit-native inspect --help)\n`]);
  }
});
