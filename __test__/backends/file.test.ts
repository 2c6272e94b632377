import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { FileBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';

interface Row {
  name: string;
  key_utf8: string;
  filename: string;
  payload_hex: string;
  file_hex: string;
  expiry_unix_seconds: number;
  reader_now_unix_seconds?: number;
  reader_action: 'return_payload' | 'miss_preserve' | 'miss_expired';
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol/file-backend.json', import.meta.url), 'utf8')) as {
  vectors: Row[];
};

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-file-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What is in the directory besides what this package keeps for itself. */
function namesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name !== '.cachekit')
    .sort();
}

test('every row of the protocol is read as it says', async (t) => {
  t.is(vectors.vectors.length, 12);
  for (const row of vectors.vectors) {
    const directory = directoryOf(t);
    const path = join(directory, row.filename);
    writeFileSync(path, Buffer.from(row.file_hex, 'hex'));
    const now = () => (row.reader_now_unix_seconds ?? 0) * 1000;
    const entry = await new FileBackend({ directory, now }).get(row.key_utf8);
    if (row.reader_action === 'return_payload') {
      t.is(entry && Buffer.from(entry.bytes).toString('hex'), row.payload_hex, row.name);
      const expected =
        row.expiry_unix_seconds === 0 ? Number.POSITIVE_INFINITY : row.expiry_unix_seconds * 1000 - now();
      t.is(entry?.expiresInMs, expected, row.name);
    } else {
      t.is(entry, undefined, row.name);
      const preserved = row.reader_action === 'miss_preserve';
      if (!preserved) await until(async () => namesIn(directory).length === 0);
      t.deepEqual(namesIn(directory), preserved ? [row.filename] : [], row.name);
      if (preserved) t.is(readFileSync(path).toString('hex'), row.file_hex, row.name);
    }
  }
});

test('every readable row is written byte for byte', async (t) => {
  let written = 0;
  for (const row of vectors.vectors.filter((row) => row.reader_action === 'return_payload')) {
    const directory = directoryOf(t);
    const backend = new FileBackend({ directory, now: () => 0 });
    const expiry = row.expiry_unix_seconds;
    await backend.set(row.key_utf8, Buffer.from(row.payload_hex, 'hex'), expiry === 0 ? {} : { ttlMs: expiry * 1000 });
    t.deepEqual(namesIn(directory), [row.filename], row.name);
    t.is(readFileSync(join(directory, row.filename)).toString('hex'), row.file_hex, row.name);
    written++;
  }
  t.is(written, 4);
});

test('an entry of a newer format is neither overwritten, deleted nor given a TTL', async (t) => {
  for (const row of vectors.vectors.filter((row) => row.reader_action === 'miss_preserve')) {
    const directory = directoryOf(t);
    const path = join(directory, row.filename);
    writeFileSync(path, Buffer.from(row.file_hex, 'hex'));
    const backend = new FileBackend({ directory });
    await t.throwsAsync(backend.set(row.key_utf8, Buffer.from('x')), { code: 'ERR_BACKEND' });
    t.false(await backend.delete(row.key_utf8));
    t.false(await backend.delete(row.key_utf8, { ifBytes: Buffer.from(row.payload_hex, 'hex') }));
    t.false(await backend.expire(row.key_utf8, 1_000));
    t.false(await backend.has(row.key_utf8));
    t.deepEqual(namesIn(directory), [row.filename]);
    t.is(readFileSync(path).toString('hex'), row.file_hex, row.name);
  }
});

test('corrupt files are misses and can be overwritten and deleted', async (t) => {
  const directory = directoryOf(t);
  const { filename, key_utf8: cacheKey } = vectors.vectors[0] as Row;
  const path = join(directory, filename);
  const backend = new FileBackend({ directory });
  const corrupt = [
    '',
    '43',
    '434b01',
    '434b02000000',
    `434b02${'00'.repeat(11)}61`,
    `434c01${'00'.repeat(11)}61`,
    '00'.repeat(40),
  ];
  for (const hex of [...corrupt, `434b01${'00'.repeat(10)}`]) {
    writeFileSync(path, Buffer.from(hex, 'hex'));
    t.is(await backend.get(cacheKey), undefined, hex);
    t.false(await backend.has(cacheKey), hex);
    t.false(await backend.expire(cacheKey, 1_000), hex);
    await backend.set(cacheKey, Buffer.from('new'));
    t.is(Buffer.from((await backend.get(cacheKey))?.bytes ?? []).toString(), 'new');
    writeFileSync(path, Buffer.from(hex, 'hex'));
    await backend.delete(cacheKey);
    t.deepEqual(namesIn(directory), [], hex);
  }
});

test('a TTL is rounded up to whole seconds of the clock', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: 1_000_400 };
  const backend = new FileBackend({ directory, now: () => time.ms });
  await backend.set('a', Buffer.from('x'), { ttlMs: 1 });
  t.is((await backend.get('a'))?.expiresInMs, 600);
  t.true(await backend.expire('a', 1_700));
  t.is((await backend.get('a'))?.expiresInMs, 2_600);
  time.ms = 1_002_999;
  t.is((await backend.get('a'))?.expiresInMs, 1);
  time.ms = 1_003_000;
  t.false(await backend.delete('a'));
  t.is(await backend.get('a'), undefined);
});

test('files are for their owner only, and no temporary file stays', async (t) => {
  const directory = join(directoryOf(t), 'new');
  const backend = new FileBackend({ directory });
  await Promise.all(Array.from({ length: 50 }, (_, i) => backend.set('same', Buffer.alloc(10_000, i))));
  const [name, ...others] = namesIn(directory);
  t.deepEqual(others, []);
  if (process.platform !== 'win32') {
    t.is(statSync(join(directory, name ?? '')).mode & 0o777, 0o600);
    t.is(statSync(directory).mode & 0o777, 0o700);
  }
  const entry = await backend.get('same');
  t.is(new Set(entry?.bytes).size, 1, 'one of the values, whole');
});

test('a directory that cannot be used is a BackendError, whose message has no path', async (t) => {
  const directory = join(directoryOf(t), 'a-file');
  writeFileSync(directory, '');
  const backend = new FileBackend({ directory });
  const error = await t.throwsAsync(backend.set('a', Buffer.from('x')), { code: 'ERR_BACKEND' });
  t.false(error.message.includes('a-file'));
  await t.throwsAsync(backend.get('a'), { code: 'ERR_BACKEND' });
  t.deepEqual(readdirSync(join(directory, '..')), ['a-file']);
});

test('a directory in place of an entry fails and leaves no temporary file', async (t) => {
  const directory = directoryOf(t);
  const { filename, key_utf8: cacheKey } = vectors.vectors[0] as Row;
  mkdirSync(join(directory, filename));
  await t.throwsAsync(new FileBackend({ directory }).set(cacheKey, Buffer.from('x')), { code: 'ERR_BACKEND' });
  t.deepEqual(namesIn(directory), [filename]);
});

const fromHere = (path: string) => new URL(path, import.meta.url);

/** Another process on the same directory, once it has begun. */
async function writerOn(t: ExecutionContext, directory: string, cacheKey: string, what = ''): Promise<ChildProcess> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const args = [`--import=${tsx}`, fileURLToPath(fromHere('file-writer.ts')), directory, cacheKey, what];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

const isTemporary = (name: string) => name.includes('.tmp.');

test('a writer that is killed leaves a whole entry, and its temporary file is reclaimed', async (t) => {
  const directory = directoryOf(t);
  const backend = new FileBackend({ directory });
  let strays = 0;
  for (let attempt = 0; attempt < 30 && strays === 0; attempt++) {
    const child = await writerOn(t, directory, 'same');
    await until(async () => namesIn(directory).some(isTemporary));
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const entry = await backend.get('same');
    if (entry) {
      t.is(entry.bytes.length, 4_000_000);
      t.is(new Set(entry.bytes).size, 1, 'one of the values, whole');
    }
    strays = namesIn(directory).filter(isTemporary).length;
  }
  t.true(strays > 0, 'no process was killed in the middle of a write');
  const tooYoung = new FileBackend({ directory });
  await tooYoung.set('other', Buffer.from('x'));
  const old = new Date(Date.now() - 61_000);
  t.true(namesIn(directory).some(isTemporary), 'it may still be written');
  for (const name of namesIn(directory).filter(isTemporary)) utimesSync(join(directory, name), old, old);
  for (const name of ['0e2a03b49262c15a063c04d5a29c0158.tmp.1.2', 'mine.tmp.1', '.hidden']) {
    writeFileSync(join(directory, name), '');
    utimesSync(join(directory, name), old, old);
  }
  await new FileBackend({ directory }).set('other', Buffer.from('x'));
  await until(async () => namesIn(directory).filter(isTemporary).length === 1);
  t.deepEqual(
    namesIn(directory)
      .filter((name) => !/^[0-9a-f]{32}$/.test(name))
      .sort(),
    ['.hidden', 'mine.tmp.1'],
  );
});

test('a lock is held against another process, and taken over from one that was killed when its lease ends', async (t) => {
  const directory = directoryOf(t);
  const backend = new FileBackend({ directory });
  const child = await writerOn(t, directory, 'a', 'lock');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  let lock = await backend.lock('a', 60_000);
  if (lock) t.log('the lease had ended before it was asked for');
  await until(async () => {
    lock ??= await backend.lock('a', 60_000);
    return lock !== undefined;
  });
  t.is(await new FileBackend({ directory }).lock('a', 60_000), undefined);
  await lock?.release();
  t.deepEqual(namesIn(directory), []);
});

test('a lock that a process left behind half made, or before the machine was started, holds nobody up', async (t) => {
  const directory = directoryOf(t);
  const { filename, key_utf8: cacheKey } = vectors.vectors[0] as Row;
  const backend = new FileBackend({ directory, timeoutMs: 60_000 });
  const other = `0 99999999999999 ${'a'.repeat(32)} 00000000-0000-0000-0000-000000000000`;
  for (const content of ['', '99999', '99999999999999 abc', 'x'.repeat(100), other]) {
    writeFileSync(join(directory, `.${filename}.lock`), content);
    const lock = await backend.lock(cacheKey, 60_000);
    t.truthy(lock, content);
    await lock?.release();
  }
  t.deepEqual(namesIn(directory), []);
});

test('locks of processes that ended are reclaimed, and a lock that is held is not', async (t) => {
  const directory = directoryOf(t);
  const held = await new FileBackend({ directory }).lock('held', 3_600_000);
  const [heldFile] = namesIn(directory);
  const ended = `.${'0'.repeat(32)}.lock`;
  writeFileSync(join(directory, ended), `0 1 ${'a'.repeat(32)} `);
  const old = new Date(Date.now() - 61_000);
  for (const name of namesIn(directory)) utimesSync(join(directory, name), old, old);
  await new FileBackend({ directory }).set('other', Buffer.from('x'));
  await until(async () => !namesIn(directory).some((name) => name === ended));
  t.true(namesIn(directory).includes(heldFile ?? ''));
  t.true(await held?.extend(3_600_000));
  await held?.release();
  t.is(namesIn(directory).length, 1);
});

test('a lease ends by a clock that nobody sets', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: Date.now() };
  const now = () => time.ms;
  const [one, two] = [new FileBackend({ directory, now }), new FileBackend({ directory, now })];
  const lock = await one.lock('a', 60_000);
  for (const step of [3_600_000, -7_200_000]) {
    time.ms += step;
    t.is(await two.lock('a', 60_000), undefined);
  }
  t.true(await lock?.extend(60_000));
});

test('replace leaves an entry of a newer format alone, keeps the expiry and makes no directory', async (t) => {
  const directory = directoryOf(t);
  for (const row of vectors.vectors.filter((row) => row.reader_action === 'miss_preserve')) {
    writeFileSync(join(directory, row.filename), Buffer.from(row.file_hex, 'hex'));
    const backend = new FileBackend({ directory });
    t.false(await backend.replace(row.key_utf8, Buffer.from(row.payload_hex, 'hex'), Buffer.from('x')));
    t.is(readFileSync(join(directory, row.filename)).toString('hex'), row.file_hex, row.name);
    rmSync(join(directory, row.filename));
  }
  const missing = join(directory, 'missing');
  t.false(await new FileBackend({ directory: missing }).replace('a', Buffer.from('x'), Buffer.from('y')));
  t.deepEqual(namesIn(directory), []);
  const { filename, file_hex, key_utf8, payload_hex } = vectors.vectors[1] as Row;
  writeFileSync(join(directory, filename), Buffer.from(file_hex, 'hex'));
  t.true(await new FileBackend({ directory }).replace(key_utf8, Buffer.from(payload_hex, 'hex'), Buffer.from('new')));
  const header = file_hex.slice(0, 28);
  t.is(readFileSync(join(directory, filename)).toString('hex'), header + Buffer.from('new').toString('hex'));
});

test('options of a wrong type or range are refused', (t) => {
  const make = (options: unknown) => () => new FileBackend(options as never);
  for (const options of [
    undefined,
    null,
    {},
    { directory: 1 },
    { directory: 'x', now: 1 },
    { directory: 'x', timeoutMs: '1' },
  ]) {
    t.throws(make(options), { instanceOf: TypeError });
  }
  for (const options of [{ directory: '' }, { directory: 'a\0b' }, { directory: 'x', timeoutMs: 0 }]) {
    t.throws(make(options), { instanceOf: RangeError });
  }
});
