import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FileBackend } from '../../index.js';
import { encodeEntry } from '../../src/backends/file/entry-format.js';
import { blake2bHex } from '../../src/native/hash.js';
import { until } from '../../src/testing/behaviour.js';
import { supportFile } from '../support/child.js';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-file-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function backendIn(t: ExecutionContext, directory: string, options: object = {}): FileBackend {
  const backend = new FileBackend({ directory, timeoutMs: 60_000, ...options });
  t.teardown(() => backend.close());
  return backend;
}

const namesIn = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith('.'));
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const bytes = Buffer.alloc(1_000, 1);

/** As another SDK writes them: the name of an entry, its flags and expiry. */
function writeForeign(directory: string, name: string, flags: number, expiry: bigint): void {
  const file = encodeEntry(Buffer.from('theirs'), expiry);
  file.writeUInt16BE(flags, 4);
  writeFileSync(join(directory, name), file, { mode: 0o600 });
}

test('entries that have ended are removed beside later writes, whoever wrote them', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: Date.now() };
  const first = backendIn(t, directory, { now: () => time.ms });
  const cacheKeys = Array.from({ length: 300 }, (_, i) => `ended:${i}`);
  await Promise.all(cacheKeys.map((cacheKey) => first.set(cacheKey, bytes, { ttlMs: 1_000 })));
  const past = BigInt(Math.floor(time.ms / 1000) + 1);
  writeForeign(directory, 'a'.repeat(32), 0, past);
  writeForeign(directory, 'b'.repeat(32), 1, past);
  writeFileSync(join(directory, 'c'.repeat(32)), 'no entry at all');
  writeFileSync(join(directory, 'mine.txt'), 'x');
  time.ms += 2_000;
  const second = backendIn(t, directory, { now: () => time.ms });
  await second.set('lives', bytes, { ttlMs: 3_600_000 });
  await until(async () => namesIn(directory).length === 4);
  t.true(await second.has('lives'));
  t.deepEqual(
    namesIn(directory)
      .filter((name) => /^([bc])\1*$|mine/.test(name))
      .sort(),
    ['b'.repeat(32), 'c'.repeat(32), 'mine.txt'],
    'what has unknown flags, is no entry, or has nothing to do with it',
  );
});

test('maxEntries and maxBytes bound what this package wrote; entries of others stay', async (t) => {
  for (const options of [{ maxEntries: 100 }, { maxBytes: 1024 * 1024 }]) {
    const directory = directoryOf(t);
    const foreign = Array.from({ length: 150 }, (_, i) => `f${i}`.padEnd(32, '0').replace(/[^0-9a-f]/g, 'e'));
    for (const name of foreign) writeForeign(directory, name, 0, 0n);
    const backend = backendIn(t, directory, options);
    const each = Buffer.alloc(10_000, 1);
    await backend.set('never', each);
    for (let i = 0; i < 500; i++) await backend.set(`k${i}`, each, { ttlMs: 3_600_000 + i * 1_000 });
    await until(async () => {
      await backend.set('k499', each, { ttlMs: 7_200_000 });
      return namesIn(directory).length <= foreign.length + 106;
    });
    for (const name of foreign) t.true(namesIn(directory).includes(name));
    t.true(await backend.has('k499'), 'those that end last are there');
    t.true(await backend.has('never'), 'and those that never do');
    t.false(await backend.has('k0'), 'those that end first are gone');
    t.true(namesIn(directory).length > foreign.length + 20, 'it is not emptied');
  }
});

test('what cannot be read or removed keeps nothing else from being bounded', async (t) => {
  const directory = directoryOf(t);
  // Directories fail for every user; files that others may not read fail alike, but not for an administrator.
  for (const digit of '0123456789abcdef') mkdirSync(join(directory, digit.repeat(32)));
  const backend = backendIn(t, directory, { maxEntries: 50 });
  await Promise.all(Array.from({ length: 200 }, (_, i) => backend.set(`k${i}`, bytes)));
  await until(async () => {
    await backend.set('more', bytes);
    return namesIn(directory).length <= 16 + 56;
  });
  t.true(await backend.has('more'));
});

test('an entry over maxBytes is refused', async (t) => {
  const backend = backendIn(t, directoryOf(t), { maxBytes: 1024 * 1024 });
  await t.throwsAsync(backend.set('a', Buffer.alloc(1024 * 1024)), { code: 'ERR_VALUE_TOO_LARGE' });
  for (const options of [{ maxBytes: 1 }, { maxEntries: 0 }, { maxEntries: 1.5 }]) {
    t.throws(() => new FileBackend({ directory: 'x', ...options }), { instanceOf: RangeError });
  }
});

test('a clock that is set back lengthens no entry beyond its TTL', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  const written = async (aheadMs: number) => {
    await backend.set('a', bytes);
    const [name] = namesIn(directory);
    const then = new Date(Date.now() + aheadMs);
    // As it was written when the clock was ahead, with a TTL of a minute.
    writeFileSync(join(directory, name ?? ''), encodeEntry(bytes, BigInt(Math.ceil(then.getTime() / 1000) + 60)));
    utimesSync(join(directory, name ?? ''), then, then);
  };
  await written(30_000);
  const left = (await backend.get('a'))?.expiresInMs ?? 0;
  t.true(left > 0 && left <= 61_000, `a small step: ${left} ms of the TTL of a minute`);
  await written(365 * 86_400_000);
  t.false(await backend.has('a'));
  t.false(await backend.expire('a', 1_000));
  t.is(await backend.get('a'), undefined);
  await backend.set('a', Buffer.from('new'), { ttlMs: 60_000 });
  t.is(text((await backend.get('a'))?.bytes), 'new');
});

test('writes of one process to an entry take effect in the order of the calls', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  for (let i = 0; i < 50; i++) {
    const large = Buffer.alloc(i % 2 ? 2_000_000 : 10, 'x');
    await Promise.all([backend.set('a', large), backend.set('a', Buffer.from('last'))]);
    t.is(text((await backend.get('a'))?.bytes), 'last');
    await Promise.all([backend.set('a', large), backend.delete('a')]);
    t.is(await backend.get('a'), undefined);
  }
});

test('what a process left half written between the marks hides none of them', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  const begun = performance.now();
  await backend.delete('first');
  const state = join(directory, '.cachekit');
  const [marks = ''] = readdirSync(state).filter((name) => name.startsWith('deleted-'));
  appendFileSync(join(state, marks), '\n0123456789abc');
  await backend.delete('second');
  appendFileSync(join(state, marks), `\n${'0'.repeat(32)} 12`);
  for (const reader of [backend, backendIn(t, directory)]) {
    t.true(await reader.changedSince('first', performance.now() - begun));
    t.true(await reader.changedSince('second', performance.now() - begun));
    t.false(await reader.changedSince('third', performance.now() - begun));
  }
  await backend.delete('third');
  t.true(await backend.changedSince('third', performance.now() - begun), 'what is appended is read on');
});

test('a process that stays at an entry holds up writes of it for their time limit, not reads, until it is killed', async (t) => {
  const directory = directoryOf(t);
  const patient = backendIn(t, directory);
  await patient.set('a', Buffer.from('x'));
  const [name = ''] = namesIn(directory);
  const args = [`--import=${import.meta.resolve('tsx')}`, supportFile('../backends/file-writer.ts')];
  const child = spawn(process.execPath, [...args, directory, name, 'guard'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const hasty = backendIn(t, directory, { timeoutMs: 100 });
  await t.throwsAsync(hasty.set('a', Buffer.from('y')), { code: 'ERR_TIMEOUT' });
  await t.throwsAsync(hasty.delete('a'), { code: 'ERR_TIMEOUT' });
  t.is(text((await hasty.get('a'))?.bytes), 'x');
  const writing = patient.set('a', Buffer.from('z'));
  child.kill('SIGKILL');
  await writing;
  t.is(text((await hasty.get('a'))?.bytes), 'z', 'a write that was given up is not made later');
});

test('a process that is done ends, though another one stays at an entry that is to be removed', async (t) => {
  const directory = directoryOf(t);
  // Its entries have ended for everybody else.
  const late = backendIn(t, directory, { now: () => Date.now() - 60_000 });
  await late.set('a', Buffer.from('x'), { ttlMs: 1_000 });
  const [name = ''] = namesIn(directory);
  const guardOf = (entry: string) => Number.parseInt(entry.slice(0, 2), 16) % 64;
  const file = supportFile('../backends/file-writer.ts');
  const child = spawn(process.execPath, [`--import=${import.meta.resolve('tsx')}`, file, directory, name, 'guard'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const others = Array.from({ length: 8 }, (_, i) => `b:${i}`);
  const other = others.find(
    (cacheKey) => guardOf(blake2bHex(Buffer.from(cacheKey), cacheKey.length, 16)) !== guardOf(name),
  );
  const writer = spawn(
    process.execPath,
    [`--import=${import.meta.resolve('tsx')}`, file, directory, other ?? '', 'once'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      // One that stays would do so for ever.
      timeout: 30_000,
    },
  );
  t.deepEqual(await once(writer, 'close'), [0, null]);
  t.is(child.exitCode, null, 'which still stays there');
  t.is(namesIn(directory).length, 2);
});

test('a process without file descriptors hears that from locks too', async (t) => {
  if (process.platform === 'win32') return t.pass('there is no limit for them');
  const args = [`--import=${import.meta.resolve('tsx')}`, supportFile('../backends/file-writer.ts'), directoryOf(t)];
  // Enough for the loader, which reads all modules at once.
  const limited = ['-c', 'ulimit -n 1000 && exec "$@"', 'sh', process.execPath, ...args, 'a', 'descriptors'];
  const child = spawn('sh', limited, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code], out] = await Promise.all([once(child, 'close'), child.stdout.toArray()]);
  t.is(code, 0);
  t.deepEqual(Buffer.concat(out).toString().trim().split('\n'), Array(4).fill('A cache file cannot be used: EMFILE'));
});
