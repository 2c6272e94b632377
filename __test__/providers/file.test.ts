import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Keyring } from '../../index.js';
import { fileProvider } from '../../src/providers/index.js';
import { A, B, C, D, failureOf, heldBy, heldOf, keysIn, nameOf, until } from './outcomes.js';

const posix = process.platform === 'win32' ? test.skip : test;

function folderOf(t: ExecutionContext): (name: string, content: Uint8Array | string, mode?: number) => string {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return (name, content, mode = 0o644) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
}

test('files hold bytes or hex digits, with or without a line end; previous ones may be empty', async (t) => {
  const write = folderOf(t);
  const provider = fileProvider({
    masterKey: pathToFileURL(write('current', A)),
    previousMasterKeys: [
      write('b', `${B.toString('hex')}\n`),
      write('c', C.toString('hex').toUpperCase()),
      write('d', '\n'),
    ],
  });
  t.deepEqual(await heldOf(provider), [A, B, C].map(nameOf));
  write('d', `${D.toString('hex')}\r\n`);
  t.deepEqual(await heldOf(provider), [A, B, C, D].map(nameOf));
});

test('what is no key is refused, and neither content nor path repeated', async (t) => {
  const write = folderOf(t);
  const hex = A.toString('hex');
  for (const content of [
    '',
    '\n',
    hex.slice(1),
    `${hex}0`,
    `${hex} `,
    `0x${hex.slice(2)}`,
    `${hex}\n\n`,
    hex.repeat(1000),
  ]) {
    const { code, message, shown } = await failureOf(fileProvider({ masterKey: write('key', content) }));
    t.is(code, 'ERR_KEY');
    t.regex(message, /^The file of masterKey must be 32 bytes, or 64 hex digits/);
    t.deepEqual(keysIn(shown), []);
  }
  const { code, message, shown } = await failureOf(
    fileProvider({ masterKey: write('key', A), previousMasterKeys: [B.toString('hex')] }),
  );
  t.is(code, 'ERR_KEY_PROVIDER');
  t.is(message, 'The file of previousMasterKeys[0] cannot be read: Error, ENOENT');
  t.deepEqual(keysIn(shown), []);
});

posix('a file that every user may write is refused, as is a pipe; ownerOnly refuses more', async (t) => {
  const write = folderOf(t);
  const writable = fileProvider({ masterKey: write('a', A), previousMasterKeys: [write('b', B, 0o646)] });
  t.is((await failureOf(writable)).message, 'The file of previousMasterKeys[0] is refused, as every user may write it');
  const readable = write('c', C, 0o640);
  t.deepEqual(await heldOf(fileProvider({ masterKey: readable })), [nameOf(C)]);
  t.regex((await failureOf(fileProvider({ masterKey: readable, ownerOnly: true }))).message, /others than its owner/);
  chmodSync(readable, 0o400);
  t.deepEqual(await heldOf(fileProvider({ masterKey: readable, ownerOnly: true })), [nameOf(C)]);
  const pipe = `${readable}-pipe`;
  t.is(spawnSync('mkfifo', [pipe]).status, 0);
  t.is((await failureOf(fileProvider({ masterKey: pipe }))).message, 'The file of masterKey is not a file');
  t.is((await failureOf(fileProvider({ masterKey: tmpdir() }))).code, 'ERR_CONFIGURATION');
});

posix('a mount of Kubernetes that is replaced is followed', async (t) => {
  const mount = mkdtempSync(join(tmpdir(), 'mount-'));
  t.teardown(() => rmSync(mount, { recursive: true }));
  const publish = (version: string, current: Buffer, previous: Buffer | undefined) => {
    mkdirSync(join(mount, version));
    writeFileSync(join(mount, version, 'current'), `${current.toString('hex')}\n`);
    writeFileSync(join(mount, version, 'previous'), previous ? `${previous.toString('hex')}\n` : '');
    symlinkSync(version, join(mount, '..next'));
    renameSync(join(mount, '..next'), join(mount, '..data'));
  };
  publish('..1', A, undefined);
  for (const name of ['current', 'previous']) symlinkSync(join('..data', name), join(mount, name));
  const provider = fileProvider({ masterKey: join(mount, 'current'), previousMasterKeys: [join(mount, 'previous')] });
  using keyring = await Keyring.fromProvider(provider, { refresh: '10ms' });
  t.deepEqual(heldBy(keyring), [nameOf(A)]);
  publish('..2', A, B);
  await until(() => heldBy(keyring).length === 2);
  publish('..3', B, A);
  await until(() => heldBy(keyring)[0] === nameOf(B));
  t.deepEqual(heldBy(keyring), [B, A].map(nameOf));
});

test('options that are none are refused', (t) => {
  t.throws(() => fileProvider({ masterKey: 'a', previous: [] } as never), { code: 'ERR_CONFIGURATION' });
  t.throws(() => fileProvider({} as never), { instanceOf: TypeError });
  t.throws(() => fileProvider({ masterKey: 'a', previousMasterKeys: [7 as never] }), { instanceOf: TypeError });
  t.throws(() => fileProvider({ masterKey: 'a', previousMasterKeys: 'b' as never }), { instanceOf: TypeError });
  t.throws(() => fileProvider({ masterKey: 'a', previousMasterKeys: ['b', 'c', 'd', 'e'] }), {
    code: 'ERR_CONFIGURATION',
  });
  t.throws(() => fileProvider({ masterKey: 'a', ownerOnly: 1 as never }), { instanceOf: TypeError });
});
